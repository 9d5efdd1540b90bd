"""The dead-letter queue of the workflows: look into it, and send its work again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ona.runtime.identity import digest
from ops.target import Target

_HIDE_SECONDS = 20


@dataclass(frozen=True)
class DeadLetter:
    """One message: what failed, where and why, and the input to run it again."""

    message_id: str
    receipt: str
    body: dict[str, Any]

    @property
    def reason(self) -> str:
        """The cause in words: the handler's message where there is one."""
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


WORKFLOWS, OUTBOX = "DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"
"""The stack's outputs that name the queues."""


def receive(target: Target, queue: str = WORKFLOWS) -> list[DeadLetter]:
    """All messages of a queue, hidden from others for `_HIDE_SECONDS`."""
    sqs, url = target.client("sqs"), target.outputs[queue]
    found: dict[str, DeadLetter] = {}
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HIDE_SECONDS,
            WaitTimeSeconds=0 if target.embedded else 1,
        ).get("Messages", [])
        fresh = [item for item in answer if item["MessageId"] not in found]
        if not fresh:
            break
        for item in fresh:
            try:
                body = json.loads(item["Body"])
            except ValueError:
                body = {"kind": "unreadable", "cause": item["Body"]}
            found[item["MessageId"]] = DeadLetter(item["MessageId"], item["ReceiptHandle"], body)
    return sorted(found.values(), key=lambda letter: str(letter.body.get("at", "")))


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
    """Start a workflow with an input; the same salt never starts twice. Returns the execution's ARN."""
    states = target.client("stepfunctions")
    name = f"redrive-{digest(json.dumps(event, sort_keys=True), salt)}"
    try:
        answer = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(event))
    except states.exceptions.ExecutionAlreadyExists:
        return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    return str(answer["executionArn"])


def redrive(target: Target) -> list[tuple[DeadLetter, str]]:
    """Send all failed work again, unchanged; a message leaves the queue once its work has started.

    Two messages of one input (an order each) start it once. Returns (message, execution ARN).
    """
    sqs, url = target.client("sqs"), target.outputs["DeadLetterQueueUrl"]
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
