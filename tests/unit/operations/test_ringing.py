"""What `ona alarms` and the morning's check call ringing: a cause once, its parts and followers with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.reading.ringing import ringing

BEGAN = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = {
    "fn-unwell": 'ALARM("fn-errors") OR ALARM("fn-slow")',
    "flow-unwell": '(ALARM("flow-failed")) AND NOT (ALARM("fn-unwell") OR ALARM("other-unwell"))',
    "other-unwell": 'ALARM("other-errors")',
}
SINGLE = ("fn-errors", "fn-slow", "flow-failed", "other-errors", "letters-wait")


class CloudWatch:
    """DescribeAlarms in pages of two; `on`: the alarms that are in ALARM, in the order of their coming."""

    def __init__(self, *on: str) -> None:
        self.on = on

    def get_paginator(self, name: str) -> CloudWatch:
        assert name == "describe_alarms"
        return self

    def paginate(self, **asked: list[str]) -> Iterator[dict[str, Any]]:
        assert set(asked["AlarmTypes"]) == {"MetricAlarm", "CompositeAlarm"}
        assert asked["AlarmNamePrefix"] == "ona-", "an account may have thousands of alarms of others"
        every = [self.alarm(name) for name in (*SINGLE, *RULES)]
        for start in range(0, len(every), 2):
            page = every[start : start + 2]
            yield {
                "MetricAlarms": [item for item in page if "AlarmRule" not in item],
                "CompositeAlarms": [item for item in page if "AlarmRule" in item],
            }

    def alarm(self, name: str) -> dict[str, Any]:
        at = self.on.index(name) if name in self.on else 0
        return {
            "AlarmName": name,
            "AlarmDescription": f"{name} is wrong. Runbook: docs/operations/symptoms/{name}.md",
            "StateValue": "ALARM" if name in self.on else "OK",
            "StateReason": f"{name} crossed",
            "StateUpdatedTimestamp": BEGAN + timedelta(minutes=at),
            **({"AlarmRule": RULES[name]} if name in RULES else {}),
        }


def seen(*on: str, ours: set[str] | None = None) -> list[tuple[str, list[str], list[str]]]:
    found = ringing(lambda _: CloudWatch(*on), ours or {*SINGLE, *RULES}, BEGAN + HOUR)
    return [(item.name, item.parts, item.behind) for item in found]


def test_a_cause_stands_for_its_parts_and_names_what_follows() -> None:
    assert seen("flow-failed", "fn-slow", "fn-unwell", "fn-errors") == [
        ("fn-unwell", ["fn-errors", "fn-slow"], ["flow-failed"])
    ]


def test_two_causes_are_two_and_both_name_what_follows() -> None:
    assert seen("fn-errors", "fn-unwell", "other-errors", "other-unwell", "flow-failed") == [
        ("fn-unwell", ["fn-errors"], ["flow-failed"]),
        ("other-unwell", ["other-errors"], ["flow-failed"]),
    ]


def test_a_symptom_alone_and_an_alarm_of_its_own_stand_for_themselves() -> None:
    assert seen("letters-wait", "flow-failed", "flow-unwell") == [
        ("letters-wait", [], []),
        ("flow-unwell", ["flow-failed"], []),
    ]


def test_an_alarm_whose_composite_alarm_is_not_on_yet_is_not_lost() -> None:
    """Between a change of an alarm and the look at those above it."""
    assert seen("flow-failed") == [("flow-failed", [], [])]


def test_distractor_alarms_of_others_are_not_ours() -> None:
    assert seen("fn-errors", "fn-unwell", "letters-wait", ours={"letters-wait"}) == [
        ("letters-wait", [], [])
    ]
    assert seen() == []


def test_text_page_reason_and_time_are_those_of_the_alarm() -> None:
    cloudwatch = CloudWatch("letters-wait", "fn-errors", "fn-unwell")
    [item] = ringing(lambda _: cloudwatch, {"fn-errors", "fn-unwell"}, BEGAN + HOUR)
    assert (item.name, item.what) == ("fn-unwell", "fn-unwell is wrong")
    assert item.page.rpartition("/")[2] == "fn-errors.md", "of the part that is on"
    assert item.reason == "fn-errors crossed", "of the part: the composite's own says only that it changed"
    assert item.since == BEGAN + timedelta(minutes=2)
