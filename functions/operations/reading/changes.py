"""Who changed a thing by hand, and when: CloudTrail's event history.

EventBridge and Lambda say that a rule is off and that a function lets no call in, and not since when.
Sources: AWS CloudTrail API Reference, LookupEvents (management events of 90 days, the newest first, by one
attribute, two calls a second); CloudTrail User Guide (events come within 15 minutes, usually five); AWS
Lambda Developer Guide, "Logging AWS Lambda API calls" (PutFunctionConcurrency20171031).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from operations.reading.finding import Client, Finding

RULE_OFF, NO_CALLS = "DisableRule", "PutFunctionConcurrency20171031"
_NAMED_BY = {RULE_OFF: "name", NO_CALLS: "functionName"}
"""The parameter of the call that names the thing."""
MOST_PAGES = 4
"""Pages of 50 events that are read of one kind (ours): as many things may have been turned off at once."""


@dataclass(frozen=True)
class Change:
    """When a thing was changed, UTC, and by whom."""

    at: datetime
    by: str


@dataclass
class Changes:
    """The changes of an account. Each kind is asked once, when the first thing wants to know."""

    client: Client
    _found: dict[str, dict[str, Change]] = field(default_factory=dict)

    def told(self, finding: Finding, event: str) -> Finding:
        """A finding with since when its thing is as it is, and who made it so, where CloudTrail knows."""
        if event not in self._found:
            try:
                self._found[event] = dict(self._newest(event))
            except Exception:  # who may not ask sees what is wrong all the same
                self._found[event] = {}
        change = self._found[event].get(finding.about)
        if change is None:
            return finding
        return finding.model_copy(
            update={"since": change.at, "text": f"{finding.text}; changed by {change.by}"}
        )

    def _newest(self, event: str) -> Iterator[tuple[str, Change]]:
        """By thing, its newest change; an older one comes first."""
        trail = self.client("cloudtrail")
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": event}]
        }
        seen: list[tuple[str, Change]] = []
        for _ in range(MOST_PAGES):
            page = trail.lookup_events(**asked)
            for one in page["Events"]:
                details = json.loads(one.get("CloudTrailEvent") or "{}")
                asked_for = details.get("requestParameters") or {}
                name = asked_for.get(_NAMED_BY[event])
                off = not asked_for.get("reservedConcurrentExecutions")
                if name and off and not details.get("errorCode"):
                    by = str(one.get("Username") or "somebody")
                    seen.append(
                        (str(name).rpartition(":")[2], Change(one["EventTime"].astimezone(UTC), by))
                    )
            if not page.get("NextToken"):
                break
            asked["NextToken"] = page["NextToken"]
        yield from reversed(seen)
