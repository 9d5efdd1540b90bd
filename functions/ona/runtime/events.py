"""Events of the platform on EventBridge's default bus (docs/operations/events.md has the catalogue)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ona.runtime import correlation
from ona.runtime.aws import client, translate
from ona.runtime.errors import DependencyBusy
from ona.runtime.observability import ENVIRONMENT

SOURCE = "ona.platform"
AT_ONCE = 10
"""Entries of one PutEvents (Amazon EventBridge User Guide, "Amazon EventBridge quotas")."""


@dataclass(frozen=True)
class Event:
    """One event. `detail` has version, a deterministic id, time, and customer_id where there is one; what
    is larger lies in S3, and `detail` has a pointer to it."""

    detail_type: str
    detail: dict[str, Any]


def publish(events: Sequence[Event]) -> None:
    """Put events onto the bus; each says of which environment it is, for all environments share the bus,
    and has the correlation id of what published it.

    Raises DependencyBusy, also where some of them were not taken: the caller puts all of them again, and
    their ids show what came twice.
    """
    own = {correlation.KEY: correlation.current()} if correlation.current() else {}
    entries = [
        {
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": json.dumps({**ENVIRONMENT, **own, **event.detail}),
        }
        for event in events
    ]
    for begin in range(0, len(entries), AT_ONCE):
        try:
            answer = client("events").put_events(Entries=entries[begin : begin + AT_ONCE])
        except Exception as error:
            raise translate(error, "event bus") from error
        if answer.get("FailedEntryCount"):
            raise DependencyBusy(f"event bus: {answer['FailedEntryCount']} of {len(entries)} not taken")
