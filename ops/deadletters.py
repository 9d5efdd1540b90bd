"""The dead-letter queue of the workflows: look into it, and send its work again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ona.runtime.identity import digest
from ops.target import Target

_HIDE_SECONDS = 20
"""How long a message that was received is hidden from others (ours)."""
WORKFLOWS, OUTBOX = "DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"
"""The stack's outputs that name the dead-letter queues: of the workflows, and of deliveries."""


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
    def reason(self) -> str:
        """The cause in words: the message of the function's error where there is one."""
        cause = str(self.body.get("cause") or "")
        try:
            parsed = json.loads(cause)
        except ValueError:
            return cause
        if isinstance(parsed, dict):
            if "reason" in parsed:
                return f"{parsed['reason']}: {parsed.get('message', '')}"
            return str(parsed.get("errorMessage", cause))
        return cause


def receive(target: Target, queue: str = WORKFLOWS) -> list[DeadLetter]:
    """All messages of a queue, oldest first; for 20 s nobody else receives them."""
    sqs, url = target.client("sqs"), target.outputs[queue]
    letters: dict[str, DeadLetter] = {}
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HIDE_SECONDS,
            WaitTimeSeconds=0 if target.embedded else 1,
        ).get("Messages", [])
        fresh = [item for item in answer if item["MessageId"] not in letters]
        if not fresh:
            break
        for item in fresh:
            try:
                body = json.loads(item["Body"])
            except ValueError:
                body = {"kind": "unreadable", "cause": item["Body"]}
            letters[item["MessageId"]] = DeadLetter(item["MessageId"], item["ReceiptHandle"], body)
    return sorted(letters.values(), key=lambda letter: str(letter.body.get("at", "")))


def _put_back(target: Target, letters: list[DeadLetter], queue: str) -> None:
    sqs, url = target.client("sqs"), target.outputs[queue]
    for letter in letters:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


def peek(target: Target, queue: str = WORKFLOWS) -> list[DeadLetter]:
    """All messages of a queue, oldest first; they stay in it."""
    letters = receive(target, queue)
    _put_back(target, letters, queue)
    return letters


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


def redrive(target: Target) -> list[tuple[DeadLetter, str]]:
    """Start all failed work again, unchanged; returns each message with the ARN of its execution.

    A message leaves the queue once its work has started. Several messages of one input (one an order) start
    one execution.
    """
    sqs, url = target.client("sqs"), target.outputs[WORKFLOWS]
    started: dict[str, str] = {}
    result = []
    for letter in receive(target):
        event = letter.body.get("input")
        if not isinstance(event, dict):
            continue
        key = json.dumps(event, sort_keys=True)
        if key not in started:
            machine = str(letter.body.get("state_machine") or target.machine)
            started[key] = start_again(target, event, letter.message_id, machine)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
        result.append((letter, started[key]))
    return result
