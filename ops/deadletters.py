"""The dead-letter queue of the workflows: look into it, send its work again, remove a message.

A queue may hold messages that the platform did not write. They are listed as *foreign*, with their message
id, and stay where they are until a person removes them.

Several messages of one piece of work (an event that came twice, a workflow that was killed after its
letter) are one letter: it is listed, redriven and removed once.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from ona.runtime.identity import digest
from ona.runtime.letters import source_of, work_of
from ona.runtime.words import counted
from ops.messages import FOREIGN, DeadLetter, age_of, body_of, by_work
from ops.target import OpsError, Target, start

_HIDE_SECONDS = 20
"""How long a message that was received is hidden from others (ours)."""
_HIDE_AT_MOST = 900
"""The same in seconds, in a queue that takes longer to read (ours; AWS allows 12 h)."""
_PAUSES_S = (0.2, 0.5, 1.0)
"""How long a look waits for another command that reads, s (ours); most hold the messages for less."""
_COUNTS = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
"""Attributes of a queue that together count all its messages."""
_AT_ONCE = 10
"""Messages of one call (Amazon SQS API reference: ReceiveMessage, ChangeMessageVisibilityBatch)."""
WORKFLOWS, OUTBOX = "DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"
"""The stack's outputs that name the dead-letter queues: of the workflows, and of deliveries."""
NO_INPUT = "it has no event that could be run again, and is kept; `ona dlq remove` takes it out"


def receive(target: Target, queue: str = WORKFLOWS) -> list[DeadLetter]:
    """All messages of a queue, oldest first; for 20 s nobody else receives them.

    A queue that takes longer to read shows its first messages again. They count once, with their newest
    receipt, which alone is sure to hold, and are hidden for longer, so that the others' turn comes. The end
    is a look that finds none, or that all were seen twice more and no other.
    """
    sqs, url = target.client("sqs"), target.outputs[queue]
    letters: dict[str, DeadLetter] = {}
    again, hide = 0, _HIDE_SECONDS
    while again <= 2 * len(letters):
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_AT_ONCE,
            VisibilityTimeout=hide,
            WaitTimeSeconds=0 if target.embedded else 1,
        ).get("Messages", [])
        if not answer:
            break
        stale = all(item["MessageId"] in letters for item in answer)
        again = again + len(answer) if stale else 0
        hide = min(2 * hide, _HIDE_AT_MOST) if stale else hide
        for item in answer:
            body = body_of(item["Body"])
            letters[item["MessageId"]] = DeadLetter(item["MessageId"], item["ReceiptHandle"], body)
    return sorted(letters.values(), key=age_of)


@dataclass(frozen=True)
class Look:
    """What a look into a queue showed."""

    letters: list[DeadLetter]
    hidden: int
    """Messages that are in the queue and that nobody could see now: another command reads them."""


def look(target: Target, queue: str = WORKFLOWS) -> Look:
    """All letters of a queue that can be seen, one a piece of work, and how many messages another command
    holds just now. They stay in the queue. A look takes a moment: while some are held, it looks again."""
    for pause_s in (*_PAUSES_S, None):
        messages = receive(target, queue)
        hidden = unseen(target, len(messages), queue)
        put_back(target, messages, queue)
        if not hidden or pause_s is None:
            break
        time.sleep(pause_s)
    return Look(by_work(messages), hidden)


def unseen(target: Target, seen: int, queue: str = WORKFLOWS) -> int:
    """How many messages a queue has beside so many that were seen. On AWS the number is approximate for
    about a minute (Amazon SQS API reference: GetQueueAttributes)."""
    url = target.outputs[queue]
    counts = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
    return max(0, sum(int(counts[name]) for name in _COUNTS) - seen)


def told_hidden(count: int) -> str:
    """That messages could not be seen, in words.

    >>> told_hidden(1)
    '1 message of the dead-letter queue is read by another command just now: look again in 20 s'
    """
    verb = "is" if count == 1 else "are"
    what = f"{counted(count, 'message')} of the dead-letter queue {verb} read by another command"
    return f"{what} just now: look again in {_HIDE_SECONDS} s"


