"""PagerDuty, Events API v2: an incident is opened, acknowledged and resolved by its `dedup_key`.

Shapes and answers: PagerDuty's own OpenAPI document (PagerDuty/api-schema,
reference/events-v2/openapiv3.json): 202 is taken, 400 is final, 429, 5xx and a broken line are tried again.
The longest summary (1 024) and key (255):
https://developer.pagerduty.com/docs/events-api-v2/trigger-events/. The same event twice is one incident
there, so a try may be repeated.
"""

from __future__ import annotations

from typing import Any

from ona.outbox.items import AlertItem
from ona.runtime import http
from ona.runtime.clock import iso
from ona.runtime.words import shortened

URL = "https://events.pagerduty.com/v2/enqueue"
"""Of accounts in the United States; others name theirs in the place's `url`."""
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
LONGEST_SUMMARY, LONGEST_KEY = 1024, 255


def body(item: AlertItem, routing_key: str) -> dict[str, Any]:
    """The event for one alert."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": item.action,
        "dedup_key": item.alert_id[:LONGEST_KEY],
    }
    if item.action != "trigger":
        return event
    details = {"text": item.text, "page": item.page, "correlation_id": item.correlation_id}
    return {
        **event,
        "client": "Ona Platform",
        "payload": {
            "summary": shortened(f"{item.subject}: {item.text.splitlines()[0]}", LONGEST_SUMMARY),
            "source": f"ona-platform-{item.environment}",
            "severity": SEVERITIES.get(item.priority, "info"),
            "timestamp": iso(item.at),
            "component": item.about or item.name,
            "group": item.family or "platform",
            "class": item.name,
            "custom_details": {name: value for name, value in details.items() if value},
        },
    }


def send(item: AlertItem, routing_key: str) -> None:
    """Tell PagerDuty. Raises Busy, Refused."""
    http.call(
        "POST",
        item.url or URL,
        what=f"pagerduty {item.recipient_name}",
        document=body(item, routing_key),
        any_answer=True,
    )
