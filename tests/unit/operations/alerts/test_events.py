"""Events of CloudWatch and of the platform, as AWS documents them; what is none of ours is refused."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from ona.runtime.errors import InvalidPayload
from operations.alerting import events
from operations.config.catalogue import Catalogue

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
CATALOGUE = Catalogue.model_validate(
    {
        "alarms": [
            {
                "name": "ona-detect-error-rate-{environment}", "kind": "function_errors", "about": "detect",
                "family": "ooda", "severity": "critical", "rings": False,
                "told_by": "ona-detect-unwell-{environment}", "page": "function-errors",
                "composite": False, "causes": ["ona-shared-unwell-{environment}"], "children": [],
                "settle_s": 720, "lasts_s": 900,
            }
        ],
        "watched": [],
        "dashboards": [],
    }
)  # fmt: skip
ALARM: dict[str, Any] = {  # after Amazon CloudWatch User Guide, "Alarm events and EventBridge"
    "version": "0",
    "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
    "detail-type": "CloudWatch Alarm State Change",
    "source": "aws.cloudwatch",
    "account": "123456789012",
    "time": "2019-10-02T17:04:40Z",
    "region": "us-east-1",
    "resources": ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:ona-detect-error-rate-dev"],
    "detail": {
        "alarmName": "ona-detect-error-rate-dev",
        "configuration": {"description": "Runbook: docs/operations/symptoms/queue-old.md"},
        "previousState": {"value": "OK", "timestamp": "2019-10-01T13:56:40.987+0000"},
        "state": {
            "reason": "Threshold Crossed: 1 out of the last 1 datapoints [99.5] was greater than 50.0",
            "timestamp": "2019-10-02T17:04:40.989+0000",
            "value": "ALARM",
        },
    },
}


def read(event: Any) -> Any:
    return events.read(event, "dev", CATALOGUE, NOW)


def alarm(**changes: Any) -> dict[str, Any]:
    event = deepcopy(ALARM)
    event["detail"].update(changes)
    return event


def test_an_alarm_has_what_the_catalogue_says_of_it() -> None:
    got = read(ALARM)
    assert (got.what, got.name, got.severity) == ("alarm", "ona-detect-error-rate", "critical")
    assert (got.page, got.told_by, got.family) == ("function-errors", "ona-detect-unwell", "ooda")
    assert (got.rings, got.causes, got.settle_s, got.lasts_s) == (False, ["ona-shared-unwell"], 720, 900)
    assert got.at == datetime(2019, 10, 2, 17, 4, 40, 989000, tzinfo=UTC)
    assert got.correlation_id == ALARM["id"]


def test_an_alarm_that_the_catalogue_lacks_goes_by_its_name_and_text() -> None:
    got = read(alarm(alarmName="ona-new-duration-dev"))
    assert (got.kind, got.severity, got.page, got.told_by) == ("other", "high", "queue-old", "")


def test_the_same_change_is_the_same_event_and_each_other_is_another() -> None:
    repeated = {**ALARM, "id": "another-delivery", "time": "2019-10-02T17:05:40Z"}
    ok = alarm(state={**ALARM["detail"]["state"], "value": "OK"})
    later = alarm(state={**ALARM["detail"]["state"], "timestamp": "2019-10-02T18:04:40.989+0000"})
    assert read(repeated).id == read(ALARM).id
    assert len({read(event).id for event in (ALARM, ok, later)}) == 3


@pytest.mark.parametrize(
    "name",
    ["ona-detect-error-rate-prod", "ona-detect-error-rate-dev-copy", "shop-errors-dev", "ona-x/../y-dev"],
)
def test_alarms_of_others_are_refused(name: str) -> None:
    with pytest.raises(events.NotOurs):
        read(alarm(alarmName=name))


def platform(type_: str, /, **detail: Any) -> dict[str, Any]:
    base = {"version": "1", "id": "e1", "time": "2026-11-28T09:00:00Z", "environment": "dev"}
    return {"source": "ona.platform", "detail-type": type_, "id": "bus", "detail": {**base, **detail}}


@pytest.mark.parametrize(
    ("event", "what", "name"),
    [
        (platform("Platform Stopped", why="x"), "alarm", "platform-stopped"),
        (platform("Platform Resumed"), "ok", "platform-stopped"),
        (platform("Deployment Finished", outcome="failed", release="r"), "alarm", "deployment-failed"),
        (platform("Deployment Finished", outcome="succeeded", release="r"), "ok", "deployment-failed"),
        (
            platform("Deployment Finished", outcome="succeeded", rolled_back=["detect"]),
            "alarm",
            "deployment-failed",
        ),
        (platform("Routine Finished", kind="health", worst="critical"), "alarm", "routine-health"),
        (platform("Routine Finished", kind="health", worst="warning"), "ok", "routine-health"),
    ],
)
def test_events_of_the_platform(event: Any, what: str, name: str) -> None:
    got = read(event)
    assert (got.what, got.name, got.id) == (what, name, "e1")


@pytest.mark.parametrize(
    "event",
    [
        platform("Platform Stopped", environment="prod"),
        platform("Site Day Judged"),
        {"source": "ona.platform", "detail-type": "Platform Stopped", "detail": {"environment": "dev"}},
        {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": {}},
        alarm(state={"value": "ALARM"}),
        alarm(state={"value": "WORSE", "timestamp": "2019-10-02T17:04:40.989+0000"}),
        {"person": {"id": "1", "what": "due", "alert_id": "alert#1"}},
        {"person": "Ada"},
        {"source": "aws.s3"},
    ],
)
def test_what_is_none_of_ours_is_refused_by_name(event: Any) -> None:
    with pytest.raises(InvalidPayload):
        read(event)
