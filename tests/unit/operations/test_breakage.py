"""What a day's breakage was and cost: what is mended stands apart from what is still so.

The day is 10 June 2025 in Johannesburg. Documents are written by `tests.builders.day_of_work`, which shares
nothing with what reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from moto import mock_aws

from operations.reading import failures, inventory, records
from operations.reading import summary as routine
from operations.reading.finding import Finding, exit_code
from operations.reading.inventory import Inventory
from operations.reading.records import Records
from tests.builders import day_of_work
from tests.builders.day_of_work import diagnosis, number_of, outcome, service, utc, worked_on
from tests.fakes.tables import OUT, create
from tests.paths import ROOT

MACHINE = "arn:aws:states:af-south-1:1:stateMachine:ona-ooda-dev"
KEY, OTHER = "observations/2025/06/10/A1.csv", "observations/2025/06/10/B1.csv"
REASON = {
    "errorType": "InvalidConfiguration",
    "errorMessage": "thresholds.yaml: voltage_v has no upper bound",
}
EARLY, LATE = "2025-06-10T03:01:00", "2025-06-10T09:00:00"


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = Inventory("ours", {}, {"AWS::StepFunctions::StateMachine": [MACHINE]})
    monkeypatch.setattr(inventory, "read", lambda *_: found)
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: [("FAILED", EARLY)]})
    monkeypatch.setattr(day_of_work, "WORKED_ON", {})
    worked_on(EARLY, KEY, "1", "InvalidConfiguration", REASON)
    with mock_aws():
        service.cache_clear()
        create()
        yield
    service.cache_clear()


def lines(day: str = "2025-06-10") -> tuple[int, list[Finding]]:
    report = routine.summary(
        service, "ours", Records(service, OUT, "tracking"), date.fromisoformat(day),
        ZoneInfo("Africa/Johannesburg"), utc("2025-06-10T15:00:00"),
    )  # fmt: skip
    wanted = ("ona-ooda-dev", "breakage", "observations")
    return exit_code(report.state), [one for one in report.findings if one.about in wanted]


def test_what_is_still_so_names_file_workflow_and_reason_in_one_line() -> None:
    code, [failed, cost] = lines()
    assert code == 1
    assert (failed.state, failed.about) == ("warning", "ona-ooda-dev")
    assert failed.text == (
        f"1 execution failed, still so: {EARLY.rpartition(':')[2]} of {KEY} at 03:01 UTC "
        "(InvalidConfiguration: thresholds.yaml: voltage_v has no upper bound)"
    )
    assert cost.text == "1 piece of work not done yet: what it loses is in no figure"


def test_what_is_mended_warns_of_nothing_and_says_when_and_what_was_lost_meanwhile() -> None:
    """It began at 03:00 and was done at 05:00: a twelfth of a day, of 42 USD a day."""
    told = diagnosis("d-1", "2025-06-10T05:00:00", ("k1", "i1", 42.0, 9.0))
    outcome(number_of(KEY, "1"), KEY, "2025-06-10T05:00:00", "found", diagnostics=[told])
    code, [_, failed, cost] = lines()
    assert (code, failed.state) == (0, "ok")
    assert failed.text.startswith("1 execution failed, mended since: ")
    assert failed.text.endswith(", mended at 05:00 UTC")
    assert cost.text == "3.50 USD lost by causes that were found late"


def test_one_of_two_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: [("FAILED", EARLY), ("TIMED_OUT", LATE)]})
    worked_on(LATE, OTHER, "1", "States.Timeout", "")
    outcome(number_of(KEY, "1"), KEY, "2025-06-10T05:00:00", "nothing_found")
    code, [_, bad, good, cost] = lines()
    assert (code, bad.state, good.state) == (1, "warning", "ok")
    assert OTHER in bad.text
    assert KEY not in bad.text
    assert cost.text.startswith("0.00 USD lost by causes that were found late; 1 piece of work")


@pytest.mark.parametrize(
    ("number", "at", "word", "more", "state", "said"),
    [
        (number_of(KEY, "2"), "2025-06-10T05:00:00", "found", {}, "ok", "replaced at 05:00 UTC"),
        (number_of(KEY, "1"), "2025-06-10T05:00:00", "found", {"dismissed_at": "2025-06-10T06:10:00Z"},
         "ok", "dismissed at 06:10 UTC"),
        (number_of(KEY, "2"), "2025-06-10T02:00:00", "found", {}, "warning", "no upper bound)"),
        (number_of(KEY, "1"), "2025-06-10T02:00:00", "found", {}, "warning", "no upper bound)"),
        (number_of(OTHER, "1"), "2025-06-10T05:00:00", "found", {}, "warning", "no upper bound)"),
    ],
    ids=["a newer version is done", "put aside", "an older version", "done before", "another file"],
)  # fmt: skip
def test_what_ends_a_failure_and_what_does_not(
    number: str, at: str, word: str, more: dict[str, object], state: str, said: str
) -> None:
    outcome(number, OTHER if number == number_of(OTHER, "1") else KEY, at, word, **more)
    _, found = lines()
    [failed] = [one for one in found if one.about == "ona-ooda-dev"]
    assert failed.state == state
    assert failed.text.endswith(said)


@pytest.mark.parametrize(
    ("later", "task", "mended"),
    [
        (("SUCCEEDED", "2025-06-10T04:01:00"), "hourly", True),
        (("SUCCEEDED", "2025-06-11T09:00:00"), "hourly", True),
        (("SUCCEEDED", "2025-06-10T04:01:00"), "accuracy", False),
        (("SUCCEEDED", "2025-06-10T03:01:30"), "hourly", False),
        (("SUCCEEDED", "2025-06-10T02:01:00"), "hourly", False),
        (("RUNNING", "2025-06-10T04:01:00"), "hourly", False),
    ],
    ids=["the next one", "tomorrow's", "another timer's", "began before it failed", "before", "runs yet"],
)  # fmt: skip
def test_a_timers_execution_is_done_again_by_its_next_one(
    monkeypatch: pytest.MonkeyPatch, later: tuple[str, str], task: str, mended: bool
) -> None:
    """It has no file; the others of its workflow have."""
    monkeypatch.setattr(day_of_work, "WORKED_ON", {})
    among = [("SUCCEEDED", "2025-06-10T03:30:00"), ("FAILED", EARLY), later]
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: among})
    worked_on("2025-06-10T03:30:00", OTHER, "1", "", "")
    day_of_work.WORKED_ON[later[1]] = {"input": json.dumps({"task": task})}
    code, [*_, failed, cost] = lines()
    assert (code, failed.state) == ((0, "ok") if mended else (1, "warning"))
    if mended:
        told = later[1][11:16] if "10T" in later[1] else "2025-06-11 09:00"
        assert failed.text.endswith(f"(States.Timeout), its next one succeeded at {told} UTC")
        assert cost.text == "0.00 USD lost by causes that were found late"


def test_a_refused_file_that_was_put_again_and_accepted_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: []})
    outcome("1", KEY, "2025-06-10T05:00:00", "quarantined")
    outcome("3", OTHER, "2025-06-10T05:00:00", "found")
    assert lines()[1][0].state == "warning"
    outcome("2", KEY, "2025-06-10T07:12:00", "nothing_found")
    code, [told] = lines()
    assert (code, told.state) == (0, "ok")
    assert told.text.endswith(f"; mended since: {KEY} at 07:12 UTC")
    outcome("4", OTHER, "2025-06-10T08:00:00", "quarantined")
    assert lines()[0] == 1, "refused after it was accepted: that is still so"


def test_a_file_that_was_mended_and_is_refused_once_more_is_not_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: []})
    outcome("1", KEY, "2025-06-10T05:00:00", "quarantined")
    outcome("2", KEY, "2025-06-10T07:12:00", "nothing_found")
    outcome("3", KEY, "2025-06-10T09:00:00", "quarantined")
    code, [told] = lines()
    assert (code, told.state) == (1, "warning")
    assert "mended since" not in told.text


def test_a_long_list_is_counted_and_few_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [("FAILED", f"2025-06-10T03:{minute:02}:00") for minute in range(9)]
    monkeypatch.setattr(day_of_work, "STOPPED", {MACHINE: many})
    monkeypatch.setattr(failures, "MOST_DESCRIBED", 2)
    assert records.FAILED == ("FAILED", "TIMED_OUT", "ABORTED")
    _, [older, failed, _] = lines()
    assert (older.state, older.text) == (
        "ok",
        "7 older executions failed: whether that is mended was not asked",
    )
    assert failed.text.startswith("2 executions failed, still so: ")
    assert failed.text.count("States.Timeout") == 2


def test_the_stored_summary_may_ask_for_the_executions_of_every_workflow_and_of_nothing_else() -> None:
    """A new workflow is named in the role of the routines on its first day."""
    named = {
        match[1]
        for path in (ROOT / "stacks").glob("*.yaml")
        for match in re.finditer(
            r"Type: AWS::Serverless::StateMachine\n(?:(?!\n  \w).)*?Name: !Sub \"(\S+)\"",
            path.read_text(),
            re.S,
        )
    }
    assert "ona-ooda-${Environment}" in named
    role = (ROOT / "stacks" / "operations_routines.yaml").read_text()
    asked = re.findall(r":execution:(\S+?):\*", role)
    assert sorted(asked) == sorted(named)
