"""`ona orders`: what is not finished, what presses most first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from ona.runtime import aws
from ona.store.tables import to_item
from ops import cli
from ops.cli import orders as orders_cli
from ops.target import Target
from tests.builders.orders import tracked
from tests.builders.plans import NOW
from tests.fakes import tables
from tests.fakes.tables import ENVIRONMENT


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        aws.client.cache_clear()
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        tables.create()
        target = Target("test", "stack", boto3.client)
        target.__dict__["outputs"] = {"TrackingTableName": ENVIRONMENT["TRACKING_TABLE"]}
        monkeypatch.setattr(orders_cli, "resolve", lambda *_: target)
        monkeypatch.setattr(orders_cli.console, "_width", 200)  # made when COLUMNS was another
        yield
    aws.client.cache_clear()


def put(number: int, **changes: Any) -> None:
    write(tracked(work_order_id=f"wo-{number}", **{"open": "yes", "customer_id": "acme", **changes}).item())


def write(item: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName=ENVIRONMENT["TRACKING_TABLE"], Item=to_item(item))


def listed() -> list[str]:
    done = CliRunner().invoke(cli.app, ["orders"])
    assert done.exit_code == 0, (done.output, done.exception)
    return str(done.output).splitlines()


def test_what_presses_most_comes_first_and_what_is_finished_is_left_out(platform: None) -> None:
    put(1, priority="low")
    put(2, priority="critical", scheduled_start=NOW + timedelta(days=2))
    put(3, priority="critical", status="IN_PROGRESS", at_stake_usd=1234.5)
    put(4, priority="none")
    put(5, priority="critical", status="CANCELLED", open=None)
    put(6, priority="high", status="COMPLETE", title="[Fault] with brackets")
    lines = listed()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert [row[0] for row in rows] == ["wo-3", "wo-2", "wo-6", "wo-1", "wo-4"]
    assert rows[0][1:] == [
        "critical", "IN_PROGRESS", "INV-001", f"{NOW:%Y-%m-%d %H:%M}", "crew-001", "1,234",
        "OEM Fault: inverter failure",
    ]  # fmt: skip
    assert rows[2][-1] == "[Fault] with brackets"
    assert "5 work orders: 1 COMPLETE, 1 IN_PROGRESS, 3 OPEN" in lines


def test_an_order_that_cannot_be_read_is_named_and_hides_no_other(platform: None) -> None:
    put(1)
    write({"job_id": "wo-bad", "open": "yes", "due_date": "soon"})
    said = "\n".join(listed())
    assert "wo-1" in said
    assert "1 work order: 1 OPEN" in said
    assert f"unreadable table {ENVIRONMENT['TRACKING_TABLE']}, wo-bad" in said
