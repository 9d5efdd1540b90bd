"""Take up the events that waited in the holding queue: each starts what its rule starts, once.

The execution's name is made of the rule and the event's id: a message that comes twice, or that is taken up
again after a kill, starts nothing new. While targets are changed, EventBridge may give an event both to its
target and to the queue. So for events of these moments the executions that EventBridge started are asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.runtime.identity import digest
from ona.runtime.words import counted
from operations.config.emergency import emergency
from operations.reading.stops import Stop
from ops.emergency import rules
from ops.target import Target

NAME = "held-"
"""With what the names of executions begin that were started from the queue."""
HIDE_S = 30
"""Seconds that a message is hidden while it is taken up (ours); after a kill it waits as long."""
_AT_ONCE = 10
"""Messages of one call (Amazon SQS API reference: ReceiveMessage)."""
_COUNTS = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
_LOOKS_S = 0.5
"""Seconds between two looks at a queue whose messages are hidden (ours)."""
Json = dict[str, Any]


@dataclass
class Drained:
    """What was taken up."""

    came: int = 0
    repeated: int = 0
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Message:
    message_id: str
    receipt: str
    body: str


def drain(
    target: Target,
    queue: str,
    stop: Stop | None,
    count: Callable[[int, int, list[str]], None] = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
    told: Collection[str] = (),
) -> Drained:
    """Take up all messages of the queue, until it is empty.

    After each call's messages, and before they leave the queue, `count` is told how many came so far, how
    many of them were repeated, and the ids of these messages. `told`: ids that it was told before a
    kill; they are not counted again. What cannot be started is left in the queue, and named.
    """
    done, known = Drained(), _Known(target, stop)
    pause_s = 0.0 if target.embedded else 1 / emergency().starts_per_second
    for messages in _received(target, queue, done, tell):
        taken = []
        for message in messages:
            begun = time.monotonic()
            problem, repeated = _take_up(target, message, stop, known)
            if problem:
                done.left.append(problem)
                continue
            taken.append(message)
            if message.message_id not in told:
                done.came += 1
                done.repeated += repeated
            time.sleep(max(0.0, pause_s - (time.monotonic() - begun)))
        if taken:
            count(done.came, done.repeated, [message.message_id for message in taken])
            _delete(target, queue, taken)
            tell(f"{done.came} taken up, {done.repeated} of them had begun already")
    return done


def _delete(target: Target, queue: str, taken: list[_Message]) -> None:
    """Take messages out of the queue; one that stays comes again, and starts nothing."""
    entries = [{"Id": str(place), "ReceiptHandle": message.receipt} for place, message in enumerate(taken)]
    target.client("sqs").delete_message_batch(QueueUrl=queue, Entries=entries)


def _received(
    target: Target, queue: str, done: Drained, tell: Callable[[str], None]
) -> Iterator[list[_Message]]:
    """The queue's messages, some at a time, until there is none but those that are left."""
    sqs = target.client("sqs")
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=_AT_ONCE,
            VisibilityTimeout=HIDE_S,
            WaitTimeSeconds=0 if target.embedded else 2,
        ).get("Messages", [])
        if answer:
            yield [_message(item) for item in answer]
            continue
        hidden = waiting(target, queue)
        if hidden <= len(done.left):
            return
        verb = "is" if hidden == 1 else "are"
        tell(f"{counted(hidden, 'message')} {verb} hidden, by a command that runs or was killed")
        time.sleep(_LOOKS_S)


def waiting(target: Target, queue: str) -> int:
    """How many messages a queue has, also those that somebody reads just now. On AWS the number is
    approximate for about a minute (Amazon SQS API reference: GetQueueAttributes)."""
    sqs = target.client("sqs")
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=_COUNTS)["Attributes"]
    return sum(int(counts[name]) for name in _COUNTS)


def _message(item: Json) -> _Message:
    return _Message(item["MessageId"], item["ReceiptHandle"], item["Body"])


def _take_up(target: Target, message: _Message, stop: Stop | None, known: _Known) -> tuple[str, bool]:
    """Start what a message asks for. Why it cannot be, empty when it was done; whether it had begun."""
    try:
        body = json.loads(message.body)
        rule, event = str(body["rule"]), body["event"]
        event_id = str(event["id"])
    except (ValueError, KeyError, TypeError):
        return f"a message is none of a rule: {message.body[:80]!r}", False
    targets = [item for item in _targets(target, rule, stop) if rules.starts(item)]
    if not targets:
        return f"rule {rule} of event {event_id} is gone, or starts nothing", False
    begun = 0
    for item in targets:
        if known.has(item["Arn"], event_id):
            begun += 1
            continue
        given = item.get("Input") or json.dumps(event)
        begun += not start(target, item["Arn"], f"{rule}#{item['Id']}#{event_id}", given)
    return "", begun == len(targets)


def _targets(target: Target, rule: str, stop: Stop | None) -> list[Json]:
    """The rule's targets of now; where a deployment took it away, those that it had."""
    recorded = next((item for item in stop.rules if item.name == rule), None) if stop else None
    now = rules.targets_of(target, rule, recorded.bus if recorded else "default")
    return now or (recorded.targets if recorded else [])


def start(target: Target, arn: str, what: str, event: str) -> bool:
    """Start a state machine or a function with an input; False when it had been started for this already.

    A function cannot be asked whether it ran: what it does twice must end the same, as EventBridge itself
    gives an event more than once (Amazon EventBridge, "Event delivery").
    """
    if arn.split(":")[2] == "lambda":
        target.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=event.encode())
        return True
    states = target.client("stepfunctions")
    name = execution_of(arn, what).rpartition(":")[2]
    try:
        states.start_execution(stateMachineArn=arn, name=name, input=event)
    except states.exceptions.ExecutionAlreadyExists:
        return False
    return True


def execution_of(arn: str, what: str) -> str:
    """The ARN of the execution that `start` makes of a machine for something."""
    machine = ":".join(arn.split(":")[:7])  # an execution is of its machine, not of an alias
    return f"{machine.replace(':stateMachine:', ':execution:')}:{NAME}{digest(what, length=32)}"


class _Known:
    """The events that EventBridge itself gave to a state machine while targets were changed."""

    def __init__(self, target: Target, stop: Stop | None) -> None:
        self._target, self._ids = target, dict[str, set[str]]()
        self._stop = stop
        self._around = timedelta(seconds=2 if target.embedded else emergency().told_before_s)

    def has(self, arn: str, event_id: str) -> bool:
        """Whether a machine got an event from EventBridge itself."""
        if ":states:" not in arn or self._stop is None:
            return False
        base = ":".join(arn.split(":")[:7])  # executions are listed by the machine, not by its alias
        if base not in self._ids:
            self._ids[base] = set(self._started(base, self._stop))
        return event_id in self._ids[base]

    def _started(self, machine: str, stop: Stop) -> Iterator[str]:
        """Events with which it was started since the stop began; after its end, since its release."""
        first = (stop.resumed_at if stop.ended_at and stop.resumed_at else stop.at) - self._around
        last = (stop.ended_at or datetime.now(UTC)) + self._around
        states = self._target.client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        for page in pages:
            for item in page["executions"]:  # the newest first
                if item["startDate"] < first:
                    return
                if item["startDate"] <= last and not item["name"].startswith(NAME):
                    described = states.describe_execution(executionArn=item["executionArn"])
                    yield str(json.loads(described.get("input") or "{}").get("id") or "")
