"""The look at all alarms each minute: whose values count, what is told, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import cloudwatch

from local import clock
from local.hooks import alarm_states
from local.hooks.alarm_events import detail_of

NOW = 1_795_000_050.0
"""Half a minute after a minute has ended."""
Told = list[tuple[str, str, str]]
ALARM: dict[str, Any] = {
    "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching", "StateValue": "OK", "StateReason": "", "StateUpdatedTimestamp": 0,
}  # fmt: skip


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """What was told of changes: name, before, now."""
    cloudwatch.reset()
    heard: Told = []
    monkeypatch.setattr(
        cloudwatch,
        "_dispatch_alarm_actions",
        lambda alarm, before, now, _reason: heard.append((alarm["AlarmName"], before, now)),
    )
    yield heard
    cloudwatch.reset()


def alarm(name: str, function: str, **changes: Any) -> dict[str, Any]:
    made = {
        **ALARM,
        "AlarmName": name,
        "AlarmArn": f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}",
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
        **changes,
    }
    cloudwatch._alarms[name] = made
    return made


def errors(at: float, function: str, value: float = 1.0, **more: str) -> None:
    dimensions = {"FunctionName": function, **more}
    cloudwatch._store_datum("AWS/Lambda", "Errors", dimensions, at, "Count", value, None, None, None)


def test_an_alarm_hears_its_own_dimensions_alone(told: Told) -> None:
    """ministack's own judgement adds up all functions."""
    alarm("one", "a")
    alarm("other", "b")
    alarm("all", "a", Dimensions=[])
    errors(NOW - 60, "a")
    errors(NOW - 60, "b", 0.0)
    errors(NOW - 60, "b", 5.0, Resource="b:live")
    alarm_states.look(NOW)
    assert told == [("one", "OK", "ALARM")]


def test_it_is_told_once_and_told_when_it_is_over(told: Told) -> None:
    alarm("one", "a")
    errors(NOW - 60, "a")
    for minute in range(8):
        alarm_states.look(NOW + 60 * minute)
    assert told == [("one", "OK", "ALARM"), ("one", "ALARM", "OK")]
    assert cloudwatch._alarms["one"]["StateUpdatedTimestamp"] == NOW + 180, "two periods further back count"


def test_a_value_of_the_minute_that_has_begun_waits_for_its_end(told: Told) -> None:
    alarm("one", "a")
    errors(NOW - 10, "a")
    errors(NOW - 3600, "a")
    alarm_states.look(NOW)
    assert told == []
    alarm_states.look(NOW + 60)
    assert told == [("one", "OK", "ALARM")]


def test_the_state_says_why(told: Told) -> None:
    alarm("one", "a", Threshold=2.0)
    errors(NOW - 60, "a", 3.0)
    alarm_states.look(NOW)
    state = cloudwatch._alarms["one"]
    assert state["StateReason"].startswith("Threshold Crossed")
    data = json.loads(state["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"], data["period"]) == (
        [3.0],
        2.0,
        "Sum",
        60,
    )
    history = [entry for entry in cloudwatch._history_entries() if entry["AlarmName"] == "one"]
    assert [entry["HistorySummary"] for entry in history] == ["Alarm updated from OK to ALARM"]


def test_a_composite_alarm_follows_its_children(told: Told) -> None:
    alarm("one", "a")
    cloudwatch._composite_alarms["both"] = {
        "AlarmName": "both", "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:both",
        "AlarmRule": "ALARM(one)", "StateValue": "OK", "StateReason": "", "StateUpdatedTimestamp": 0,
    }  # fmt: skip
    errors(NOW - 60, "a")
    alarm_states.look(NOW)
    assert told == [("one", "OK", "ALARM"), ("both", "OK", "ALARM")]


def test_an_alarm_that_cannot_be_judged_hinders_no_other(
    told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    query = {"Id": "e", "Expression": "SEARCH('{AWS/Lambda}', 'Sum')", "ReturnData": True}
    alarm("a search", "a", Metrics=[query])
    alarm("one", "a")
    errors(NOW - 60, "a")
    alarm_states.look(NOW)
    assert told == [("one", "OK", "ALARM")]
    assert "alarm a search is not judged" in capsys.readouterr().err


def test_the_clock_runs_ahead_and_never_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_ahead_s", 0.0)
    before = clock.now()
    clock.advance(3600)
    assert 3600 <= clock.now() - before < 3660
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


# ------------------------------------------------------------------ the event, as AWS documents it

EXAMPLE: dict[str, Any] = {
    "alarmName": "ServerCpuTooHigh",
    "configuration": {
        "description": "Goes into alarm when server CPU utilization is too high!",
        "metrics": [
            {
                "id": "30b6c6b2-a864-43a2-4877-c09a1afc3b87",
                "metricStat": {
                    "metric": {
                        "dimensions": {"InstanceId": "i-12345678901234567"},
                        "name": "CPUUtilization",
                        "namespace": "AWS/EC2",
                    },
                    "period": 300,
                    "stat": "Average",
                },
                "returnData": True,
            }
        ],
    },
    "previousState": {
        "reason": "Threshold Crossed: 1 out of the last 1 datapoints …",
        "reasonData": "{…}",
        "timestamp": "2019-10-02T17:02:40.000+0000",
        "value": "ALARM",
    },
    "state": {
        "reason": "Threshold Crossed: 1 out of the last 1 datapoints …",
        "reasonData": "{…}",
        "timestamp": "2019-10-02T17:04:40.000+0000",
        "value": "OK",
    },
}
"""The detail of the guide's example of a metric alarm, its texts shortened."""


def test_the_event_of_a_metric_alarm_has_the_fields_of_the_guides_example() -> None:
    server = {
        "AlarmName": "ServerCpuTooHigh",
        "AlarmDescription": "Goes into alarm when server CPU utilization is too high!",
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "InstanceId", "Value": "i-12345678901234567"}],
        "Period": 300,
        "Statistic": "Average",
        "StateValue": "OK",
        "StateReason": EXAMPLE["state"]["reason"],
        "StateReasonData": "{…}",
        "StateUpdatedTimestamp": 1_570_035_880,
    }
    made = detail_of(server, "ALARM", EXAMPLE["previousState"])
    made["configuration"]["metrics"][0]["id"] = EXAMPLE["configuration"]["metrics"][0]["id"]
    assert made == EXAMPLE


def test_a_state_that_was_not_told_before_is_known_by_its_value_only() -> None:
    one = {**ALARM, "AlarmName": "one"}
    assert detail_of(one, "ALARM", None)["previousState"] == {"value": "ALARM"}
    assert detail_of(one, "OK", EXAMPLE["previousState"])["previousState"] == {"value": "OK"}, "another"


def test_the_event_of_a_composite_alarm_has_its_rule() -> None:
    both = {**ALARM, "AlarmName": "both", "AlarmRule": "ALARM(a) OR ALARM(b)"}
    assert detail_of(both, "OK", None)["configuration"] == {"alarmRule": "ALARM(a) OR ALARM(b)"}
