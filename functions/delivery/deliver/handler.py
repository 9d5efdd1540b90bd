"""Deliver: sends, every minute, all deliveries and notices of the outbox that are due."""

from __future__ import annotations

from typing import Any, Literal

from delivery.config import notification_rules
from delivery.deliver import sending
from ona.documents.base import Document
from ona.runtime.clock import utc_now
from ona.runtime.observability import handler


class DeliverRequest(Document):
    """The event that the timer sends every minute."""

    task: Literal["send"]


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, int]:
    """`DeliverRequest` in; out how many items were delivered (`told`), wait, failed, and were given up.

    Raises DependencyBusy when the outbox itself cannot be read.
    """
    DeliverRequest.read(event, "event")
    return sending.run(
        notification_rules(), utc_now(), left=lambda: float(context.get_remaining_time_in_millis()) / 1000
    )
