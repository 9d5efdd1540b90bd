"""`ona status` and `ona explain` name the faults that nobody is sent to, and no others."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from ona.outbox.items import Notice
from ona.repairs.crews import Crew
from ona.store import s3, tables
from ona.store.layout import ASSET_HISTORY
from ona.store.unreadable import Unreadable
from ooda.documents.asset_history import AssetHistory
from ops import cli, unattended
from ops.accounting import Accounts, FileAccount, Outcome
from ops.cli import executions, files
from ops.target import Target
from tests.builders.histories import day_by_day
from tests.builders.orders import change, ordered, scheduled
from tests.builders.plans import NOW, crew
from tests.fakes.tables import IN, OUT
from tests.unit.ooda.test_unattended import FAR


@pytest.fixture
def target(acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Target:
    """Six assets, one crew near them; asset INV-001 stands since days."""
    one = Target("test", "stack", boto3.client)
    one.__dict__["outputs"] = {
        "InputBucketName": IN,
        "OutputBucketName": OUT,
        "CrewsTableName": "crews",
        "TrackingTableName": "tracking",
        "OutboxTableName": "outbox",
    }
    monkeypatch.setattr(unattended, "utc_now", lambda: NOW)
    incident_is("open")
    return one


def incident_is(state: str) -> None:
    """How the incident of the fault stands in the asset's history."""
    history: AssetHistory = day_by_day("INV-001", dead_until=None)
    incident = history.incidents[0].model_copy(update={"incident_id": "inc-1", "state": state})
    history = history.model_copy(update={"incidents": [incident]})
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), history.document())


def crews_are(*crews: Crew) -> None:
    for item in tables.scan("crews"):
        boto3.client("dynamodb").delete_item(TableName="crews", Key={"crew_id": {"S": item["crew_id"]}})
    for one in crews:
        tables.put("crews", one.item())


def file_of(number: int, execution: str, day: int = 1) -> tuple[FileAccount, dict[str, Any]]:
    """A file that told of a fault, and what the workflow wrote of it."""
    schedule = scheduled(number, execution, day=day)
    orders = ordered(schedule, execution)
    document = {
        "outcome": "found",
        "schedule": schedule["schedule"],
        "unschedulable": schedule["unschedulable"],
        "orders": orders,
    }
    outcome: Outcome = Outcome.read(document, "outcome")
    return FileAccount(f"observations/{execution}.csv", "", 1, "done", outcome=outcome), document


def named(target: Target, *accounts: FileAccount) -> list[tuple[str, str, str]]:
    bad: list[Unreadable] = []
    left = unattended.unattended(target, accounts, bad)
    assert bad == []
    return [(item.job.asset_id, item.decision, item.why) for item in left]


def test_a_fault_that_no_crew_reaches_is_named_with_its_reason(target: Target) -> None:
    crews_are(crew(1, base=FAR))
    account, _ = file_of(1, "execution-1")
    [(asset, decision, why)] = named(target, account)
    assert (asset, decision) == ("INV-001", "unschedulable")
    assert why == "crew-001: 1974 km away, more than 100"


def test_the_reason_is_that_of_the_latest_file(target: Target) -> None:
    crews_are()
    first, _ = file_of(1, "execution-1")
    crews_are(crew(1, size=1))
    second, _ = file_of(1, "execution-2", day=2)
    assert named(target, first, second) == [
        ("INV-001", "unschedulable", "crew-001: has 1 technician, needed: 2")
    ]


def test_a_fault_that_got_a_visit_since_is_not_named(target: Target) -> None:
    crews_are()
    first, _ = file_of(1, "execution-1")
    crews_are(crew(1))
    second, document = file_of(1, "execution-2", day=2)
    assert document["orders"][0]["status"] == "ordered"
    assert named(target, first) == named(target, first, second) == []


@pytest.mark.parametrize("status", ["IN_PROGRESS", "ON_HOLD", "COMPLETE", "CANCELLED"])
def test_a_fault_in_people_s_hands_is_not_named(target: Target, status: str) -> None:
    """Somebody is at work on it, holds it, did it, or put it aside; the visit is another matter."""
    name = file_of(1, "execution-1")[1]["orders"][0]["work_order_id"]
    crews_are(crew(1, base=FAR))
    account, _ = file_of(1, "execution-2", day=2)
    assert [asset for asset, _, _ in named(target, account)] == ["INV-001"], (
        "its order is open, and no visit"
    )
    if status == "COMPLETE":
        change(name, status="IN_PROGRESS")
    change(name, status=status)
    assert named(target, account) == []


