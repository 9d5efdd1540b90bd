"""Did the cure help? The newest fault of an alarm that is on, and when it goes off by itself.

The alarm's states are those of `tests/fakes/cloudwatch.py`, minute by minute; the values are answered by a
GetMetricData of our own, which adds minutes up to periods.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.reading.newest_fault import newest_faults
from operations.reading.ringing import ringing
from tests.fakes.cloudwatch import states

DAWN = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
ALARM: dict[str, Any] = {
    "AlarmName": "failed",
    "Namespace": "AWS/States",
    "MetricName": "ExecutionsFailed",
    "Dimensions": [{"Name": "StateMachineArn", "Value": "arn:machine"}],
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "StateValue": "ALARM",
    "StateUpdatedTimestamp": DAWN + timedelta(minutes=11),
}


class Account:
    """CloudWatch and Step Functions of somebody who has these values by minute."""

    def __init__(self, values: dict[int, float], alarm: dict[str, Any], names: Sequence[str] = ()) -> None:
        self.values, self.alarm, self.names = values, alarm, names

    def __call__(self, service: str) -> Account:
        return self

    def get_paginator(self, name: str) -> Any:
        account = self

        class Pages:
            def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
                if name == "describe_alarms":
                    yield {"MetricAlarms": [account.alarm], "CompositeAlarms": []}
                else:
                    yield account.data(**asked)

        return Pages()

    def data(self, **asked: Any) -> dict[str, Any]:
        results = []
        for query in asked["MetricDataQueries"]:
            if "MetricStat" not in query:
                step, shown = int(self.alarm["Metrics"][1]["MetricStat"]["Period"]), query["Id"]
            else:
                step, shown = query["MetricStat"]["Period"], query["Id"]
            if query.get("ReturnData") is False:
                continue
            sums: dict[int, float] = {}
            for minute, value in self.values.items():
                at = int((DAWN + timedelta(minutes=minute)).timestamp())
                if asked["StartTime"].timestamp() <= at < asked["EndTime"].timestamp():
                    sums[at // step * step] = sums.get(at // step * step, 0) + value
            ordered = sorted(sums.items())
            results.append(
                {
                    "Id": shown,
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in ordered],
                    "Values": [value for _, value in ordered],
                }
            )
        return {"MetricDataResults": results}

    def list_executions(self, **asked: Any) -> dict[str, Any]:
        assert asked["stateMachineArn"] == "arn:machine"
        assert asked["statusFilter"] == "FAILED"
        return {
            "executions": [
                {"name": name, "stopDate": DAWN + timedelta(minutes=number)}
                for number, name in enumerate(self.names)
            ]
        }


def at(minute: int) -> datetime:
    return DAWN + timedelta(minutes=minute)


def test_a_second_fault_behind_the_old_alarm_is_told_with_its_execution() -> None:
    account = Account({10: 1, 16: 2}, ALARM, ("first", "second"))
    [on] = ringing(account, {"failed"}, at(19))
    assert on.since == at(11)
    assert on.newest is not None
    assert on.newest.at == at(17), "the minute 16 is over then"
    assert on.newest.what == "ExecutionsFailed 2, execution second"
    assert "nothing has failed since" in on.course


def test_a_fault_of_this_minute_is_not_called_over() -> None:
    [on] = ringing(Account({10: 1, 18: 1}, ALARM), {"failed"}, at(19))
    assert "nothing has failed since" not in on.course
    assert "may go on" in on.course


def test_distractor_minutes_that_are_well_are_no_faults() -> None:
    [on] = ringing(Account({10: 1, 14: 0, 18: 0}, ALARM), {"failed"}, at(19))
    assert on.newest is not None
    assert on.newest.at == at(11)


def test_an_alarm_without_a_fault_in_its_periods_says_so() -> None:
    [on] = ringing(Account({}, ALARM), {"failed"}, at(19))
    assert on.newest is None
    assert on.course.startswith("nothing has failed in its periods")


def test_values_that_cannot_be_asked_hide_no_alarm() -> None:
    account = Account({10: 1}, {**ALARM, "MetricName": "ExecutionsFailed"})
    account.list_executions = lambda **_: 1 / 0  # type: ignore[method-assign,assignment]
    [on] = ringing(account, {"failed"}, at(19))
    assert (on.newest, on.name) == (None, "failed")
    assert "could not be asked" in on.course


FIVE = {"Threshold": 5, "EvaluationPeriods": 2}
SHAPES: dict[str, dict[str, Any]] = {
    "one failure in five minutes": {},
    "errors twice in a row": FIVE,
    "two of three": {"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
    "one of sixteen minutes": {"Period": 60, "EvaluationPeriods": 16, "DatapointsToAlarm": 1},
    "slow": {"Statistic": "Maximum", "Threshold": 5},
    "an average too small": {
        "Statistic": "Average",
        "Threshold": 10,
        "ComparisonOperator": "LessThanThreshold",
    },
}


@pytest.mark.parametrize("quiet", [True, False], ids=["no values after", "good values after"])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_off_when_it_says_and_not_long_before(shape: str, quiet: bool) -> None:
    alarm = {**ALARM, **SHAPES[shape], "Dimensions": []}
    good = 20.0 if alarm["ComparisonOperator"].startswith("Less") else 0.0
    values = dict.fromkeys(range(20, 40), 7.0) | ({} if quiet else dict.fromkeys(range(40, 240), good))
    ran = states(alarm, values, 200, further=2)
    assert ran[39] == "ALARM"
    last_on = max(minute for minute, state in enumerate(ran) if state == "ALARM")
    for look in {39, 40, last_on}:
        found = newest_faults(Account(values, alarm), [alarm], at(look + 1))["failed"]
        assert found.at == at(40)
        assert found.over_by is not None
        assert at(last_on) <= found.over_by
        if quiet:
            assert found.over_by <= at(last_on) + timedelta(seconds=2 * alarm["Period"] + 60)


def test_an_alarm_that_keeps_its_state_without_values_is_promised_no_end() -> None:
    [on] = ringing(Account({10: 1}, {**ALARM, "TreatMissingData": "ignore"}), {"failed"}, at(19))
    assert on.newest is not None
    assert on.newest.over_by is None
    assert "first value that is well" in on.course


def test_a_sum_of_metrics_is_judged_by_its_periods() -> None:
    stat = {"Stat": "Sum", "Period": 300, "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"}}
    alarm = {
        **{key: ALARM[key] for key in ("AlarmName", "StateValue", "StateUpdatedTimestamp")},
        "Metrics": [
            {"Id": "all", "Expression": "SUM(METRICS())"},
            {"Id": "m1", "ReturnData": False, "MetricStat": stat},
        ],
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    found = newest_faults(Account({6: 4, 7: 4, 12: 3}, alarm), [alarm], at(19))["failed"]
    assert found.at == at(10), "three in the period from minute 10 on are too few"
    assert found.what == "value 8"
