"""Alarms ring for what happens anew: an old fault that nobody mended silences no later one.

Each alarm of the templates is run by `tests/fakes/cloudwatch.py`, minute by minute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.builders.deployed import RESOURCES, STACKS, of_type
from tests.fakes.cloudwatch import LATE_MINUTES, Queue, rings
from tests.paths import ROOT

PAGE = ROOT / "docs" / "operations" / "alarms.md"
HOUR, DAY = 60, 24 * 60
"""Minutes."""
ON_A_STATE = {
    "ReconcileFailedAlarm": "a message a new list of failures",
    "ForecastAccuracyAlarm": "the same metric by customer",
    "WeatherStaleAlarm": "WeatherUnansweredAlarm, when it is the provider",
    "WeatherUnansweredAlarm": "there is one provider: nothing else can fail behind it",
    "ForecastingApiSlowAlarm": "a slow API is one state, whatever made it slow",
    "WorkflowLettersWaitingAlarm": "the alarm on letters that arrive",
    "RuleLettersWaitingAlarm": "the alarm on letters that arrive",
    "FunctionLettersWaitingAlarm": "the alarm on letters that arrive",
    "OutboxLettersWaitingAlarm": "the alarm on letters that arrive",
    "ApiFailedRequestAlarm": "ApiFailingAlarm",
    "IamApiFailedRequestAlarm": "IamApiFailingAlarm",
    "OpsApiFailedRequestAlarm": "OpsApiFailingAlarm",
    "OpsIamApiFailedRequestAlarm": "OpsIamApiFailingAlarm",
    "AccountApiFailedRequestAlarm": "AccountApiFailingAlarm",
    "AccountIamApiFailedRequestAlarm": "AccountIamApiFailingAlarm",
}
"""Alarms that ring once while a state lasts, and what tells of a second fault meanwhile."""


def properties(item: dict[str, Any]) -> dict[str, Any]:
    return dict(item["Properties"])


ALARMS = {
    name: properties(item)
    for name, item in of_type("AWS::CloudWatch::Alarm").items()
    if name in STACKS["watch"]["Resources"] and not name.startswith("Watch")
}
"""Those that people wrote before there were rules; `test_watch.py` has all."""
COMPOSITES = list(of_type("AWS::CloudWatch::CompositeAlarm").values())


def rung_for(composite: dict[str, Any]) -> str:
    """The part of a composite alarm's rule that says for which alarms it rings."""
    return str(composite["Properties"]["AlarmRule"]["Fn::Sub"]).partition(" AND NOT ")[0]


QUEUES = sorted(
    name
    for name, item in RESOURCES.items()
    if item["Type"] == "AWS::SQS::Queue" and "dead-letters" in item["Properties"]["QueueName"]["Fn::Sub"]
)
"""Queues of letters; a queue of work has alarms by rule (`test_watch.py`)."""


def of_queue(queue: str, metric: str) -> dict[str, Any]:
    """The one alarm on a metric of a queue."""
    dimension = {"Name": "QueueName", "Value": RESOURCES[queue]["Properties"]["QueueName"]}
    [found] = [
        item
        for item in ALARMS.values()
        if (item["Namespace"], item["MetricName"], item["Dimensions"]) == ("AWS/SQS", metric, [dimension])
    ]
    return found


NAMES = {"AlarmName", "AlarmDescription", "AlarmActions", "OKActions", "Dimensions", "Tags"}
"""What an alarm is called and who hears it: its state hangs on none of them."""


def calls(alarm: dict[str, Any], queue: Queue) -> list[int]:
    """The minutes at which an alarm rings; queues with the same alarm and the same fate are run once."""
    rule = json.dumps({key: item for key, item in alarm.items() if key not in NAMES}, sort_keys=True)
    series = tuple(queue.metrics.get(alarm["MetricName"], {}).items())
    return list(_calls(rule, series, queue.minute - 1, tuple(queue.known.items())))


