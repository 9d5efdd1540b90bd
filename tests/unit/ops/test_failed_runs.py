"""The summary names what failed: execution, file, time, error; not what failed on another day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from ops import failed_runs
from ops.target import Target

DAY = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
FILE = {"detail": {"bucket": {"name": "in"}, "object": {"key": "observations/2026/11/28/a.csv"}}}


class States:
    """Executions of one workflow: name, status, hours after the day began, input."""

    def __init__(self, *runs: tuple[str, str, float, Any]) -> None:
        self.runs = runs
        self.described: list[str] = []

    def get_paginator(self, name: str) -> Any:
        assert name == "list_executions"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, stateMachineArn: str, statusFilter: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        for name, status, hours, _ in self.runs:  # a page each
            if status == statusFilter:
                stopped = DAY + timedelta(hours=hours)
                yield {"executions": [{"executionArn": f"{stateMachineArn}:{name}", "stopDate": stopped}]}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        name = executionArn.rpartition(":")[2]
        self.described.append(name)
        [run] = [run for run in self.runs if run[0] == name]
        return {"input": json.dumps(run[3]), "error": "InvalidConfiguration"}


def newest(states: States) -> list[str]:
    target = cast(Target, SimpleNamespace(client=lambda _: states))
    return failed_runs.newest(target, "arn:m", DAY, DAY + timedelta(days=1))


def test_what_failed_has_its_name_file_time_and_error_the_newest_first() -> None:
    states = States(
        ("early", "FAILED", 5, FILE),
        ("late", "TIMED_OUT", 6.5, {"task": "verify"}),
        ("yesterday", "FAILED", -0.1, FILE),
        ("tomorrow", "FAILED", 24, FILE),
        ("well", "SUCCEEDED", 7, FILE),
    )
    assert newest(states) == [
        "late at 04:30 UTC (InvalidConfiguration)",
        "early of observations/2026/11/28/a.csv at 03:00 UTC (InvalidConfiguration)",
    ]


def test_many_are_named_and_few_are_asked_for() -> None:
    states = States(*((f"run{number}", "FAILED", number, FILE) for number in range(9)))
    assert len(newest(states)) == 9
    assert states.described == ["run8", "run7", "run6"]
