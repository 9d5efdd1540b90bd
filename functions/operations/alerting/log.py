"""The alert log: what is known of an event's alarm, and the writes of a decision, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ona.outbox.items import OUTBOX
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy
from ona.runtime.identity import digest
from ona.store import tables
from ona.store.items import Table
from ona.store.tables import Write
from operations.alerting import wording
from operations.alerting.documents import Alert, AlertEvent, Hour, Standing, Window
from operations.alerting.faults import Faults
from operations.alerting.judge import Decision, judge
from operations.alerting.known import Known
from operations.config.alerting import Alerting
from operations.config.maintenance import Maintenance
from operations.layout import ALERT, hour_key, standing_key
from operations.reading.first_fault import follows

VARIABLE, KEY, BY_DUE = "ALERT_LOG_TABLE", "alert_id", "due-index"
ALERTS: Table[Alert] = Table(VARIABLE, KEY, Alert.read)
STANDINGS: Table[Standing] = Table(VARIABLE, KEY, Standing.read)
HOURS: Table[Hour] = Table(VARIABLE, KEY, Hour.read)
WINDOWS: Table[Window] = Table(VARIABLE, KEY, Window.read)
UNASKED = Faults()
TRIES = 6
"""So often an event is judged anew because another of the same alarm or kind was faster (ours)."""
MOST_DUE = 200
"""Alerts that one run of the timer wakes (ours); the next minute goes on."""


def known(event: AlertEvent, calendar: Maintenance, now: datetime, faults: Faults = UNASKED) -> Known:
    """What the log has of an event's alarm, and `faults` of what was first. Raises DependencyBusy,
    InvalidPayload."""
    again = False
    if event.what in ("alarm", "ok", "insufficient"):
        standing = STANDINGS.get(standing_key(event.name))
        alert = ALERTS.get(standing.alert) if standing and standing.alert else None
        fresh = f"{ALERT}{digest(event.name, event.id)}"
        again = event.what == "alarm" and ALERTS.get(fresh) is not None
    else:
        alert = ALERTS.get(event.alert_id)
        standing = STANDINGS.get(standing_key(alert.name)) if alert else None
    of = alert if event.alert_id and alert else event
    causes = list(filter(None, (STANDINGS.get(standing_key(name)) for name in of.causes)))
    waited = event.what == "due" and alert is not None and alert.status == "suppressed"
    return Known(
        alert=alert,
        standing=standing,
        hour=HOURS.get(hour_key(of.kind, now)),
        causes=causes,
        later=_later(alert, causes, faults) if waited and alert is not None else (),
        windows=WINDOWS.query(BY_DUE, "lane", "window"),
        recurring=calendar.windows,
        zone=calendar.zone,
        again=again and (standing is None or standing.last_event != event.id),
    )


def _later(alert: Alert, causes: Sequence[Standing], faults: Faults) -> list[str]:
    """The keys of the causes that were on lately, and whose fault began after the alert's own.

    A cause that was on once before, near the alert, may have brought it about then.
    """
    lately, found = alert.opened_at - timedelta(seconds=alert.lasts_s), []
    for cause in causes:
        newest = ALERTS.get(cause.alert) if cause.alert else None
        over = cause.on_until is not None and cause.on_until >= lately
        if newest is None or not (cause.open or over):
            continue
        if over and cause.on_until is not None and cause.on_until < newest.opened_at:
            continue
        own = faults.began(alert.name, alert.opened_at)
        if not follows(own, faults.began(newest.name, newest.opened_at)):
            found.append(cause.key)
    return found


def decide(
    event: AlertEvent,
    rules: Alerting,
    calendar: Maintenance,
    environment: str,
    now: datetime,
    faults: Faults = UNASKED,
) -> tuple[Decision, Alert | None]:
    """Judge an event and write what becomes of it; out comes the decision and the alert as it stands.

    `faults`: what CloudWatch knows of the faults behind alarms.
    Raises DependencyBusy after `TRIES` conflicts.
    """
    for _ in range(TRIES):
        before = known(event, calendar, now, faults)
        decision = judge(event, before, rules, now)
        if decision.standing is None:
            return decision, decision.alert
        if tables.transact(_writes(before, decision, environment, now, faults)):
            return decision, decision.alert
    raise DependencyBusy(f"the alarm {event.name or event.alert_id} keeps changing")


def _writes(
    before: Known, decision: Decision, environment: str, now: datetime, faults: Faults
) -> list[Write]:
    course = _course(decision, now, faults)
    writes = [STANDINGS.changed(before.standing, decision.standing)] if decision.standing else []
    if decision.alert is not None:
        same = before.alert is not None and before.alert.key == decision.alert.key
        writes.append(ALERTS.changed(before.alert if same else None, decision.alert))
    if decision.hour is not None:
        writes.append(HOURS.changed(before.hour, decision.hour))
    for place, telling in decision.tell:
        if decision.alert is not None:
            item = wording.item(decision.alert, place, telling, environment, now, course)
            writes.append(OUTBOX.insertion(item))
    return writes


def _course(decision: Decision, now: datetime, faults: Faults) -> str:
    """What became of an alert's fault since, where somebody is to be woken for it."""
    alert, triggers = decision.alert, any(telling.action == "trigger" for _, telling in decision.tell)
    if alert is None or not triggers:
        return ""
    if alert.off_at is not None and alert.behind:
        return f"quiet since {alert.off_at:%Y-%m-%d %H:%M} UTC behind {alert.behind}, which began later"
    if alert.off_at is not None:
        return f"the alarm went off at {alert.off_at:%Y-%m-%d %H:%M} UTC: nothing fails any more"
    return faults.course(alert.name, now)


def due(now: datetime) -> list[str]:
    """The alerts whose time has come, the longest waiting first. Raises DependencyBusy."""
    items = tables.until(ALERTS.name, BY_DUE, ("lane", "due"), ("next_at", iso(now)), MOST_DUE)
    return [str(item[KEY]) for item in items]


def end_windows(now: datetime) -> int:
    """Take windows whose end has passed out of the index; how many. Raises DependencyBusy."""
    items = tables.until(WINDOWS.name, BY_DUE, ("lane", "window"), ("next_at", iso(now)), MOST_DUE)
    ended = 0
    for item in items:

        def over(window: Window | None) -> Window | None:
            if window is None or window.lane is None:
                return None
            return window.model_copy(update={"lane": None, "version": window.version + 1})

        ended += WINDOWS.edit(str(item[KEY]), over) is not None
    return ended
