"""Deliver: every minute, all that is due in the outbox."""

from __future__ import annotations

from typing import Any

from delivery.deliver.sending import run
from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import handler


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """See the module."""
    task = event.get("task") if isinstance(event, dict) else None
    if task != "send":
        raise InvalidPayload(f"task {task!r}: use send")
    return run(utc_now(), left=lambda: float(context.get_remaining_time_in_millis()) / 1000)
