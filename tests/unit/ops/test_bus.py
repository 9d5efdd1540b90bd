"""What commands tell the bus: once for what happened once, and never instead of doing it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from operations.alerting import events
from operations.config.catalogue import FILE
from ops import bus
from ops.emergency import documents, drain, holding, running
from ops.flags import Deployment, Flags
from ops.target import Target
from tests.fakes import own_clock
from tests.fakes.stoppable import STATES, Cloud
from tests.paths import ROOT


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    target = {"Id": "Machine", "Arn": f"{STATES}ona-ooda-dev:live", "RoleArn": "r"}
    cloud.rule("observations", target, Sources=["aws.s3"], EventPattern='{"source": ["aws.s3"]}')
    monkeypatch.setenv("ONA_CONFIG_DIR", str(ROOT / "configs"))
    own_clock.give(
        monkeypatch, drain, holding, running, sleep=cloud.sleep, monotonic=lambda: cloud.now.timestamp()
    )
    monkeypatch.setattr(holding, "utc_now", lambda: cloud.now)
    return cloud


def told(cloud: Cloud) -> list[tuple[str, dict[str, Any]]]:
    assert {item["Source"] for item in cloud.told} <= {"ona.platform"}
    return [(item["DetailType"], json.loads(item["Detail"])) for item in cloud.told]


def test_a_stop_and_its_end_are_told_each_by_one_id(cloud: Cloud) -> None:
    target = cloud.target()
    for by in ("thandi", "sipho"):
        holding.hold(target, "a bad release", by)
    cloud.comes("aws.s3")
    holding.release(target, by="nia")
    holding.release(target, by="nia")  # nothing is stopped: nothing to tell
    names = [name for name, _ in told(cloud)]
    assert names == ["Platform Stopped", "Platform Stopped", "Platform Resumed"]
    stopped, again, resumed = (detail for _, detail in told(cloud))
    assert stopped["id"] == again["id"] != resumed["id"]
    assert (stopped["by"], stopped["why"], resumed["by"]) == ("thandi", "a bad release", "nia")
    assert (resumed["came"], resumed["started"]) == (1, 1)
    assert stopped["document"] == {"bucket": "out", "key": "operations/stops/000001.json"}
    holding.hold(target, "a bad release", "thandi")
    assert told(cloud)[-1][1]["id"] != stopped["id"], "another stop of the same words"


def test_the_alerts_take_a_stop_as_a_note(cloud: Cloud) -> None:
    """Low: in the log; configs/operations/alerting.yaml tells nobody of it."""
    holding.hold(cloud.target(), "a bad release", "thandi")
    holding.release(cloud.target(), by="nia")
    whats = []
    for name, detail in told(cloud):
        event = {"source": "ona.platform", "detail-type": name, "id": "b", "detail": detail}
        read = events.read(event, "dev", FILE.read(), cloud.now)
        whats.append((read.what, read.severity))
        with pytest.raises(events.NotOurs):
            events.read(event, "prod", FILE.read(), cloud.now)
    assert whats == [("alarm", "low"), ("ok", "low")]


@pytest.mark.parametrize("how", ["refuses", "takes none"])
def test_a_bus_that_takes_nothing_undoes_nothing(cloud: Cloud, how: str) -> None:
    def put_events(**_: Any) -> Any:
        if how == "refuses":
            raise RuntimeError("AccessDenied: events:PutEvents")
        entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "AccessDenied, later"}
        return {"FailedEntryCount": 1, "Entries": [entry]}

    target, said = cloud.target(), list[str]()
    target.client("events")._calls["put_events"] = put_events
    assert holding.hold(target, "a bad release", "thandi", tell=said.append).state == "stopped"
    holding.release(target, said.append)
    assert documents.current(target) is None
    notes = [line for line in said if "AccessDenied" in line]
    assert [line.split(":")[0] for line in notes] == [
        "nobody was told by the event Platform Stopped",
        "nobody was told by the event Platform Resumed",
    ]


def test_a_flag_is_told_once_in_each_state() -> None:
    entries: list[Any] = []

    def put_events(Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        entries.extend(Entries)
        return {}

    client = SimpleNamespace(put_events=put_events)
    target = Target("test", "ona-platform-dev", lambda _: client)
    target.__dict__["outputs"] = {"Environment": "dev", "Flags": "a/b/c/d"}
    flags = Flags(target)
    for number, state in ((2, "DEPLOYING"), (2, "DEPLOYING"), (2, "COMPLETE"), (3, "COMPLETE")):
        change = Deployment(number, "1", state, 100.0, "2026-11-28T10:00:00Z", "webhooks off")
        flags.tell("features", change, flag="webhooks", on=False)
    first, again, end, other = (json.loads(entry["Detail"]) for entry in entries)
    assert first["id"] == again["id"]
    assert len({first["id"], end["id"], other["id"]}) == 3
    assert (end["state"], end["flag"], end["on"], end["environment"]) == (
        "COMPLETE",
        "webhooks",
        False,
        "dev",
    )
    assert flags.not_told == ""
    target.__dict__["outputs"]["Environment"] = "prod"
    bus.tell(target, "Flag Changed", "features#2#COMPLETE")
    assert json.loads(entries[-1]["Detail"])["id"] != end["id"], "another platform of the account"