@cache
def _calls(
    rule: str, series: tuple[tuple[int, float], ...], until: int, known: tuple[tuple[int, int], ...]
) -> list[int]:
    return rings(json.loads(rule), dict(series), until, dict(known))


def bursts(minutes: list[int]) -> list[int]:
    """The first minute of each run of letters that come within a quarter of an hour of one another.

    >>> bursts([5, 7, 9, 60])
    [5, 60]
    """
    return [at for at, before in zip(minutes, [-DAY, *minutes], strict=False) if at - before > LATE_MINUTES]


# ------------------------------------------------------------------ letters


def two_letters(queue: Queue) -> None:
    queue.send("bad upload")
    queue.until(HOUR)
    queue.send("a failure, while the first letter lies")


def three_in_a_row(queue: Queue) -> None:
    for minute in (0, 2, 4):
        queue.until(10 + minute)
        queue.send(f"letter {minute}")


def after_a_look(queue: Queue) -> None:
    queue.send("one")
    queue.until(30)
    queue.look()
    queue.until(HOUR)
    queue.send("two")


def redriven_in_vain(queue: Queue) -> None:
    queue.send("one")
    queue.until(30)
    queue.delete("one")  # redrive: its work was started
    queue.until(32)
    queue.send("the same again: it failed again")


def one_goes_and_one_comes(queue: Queue) -> None:
    """In the same minute: the depth never changes."""
    queue.send("one")
    queue.until(30)
    queue.delete("one")
    queue.send("two")


def after_a_quiet_day(queue: Queue) -> None:
    queue.send("one")
    queue.until(30)
    queue.delete("one")
    queue.until(2 * DAY)
    queue.send("two")


NEW = [
    two_letters,
    three_in_a_row,
    after_a_look,
    redriven_in_vain,
    one_goes_and_one_comes,
    after_a_quiet_day,
]


def a_look(queue: Queue) -> None:
    queue.look()


def ten_looks(queue: Queue) -> None:
    for _ in range(10):
        queue.look()
        queue.until(queue.minute + 5)


def a_redrive(queue: Queue) -> None:
    queue.delete(*queue.messages)


def a_removal(queue: Queue) -> None:
    queue.delete(next(iter(queue.messages)))


def a_redrive_that_leaves_one(queue: Queue) -> None:
    """What cannot be started is shown again."""
    queue.look()
    queue.delete(next(iter(queue.messages)))


def nothing(queue: Queue) -> None:
    queue.until(2 * DAY)


OLD = [a_look, ten_looks, a_redrive, a_removal, a_redrive_that_leaves_one, nothing]


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("happens", NEW, ids=lambda item: item.__name__)
def test_every_letter_that_arrives_rings(queue: str, happens: Callable[[Queue], None]) -> None:
    told = Queue(minute=0)
    told.until(5)
    before = told.metrics.get("NumberOfMessagesSent", {})
    assert not before
    happens(told)
    told.until(told.minute + HOUR)
    arrived = [minute for minute, count in told.metrics["NumberOfMessagesSent"].items() if count]
    rung = calls(of_queue(queue, "NumberOfMessagesSent"), told)
    assert len(rung) == len(bursts(arrived)), "once a burst"
    for first, ring in zip(bursts(arrived), rung, strict=True):
        assert first <= ring <= first + LATE_MINUTES, "also where SQS tells of it late"
    assert len(arrived) >= 2


def test_on_one_minute_alone_the_first_letter_in_an_empty_queue_would_ring_nobody() -> None:
    """Why the alarm looks back a quarter of an hour: nearly every letter finds its queue empty."""
    alarm = of_queue("WorkflowDeadLetterQueue", "NumberOfMessagesSent")
    told = Queue(minute=0)
    told.until(5)
    told.send("after a quiet day")
    told.until(2 * HOUR)
    assert calls({**alarm, "EvaluationPeriods": 1, "DatapointsToAlarm": 1}, told) == []
    assert calls(alarm, told) == [5 + LATE_MINUTES]