def put_back(target: Target, letters: Collection[DeadLetter], queue: str) -> None:
    """Show received messages to others again at once. One that is shown already, because it was received
    more than 20 s ago, or that somebody deleted (MessageNotInflight, ReceiptHandleIsInvalid), stays so."""
    _hide(target, letters, queue, seconds=0)


def _hide(target: Target, letters: Collection[DeadLetter], queue: str, seconds: int) -> None:
    """Hide received messages for so many seconds from now; those that are shown already stay so."""
    sqs, url, left = target.client("sqs"), target.outputs[queue], list(letters)
    for begin in range(0, len(left), _AT_ONCE):
        entries = [
            {"Id": str(place), "ReceiptHandle": letter.receipt, "VisibilityTimeout": seconds}
            for place, letter in enumerate(left[begin : begin + _AT_ONCE])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)  # tells of each, raises for none


def remove(
    target: Target, message_id: str, before: Callable[[DeadLetter], None] | None = None
) -> tuple[int, int]:
    """Take letters out of the queues for good, by the beginning of a message's id; how many there were, and
    how many messages could not be looked at, because another command reads them.

    All messages of a letter go: an older one would stand in its place. `before` is told of each letter of
    the workflows before it goes; what it raises keeps the letter.
    """
    removed = hidden = 0
    for queue in (WORKFLOWS, OUTBOX):
        messages = receive(target, queue)
        hidden += unseen(target, len(messages), queue)
        letters = by_work(messages)
        gone = [
            letter
            for letter in letters
            if any(message.message_id.startswith(message_id) for message in letter.messages)
        ]
        for letter in gone:
            if before is not None and queue == WORKFLOWS:
                before(letter)
            _delete(target, letter, queue)
        kept = [message for letter in letters if letter not in gone for message in letter.messages]
        put_back(target, kept, queue)
        removed += len(gone)
    return removed, hidden


def _delete(target: Target, letter: DeadLetter, queue: str) -> None:
    """Take a letter's messages out of its queue."""
    for message in letter.messages:
        target.client("sqs").delete_message(QueueUrl=target.outputs[queue], ReceiptHandle=message.receipt)


def start_again(target: Target, event: dict[str, Any], salt: str, machine: str) -> str:
    """Start a workflow with an input, and return the execution's ARN.

    The name of the execution is made from the input and the salt: the same two never start it twice while
    it runs, nor after it succeeded. One that failed, was stopped or killed does not count: it starts anew.
    """
    states, content = target.client("stepfunctions"), json.dumps(event)
    name = f"redrive-{digest(json.dumps(event, sort_keys=True), salt)}"
    for attempt in itertools.count():
        tried = f"{name}-{attempt}" if attempt else name
        try:
            return start(states, machine, name=tried, input=content)
        except states.exceptions.ExecutionAlreadyExists:
            arn = f"{machine.replace(':stateMachine:', ':execution:')}:{tried}"
            if states.describe_execution(executionArn=arn)["status"] in ("RUNNING", "SUCCEEDED"):
                return arn
    raise AssertionError("counting has no end")


