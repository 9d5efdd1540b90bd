"""Which alarms are on, and which of them somebody is told of: a composite alarm stands for its parts."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from ona.documents.base import Document
from operations.reading.finding import Client
from operations.reading.first_fault import began, follows
from operations.reading.newest_fault import Fault, course

_NAMED = re.compile(r'ALARM\("?([^")]+)"?\)')
_PAGE = re.compile(r"Runbook: (\S+)$")


def described(alarm: Mapping[str, Any]) -> tuple[str, str]:
    """What an alarm's description says, and the runbook page that it names; empty where it has none.

    >>> described({"AlarmDescription": "Files are refused. Runbook: docs/operations/alarms.md"})
    ('Files are refused', 'docs/operations/alarms.md')
    >>> described({})
    ('', '')
    """
    text = str(alarm.get("AlarmDescription") or "")
    page = _PAGE.search(text)
    return _PAGE.sub("", text).strip().rstrip("."), page[1] if page else ""


class On(Document):
    """An alarm that is on and stands for itself."""

    name: str
    since: datetime
    """UTC."""
    what: str
    """Its text, without the page."""
    page: str
    """Its runbook page, of a composite alarm that of its first part; empty where it names none."""
    reason: str
    """CloudWatch's reason; of a composite alarm, that of its first part."""
    parts: list[str]
    """The alarms that are on and that it rings for."""
    behind: list[str]
    """Alarms that are on and quiet, because this one is their cause: their faults began after its own."""
    newest: Fault | None = None
    """The newest fault, of a composite alarm that of the part which failed last; None where all values of
    its periods are well, or where they could not be asked."""
    course: str = ""
    """In words: the newest fault, whether anything failed since, and when the alarm goes off by itself."""


BEGINNING = "ona-"
"""Every alarm of the platform is named so: those of others in the account are not asked for."""


def ringing(client: Client, ours: Container[str], now: datetime) -> list[On]:
    """What is on among `ours`, the longest first. `now` is UTC.

    Raises botocore's error where nobody answers.
    """
    pages = client("cloudwatch").get_paginator("describe_alarms")
    seen = list(pages.paginate(AlarmNamePrefix=BEGINNING, AlarmTypes=["MetricAlarm", "CompositeAlarm"]))
    every = {
        alarm["AlarmName"]: alarm
        for page in seen
        for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]
        if alarm["AlarmName"] in ours
    }
    rules = {
        name: [_NAMED.findall(part) for part in alarm["AlarmRule"].partition(" AND NOT ")[::2]]
        for name, alarm in every.items()
        if alarm.get("AlarmRule")
    }
    on = [name for name, alarm in every.items() if alarm["StateValue"] == "ALARM"]
    told_by = {part: name for name, (parts, _) in rules.items() for part in parts}
    starts: dict[str, datetime | None] = {}

    def parts_of(name: str) -> list[str]:
        return [part for part in rules.get(name, [[], []])[0] if part in on]

    def start(name: str) -> datetime | None:
        if name not in starts:
            judged = [every[part] for part in parts_of(name) or [name]]
            starts[name] = _began(client, judged, _since(every[name]))
        return starts[name]

    def causes(part: str) -> list[str]:
        """What is on and is the cause of an alarm that does not ring by itself."""
        if part not in told_by:
            return []
        wanted = [cause for cause in rules[told_by[part]][1] if cause in on]
        return [cause for cause in wanted if follows(start(part), start(cause))]

    behind = {part: causes(part) for part in on}
    found = []
    for name in on:
        if behind[name] or told_by.get(name) in on:
            continue  # its cause stands for it, or the composite alarm does
        parts = parts_of(name)
        after = [part for part in on if name in behind[part]]
        found.append(_on(every[name], every[parts[0]] if parts else every[name], parts, after))
    return sorted((_with_course(client, item, every, now) for item in found), key=lambda item: item.since)


def _began(client: Client, alarms: list[dict[str, Any]], on_at: datetime) -> datetime | None:
    """When a fault began; None where nobody can say: then the alarms' rules alone say what is a cause."""
    try:
        return began(
            client("cloudwatch"), [one for one in alarms if "MetricName" in one or "Metrics" in one], on_at
        )
    except Exception:
        return None


def _with_course(client: Client, item: On, every: Mapping[str, dict[str, Any]], now: datetime) -> On:
    judged = [every[name] for name in item.parts or [item.name] if "AlarmRule" not in every[name]]
    newest, words = course(client, judged, now)
    return item.model_copy(update={"newest": newest, "course": words})


def _since(alarm: Mapping[str, Any]) -> datetime:
    at: datetime = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
    return at


def _on(alarm: dict[str, Any], first: dict[str, Any], parts: list[str], behind: list[str]) -> On:
    return On(
        name=alarm["AlarmName"],
        since=_since(alarm),
        what=described(alarm)[0],
        page=described(first)[1],
        reason=str(first.get("StateReason") or ""),
        parts=sorted(parts),
        behind=sorted(behind),
    )
