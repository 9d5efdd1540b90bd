"""Which fault was first? An alarm that began before another one's fault does not follow from it.

When an alarm goes on is told by `tests/fakes/cloudwatch.py`, minute by minute; the values are answered by
a CloudWatch of this file's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.reading.first_fault import began
from operations.reading.ringing import ringing
from tests.fakes.cloudwatch import Series, states

DAWN = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
UNTIL = 120
ERRORS: dict[str, Any] = {
    "AlarmName": "fn-errors", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum",
    "Period": 300, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
}  # fmt: skip
SLOW = {
    **ERRORS, "AlarmName": "fn-slow", "MetricName": "Duration", "Statistic": "Maximum",
    "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 1000,
}  # fmt: skip
LETTERS = {
    **ERRORS, "AlarmName": "letters", "Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent",
    "Period": 60, "EvaluationPeriods": 16, "DatapointsToAlarm": 1, "Threshold": 0,
}  # fmt: skip
RULES = {
    "fn-unwell": 'ALARM("fn-errors") OR ALARM("fn-slow")',
    "letters-unwell": '(ALARM("letters")) AND NOT (ALARM("fn-unwell"))',
}


def minute(at: int) -> datetime:
    return DAWN + timedelta(minutes=at)


def went_on(alarm: dict[str, Any], values: Series) -> int | None:
    """At the end of which minute it went on and stayed on until the last."""
    told = states(alarm, values, UNTIL, further=2)
    return next((at + 1 for at, state in enumerate(told) if state == "ALARM"), None)


class Account:
    """CloudWatch of somebody whose alarms have these values; the state is that after `look` minutes."""

    def __init__(self, look: int, **values: Series) -> None:
        self.look = look
        self.values = {"Errors": {}, "Duration": {}, "NumberOfMessagesSent": {}, **values}

    def __call__(self, service: str) -> Account:
        assert service == "cloudwatch"
        return self

    def get_paginator(self, name: str) -> Any:
        account = self

        class Pages:
            def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
                yield account.alarms() if name == "describe_alarms" else account.data(**asked)

        return Pages()

    def alarms(self) -> dict[str, Any]:
        single, on = [], dict[str, int]()
        for alarm in (ERRORS, SLOW, LETTERS):
            told = states(alarm, self.values[alarm["MetricName"]], self.look - 1, further=2)
            if told[-1] == "ALARM":
                on[alarm["AlarmName"]] = max(
                    (at + 1 for at in range(1, len(told)) if told[at] == "ALARM" != told[at - 1]), default=1
                )
            single.append({**alarm, **state(on.get(alarm["AlarmName"]))})
        cause = min((at for name, at in on.items() if name.startswith("fn")), default=None)
        letters = on.get("letters") if cause is None else None
        composite = {"fn-unwell": cause, "letters-unwell": letters}
        return {
            "MetricAlarms": single,
            "CompositeAlarms": [
                {"AlarmName": name, "AlarmRule": RULES[name], **state(at)} for name, at in composite.items()
            ],
        }

    def data(self, **asked: Any) -> dict[str, Any]:
        results = []
        for query in asked["MetricDataQueries"]:
            stat = query["MetricStat"]
            assert stat["Period"] == 60
            found = [
                (minute(at), value)
                for at, value in sorted(self.values[stat["Metric"]["MetricName"]].items())
                if asked["StartTime"] <= minute(at) < asked["EndTime"]
            ]
            times, values = [at for at, _ in found], [value for _, value in found]
            results.append({"Id": query["Id"], "Timestamps": times, "Values": values})
        return {"MetricDataResults": results}


def state(on: int | None) -> dict[str, Any]:
    return {
        "StateValue": "OK" if on is None else "ALARM",
        "StateReason": "crossed",
        "StateUpdatedTimestamp": minute(on or 0),
    }


def seen(account: Account) -> dict[str, list[str]]:
    every = {"fn-errors", "fn-slow", "letters", *RULES}
    return {item.name: item.behind for item in ringing(account, every, minute(account.look))}


def every(start: int, end: int, value: float = 1.0) -> Series:
    return dict.fromkeys(range(start, end), value)


FIRST = [
    pytest.param(LETTERS, {40: 1.0}, 40, id="one letter"),
    pytest.param(LETTERS, {40: 1.0, 43: 1.0}, 40, id="letters that come one after the other"),
    pytest.param(ERRORS, every(40, 60, 3.0), 40, id="errors at once"),
    pytest.param(ERRORS, every(40, 60, 1.5), 40, id="few errors, seen late"),
    pytest.param(ERRORS, {36: 1.0, **every(40, 60, 3.0)}, 36, id="it began with a single error"),
    pytest.param(ERRORS, {30: 1.0, **every(40, 60, 3.0)}, 40, id="distractor: an error that was mended"),
    pytest.param(SLOW, {**every(20, 40, 90.0), **every(40, 50, 2000.0)}, 40, id="slow after it was quick"),
]  # fmt: skip


@pytest.mark.parametrize(("alarm", "values", "wanted"), FIRST)
def test_a_fault_begins_with_its_first_minute(alarm: dict[str, Any], values: Series, wanted: int) -> None:
    on = went_on(alarm, values)
    assert on is not None
    assert began(Account(on, **{alarm["MetricName"]: values}), [alarm], minute(on)) == minute(wanted)


def test_of_parts_the_first_counts_and_without_values_nobody_knows() -> None:
    account = Account(60, Errors=every(45, 60, 3.0), Duration=every(40, 60, 2000.0))
    assert began(account, [ERRORS, SLOW], minute(60)) == minute(40)
    assert began(Account(60), [ERRORS, SLOW], minute(60)) is None


def test_a_letter_of_the_same_fault_follows_from_it() -> None:
    """Also where its alarm went on ten minutes before that of the function."""
    letters = every(40, 60)
    assert seen(Account(60, Errors=every(40, 60, 1.5), NumberOfMessagesSent=letters)) == {
        "fn-unwell": ["letters"]
    }


def test_a_letter_that_came_before_the_function_failed_stands_for_itself() -> None:
    """A person who mends the function would never hear of it otherwise."""
    account = Account(60, Errors=every(48, 60, 9.0), NumberOfMessagesSent={46: 1.0})
    assert seen(account) == {"fn-unwell": [], "letters": []}
    both = Account(60, Errors=every(48, 60, 9.0), NumberOfMessagesSent={46: 1.0, 50: 1.0})
    assert seen(both) == {"fn-unwell": [], "letters": []}, "those that follow do not hide the first"


def test_distractor_an_error_that_a_retry_mended_is_no_beginning() -> None:
    account = Account(60, Errors={40: 1.0, **every(48, 60, 9.0)}, NumberOfMessagesSent={46: 1.0})
    assert seen(account) == {"fn-unwell": [], "letters": []}
