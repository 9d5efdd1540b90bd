"""Queues, rules, timers and alarms: does work go through, and does anything ring?"""

from __future__ import annotations

from collections.abc import Iterator

from ona.runtime.words import counted
from operations.config.catalogue import FILE as CATALOGUE
from operations.reading.finding import Client, Finding, code_of, each
from operations.reading.inventory import Inventory
from operations.reading.ringing import ringing

LETTERS = "dead-letters"
"""What a queue of dead letters has in its name (stacks/foundation.yaml): a message is a failure."""
_GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def queues(client: Client, found: Inventory) -> Iterator[Finding]:
    """How many messages lie in each queue. Looking takes none out, and hides none."""
    sqs = client("sqs")

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
        if number and LETTERS in name:
            return Finding.warning(
                "queues", name, f"{counted(number, 'dead letter')}: work that failed for good"
            )
        return Finding.ok("queues", name, counted(number, "message") if number else "empty")

    return each("queues", found.of("AWS::SQS::Queue"), look)


def rules(client: Client, found: Inventory) -> Iterator[Finding]:
    """Is each rule and timer on? EventBridge keeps no event for a rule that is off. Timers are rules with a
    schedule, and the schedules of EventBridge Scheduler."""
    events, scheduler = client("events"), client("scheduler")

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
        if described.get("ScheduleExpression"):
            return Finding.warning("rules", rule, f"off: {described['ScheduleExpression']} starts nothing")
        return Finding.critical("rules", rule, "off: its events start nothing, and are kept nowhere")

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
        return Finding.warning("rules", name, f"off: {described['ScheduleExpression']} starts nothing")

    yield from each("rules", found.of("AWS::Events::Rule"), look)
    yield from each("rules", found.of("AWS::Scheduler::Schedule"), timer)


def alarms(client: Client, found: Inventory, environment: str) -> Iterator[Finding]:
    """The platform's own alarms that are on; other alarms of the account are not ours. One that the
    catalogue calls critical is critical."""
    ours = {*found.of("AWS::CloudWatch::Alarm"), *found.of("AWS::CloudWatch::CompositeAlarm")}
    severity = {one.name.format(environment=environment): one.severity for one in CATALOGUE.read().alarms}
    on = ringing(client, ours)
    for alarm in on:
        why = alarm.what or alarm.reason or "it gives no reason"
        worst = any(severity.get(name) == "critical" for name in alarm.parts or [alarm.name])
        told = Finding.critical if worst else Finding.warning
        finding = told("alarms", alarm.name, f"is on: {why}", since=alarm.since)
        yield finding.model_copy(update={"page": alarm.page}) if alarm.page else finding
    if not on:
        yield Finding.ok("alarms", "all", f"{counted(len(ours), 'alarm')}, none is on")
