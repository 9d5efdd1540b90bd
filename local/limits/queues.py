"""What SQS refuses in a message, its attributes and the times of a call.

Sources: SQS developer guide, "Amazon SQS message quotas", "Amazon SQS message metadata"; API references of
SendMessage, ReceiveMessage and CreateQueue.
"""

from __future__ import annotations

import re
from typing import Any

from local.limits.refusal import Refusal, utf8

MESSAGE_BYTES = 1_048_576
"""A message with its attributes."""
_ATTRIBUTES = 10
_LONGEST_VISIBILITY_S, _LONGEST_WAIT_S = 43_200, 20
_ATTRIBUTE = re.compile(r"(?!(?i:aws|amazon)\.)[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_QUEUE = re.compile(r"[A-Za-z0-9_\-]{1,75}\.fifo|[A-Za-z0-9_\-]{1,80}")


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterValue", text)


def message(data: dict[str, Any], _queue: str) -> Refusal | None:
    """SendMessage: its attributes, and its size with them."""
    attributes = data.get("MessageAttributes") or {}
    if len(attributes) > _ATTRIBUTES:
        return _invalid(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10]."
        )
    size = utf8(str(data.get("MessageBody") or ""))
    for name, attribute in attributes.items():
        kind, text = str(attribute.get("DataType") or ""), attribute.get("StringValue")
        value = text if text is not None else attribute.get("BinaryValue")
        if text_problem := attribute_problem(name, kind, value):
            return _invalid(text_problem)
        size += utf8(name) + utf8(kind) + (utf8(value) if isinstance(value, str) else len(value or b""))
    if size > MESSAGE_BYTES:
        text = f"Message must be shorter than {MESSAGE_BYTES} bytes."
        return _invalid(f"One or more parameters are invalid. Reason: {text}")
    return None


def attribute_problem(name: str, kind: str, value: Any) -> str:
    """Why an attribute of a message is refused; empty when it is taken.

    >>> attribute_problem("site", "String", "A"), attribute_problem("kwh", "Number.float", "-1.5e3")
    ('', '')
    >>> attribute_problem("aws.site", "String", "A")
    "Message (user) attribute name 'aws.site' is invalid."
    """
    if len(name) > 256 or not _ATTRIBUTE.fullmatch(name):
        return f"Message (user) attribute name '{name}' is invalid."
    if not value:
        return f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
    if kind.split(".")[0] == "Number" and not _NUMBER.fullmatch(str(value)):
        return f"Can't cast the value of message (user) attribute '{name}' to a number."
    return ""


def _range(name: str, value: Any, most: int) -> Refusal | None:
    if value is None or 0 <= int(value) <= most:
        return None
    return _invalid(
        f"Value {value} for parameter {name} is invalid. Reason: must be between 0 and {most}, if provided."
    )


def received(data: dict[str, Any], _queue: str) -> Refusal | None:
    """ReceiveMessage and ChangeMessageVisibility: their times."""
    return _range("VisibilityTimeout", data.get("VisibilityTimeout"), _LONGEST_VISIBILITY_S) or _range(
        "WaitTimeSeconds", data.get("WaitTimeSeconds"), _LONGEST_WAIT_S
    )


def named(data: dict[str, Any], _queue: str) -> Refusal | None:
    """CreateQueue: the name's letters and length, and `.fifo` at its end for a FIFO queue only."""
    name, fifo = str(data.get("QueueName") or ""), (data.get("Attributes") or {}).get("FifoQueue")
    if name and not _QUEUE.fullmatch(name):
        text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        return _invalid(text)
    if name.endswith(".fifo") and str(fifo).lower() != "true":
        return _invalid("The name of a standard queue cannot end with the .fifo suffix.")
    return None


def resource(properties: dict[str, Any]) -> Refusal | None:
    """AWS::SQS::Queue: its name."""
    attributes = {"FifoQueue": properties.get("FifoQueue")}
    return named({"QueueName": properties.get("QueueName"), "Attributes": attributes}, "")
