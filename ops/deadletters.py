"""The dead-letter queue of the workflows: look into it, send its work again, remove a message.

A queue may hold messages that the platform did not write. They are listed as *foreign*, with their message
id, and stay where they are until a person removes them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ona.runtime.identity import digest
from ops.target import Target

_HIDE_SECONDS = 20
"""How long a message that was received is hidden from others (ours)."""
_HIDE_AT_MOST = 900
"""The same in seconds, in a queue that takes longer to read (ours; AWS allows 12 h)."""
_AT_ONCE = 10
"""Messages of one call (Amazon SQS API reference: ReceiveMessage, ChangeMessageVisibilityBatch)."""
WORKFLOWS, OUTBOX = "DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"
"""The stack's outputs that name the dead-letter queues: of the workflows, and of deliveries."""
FOREIGN = "foreign"
"""The kind of a message that is no dead letter of ours."""


@dataclass(frozen=True)
class DeadLetter:
    """One message: what failed, where and why, and the input to run it again.

    >>> DeadLetter("1", "r", {"cause": '{"reason": "no_rows", "message": "no readings"}'}).reason
    'no_rows: no readings'
    """

    message_id: str
    receipt: str
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """What failed; `foreign` for a message that is no dead letter of ours."""
        return str(self.body.get("kind", FOREIGN))

    @property
    def reason(self) -> str:
        """The cause in words: the message of the function's error where there is one."""
        cause = str(self.body.get("cause") or "")
        try:
            parsed = json.loads(cause)
        except (ValueError, RecursionError):
            return cause
        if isinstance(parsed, dict):
            if "reason" in parsed:
                return f"{parsed['reason']}: {parsed.get('message', '')}"
            return str(parsed.get("errorMessage", cause))
        return cause


def body_of(text: str) -> dict[str, Any]:
    """A message's body as a dead letter. Any other text is a foreign one, with the text as its cause.

    >>> body_of('{"kind": "execution", "error": "States.Timeout"}')["kind"]
    'execution'
    >>> body_of("[1, 2]")
    {'kind': 'foreign', 'cause': '[1, 2]'}
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and isinstance(body.get("kind"), str):
        return body
    return {"kind": FOREIGN, "cause": text}


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
    return sorted(letters.values(), key=lambda letter: str(letter.body.get("at", "")))


def put_back(target: Target, letters: Collection[DeadLetter], queue: str) -> None:
    """Show received messages to others again at once. One that is shown already, because it was received
    more than 20 s ago, or that somebody deleted (MessageNotInflight, ReceiptHandleIsInvalid), stays so."""
    sqs, url, left = target.client("sqs"), target.outputs[queue], list(letters)
    for begin in range(0, len(left), _AT_ONCE):
        shown = [
            {"Id": str(place), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for place, letter in enumerate(left[begin : begin + _AT_ONCE])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=shown)  # tells of each, raises for none


def peek(target: Target, queue: str = WORKFLOWS) -> list[DeadLetter]:
    """All messages of a queue, oldest first; they stay in it."""
    letters = receive(target, queue)
    put_back(target, letters, queue)
    return letters


def remove(target: Target, message_id: str) -> int:
    """Take messages out of the queues for good, by the beginning of their id; how many there were."""
    removed = 0
    for queue in (WORKFLOWS, OUTBOX):
        letters = receive(target, queue)
        gone = [letter for letter in letters if letter.message_id.startswith(message_id)]
        for letter in gone:
            target.client("sqs").delete_message(
                QueueUrl=target.outputs[queue], ReceiptHandle=letter.receipt
            )
        put_back(target, [letter for letter in letters if letter not in gone], queue)
        removed += len(gone)
    return removed


def start_again(target: Target, event: dict[str, Any], salt: str, machine: str) -> str:
    """Start a workflow with an input, and return the execution's ARN.

    The name of the execution is made from the input and the salt: the same two never start it twice.
    """
    states = target.client("stepfunctions")
    name = f"redrive-{digest(json.dumps(event, sort_keys=True), salt)}"
    try:
        answer = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(event))
    except states.exceptions.ExecutionAlreadyExists:
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    return str(answer["executionArn"])


def redrive(
    target: Target, left: list[tuple[DeadLetter, str]] | None = None
) -> list[tuple[DeadLetter, str]]:
    """Start all failed work again, unchanged; returns each message with the ARN of its execution.

    A message leaves the queue once its work has started. Several messages of one input (one an order) start
    one execution. A message that is not ours, or whose work cannot be started, stays: it goes into `left`
    with the reason.
    """
    sqs, url = target.client("sqs"), target.outputs[WORKFLOWS]
    started: dict[str, str] = {}
    result, staying = [], []
    for letter in receive(target):
        event = letter.body.get("input")
        machine = str(letter.body.get("state_machine") or target.machine)
        key = json.dumps([event, machine], sort_keys=True)
        if letter.kind == FOREIGN or not isinstance(event, dict):
            staying.append((letter, "it has no input that could be run again"))
            continue
        if machine not in target.machines.values():
            staying.append((letter, f"{machine} is no workflow of this platform"))
            continue
        try:
            started[key] = started.get(key) or start_again(target, event, letter.message_id, machine)
        except Exception as error:  # one that cannot be started holds up no other
            staying.append((letter, str(error)))
            continue
        sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
        result.append((letter, started[key]))
    put_back(target, [letter for letter, _ in staying], WORKFLOWS)
    if left is not None:
        left += staying
    return result
