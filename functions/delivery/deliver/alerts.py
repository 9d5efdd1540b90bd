"""Alerts of the platform, told to one place: at once, at any hour, and never twice.

PagerDuty and webhooks know a message again, so a try of theirs is repeated. Slack and e-mail do not: there
it is written down before each call that it begins. A run that finds the note of a run that died, or gets
no answer, cannot know whether the message is there. It does not send again: the alert is *doubtful*, and
the event Alert Undeliverable lets the next level be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from delivery.deliver import notifications
from delivery.deliver.failures import backoff
from delivery.deliver.systems import pagerduty, slack
from delivery.deliver.systems.webhook import Webhook
from ona.config import parameters
from ona.outbox import deliveries
from ona.outbox.items import OUTBOX, AlertItem
from ona.runtime import correlation, events
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidConfiguration, InvalidInput
from ona.runtime.http import Busy
from ona.runtime.identity import digest
from ona.runtime.observability import logger
from ona.store.unreadable import Unreadable, note

GIVE_UP = timedelta(minutes=15)
"""So long a place that does not answer is tried; then it is undeliverable, and the next level is told."""
LONGEST_WAIT = timedelta(minutes=5)
"""Between two tries."""
RESERVE_S = 30.0
"""Seconds that one alert may take; none begins with less left."""
REPEATABLE = ("pagerduty", "webhook")
"""Channels that know a message again."""


def deliver(
    items: Sequence[AlertItem], now: datetime, left: Callable[[], float], bad: list[Unreadable]
) -> Counter[str]:
    """Tell one place all alerts that are due there, in the order in which they came; what was counted."""
    counts: Counter[str] = Counter()
    for item in items:
        if left() < RESERVE_S:
            break  # the rest is still due
        try:
            claimed = deliveries.claim(item, now)
            if isinstance(claimed, AlertItem):
                with correlation.using(claimed.correlation_id):
                    became = _deliver(claimed, now)
                    logger.info("alert handled", delivery=claimed.delivery_id, became=became)
                counts[became] += 1
                counts["unheard"] += became == "dead"
        except Exception as error:
            logger.exception("not settled", delivery=item.delivery_id)
            note(deliveries.where_of(item), f"{type(error).__name__}: {error}", bad)
            counts["failed"] += 1
    return counts


def _deliver(item: AlertItem, now: datetime) -> Literal["told", "failed", "dead", "waiting"]:
    """Tell one alert at its place. Raises DependencyBusy where what became of it cannot be written."""
    if item.action != "trigger" and _opening_waits(item):  # PagerDuty would open again what was resolved
        deliveries.postpone(item, now + timedelta(minutes=1), now)
        return "waiting"
    once = item.channel not in REPEATABLE
    if once and item.sending_at is not None:
        return _undeliverable(item, now, "doubtful", "a run that told it ended before its answer came")
    try:
        call = _call(item)
    except Exception as error:
        return _failed(item, error, now, begun=False)
    if once:
        deliveries.sending(item, now)
    try:
        call()
    except Exception as error:
        return _failed(item, error, now, begun=once)
    deliveries.delivered(item, now)
    return "told"


def _opening_waits(item: AlertItem) -> bool:
    """Whether the place has still to be told that the alert was opened. Raises DependencyBusy."""
    opening = OUTBOX.get(f"{item.alert_id}#trigger@{item.recipient_name}")
    return opening is not None and opening.lane == "send"


def _call(item: AlertItem) -> Callable[[], None]:
    """What tells the place, its secret read. Raises InvalidConfiguration, DependencyBusy."""
    if item.channel == "email":
        attributes = {"event": item.event, "priority": item.priority}
        return lambda: notifications.publish(item.subject, item.text, attributes)
    secret = parameters.secret(item.secret_parameter)
    if item.channel == "slack":
        return lambda: slack.send(item, secret)
    if item.channel == "pagerduty":
        return lambda: pagerduty.send(item, secret)
    hook = Webhook(item.url, secret, item.recipient_name)
    return lambda: hook.post(item.delivery_id, _document(item))


def _document(item: AlertItem) -> dict[str, object]:
    """What a webhook gets (standardwebhooks.com: type, timestamp, data)."""
    return {
        "type": f"alert.{item.action}",
        "timestamp": iso(item.at),
        "data": {
            "id": item.delivery_id,
            "alert_id": item.alert_id,
            "action": item.action,
            "name": item.name,
            "about": item.about,
            "family": item.family,
            "severity": item.priority,
            "environment": item.environment,
            "page": item.page,
            "subject": item.subject,
            "text": item.text,
            "correlation_id": item.correlation_id,
        },
    }


def _failed(item: AlertItem, error: Exception, now: datetime, *, begun: bool) -> Literal["failed", "dead"]:
    why = f"{type(error).__name__}: {error}"
    if begun and _unsure(error):
        return _undeliverable(item, now, "doubtful", why)
    final = isinstance(error, InvalidInput) and not isinstance(error, InvalidConfiguration)
    since = item.first_failed_at or now
    if final or now - since >= GIVE_UP:
        return _undeliverable(item, now, "undeliverable", why)
    logger.warning("alert not told", delivery=item.delivery_id, why=why)
    wait = min(backoff(item.attempts), LONGEST_WAIT)
    if isinstance(error, Busy) and error.retry_after:
        wait = max(wait, min(timedelta(seconds=error.retry_after), LONGEST_WAIT))
    deliveries.postpone(item, now + wait, now, why)
    return "failed"


def _unsure(error: Exception) -> bool:
    """Whether the place may have taken a message although its call failed."""
    if isinstance(error, Busy):
        return error.unsure
    if isinstance(error, InvalidInput):
        return False
    cause = error.__cause__ or error  # of SNS: an answer, even an error's, says that nothing was sent
    return not getattr(cause, "response", None) and type(cause).__name__ not in _NEVER_SENT


_NEVER_SENT = ("EndpointConnectionError", "ConnectTimeoutError", "NoCredentialsError")
"""Errors of botocore before a request is sent."""


def _undeliverable(
    item: AlertItem, now: datetime, outcome: Literal["undeliverable", "doubtful"], why: str
) -> Literal["dead"]:
    """Say that a place was not told, then give the item up. The event first: a run that dies between both
    says it again, and the same id is the same event."""
    logger.error("alert not told", delivery=item.delivery_id, outcome=outcome, why=why)
    detail = {
        "version": "1",
        "id": digest(item.delivery_id, outcome),
        "time": iso(now),
        "correlation_id": item.correlation_id,
        "alert_id": item.alert_id,
        "place": item.recipient_name,
        "action": item.action,
        "outcome": outcome,
        "reason": why[: deliveries.LONGEST_REASON],
    }
    events.publish([events.Event("Alert Undeliverable", detail)])
    deliveries.give_up(item, now, f"{outcome}: {why}")
    return "dead"