@pytest.mark.parametrize("state", ["recovering", "closed"])
def test_a_fault_that_went_away_is_not_named(target: Target, state: str) -> None:
    crews_are()
    account, _ = file_of(1, "execution-1")
    incident_is(state)
    assert named(target, account) == []


def test_a_refused_order_is_named(target: Target) -> None:
    account, document = file_of(1, "execution-1")
    finding = document["orders"][0]["finding_id"]
    document["orders"] = [{"finding_id": finding, "status": "refused", "reason": "X is not installed"}]
    crews_are()  # the visit was given back
    boto3.client("dynamodb").delete_item(
        TableName="tracking", Key={"job_id": {"S": "open#INV-1#x#inverter_failure"}}
    )
    boto3.client("dynamodb").delete_item(TableName="tracking", Key={"job_id": {"S": "open#inc-1"}})
    refused = FileAccount(account.key, "", 1, "done", outcome=Outcome.read(document, "outcome"))
    assert named(target, refused) == [("INV-001", "refused", "X is not installed")]


BROKEN: dict[str, Any] = {
    "no plan": {"bucket": OUT, "key": "schedules/2025/06/10/sched-gone.json"},
    "no pointer": "schedules/2025/06/10/sched-x.json",
    "a list": [1],
    "a pointer to nowhere": {"bucket": OUT},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plan_that_nobody_can_read_holds_up_no_other(target: Target, kind: str) -> None:
    crews_are()
    account, document = file_of(1, "execution-1")
    broken = Outcome.read({**document, "schedule": BROKEN[kind]}, "outcome")
    bad: list[Unreadable] = []
    both = [FileAccount("observations/broken.csv", "", 1, "done", outcome=broken), account]
    assert len(unattended.unattended(target, both, bad)) == 1
    assert len(bad) == (kind in ("no plan", "a pointer to nowhere"))


# ------------------------------------------------------------------ what is printed


def said(command: str) -> str:
    done = CliRunner().invoke(cli.app, command.split(), env={"COLUMNS": "200"})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_status_says_it(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    crews_are(crew(1, base=FAR))
    account, _ = file_of(1, "execution-1")
    monkeypatch.setattr(files, "resolve", lambda *_: target)
    monkeypatch.setattr(files.accounting, "read", lambda *_: Accounts([account]))
    text = said("status")
    assert "1 fault that nobody is sent to:" in text
    assert "critical unschedulable  INV-001, site site: INV-1#x#inverter_failure" in text
    assert "    crew-001: 1974 km away, more than 100" in text
    assert "docs/operations/settings.md#crews" in text
    crews_are(crew(1))
    file_of(1, "execution-2", day=2)
    assert "nobody" not in said("status")


def test_explain_says_it(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    crews_are(crew(1, base=FAR))
    _, document = file_of(1, "execution-1")

    class States:
        """Step Functions, which knows one execution."""

        def describe_execution(self, **_: Any) -> dict[str, Any]:
            return {"name": "one", "status": "SUCCEEDED", "output": json.dumps(document)}

    def client(name: Any) -> Any:
        return States() if name == "stepfunctions" else boto3.client(name)

    other = Target("test", "stack", client)
    names = ("Ooda", "ForecastUpload", "ForecastTraining", "ForecastSchedule", "FleetHistory")
    other.__dict__["outputs"] = target.outputs | {f"{name}StateMachineArn": f"arn:{name}" for name in names}
    monkeypatch.setattr(executions, "resolve", lambda *_: other)
    monkeypatch.setattr(executions.explain, "find", lambda *_: "arn")
    monkeypatch.setattr(executions.explain, "history", lambda *_: [])
    text = said("explain one")
    assert "critical unschedulable  INV-001" in text
    assert "    crew-001: 1974 km away, more than 100" in text


def test_the_notice_is_an_item_as_all_others(target: Target) -> None:
    crews_are()
    file_of(1, "execution-1")
    [item] = [item for item in tables.scan("outbox") if item["lane"] == "send"]
    Notice.read(item)
