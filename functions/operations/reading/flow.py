"""Queues, rules, timers and alarms: does work go through, and does anything ring?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ona.runtime.words import counted
from operations.config.catalogue import FILE as CATALOGUE
from operations.reading.changes import RULE_OFF, Changes, on_bus
from operations.reading.finding import Client, Finding, code_of, each
from operations.reading.inventory import Inventory
from operations.reading.metric_data import Ask, values
from operations.reading.ringing import ringing
from operations.reading.stops import Stop

LETTERS = "dead-letters"
"""What a queue of dead letters has in its name (stacks/foundation.yaml): a message is a failure."""
HOLDING = "holding"
"""In the name of the queue that keeps events while the platform is stopped: there they wait on purpose."""
LONG_S = 900
"""A message that has waited longer is named, seconds (the alarm `queue_old` has the same)."""
LATE_S = 1200
"""So late may CloudWatch know of a queue: 15 minutes (SQS Developer Guide), and a minute's value."""
_GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
OF_CLOSED_APIS = ("api_errors", "api_first_error", "api_first_error_unwell", "api_refusals", "api_unwell")
"""Kinds of alarms that follow from APIs which are closed: every caller gets 503 or 429."""
OFF = "off: "
"""How it begins what is said of a rule or timer that is off."""
OFF_BY_STOP = "off: the platform is stopped, and a resume turns it on"
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def queues(client: Client, found: Inventory, now: datetime) -> Iterator[Finding]:
    """How many messages lie in each queue, and for how long, where that is long. Looking takes none out,
    and hides none. The age is CloudWatch's: SQS tells it there alone."""
    sqs = client("sqs")
    urls = found.of("AWS::SQS::Queue")
    ages = _ages(client, [url.rpartition("/")[2] for url in urls], now)

    def look(url: str) -> Finding:
        name = url.rpartition("/")[2]
        try:
            given = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
        except Exception as error:
            if code_of(error) in _GONE:
                return Finding.critical(
                    "queues", name, "it is gone: its stack names it, SQS does not know it"
                )
            raise
        number = sum(int(given[count]) for count in _COUNTS)
        seen, age = ages.get(name, (0.0, 0.0)) if number else (0.0, 0.0)
        waits = f"; the oldest has waited {_in_words(age)}" if age > LONG_S else ""
        since = datetime.fromtimestamp(seen - age, UTC) if age else None
        if number and LETTERS in name:
            text = f"{counted(number, 'dead letter')}: work that failed for good{waits}"
            return Finding.warning("queues", name, text, since=since)
        text = counted(number, "message") if number else "empty"
        if waits and HOLDING not in name:
            return Finding.warning("queues", name, f"{text}{waits}", since=since)
        return Finding.ok("queues", name, f"{text}{waits}")

    return each("queues", urls, look)


def _ages(client: Client, names: list[str], now: datetime) -> dict[str, tuple[float, float]]:
    """By queue, when CloudWatch looked last, seconds since 1970, and how long its oldest message had waited
    then, seconds; only those of which it is known."""
    asks = [
        Ask("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, "Maximum", 60)
        for name in names
    ]
    told = values(client("cloudwatch"), asks, now - timedelta(seconds=LATE_S), now)
    return {name: points[-1] for name, points in zip(names, told, strict=True) if points}


def _in_words(seconds: float) -> str:
    """A time in the largest unit that it fills twice.

    >>> _in_words(1000), _in_words(7300), _in_words(200_000)
    ('16 minutes', '2 hours', '2 days')
    """
    for size, unit in ((86_400, "day"), (3_600, "hour")):
        if seconds >= 2 * size:
            return counted(int(seconds // size), unit)
    return counted(int(seconds // 60), "minute")


def rules(client: Client, found: Inventory, stop: Stop | None = None) -> Iterator[Finding]:
    """Is each rule and timer on? EventBridge keeps no event for a rule that is off. Timers are rules with a
    schedule, and the schedules of EventBridge Scheduler. One that a `stop` turned off is well."""
    events, scheduler = client("events"), client("scheduler")
    stopped, changes = {(one.kind, one.name) for one in stop.timers} if stop else set(), Changes(client)

    def look(name: str) -> Finding:
        bus, _, rule = name.rpartition("|")
        try:
            described = events.describe_rule(Name=rule, **({"EventBusName": bus} if bus else {}))
        except Exception as error:
            if code_of(error) == "ResourceNotFoundException":
                return Finding.critical(
                    "rules", rule, "it is gone: its stack names it, EventBridge does not"
                )
            raise
        if described["State"] != "DISABLED":
            return Finding.ok("rules", rule, described["State"])
        if ("rule", rule) in stopped:
            return Finding.ok("rules", rule, OFF_BY_STOP)
        if described.get("ScheduleExpression"):
            off = Finding.warning("rules", rule, f"{OFF}{described['ScheduleExpression']} starts nothing")
        else:
            off = Finding.critical("rules", rule, f"{OFF}its events start nothing, and are kept nowhere")
        return changes.told(off, RULE_OFF, on_bus(bus, rule))

    def timer(name: str) -> Finding:
        try:
            described = scheduler.get_schedule(Name=name)
        except Exception as error:
            if code_of(error) == "ResourceNotFoundException":
                return Finding.critical(
                    "rules", name, "it is gone: its stack names it, its service does not"
                )
            raise
        if described["State"] != "DISABLED":
            return Finding.ok("rules", name, described["State"])
        if ("schedule", name.rpartition("|")[2]) in stopped:
            return Finding.ok("rules", name, OFF_BY_STOP)
        text = f"{OFF}{described['ScheduleExpression']} starts nothing"
        return Finding.warning("rules", name, text, since=described.get("LastModificationDate"))

    yield from each("rules", found.of("AWS::Events::Rule"), look)
    yield from each("rules", found.of("AWS::Scheduler::Schedule"), timer)


def alarms(
    client: Client, found: Inventory, environment: str, now: datetime, stop: Stop | None = None
) -> Iterator[Finding]:
    """The platform's own alarms that are on; other alarms of the account are not ours. One that the
    catalogue calls critical is critical. An API that a `stop` closed refuses its callers: its alarms that
    went on since are a warning. Each says when its newest fault was, and when it goes off by itself."""
    ours = {*found.of("AWS::CloudWatch::Alarm"), *found.of("AWS::CloudWatch::CompositeAlarm")}
    known = {one.name.format(environment=environment): one for one in CATALOGUE.read().alarms}
    wanted = {name for name, one in known.items() if stop and stop.closes and one.kind in OF_CLOSED_APIS}
    on = ringing(client, ours, now)
    for alarm in on:
        why = alarm.what or alarm.reason or "it gives no reason"
        judged = alarm.parts or [alarm.name]
        closed = stop is not None and wanted.issuperset(judged) and alarm.since >= stop.at
        why = f"{why}; the platform is stopped, and its APIs are closed" if closed else why
        worst = not closed and any(name in known and known[name].severity == "critical" for name in judged)
        told = Finding.critical if worst else Finding.warning
        finding = told("alarms", alarm.name, f"is on: {why}", since=alarm.since)
        yield finding.model_copy(update={"page": alarm.page or finding.page, "course": alarm.course})
    if not on:
        yield Finding.ok("alarms", "all", f"{counted(len(ours), 'alarm')}, none is on")
