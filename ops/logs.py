"""What all functions wrote of one thing: an order, an asset, a request, a correlation id.

The lines that hold a text name their correlation ids. All lines with these ids belong to the same story,
also those of steps that do not know the text: a line of Detect knows no work order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ona.runtime.correlation import KEY
from ops.target import OpsError, Target

PREFIX = "/aws/lambda/ona-"
"""How the names of our functions' log groups begin. What a workflow did is told by `ona explain`."""
MOST_IDS = 20
"""Stories that one search follows. A text that more have in common is too common (ours)."""
MOST_LINES = 2000
"""Lines of one log group that a search reads (ours)."""


@dataclass(frozen=True)
class Line:
    """A line of a log. `who`: the function; `fields`: what the line says, if it is JSON."""

    at: datetime
    who: str
    text: str
    fields: dict[str, Any] = field(hash=False)

    @property
    def correlation_id(self) -> str:
        """Its story; empty for lines of Lambda itself."""
        return str(self.fields.get(KEY, ""))


def story(target: Target, text: str, since: datetime) -> list[Line]:
    """All lines of what a text is about, the oldest first.

    Raises OpsError for a text that too many stories have in common.
    """
    if '"' in text or len(text) < 4:
        raise OpsError("give four characters or more, without quotation marks")
    names = list(groups(target))
    found = dict.fromkeys(_searched(target, names, text, since))
    ids = {line.correlation_id for line in found if line.correlation_id} - {text}
    if len(ids) > MOST_IDS:
        raise OpsError(f"too much has to do with {text}: give an order, a file or one id")
    for own in ids:
        found |= dict.fromkeys(_searched(target, names, own, since))
    return sorted(found, key=lambda line: line.at)


def groups(target: Target) -> Iterator[str]:
    """The log groups of this environment's functions, also of those that no list has."""
    ending = f"-{target.outputs['Environment']}"
    pages = target.client("logs").get_paginator("describe_log_groups")
    for page in pages.paginate(logGroupNamePrefix=PREFIX):
        names = [item["logGroupName"] for item in page["logGroups"]]
        yield from (name for name in names if name.endswith(ending))


def _searched(target: Target, names: Iterable[str], text: str, since: datetime) -> Iterator[Line]:
    pages = target.client("logs").get_paginator("filter_log_events")
    for name in names:
        answers = pages.paginate(
            logGroupName=name,
            filterPattern=f'"{text}"',
            startTime=int(since.timestamp() * 1000),
            PaginationConfig={"MaxItems": MOST_LINES},
        )
        for answer in answers:
            for event in answer["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                message = event["message"].rstrip("\n")
                yield Line(at, name.rsplit("/", 1)[-1], message, _fields(message))


def _fields(text: str) -> dict[str, Any]:
    begin = text.find("{")
    try:
        read = json.loads(text[begin:]) if begin >= 0 else {}
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


CONTEXT = {
    *(
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "cold_start",
        "function_name",
        "xray_trace_id",
    ),
    *("function_memory_size", "function_arn", "function_request_id", "sampling_rate", "stack_trace", KEY),
}
"""Fields that every line has, or that are told otherwise."""


def in_words(line: Line) -> str:
    """What a line says, without what every line has; empty for one that is only a measure.

    >>> at = datetime(2026, 11, 28, tzinfo=UTC)
    >>> in_words(Line(at, "ona-order-dev", "", {"level": "INFO", "message": "created", "asset": "INV-1"}))
    'created asset=INV-1'
    >>> in_words(Line(at, "ona-order-dev", "", {"FunctionExecutionTime": [61.234], "Status": "Success"}))
    'Success after 61 ms'
    """
    if "message" in line.fields:
        more = [f"{name}={value}" for name, value in line.fields.items() if name not in CONTEXT]
        return " ".join(" ".join([str(line.fields["message"]), *more]).split())
    if "FunctionExecutionTime" in line.fields:
        took = sum(line.fields["FunctionExecutionTime"])
        return f"{line.fields.get('Status', '')} after {took:.0f} ms"
    return "" if "_aws" in line.fields else line.text
