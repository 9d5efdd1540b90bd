"""Deployments that nobody kept a record of, as far as the stack's own events tell them.

A plain `sam deploy`, a deployment by CloudFormation's console, and an older `ona up` keep none. The root's
events say when an operation began and how it ended, for 90 days (AWS CloudFormation API reference,
DescribeStackEvents); the functions' versions say which release was published meanwhile. Who gave it, and
which parameters changed, stands in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.reading.deployments import Record
from ops.deployment.versions import Ask, Published

_BEGINS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_SLACK = timedelta(seconds=1)
"""Events have whole seconds or milliseconds; a record has the moment."""


@dataclass(frozen=True)
class Operation:
    """One operation on the root's stack."""

    began: datetime
    ended: datetime | None
    """None while it is under way."""
    status: str

    @property
    def outcome(self) -> str:
        """In the words of a record."""
        if self.ended is None:
            return "under way"
        return "succeeded" if self.status in _GOOD else "failed"


def operations(client: Ask, stack: str, most: int) -> list[Operation]:
    """The newest operations on a stack, the newest first."""
    pages = client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    found: list[Operation] = []
    for operation in _read(event for page in pages for event in page["StackEvents"]):
        found.append(operation)
        if len(found) == most:
            break
    return found


def _read(events: Iterable[dict[str, Any]]) -> Iterator[Operation]:
    """Operations in a stack's events, which come newest first."""
    ended: datetime | None = None
    status = ""
    for event in events:
        if event.get("PhysicalResourceId") != event["StackId"]:
            continue
        moment, now = event["Timestamp"].astimezone(UTC), event["ResourceStatus"]
        if now in _BEGINS and event.get("ResourceStatusReason", "User Initiated") == "User Initiated":
            yield Operation(moment, ended, status or now)
            ended, status = None, ""
        elif not status:
            status = now
            ended = None if now.endswith("IN_PROGRESS") else moment


def unrecorded(found: list[Operation], kept: Sequence[Record]) -> list[Operation]:
    """Those of which no record was kept. `kept`: the newest first; one without an end lasts to the next."""
    spans: list[tuple[datetime, datetime]] = []
    later = datetime.max.replace(tzinfo=UTC) - _SLACK
    for record in kept:
        spans.append((record.began_at - _SLACK, (record.ended_at or later) + _SLACK))
        later = record.began_at
    return [one for one in found if not any(began <= one.began <= ended for began, ended in spans)]


def releases(one: Operation, things: list[Published]) -> str:
    """The releases whose versions were published during an operation, in words; empty for none."""
    end = (one.ended or datetime.max.replace(tzinfo=UTC) - _SLACK) + _SLACK
    names = {
        version.release
        for item in things
        for version in item.versions
        if one.began - _SLACK <= version.published <= end
    }
    return ", ".join(sorted(name or "unnamed" for name in names))
