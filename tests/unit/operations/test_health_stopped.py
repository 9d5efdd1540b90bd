"""The health check of a platform that somebody stopped says so; what follows from it is no trouble.

Beside each thing that the stop explains stands one that it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from operations.reading import doors, flow, stops
from operations.reading.finding import Finding, exit_code, worst
from operations.reading.freshness import Arrival, judge, judge_then
from operations.reading.inventory import Inventory
from operations.reading.stops import Stop
from tests.paths import ROOT

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
STOPPED = datetime(2026, 3, 7, 18, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ONA_CONFIG_DIR", str(ROOT / "configs"))
    with mock_aws():
        yield


def client(service: str) -> Any:
    return boto3.client(service, region_name="af-south-1")


def document(state: str = "stopped", at: str = "2026-03-07T18:00:00Z", **more: Any) -> dict[str, Any]:
    reasons = [{"by": "thandi", "at": at, "why": "a bad release"}]
    return {"stop_id": "1", "version": "1", "environment": "dev", "state": state, "reasons": reasons} | more


def stop(**more: Any) -> Stop:
    found: Stop = Stop.read(document(**more), "a test")
    return found


def test_who_stopped_it_and_since_when_is_a_warning() -> None:
    found = stops.finding(stop())
    assert found.text == "stopped by thandi: a bad release", "since when is said once"
    assert (found.since, found.page) == (STOPPED, "docs/operations/symptoms/platform-stopped.md")
    assert exit_code(worst([found])) == 1
    assert stops.finding(stop(flag=True)).text == "stopped by thandi: a bad release; the APIs are closed"
    assert exit_code(worst([stops.finding(None)])) == 0


@pytest.mark.parametrize(("states", "stopped"), [("", False), ("ended", False), ("stopped", True),
                                                 ("ended stopped", True), ("ended resuming", True),
                                                 ("stopped ended", False)])  # fmt: skip
def test_the_last_stop_counts(states: str, stopped: bool) -> None:
    location = {"LocationConstraint": "af-south-1"}
    client("s3").create_bucket(Bucket="out", CreateBucketConfiguration=location)
    client("s3").put_object(Bucket="out", Key="operations/reprocesses/9.json", Body=b"{}")
    for number, state in enumerate(states.split(), 1):
        body = json.dumps({**document(state=state), "stop_id": f"{number:06}"})
        client("s3").put_object(Bucket="out", Key=f"operations/stops/{number:06}.json", Body=body)
    assert (stops.current(client, "out") is not None) == stopped


def test_a_timer_that_the_stop_turned_off_is_well_and_no_other() -> None:
    events = client("events")
    for name in ("hourly", "nightly"):
        events.put_rule(Name=name, ScheduleExpression="rate(1 hour)", State="DISABLED")
    events.put_rule(Name="files", EventPattern='{"source": ["aws.s3"]}', State="DISABLED")
    ours = Inventory("ours", {}, {"AWS::Events::Rule": ["hourly", "nightly", "files"]})
    timers = [{"kind": "rule", "name": "hourly"}, {"kind": "schedule", "name": "nightly"}]
    found = {one.about: one.state for one in flow.rules(client, ours, stop(timers=timers))}
    assert found == {"hourly": "ok", "nightly": "warning", "files": "critical"}
    assert {one.state for one in flow.rules(client, ours)} == {"warning", "critical"}


def arrivals(last: datetime) -> list[Arrival]:
    return [Arrival("INV-1", last - timedelta(hours=24 * day)) for day in range(6)]


def test_a_site_is_judged_by_the_moment_of_the_stop() -> None:
    fresh, silent = arrivals(STOPPED - timedelta(hours=3)), arrivals(STOPPED - timedelta(days=5))
    assert judge("karoo", fresh, NOW).state == "warning", "without the stop it is late"
    found = judge_then("karoo", fresh, STOPPED)
    assert (found.state, found.text.endswith("when the platform was stopped")) == ("ok", True)
    assert judge_then("karoo", silent, STOPPED).state == "critical", "it was silent before"
    after = judge_then("karoo", arrivals(STOPPED + timedelta(minutes=4)), STOPPED)
    assert (after.state, after.text[:19]) == ("ok", "last file 0 min ago"), "what ran on wrote it"


@pytest.mark.parametrize(
    ("name", "given", "state"),
    [
        ("ona-api-5xx-dev", {"flag": True}, "warning"),
        ("ona-api-5xx-dev", {"doors": [{"api": "a", "stage": "dev", "rate": 1, "burst": 1}]}, "warning"),
        ("ona-api-5xx-dev", {}, "critical"),  # the APIs were left open
        ("ona-api-5xx-dev", {"flag": True, "at": "2999-01-01T00:00:00Z"}, "critical"),  # it was on before
        ("ona-detect-error-rate-dev", {"flag": True}, "critical"),
        ("ona-holding-age-dev", {"flag": True}, "warning"),
    ],
)
def test_alarms_of_closed_apis_are_a_warning(name: str, given: Any, state: str) -> None:
    watched = {"Namespace": "A", "MetricName": "B", "Statistic": "Sum", "Period": 60, "Threshold": 1}
    how = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}
    client("cloudwatch").put_metric_alarm(AlarmName=name, **watched, **how)
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    ours = Inventory("ours", {}, {"AWS::CloudWatch::Alarm": [name]})
    [found] = flow.alarms(client, ours, "dev", NOW, stop(**given))
    assert found.state == state


SHUT = [{"api": "a", "stage": "dev", "rate": 1, "burst": 1}]


@pytest.mark.parametrize(
    ("text", "given", "state"),
    [
        ("gives status 429", {"doors": SHUT}, "ok"),
        ("gives status 429", {}, "warning"),
        ("gives status 429", {"flag": True}, "warning"),  # maintenance mode answers 200 here
        ("gives status 500", {"doors": SHUT}, "warning"),
        ("says maintenance", {"flag": True}, "ok"),
        ("says maintenance", {}, "warning"),  # the APIs were left open
    ],
)
def test_what_the_stop_closed_is_told_once_as_the_stop(
    text: str, given: Any, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Finding.warning("apis", "/health", f"https://a/health {text}")
    monkeypatch.setattr(doors, "_health", lambda _: told)
    nothing = Inventory("ours", {}, {})
    [found] = doors.apis(lambda _: None, nothing, "dev", "https://a", stop(**given))
    assert found.state == state
    assert found.text.endswith(doors.CLOSED) is (state == "ok")


def test_a_bucket_that_cannot_be_read_hides_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    from operations.reading import health

    def refused(*_: Any) -> Stop:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")

    monkeypatch.setattr(stops, "current", refused)
    found, told = health._stop(client, "out")
    assert (found, told.state) == (None, "unknown")
