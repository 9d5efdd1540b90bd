"""What people read of an alert, and the outbox's item for one place. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ona.documents.work_orders import Priority
from ona.outbox.items import AlertItem
from ona.runtime.clock import iso
from ona.runtime.identity import digest
from ona.runtime.words import counted
from operations.alerting.documents import KEPT, Alert, Outcome, Published, Telling
from operations.config.alerting import Place

HEAD = {"trigger": "ALERT", "acknowledge": "ACKNOWLEDGED", "resolve": "RESOLVED"}
PUBLISHED: dict[Outcome, str] = {
    "opened": "Alert Opened",
    "escalated": "Alert Escalated",
    "undeliverable": "Alert Escalated",
    "acknowledged": "Alert Acknowledged",
    "resolved": "Alert Resolved",
}


def subject(alert: Alert, action: str) -> str:
    """One line.

    >>> from operations.alerting.documents import AlertEvent
    >>> HEAD["trigger"]
    'ALERT'
    """
    return f"[{HEAD[action]} {alert.severity}] {alert.name}"


def text(alert: Alert, telling: Telling, environment: str, course: str = "") -> str:
    """What happened, since when, what became of it (`course`), what to read, and what to type."""
    lines = [
        f"{alert.name} ({environment}): {alert.reason}",
        f"Alert {short(alert.key)}, since {iso(alert.opened_at)}, {counted(alert.count, 'time')}; "
        f"severity: {alert.severity}.",
    ]
    if telling.action == "acknowledge":
        lines.append(f"Acknowledged by {alert.acknowledged_by}. Nobody further is told.")
    elif telling.action == "resolve":
        who = f" by {alert.resolved_by}" if alert.resolved_by else ""
        lines.append(f"Resolved{who} at {iso(alert.resolved_at or alert.last_at)}.")
        if alert.behind:
            lines.append(
                f"It is quiet behind {alert.behind}, which is on. Look whether it is over: ona alarms"
            )
    else:
        if course:
            lines.append(f"now: {course}")
        if alert.page:
            lines.append(f"What to do: docs/operations/symptoms/{alert.page}.md")
        if telling.level > 1:
            lines.append(f"Level {telling.level}: nobody has acknowledged it, or nobody could be told.")
        lines.append(f"Take it on: ona alerts ack {short(alert.key)} --env {environment}")
    if alert.correlation_id:
        lines.append(f"Correlation id in the logs: {alert.correlation_id}")
    return "\n".join(lines) + "\n"


def short(key: str) -> str:
    """An alert's id as people type it.

    >>> short("alert#0123456789ab")
    '0123456789ab'
    """
    return key.partition("#")[2]


def item(
    alert: Alert, place: Place, telling: Telling, environment: str, now: datetime, course: str = ""
) -> AlertItem:
    """The outbox's item for one place, due at once; `course`: what became of the fault since."""
    severity: Priority = alert.severity
    return AlertItem(
        delivery_id=telling.delivery_id,
        recipient_name=place.name,
        lane="send",
        next_at=now,
        ttl=int((now + KEPT + timedelta(days=1)).timestamp()),
        event=f"alert_{telling.action}",
        priority=severity,
        subject=subject(alert, telling.action),
        text=text(alert, telling, environment, course),
        channel=place.channel,
        action=telling.action,
        alert_id=alert.key,
        name=alert.name,
        about=alert.about,
        family=alert.family,
        page=alert.page,
        at=alert.opened_at,
        environment=environment,
        url=place.url or "",
        secret_parameter=place.secret_parameter,
        correlation_id=alert.correlation_id,
    )


def published(outcome: Outcome, alert: Alert) -> Published | None:
    """The event that says what became of an alert, but for its environment, which the workflow knows; None
    where nothing did that others want to know."""
    kind = PUBLISHED.get(outcome)
    if kind is None or (outcome == "resolved" and alert.told_since is None):
        return None
    return Published(
        detail_type=kind,
        detail={
            "version": "1",
            "id": digest(alert.key, outcome, str(alert.version)),
            "time": iso(alert.last_at),
            "correlation_id": alert.correlation_id,
            "alert_id": alert.key,
            "name": alert.name,
            "kind": alert.kind,
            "severity": alert.severity,
            "status": alert.status,
            "level": alert.level,
            "page": alert.page,
            "reason": alert.reason[:500],
        },
    )
