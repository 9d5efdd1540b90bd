"""Another plant, far from every crew: operators, `ona status` and `ona explain` say that nobody comes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ona.documents.assets import Location
from ona.store.tables import to_item
from ops import cli, seed
from ops.cli import executions, files
from tests.builders.assets import SITE
from tests.builders.telemetry import dead_from
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
FAR = Location(latitude=-12.0, longitude=28.05)


def ona(*words: str) -> str:
    done = CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "200"})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_critical_fault_far_from_every_crew_is_told_until_somebody_can_go(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (executions, files):
        monkeypatch.setattr(module, "resolve", lambda *_: platform.target)
    dynamodb, table = platform.target.client("dynamodb"), platform.target.outputs["CrewsTableName"]
    for crew in seed.example_crews(FAR):  # the same two, elsewhere
        dynamodb.put_item(TableName=table, Item=to_item(crew))
    done = platform.put_and_wait(dead_from(9))
    output = json.loads(done["output"])
    assert (output["unschedulable"], output["orders"]) == (1, [])

    [message] = [item for item in platform.messages() if "Nobody can be sent" in json.dumps(item)]
    assert "km away, more than 100" in json.dumps(message)
    outbox = [item for item in platform.table("Outbox") if item.get("lane") == "unattended"]
    assert ["km away, more than 100" in item["why"] for item in outbox] == [True], "for digest and API"
    status = ona("status")
    assert "1 fault that nobody is sent to" in status
    assert "km away, more than 100" in status
    told = ona("explain", done["name"])
    assert "critical unschedulable  INV-001" in told
    assert "km away, more than 100" in told

    for crew in seed.example_crews(SITE):
        dynamodb.put_item(TableName=table, Item=to_item(crew))
    again = platform.put_and_wait(dead_from(9), key="observations/2025/06/10/INV-001-again_20250610.csv")
    assert [order["status"] for order in json.loads(again["output"])["orders"]] == ["ordered"]
    assert "nobody is sent to" not in ona("status")
