"""Who changed a thing by hand, and when: CloudTrail's event history.

EventBridge and Lambda say that a rule is off and that a function lets no call in, and not since when.
Sources: AWS CloudTrail API Reference, LookupEvents (management events of 90 days, the newest first, by one
attribute, two calls a second); CloudTrail User Guide (events come within 15 minutes, usually five; a call
that was refused has an errorCode); Amazon EventBridge API Reference, DisableRule and PutRule (State, and a
bus by its name or ARN); AWS Lambda Developer Guide, "Logging AWS Lambda API calls" (the name of
PutFunctionConcurrency).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from operations.reading.finding import Client, Finding

RULE_OFF = ("DisableRule", "PutRule")
"""The calls that turn a rule off; PutRule does with State DISABLED."""
NO_CALLS = ("PutFunctionConcurrency20171031",)
MOST_PAGES = 4
"""Pages of 50 events that are read of one kind (ours): as many things may have been turned off at once."""
NOT_YET = "who changed it is not known: CloudTrail tells of a change up to 15 minutes later, for 90 days"


@dataclass(frozen=True)
class Change:
    """When a thing was changed, UTC, and by whom."""

    at: datetime
    by: str


@dataclass
class Changes:
    """The changes of an account. Each kind is asked once, when the first thing wants to know."""

    client: Client
    _found: dict[str, dict[str, Change] | None] = field(default_factory=dict)

    def told(self, finding: Finding, calls: tuple[str, ...], thing: str) -> Finding:
        """A finding with since when its thing is as it is, and who made it so. Where CloudTrail knows of no
        change, that and why; where it may not be asked, nothing. `thing`: a function's name, or a rule's,
        as `bus|rule` where the bus is not the default one."""
        known = [self._of(call) for call in calls]
        changes = [some[thing] for some in known if some and thing in some]
        if changes:
            newest = max(changes, key=lambda change: change.at)
            text = f"{finding.text}; changed by {newest.by}"
            return finding.model_copy(update={"since": newest.at, "text": text})
        if None in known:
            return finding
        return finding.model_copy(update={"text": f"{finding.text}; {NOT_YET}"})

    def _of(self, call: str) -> dict[str, Change] | None:
        """By thing, its newest change by a call; None for whoever may not ask."""
        if call not in self._found:
            try:
                self._found[call] = dict(self._newest(call))
            except Exception:  # who may not ask sees what is wrong all the same
                self._found[call] = None
        return self._found[call]

    def _newest(self, call: str) -> Iterator[tuple[str, Change]]:
        """By thing, its newest change; an older one comes first."""
        trail = self.client("cloudtrail")
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": call}]
        }
        seen: list[tuple[str, Change]] = []
        for _ in range(MOST_PAGES):
            page = trail.lookup_events(**asked)
            for one in page["Events"]:
                details = json.loads(one.get("CloudTrailEvent") or "{}")
                thing = stopped(call, details.get("requestParameters") or {})
                if thing and not details.get("errorCode"):
                    by = str(one.get("Username") or "somebody")
                    seen.append((thing, Change(one["EventTime"].astimezone(UTC), by)))
            if not page.get("NextToken"):
                break
            asked["NextToken"] = page["NextToken"]
        yield from reversed(seen)


def stopped(call: str, asked: Mapping[str, Any]) -> str:
    """The thing that a call with these parameters stops; empty where it stops none.

    >>> stopped("DisableRule", {"name": "r", "eventBusName": "default"})
    'r'
    >>> stopped("DisableRule", {"name": "r", "eventBusName": "arn:aws:events:x:1:event-bus/own"})
    'own|r'
    >>> stopped("PutRule", {"name": "r", "state": "DISABLED"}), stopped("PutRule", {"name": "r"})
    ('r', '')
    >>> stopped("PutFunctionConcurrency20171031", {"functionName": "f", "reservedConcurrentExecutions": 0})
    'f'
    >>> stopped("PutFunctionConcurrency20171031", {"functionName": "f", "reservedConcurrentExecutions": 1})
    ''
    """
    if call in NO_CALLS:
        name = str(asked.get("functionName") or "").rpartition(":")[2]
        return "" if asked.get("reservedConcurrentExecutions") else name
    if call == "PutRule" and asked.get("state") != "DISABLED":
        return ""
    return on_bus(str(asked.get("eventBusName") or ""), str(asked.get("name") or ""))


def on_bus(bus: str, rule: str) -> str:
    """A rule's name with its bus, where that is not the default one. `bus`: its name, its ARN, or nothing.

    >>> on_bus("", "r"), on_bus("default", "r"), on_bus("own", "r"), on_bus("own", "")
    ('r', 'r', 'own|r', '')
    """
    name = bus.rpartition("event-bus/")[2]
    return f"{name}|{rule}" if rule and name not in ("", "default") else rule
