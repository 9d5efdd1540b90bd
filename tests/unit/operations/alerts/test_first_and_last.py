"""What a person who is woken reads of the fault: whether it is over, and that no later one hides it.

The alerts are those of the alert log on moto; what CloudWatch would say of the faults is written here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from operations.alerting.faults import Faults, Measured
from operations.config.catalogue import Catalogue
from tests.builders.alerts import MINUTE, T0, Night

COMMON: dict[str, Any] = {
    "about": "x", "family": "ooda", "severity": "high", "composite": True, "rings": True, "told_by": None,
    "page": "letters-arrive", "children": [],
}  # fmt: skip
WAITS = {"settle_s": 720, "lasts_s": 300}
CATALOGUE = Catalogue.model_validate(
    {
        "alarms": [
            {**COMMON, "name": "ona-fn-unwell-{environment}", "kind": "function_unwell", "causes": [],
             "settle_s": 0, "lasts_s": 0, "children": ["ona-fn-errors-{environment}"]},
            {**COMMON, **WAITS, "name": "ona-letters-unwell-{environment}", "kind": "letters_unwell",
             "causes": ["ona-fn-unwell-{environment}"]},
        ],
        "watched": [], "dashboards": [],
    }
)  # fmt: skip
CURED = "newest fault 01:02 UTC: Letters 1; nothing has failed since"


class Said(Faults):
    """When each fault began, in minutes after T0; what CloudWatch says of all of them."""

    def __init__(self, **began: int) -> None:
        self.minutes = began

    def began(self, name: str, on_at: datetime) -> datetime | None:
        at = self.minutes.get(name.removeprefix("ona-").removesuffix("-unwell"))
        return None if at is None else T0 + at * MINUTE

    def course(self, _name: str, _now: datetime) -> str:
        return CURED


@pytest.fixture
def ringing(on_call: Night) -> Night:
    """The letters' alarm is on; eight minutes later the function's is, and its rule turns the first off."""
    on_call.catalogue = CATALOGUE
    return on_call


def rings(night: Night, *, fn_after: int) -> None:
    night.alarm("ona-letters-unwell")
    night.now += fn_after * MINUTE
    night.alarm("ona-fn-unwell")
    night.alarm("ona-letters-unwell", "OK")
    night.pass_time(20)


def letters(night: Night) -> list[str]:
    return [mail for mail in night.mails_full if "ona-letters-unwell" in mail.splitlines()[0]]


def test_what_began_before_another_fault_is_told_all_the_same(ringing: Night) -> None:
    ringing.faults = Said(letters=0, fn=6)
    rings(ringing, fn_after=8)
    opened, closed = letters(ringing)
    assert opened.startswith("[ALERT high]"), opened
    assert "now: quiet since 2026-11-28 01:13 UTC behind ona-fn-unwell, which began later" in opened
    assert closed.startswith("[RESOLVED high]"), closed
    assert "It is quiet behind ona-fn-unwell, which is on. Look whether it is over: ona alarms" in closed


@pytest.mark.parametrize("began", [{"letters": 3, "fn": 2}, {"letters": 3, "fn": 3}, {"fn": 2}, {}])
def test_distractor_what_began_with_its_cause_or_later_is_not_told(
    ringing: Night, began: dict[str, int]
) -> None:
    """Nor what nobody can say it of: the alarms' rules hold then."""
    ringing.faults = Said(**began)
    rings(ringing, fn_after=8)
    assert letters(ringing) == []


def test_a_telling_says_whether_the_fault_is_over(ringing: Night) -> None:
    ringing.faults = Said()
    ringing.alarm("ona-letters-unwell")
    ringing.pass_time(13)
    [opened] = letters(ringing)
    assert f"now: {CURED}" in opened


def test_a_telling_of_an_alarm_that_is_off_again_says_so(ringing: Night) -> None:
    ringing.faults = Said()
    ringing.alarm("ona-letters-unwell")
    ringing.now += 9 * MINUTE
    ringing.alarm("ona-letters-unwell", "OK")
    ringing.pass_time(13)
    opened, closed = letters(ringing)
    assert "now: the alarm went off at 2026-11-28 01:14 UTC: nothing fails any more" in opened
    assert "quiet behind" not in closed


class CloudWatch:
    """DescribeAlarms of metric alarms by name, and GetMetricData: one error at 01:02."""

    def __init__(self, state: str = "ALARM") -> None:
        self.state, self.asked = state, list[str]()

    def __call__(self, service: str) -> CloudWatch:
        assert service == "cloudwatch", "its role may ask no other"
        return self

    def describe_alarms(self, **asked: list[str]) -> dict[str, Any]:
        assert asked["AlarmTypes"] == ["MetricAlarm"], "its role does not see composite alarms"
        self.asked += asked["AlarmNames"]
        one = {
            "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching", "StateValue": self.state,
        }  # fmt: skip
        return {"MetricAlarms": [{**one, "AlarmName": name} for name in asked["AlarmNames"]]}

    def get_paginator(self, name: str) -> CloudWatch:
        assert name == "get_metric_data"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        at = datetime(2026, 11, 28, 1, 2, tzinfo=UTC)
        inside = asked["StartTime"] <= at < asked["EndTime"]
        found = {"Timestamps": [at] * inside, "Values": [1.0] * inside}
        return [
            {"MetricDataResults": [{"Id": query["Id"], **found} for query in asked["MetricDataQueries"]]}
        ]


def test_of_a_composite_alarm_its_parts_are_asked() -> None:
    cloudwatch = CloudWatch()
    faults = Measured(cloudwatch, CATALOGUE, "prod")
    on_at = datetime(2026, 11, 28, 1, 3, tzinfo=UTC)
    assert faults.began("ona-fn-unwell", on_at) == datetime(2026, 11, 28, 1, 2, tzinfo=UTC)
    assert faults.course("ona-fn-unwell", datetime(2026, 11, 28, 1, 5, tzinfo=UTC)).startswith(
        "newest fault 2026-11-28 01:02 UTC: Errors 1; nothing has failed since"
    )
    assert set(cloudwatch.asked) == {"ona-fn-errors-prod"}


def test_who_cannot_be_asked_holds_nothing_up() -> None:
    def refused(service: str) -> Any:
        raise PermissionError(service)

    faults = Measured(refused, CATALOGUE, "prod")
    assert (faults.began("ona-fn-unwell", T0), faults.course("ona-fn-unwell", T0)) == (None, "")
    asked: list[str] = []

    def silent(service: str) -> Any:
        asked.append(service)
        raise TimeoutError(service)

    faults = Measured(silent, CATALOGUE, "prod")
    assert [faults.began(name, T0) for name in ("ona-fn-unwell", "ona-letters")] == [None, None]
    assert len(asked) == 1, "an alert waits for no second answer after one that did not come"
    assert Measured(CloudWatch("OK"), CATALOGUE, "prod").course("ona-fn-unwell", T0) == ""
