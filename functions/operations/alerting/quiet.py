"""What keeps an alert quiet, and until when it is looked at again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from operations.alerting.documents import Alert
from operations.alerting.known import Known
from operations.config.alerting import Alerting


@dataclass(frozen=True)
class Quiet:
    """`by`: what keeps it quiet, for people; `until`: when it is looked at again."""

    by: str
    until: datetime


def why_quiet(
    alert: Alert, known: Known, rules: Alerting, now: datetime
) -> Quiet | Literal["one too many"] | None:
    """What keeps an alert quiet just now; None where people are to be told. "one too many": the first of
    its kind beyond what is told in an hour, which goes to the next level for all that follow."""
    return (
        _window(alert, known, rules, now)
        or _cause(alert, known, rules, now)
        or _repeat(alert, known, rules, now)
        or _flood(alert, known, rules, now)
    )


def is_of(alert: Alert, only: list[str]) -> bool:
    """Whether a window is about an alert: its family, its kind, what it is about, or its alarm's name."""
    return not only or bool({alert.family, alert.kind, alert.about, alert.name} & set(only))


def _window(alert: Alert, known: Known, rules: Alerting, now: datetime) -> Quiet | None:
    again = now + timedelta(minutes=rules.recheck_minutes)
    for window in known.windows:
        inside = window.ended_at is None and window.begins_at <= now < window.next_at
        if inside and is_of(alert, window.only) and alert.severity not in window.always:
            return Quiet(f"window {window.key.partition('#')[2]}: {window.why}", min(again, window.next_at))
    for recurring in known.recurring:
        until = recurring.until(known.zone, now)
        if until and is_of(alert, recurring.only) and alert.severity not in recurring.always:
            return Quiet(f"window {recurring.name}: {recurring.why}", min(again, until))
    return None


def settles(alert: Alert) -> datetime:
    """When it is decided whether an alert is its own or a cause's: a cause may come on later."""
    return alert.opened_at + timedelta(seconds=alert.settle_s)


def _cause(alert: Alert, known: Known, rules: Alerting, now: datetime) -> Quiet | None:
    """An alarm that has causes waits until it has settled; it is quiet while one of them was on lately
    whose fault did not begin after its own.

    Until it has settled `lately` counts from when it went on, afterwards from now (docs/decisions/0048).
    """
    if not alert.causes:
        return None
    if now < settles(alert):
        return Quiet("waits whether a cause comes on too", settles(alert))
    lasts = timedelta(seconds=alert.lasts_s)
    first = now < settles(alert) + timedelta(minutes=rules.recheck_minutes)
    since = (alert.opened_at if first else now) - lasts
    for cause in known.causes:
        if cause.key in known.later:
            continue
        until = now if cause.open else cause.on_until
        if until is not None and until >= since:
            name = cause.key.partition("#")[2]
            again = now + timedelta(minutes=rules.recheck_minutes)
            return Quiet(f"{name} is the cause", again)
    return None


def _repeat(alert: Alert, known: Known, rules: Alerting, now: datetime) -> Quiet | None:
    standing = known.standing
    if standing is None or standing.told_at is None:
        return None
    until = standing.told_at + rules.quiet(alert.severity)
    return Quiet(f"repeat of what was told at {standing.told_at:%H:%M} UTC", until) if now < until else None


def _flood(
    alert: Alert, known: Known, rules: Alerting, now: datetime
) -> Quiet | Literal["one too many"] | None:
    hour = known.hour
    if hour is None or hour.opened < rules.flood_an_hour:
        return None
    if hour.over is None:
        return "one too many"
    next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return Quiet(f"more than {rules.flood_an_hour} of {alert.kind} in this hour, {hour.over}", next_hour)
