"""Readers of what others may have written: one bad entry is named, counted, and stops nobody.

Every kind of bad content is put into each place, beside sound entries; then every reader runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import boto3
import pandas as pd
import pytest
from typer.testing import CliRunner

from ona.repairs import crews, orders
from ona.store import parquet, tables
from ona.store.s3 import write_json
from ona.store.unreadable import Unreadable
from ooda.detect import telemetry_store
from ooda.operations_api import verify
from ooda.store import history_of
from ops import accounting, cli, deadletters, messages, models, outbox
from ops.cli import dlq as dlq_commands
from ops.cli import executions as execution_commands
from ops.cli import files as file_commands
from ops.cli import models as model_commands
from ops.cli import outbox as outbox_commands
from ops.target import Target
from tests.builders.assets import make_asset
from tests.builders.orders import tracked
from tests.builders.plans import NOW, crew
from tests.fakes import on_moto
from tests.fakes.tables import OUT

CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b'{"outcome": "found"',
    "no UTF-8": b"\xff\xfe\x00\x01",
    "a list": b"[1, 2]",
    "null": b"null",
    "a number": b"7",
    "another schema": b'{"hello": {"world": []}}',
    "wrong types": b'{"outcome": 7, "rejection": "x", "kind": 3, "input": "x", "at": []}',
    "deep": b"[" * 20_000,
    "huge": b'{"x": "' + b"y" * 200_000 + b'"}',
}
"""What may lie where something else is expected."""
ITEMS: dict[str, dict[str, Any]] = {
    "nothing but the key": {},
    "wrong types": {"status": 7, "version": "x", "kind": [], "size": "many", "place": 3},
    "another schema": {"hello": {"world": []}, "ttl": 1},
}


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Target]:
    """A platform on moto, with one sound entry in each place."""
    commands = (file_commands, dlq_commands, outbox_commands, execution_commands, model_commands)
    with on_moto.platform(monkeypatch, tmp_path, commands) as one:
        write_json(OUT, "outcomes/0123456789abcdef.json", {"outcome": "nothing_found"})
        tables.put("crews", crew(1).item())
        tables.put("tracking", {**tracked(open="yes", customer_id="default").item()})
        yield one


def _run(command: list[str]) -> str:
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.parametrize("name", CONTENTS)
def test_a_bad_object_or_message_stops_no_command_and_is_named(target: Target, name: str) -> None:
    body = CONTENTS[name]
    s3 = boto3.client("s3")
    places = ["outcomes/fedcba9876543210.json", "outcomes/notes.txt", "outcomes/sub/x.json"]
    cards = ["models/customer-001/v1/card.json"]
    for key in [*places, *cards]:
        s3.put_object(Bucket=OUT, Key=key, Body=body)
    text = body.decode("latin-1").replace("\x00", "?").replace("\x01", "?") or "-"
    boto3.client("sqs").send_message(QueueUrl=target.outputs[deadletters.WORKFLOWS], MessageBody=text)
    boto3.client("sqs").send_message(QueueUrl=target.outputs[deadletters.OUTBOX], MessageBody=text)

    bad: list[Unreadable] = []
    assert set(accounting.outcomes(target, bad)) == {"0123456789abcdef"}
    assert {entry.where for entry in bad} == {f"s3://{OUT}/{key}" for key in places}
    status = _run(["status"])
    assert "4 entries could not be read" in status
    assert all(key in status for key in places)
    listed = _run(["dlq", "list"])
    assert "1 letter: 1 foreign; 0 lost files" in listed
    assert "foreign" in listed
    assert "left message" in _run(["dlq", "redrive"])
    _run(["outbox", "redrive"])
    _run(["models", "list"])
    assert models.versions(target, None, []) == []
    for queue in (deadletters.WORKFLOWS, deadletters.OUTBOX):
        [letter] = deadletters.look(target, queue).letters
        assert letter.kind == messages.FOREIGN, "what is not ours stays"
        assert "1 message removed" in _run(["dlq", "remove", letter.message_id])
    assert "3 entries could not be read" in _run(["status"])


@pytest.mark.parametrize("name", ITEMS)
def test_a_bad_item_stops_no_reader_and_is_named(target: Target, name: str) -> None:
    item = ITEMS[name]
    tables.put(
        "outbox", {**item, "delivery_id": "foreign", "lane": "dead", "next_at": "2025-06-11T00:00:00Z"}
    )
    tables.put("crews", {**item, "crew_id": "crew-999"})
    tables.put("tracking", {**item, "job_id": "wo-x", "open": "yes", "due_date": "2025-06-11T00:00:00Z"})
    bad: list[Unreadable] = []
    assert outbox.items(target, bad=bad) == []
    assert [entry.where for entry in bad] == ["table outbox, foreign"]
    assert "1 entry could not be read" in _run(["outbox", "list"])
    assert "1 entry could not be read" in _run(["status"])
    assert [one.crew_id for one in crews.load()] == ["crew-001"]
    assert [one.work_order_id for one in orders.all_open()] == ["wo-20250611-00000001"]


@pytest.mark.parametrize("name", CONTENTS)
def test_a_bad_history_or_neighbour_is_left_out(target: Target, name: str) -> None:
    body = CONTENTS[name]
    put = boto3.client("s3").put_object
    put(Bucket=OUT, Key="incidents/site/INV-001.json", Body=body)
    assert history_of(OUT, "site", "INV-001") is None
    done = tracked(
        open="yes",
        customer_id="default",
        status="COMPLETE",
        completed_at=NOW,
        incident_id="inc-1",
        site_id="site",
    )
    tables.put("tracking", done.item())
    assert verify.verify(OUT, NOW)["waiting"] == 1

    times = pd.to_datetime(["2025-06-10T08:00Z"])
    columns = dict.fromkeys(("temperature_c", "voltage_v", "power_kw", "irradiance_w_m2"), 1.0)
    sound = pd.DataFrame({"timestamp": times, "asset_id": "INV-002", **columns})
    prefix = "telemetry/site=site/day=2025-06-10/"
    parquet.put(OUT, prefix + "INV-002.parquet", sound)
    put(Bucket=OUT, Key=prefix + "INV-003.parquet", Body=body)
    parquet.put(OUT, prefix + "INV-004.parquet", pd.DataFrame({"other": ["columns"]}))
    parquet.put(OUT, prefix + "INV-005.parquet", sound.assign(timestamp="noon", power_kw="much"))
    keys = [f"{prefix}INV-00{number}.parquet" for number in (2, 3, 4, 5)]
    entries = [cast(Any, {"Key": key, "ETag": '"not this one"'}) for key in keys]
    frames = telemetry_store._read_all(OUT, entries)
    assert [frame["asset_id"].tolist() for frame in frames] == [["INV-002"]]
    assert len(telemetry_store.read_days(OUT, make_asset("INV-002"), ["2025-06-10"])) == 1


EVENTS: list[Any] = [
    {},
    {"detail": "x"},
    {"detail": {"object": []}},
    {"detail": {"object": {"key": 3}}},
    [],
    "x",
]


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_an_execution_of_a_strange_event_is_listed(target: Target, event: Any) -> None:
    states = boto3.client("stepfunctions")
    states.start_execution(stateMachineArn=target.machine, input=json.dumps(event))
    assert "could not" not in _run(["executions"])
    _run(["status"])
    key, version = accounting.source_of(event)
    assert (type(key), version) == (str, "")


def test_without_any_crew_that_can_be_read_planning_says_so(target: Target) -> None:
    tables.put("crews", {"crew_id": "crew-001", "size": "many"})
    with pytest.raises(Exception, match="no crew can be read; table crews, crew-001"):
        crews.load()


def _reader(text: str) -> Callable[[], Any]:
    return lambda: messages.body_of(text)


@pytest.mark.parametrize("name", CONTENTS)
def test_any_text_is_a_letter(name: str) -> None:
    assert _reader(CONTENTS[name].decode("latin-1"))()["kind"] == messages.FOREIGN
