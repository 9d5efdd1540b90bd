"""The demo waits for a slow machine, gives up on one that stands still, and reports what it has."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console
from urllib3.exceptions import ReadTimeoutError

from ops.demo import follow, run
from ops.target import OpsError


@dataclass
class Clock:
    """A clock that goes on when somebody sleeps, and the executions that have ended by then."""

    every_s: float
    stops_after: int
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ended(self) -> int:
        return min(int(self.now / self.every_s), self.stops_after)


@dataclass
class States:
    """Ten executions of files, with their outcomes, and three of site days."""

    clock: Clock
    operation: str = ""

    def get_paginator(self, operation: str) -> States:
        return States(self.clock, operation)

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        ended = self.clock.ended()
        if self.operation == "list_objects_v2":
            yield {"KeyCount": ended}
            return
        states = ["SUCCEEDED"] * (ended + 3) + ["RUNNING"] * (10 - ended)
        yield {"executions": [{"status": state} for state in states]}


@dataclass
class Target:
    states: States
    machine: str = "machine"
    output_bucket: str = "output"

    def client(self, _: str) -> States:
        return self.states


def follower(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> follow.Follower:
    monkeypatch.setattr(follow, "time", clock)
    return follow.Follower(Target(States(clock)))  # type: ignore[arg-type]


def test_a_slow_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(every_s=50, stops_after=10)
    follower(clock, monkeypatch).wait(10, "day 1", patience_s=60)
    assert clock.now >= 500


def test_a_machine_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(every_s=50, stops_after=7)
    with pytest.raises(OpsError, match="day 1: 3 files did not end; none ended in the last 60 s"):
        follower(clock, monkeypatch).wait(10, "day 1", patience_s=60)
    assert clock.now < 500


@pytest.mark.parametrize(
    "error",
    [OpsError("no model was promoted"), ReadTimeoutError(None, "/forecast", "late")],  # type: ignore[arg-type]
)
def test_a_part_that_fails_is_named_and_the_rest_goes_on(error: Exception) -> None:
    unfinished: list[str] = []
    with run._part("a new customer's forecast", Console(file=io.StringIO()), unfinished):
        raise error
    assert unfinished == [f"a new customer's forecast: {error}"]


def test_a_fault_of_the_demo_itself_is_not_hidden() -> None:
    with pytest.raises(KeyError), run._part("x", Console(file=io.StringIO()), []):
        raise KeyError("x")