def test_on_the_depth_of_the_queue_a_second_letter_would_ring_nobody() -> None:
    """What the alarms were before: these tests see it."""
    on_arrival = of_queue("WorkflowDeadLetterQueue", "NumberOfMessagesSent")
    on_depth = {**on_arrival, "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum"}
    told = Queue()
    two_letters(told)
    told.until(2 * HOUR)
    assert (calls(on_depth, told), calls(on_arrival, told)) == ([LATE_MINUTES], [LATE_MINUTES, HOUR])


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("happens", OLD, ids=lambda item: item.__name__)
def test_nothing_but_a_letter_rings(queue: str, happens: Callable[[Queue], None]) -> None:
    told = Queue()
    told.send("one")
    told.send("two")
    told.until(30)
    happens(told)
    told.until(told.minute + HOUR)
    assert calls(of_queue(queue, "NumberOfMessagesSent"), told) == [LATE_MINUTES], "of the letters, late"


@pytest.mark.parametrize("queue", QUEUES)
def test_a_letter_that_nobody_takes_is_told_once_more(queue: str) -> None:
    told = Queue()
    told.send("forgotten")
    for hour in range(30):
        told.look()  # looking is not taking
        told.until((hour + 1) * HOUR)
    assert len(calls(of_queue(queue, "ApproximateNumberOfMessagesVisible"), told)) == 1


@pytest.mark.parametrize("queue", QUEUES)
def test_a_letter_a_day_that_is_taken_within_the_hour_waits_for_nobody(queue: str) -> None:
    told = Queue()
    for day in range(3):
        told.until(day * DAY)
        told.send(f"day {day}")
        told.until(day * DAY + HOUR)
        told.delete(f"day {day}")
    told.until(4 * DAY)
    assert calls(of_queue(queue, "ApproximateNumberOfMessagesVisible"), told) == []


@pytest.mark.parametrize("lies", [1, 10, 30, 50], ids=lambda minutes: f"{minutes} minutes")
@pytest.mark.parametrize("queue", QUEUES)
def test_a_letter_an_hour_that_is_taken_in_time_waits_for_nobody(queue: str, lies: int) -> None:
    """By whole hours it looked as if one letter had lain for a day."""
    told = Queue()
    for hour in range(30):
        told.until(hour * HOUR)
        told.send(f"hour {hour}")
        told.until(hour * HOUR + lies)
        told.delete(f"hour {hour}")
    told.until(31 * HOUR)
    reminder = of_queue(queue, "ApproximateNumberOfMessagesVisible")
    assert calls(reminder, told) == []
    by_hours = {**reminder, "Period": 3600, "EvaluationPeriods": 24, "DatapointsToAlarm": 24}
    assert len(calls(by_hours, told)) == 1, "this test sees what the alarm was before"


@pytest.mark.parametrize("queue", QUEUES)
def test_values_that_are_missing_for_a_while_hide_no_letter_that_waits(queue: str) -> None:
    told = Queue()
    told.send("forgotten")
    told.until(26 * HOUR)
    reminder = of_queue(queue, "ApproximateNumberOfMessagesVisible")
    values = told.metrics["ApproximateNumberOfMessagesVisible"]
    holes = {minute: value for minute, value in values.items() if not 10 * HOUR <= minute < 10 * HOUR + 30}
    first, *more = rings(reminder, holes, told.minute - 1, told.known)
    assert all(ring - first < 10 for ring in more), "five minutes with a value in one of them come and go"


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_looks_back_as_far_as_cloudwatch_can(name: str) -> None:
    """A day where a period is below an hour, else a week (CloudWatch API, PutMetricAlarm, `Period`)."""
    alarm = ALARMS[name]
    most = 7 * DAY if int(alarm["Period"]) >= 3600 else DAY
    assert int(alarm["Period"]) * int(alarm["EvaluationPeriods"]) <= most * 60
    assert int(alarm.get("DatapointsToAlarm", 1)) <= int(alarm["EvaluationPeriods"])


