"""What tests of deliveries share: secrets, rules for people, a delivery of which one request goes wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from delivery.config import NotificationRules
from ona.runtime import http
from tests.builders.orders import deliver
from tests.fakes.ticketing import Server

MINUTE = timedelta(minutes=1)
SECRET = "ona@example.com:pass"
"""Of every ticketing system."""
SIGNING = "test-signing-key"
"""The platform's key, from which webhooks' secrets are derived."""


def deliver_with(
    server: Server, kind: str, now: datetime, match: str = "", skip: int = 0
) -> dict[str, int]:
    """A delivery of which one request goes wrong; nobody waits long for what never comes."""
    patience = http.TIMEOUT_S
    server.fault(kind, match, skip)
    try:
        http.TIMEOUT_S = 0.4 if kind in ("late", "drip") else patience
        return deliver(now)
    finally:
        http.TIMEOUT_S = patience
        server.faults.clear()


def rules(**changes: Any) -> NotificationRules:
    """Rules for people: nights are quiet, but for what is critical; no digest."""
    base = {
        "timezone": "Africa/Johannesburg",
        "quiet_hours": {"start": "18:00", "end": "06:00"},
        "always": ["critical"],
        "single_messages": 3,
        "messages_an_hour": 6,
        "digest": None,
    }
    return NotificationRules.model_validate({**base, **changes})