def redrive(
    target: Target,
    left: list[tuple[DeadLetter, str]] | None = None,
    replaced: Collection[tuple[str, str]] = (),
    taken: list[DeadLetter] | None = None,
    only: str = "",
) -> list[tuple[DeadLetter, str]]:
    """Start all failed work again, unchanged; returns each letter with the ARN of its execution.

    A letter's messages leave the queue once its work has started. The execution's name is made of their
    ids: a message that came later is never taken for done by what was started before it. Several letters of
    one input (one an order) start one execution. A letter that is not ours, or whose work cannot start,
    stays: it goes into `left` with the reason.

    `replaced`: key and version id of each file whose newer version is done. Its letter leaves the
    queue, and goes into `taken`: the old version would fail again, or write over what the newer one said.

    `only`: the beginning of a message's id; other letters stay, and are shown to others again at once.

    While many are started, those that wait stay hidden: who receives one meanwhile (`ona status`, the
    hourly reconciliation) takes its receipt away, and it could not be removed. Where that happens all the
    same, its messages stay; the next redrive finds the work started, and only removes them.
    """
    result, staying = [], []
    hidden = time.monotonic()
    letters = _chosen(target, by_work(receive(target)), only)
    started: dict[str, str] = {}
    salts: dict[str, list[str]] = {}
    for letter in letters:
        salts.setdefault(_start_of(target, letter), []).extend(m.message_id for m in letter.messages)
    for place, letter in enumerate(letters):
        if time.monotonic() - hidden > _HIDE_SECONDS / 2:
            waiting = [message for later in letters[place:] for message in later.messages]
            _hide(target, waiting, WORKFLOWS, _HIDE_SECONDS)
            hidden = time.monotonic()
        if is_about(target, letter, replaced):
            try:
                _delete(target, letter, WORKFLOWS)
            except Exception as error:
                staying.append((letter, f"it is replaced, but was not removed: {error}"))
                continue
            if taken is not None:
                taken.append(letter)
            continue
        key = _start_of(target, letter)
        try:
            arn = started.get(key) or _start(target, letter, "#".join(sorted(salts[key])))
        except Exception as error:  # one that cannot be started holds up no other
            staying.append((letter, str(error)))
            continue
        started[key] = arn
        try:
            _delete(target, letter, WORKFLOWS)
        except Exception as error:  # nor one that cannot be removed
            words = f"it was started as {arn.rsplit(':', 1)[-1]}, but not removed: {error}"
            staying.append((letter, words))
            continue
        result.append((letter, arn))
    put_back(target, [message for letter, _ in staying for message in letter.messages], WORKFLOWS)
    if left is not None:
        left += staying
    return result


def _chosen(target: Target, letters: list[DeadLetter], only: str) -> list[DeadLetter]:
    """The letters with a message whose id begins so; the messages of others go back into the queue."""
    wanted = [one for one in letters if any(item.message_id.startswith(only) for item in one.messages)]
    put_back(target, [item for one in letters if one not in wanted for item in one.messages], WORKFLOWS)
    return wanted


def is_about(target: Target, letter: DeadLetter, files: Collection[tuple[str, str]]) -> bool:
    """Whether a letter is about one of these files of the input bucket, by key and version id."""
    bucket, key, version_id = source_of(letter.body.get("input"))
    return (key, version_id) in files and bucket == target.input_bucket


def _start_of(target: Target, letter: DeadLetter) -> str:
    """What is started for a letter; the same for several letters of one input."""
    if letter.kind == FOREIGN:
        return letter.message_id
    body = {**letter.body, "kind": "execution", "state_machine": _machine(target, letter)}
    return work_of(body)


def _machine(target: Target, letter: DeadLetter) -> str:
    return str(letter.body.get("state_machine") or target.machine)


def _start(target: Target, letter: DeadLetter, salt: str) -> str:
    """Start a letter's work. Raises OpsError when that cannot be."""
    event, machine = letter.body.get("input"), _machine(target, letter)
    if letter.kind == FOREIGN:
        raise OpsError(NO_INPUT)
    if machine not in target.machines.values():
        raise OpsError(f"{machine} is no workflow of this platform")
    if event is None and letter.body.get("execution"):  # too large for the event of its end
        described = target.client("stepfunctions").describe_execution(
            executionArn=str(letter.body["execution"])
        )
        event = json.loads(described.get("input") or "null")
    if not isinstance(event, dict) or not event:
        raise OpsError(NO_INPUT)
    if not letter.body.get("execution") and not source_of(event)[1]:
        raise OpsError(NO_INPUT)  # no workflow wrote it, and it is no file's event: it would fail at once
    return start_again(target, event, salt, machine)
