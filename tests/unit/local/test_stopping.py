"""A stop that comes before an execution's first state is not forgotten: its work would go on, and write."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from local.hooks import callbacks

ARN = "arn:aws:states:af-south-1:000000000000:execution:m:one"


def execution(state: list[Any]) -> tuple[Any, list[tuple[Any, ...]]]:
    """An execution as moto has it, whose program is in `state[0]`; and the stops that it heard then."""
    stops: list[tuple[Any, ...]] = []

    def stop(_: Any, error: str | None, cause: str | None) -> None:
        if state[0] == "running":  # moto: `Environment.set_stop` changes only a program that runs
            stops.append((error, cause))

    environment = SimpleNamespace(program_state=lambda: state[0])
    return SimpleNamespace(exec_worker=SimpleNamespace(env=environment), stop=stop), stops


def test_a_stop_waits_for_a_program_that_only_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    state: list[Any] = [None]
    running, stops = execution(state)
    monkeypatch.setitem(callbacks.RUNNING, ARN, running)
    assert not callbacks._halt(ARN, "E", "why")
    later = threading.Thread(target=callbacks._halt_soon, args=(ARN, "E", "why"))
    later.start()
    state[0] = "running"
    later.join(10)
    assert stops == [("E", "why")]


def test_one_that_runs_is_stopped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, stops = execution(["running"])
    monkeypatch.setitem(callbacks.RUNNING, ARN, running)
    assert callbacks._halt(ARN, None, None)
    assert stops == [(None, None)]
