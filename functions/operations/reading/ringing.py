"""Which alarms are on, and which of them somebody is told of: a composite alarm stands for its parts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ona.documents.base import Document
from operations.reading.finding import Client
from operations.reading.newest_fault import NONE_LEFT, Fault, newest_faults

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
    """Alarms that are on and quiet, because this one is their cause."""
    newest: Fault | None = None
    """The newest fault, of a composite alarm that of the part which failed last; None where all values of
    its periods are well, or where they could not be asked."""
    course: str = ""
    """In words: the newest fault, whether anything failed since, and when the alarm goes off by itself."""


def ringing(client: Client, ours: Collection[str], now: datetime) -> list[On]:
    """What is on among `ours`, the longest first. `now` is UTC.

    Raises botocore's error where nobody answers.
    """
    pages = client("cloudwatch").get_paginator("describe_alarms")
    seen = list(pages.paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]))
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
    found = []
    for name in on:
        if name in told_by:
            ringer = told_by[name]
            if ringer in on or any(cause in on for cause in rules[ringer][1]):
                continue  # the composite alarm stands for it, or its cause does
        parts = [part for part in rules.get(name, [[], []])[0] if part in on]
        behind = [part for part in on if part in told_by and name in rules[told_by[part]][1]]
        found.append(_on(every[name], every[parts[0]] if parts else every[name], parts, behind))
    return sorted((_course(client, item, every, now) for item in found), key=lambda item: item.since)


def _course(client: Client, item: On, every: Mapping[str, dict[str, Any]], now: datetime) -> On:
    """An alarm with its newest fault. One that cannot be asked for its values is on all the same."""
    judged = [every[name] for name in item.parts or [item.name] if "AlarmRule" not in every[name]]
    try:
        found = newest_faults(client, judged, now)
    except Exception as error:
        return item.model_copy(update={"course": f"its newest fault could not be asked: {error}"})
    if not found:
        return item.model_copy(update={"course": NONE_LEFT if judged else ""})
    newest = max(found.values(), key=lambda fault: fault.at)
    ends = [fault.over_by for fault in found.values()]
    last = max((end for end in ends if end), default=None) if all(ends) else None
    newest = newest.model_copy(update={"over_by": last})  # off when all its parts are
    return item.model_copy(update={"newest": newest, "course": newest.in_words(now)})


def _on(alarm: dict[str, Any], first: dict[str, Any], parts: list[str], behind: list[str]) -> On:
    return On(
        name=alarm["AlarmName"],
        since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
        what=described(alarm)[0],
        page=described(first)[1],
        reason=str(first.get("StateReason") or ""),
        parts=sorted(parts),
        behind=sorted(behind),
    )