def test_no_letter_is_moved_into_a_queue_by_sqs_itself() -> None:
    """`NumberOfMessagesSent` does not count what a redrive policy moves."""
    for name in QUEUES:
        assert "RedrivePolicy" not in RESOURCES[name]["Properties"], name


# ------------------------------------------------------------------ requests that failed

APIS = sorted(name.removesuffix("FailingAlarm") for name in ALARMS if name.endswith("ApiFailingAlarm"))
TRICKLE = dict.fromkeys(range(10, 2 * DAY, 30), 1.0)
"""A failed request each half hour, for two days."""


def many_and_one(api: str, values: dict[int, float]) -> tuple[list[int], list[int]]:
    """When the two alarms of an API ring: of many failed requests, and of the first."""
    until = max(values) + 3 * HOUR
    many, one = ALARMS[f"{api}FailingAlarm"], ALARMS[f"{api}FailedRequestAlarm"]
    assert many["Dimensions"] == one["Dimensions"]
    return rings(many, values, until), rings(one, values, until)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("values", "many", "one"),
    [
        ({10: 1.0}, [], [10]),
        ({10: 1.0, 200: 1.0}, [], [10, 200]),
        ({**dict.fromkeys(range(200), 0.0), 10: 1.0, 110: 1.0}, [], [10, 110]),
        (TRICKLE, [], [10]),
        ({**TRICKLE, 400: 40.0}, [400], [10]),
        ({10: 6.0}, [10], [10]),
        (dict.fromkeys(range(200), 0.0), [], []),
    ],
    ids=[
        "one of few",
        "one, and another three hours later",
        "the same among requests that went well",
        "one each half hour for two days",
        "many, while such a trickle lasts",
        "many at once",
        "none of many",
    ],
)
def test_one_failed_request_rings_and_a_trickle_does_not_ring_for_ever(
    api: str, values: dict[int, float], many: list[int], one: list[int]
) -> None:
    assert many_and_one(api, values) == (many, one)


# ------------------------------------------------------------------ all alarms


@pytest.mark.parametrize("name", sorted(set(ALARMS) - set(ON_A_STATE)))
def test_an_alarm_on_events_rings_for_each_burst(name: str) -> None:
    """Also when no value follows an event: what CloudWatch does with missing data hides nothing."""
    alarm = ALARMS[name]
    many = float(alarm["Threshold"]) + 1
    assert rings(alarm, {10: many, 40: many, 70: many}, HOUR * 2) == [10, 40, 70]
    assert rings(alarm, {10: 0.0, 40: 0.0}, HOUR * 2) == [], "a value of zero is no event"


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_has_somebody_who_hears_it_and_rests_without_data(name: str) -> None:
    alarm = ALARMS[name]
    assert sum(f"${{{name}}}" in rung_for(item) for item in COMPOSITES) <= 1, "one alarm tells of it"
    heard = RESOURCES["AlertsStateMachine"]["Properties"]["Events"]["AlarmChanged"]["Properties"]["Pattern"]
    assert heard["source"] == ["aws.cloudwatch"]
    assert heard["detail"]["alarmName"] == [{"wildcard": {"Fn::Sub": "ona-*-${Environment}"}}]
    assert alarm["AlarmName"]["Fn::Sub"].startswith("ona-")
    assert rings(alarm, {}, 6 * HOUR) == [], "no data: nothing happened, and the alarm may ring anew"


def test_the_table_of_states_names_alarms_that_exist() -> None:
    assert set(ON_A_STATE) <= set(ALARMS)


def test_the_page_has_every_alarm_and_no_other() -> None:
    cells = re.findall(r"^\| `ona-[^|]*\|", PAGE.read_text(), re.M)
    told = re.findall(r"`(ona-[\w-]+-<env>)`", "".join(cells))
    there = [item["AlarmName"]["Fn::Sub"].replace("${Environment}", "<env>") for item in ALARMS.values()]
    assert sorted(told) == sorted(there)
