"""`ona executions`, `ona explain` and `ona status` say which assets were not judged, and of no others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.accounting import Accounts, FileAccount, Outcome
from ops.cli import executions, files
from ops.target import Target

TOLD = "1 of 3 assets not judged: no irradiance, no neighbours, no forecast (INV-001)"
OVER = "1 fault already over (INV-001 outage 609 kWh): nobody is sent"
FILE = "observations/2025/06/10/INV-001_20250610.csv"
AT = datetime(2025, 6, 11, tzinfo=UTC)
OUTPUTS: dict[str, tuple[dict[str, Any], str]] = {
    # what an execution put out -> how it is told
    "nothing found": (
        {"outcome": "nothing_found", "detection": {"not_judged": TOLD}},
        f"nothing found; {TOLD}",
    ),
    "something found": (
        {"outcome": "found", "orders": [{"status": "ordered"}], "detection": {"not_judged": TOLD}},
        f"found: 1 ordered; {TOLD}",
    ),
    "a fault that is over": (
        {"outcome": "found", "detection": {"over": OVER, "not_judged": TOLD}},
        f"found: {OVER}; {TOLD}",
    ),
    "one that is over beside an order": (
        {"outcome": "found", "orders": [{"status": "ordered"}], "detection": {"over": OVER}},
        f"found: 1 ordered, {OVER}",
    ),
    "all judged": ({"outcome": "nothing_found", "detection": {"not_judged": ""}}, "nothing found"),
    "an execution of before": ({"outcome": "nothing_found", "detection": {"assets": 1}}, "nothing found"),
    "another workflow": ({"outcome": "published"}, "published"),
}


class States:
    """Step Functions, which knows one execution."""

    def __init__(self, output: dict[str, Any]) -> None:
        event = {"detail": {"bucket": {"name": "in"}, "object": {"key": FILE}}}
        self.one = {
            "executionArn": "arn",
            "stateMachineArn": "arn:Ooda",
            "name": "one",
            "status": "SUCCEEDED",
            "startDate": AT,
            "stopDate": AT,
            "input": json.dumps(event),
            "output": json.dumps(output),
        }

    def list_executions(self, *, stateMachineArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"executions": [self.one] if stateMachineArn == "arn:Ooda" else []}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        return self.one


def said(command: str) -> str:
    done = CliRunner().invoke(cli.app, command.split(), env={"COLUMNS": "300"})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.mark.parametrize("case", OUTPUTS)
@pytest.mark.parametrize("command", ["executions", "explain one"])
def test_an_execution_tells_it(command: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output, told = OUTPUTS[case]
    states = States(output)
    target = Target("test", "stack", lambda _: states)
    names = ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")
    target.__dict__["outputs"] = {f"{name}StateMachineArn": f"arn:{name}" for name in names}
    monkeypatch.setattr(executions, "resolve", lambda *_: target)
    monkeypatch.setattr(executions.explain, "find", lambda *_: "arn")
    monkeypatch.setattr(executions.explain, "history", lambda *_: [])
    text = said(command)
    assert told in text
    assert ("not judged" in text) is ("not judged" in told)


def file_of(day: int, **fields: Any) -> FileAccount:
    outcome: Outcome = Outcome.read({"outcome": "nothing_found", **fields}, "outcome")
    return FileAccount(f"observations/{day}.csv", "", 1, *outcome.told, outcome)


def status_of(monkeypatch: pytest.MonkeyPatch, *accounts: FileAccount) -> str:
    monkeypatch.setattr(files, "resolve", lambda *_: Target("test", "stack", lambda _: None))
    monkeypatch.setattr(files.accounting, "read", lambda *_: Accounts(list(accounts)))
    monkeypatch.setattr(files.outbox, "items", lambda *_: [])
    return said("status")


def test_status_names_the_latest_file_once_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    text = status_of(
        monkeypatch, *(file_of(day, not_judged=TOLD) for day in (1, 2, 3)), file_of(4), file_of(5)
    )
    assert "assets that could not be judged, in 3 files:" in text
    assert f"observations/3.csv and 2 earlier files\n    {TOLD}\n" in text
    assert "docs/detection.md#what-an-asset-needs-to-be-judged" in text
    assert "observations/4.csv" not in text


def test_status_says_nothing_where_all_were_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distractors: a file that was judged, and an outcome that was written before."""
    assert "judged" not in status_of(monkeypatch, file_of(1, not_judged=""), file_of(2))


def test_status_tells_of_faults_that_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distractors: a file with nothing over, and an outcome that was written before."""
    text = status_of(monkeypatch, file_of(1, over=OVER), file_of(2, over=""), file_of(3))
    assert f"in 1 file:\nobservations/1.csv: {OVER}\n" in text
    assert "observations/2.csv" not in text
    assert "observations/3.csv" not in text
