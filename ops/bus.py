"""What a command tells the platform's bus: that somebody stopped it, deployed to it, or set a flag.

The work is done by then. A bus that does not take the event must not make it look undone: it is said, and
the command goes on. The id follows from what happened, so that a command given again tells the same.
"""

from __future__ import annotations

import json
from typing import Any

from ona.runtime.clock import iso, utc_now
from ona.runtime.events import SOURCE
from ona.runtime.identity import digest
from ops.target import Target


def tell(target: Target, what: str, made_of: str, **detail: Any) -> str:
    """Put one event onto the bus; empty, or why it was not taken. `made_of`: what is the same event."""
    environment = target.outputs["Environment"]
    body = {
        "version": "1",
        "id": digest(what, environment, made_of),
        "time": iso(utc_now()),
        "environment": environment,
        **detail,
    }
    entry = {"Source": SOURCE, "DetailType": what, "Detail": json.dumps(body)}
    try:
        answer = target.client("events").put_events(Entries=[entry])
    except Exception as error:
        return f"nobody was told by the event {what}: {' '.join(str(error).split())}"
    if answer.get("FailedEntryCount"):
        why = answer["Entries"][0].get("ErrorMessage") or answer["Entries"][0].get("ErrorCode")
        return f"nobody was told by the event {what}: {why}"
    return ""
