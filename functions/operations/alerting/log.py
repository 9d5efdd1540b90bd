"""The alert log: what is known of an event's alarm, and the writes of a decision, all of them or none."""

from __future__ import annotations

from datetime import datetime

from ona.outbox.items import OUTBOX
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy
from ona.runtime.identity import digest
from ona.store import tables
from ona.store.items import Table
from ona.store.tables import Write
from operations.alerting import wording
from operations.alerting.documents import Alert, AlertEvent, Hour, Standing, Window
from operations.alerting.judge import Decision, judge
from operations.alerting.known import Known
from operations.config.alerting import Alerting
from operations.config.maintenance import Maintenance
from operations.layout import ALERT, hour_key, standing_key

VARIABLE, KEY, BY_DUE = "ALERT_LOG_TABLE", "alert_id", "due-index"
ALERTS: Table[Alert] = Table(VARIABLE, KEY, Alert.read)
STANDINGS: Table[Standing] = Table(VARIABLE, KEY, Standing.read)
HOURS: Table[Hour] = Table(VARIABLE, KEY, Hour.read)
WINDOWS: Table[Window] = Table(VARIABLE, KEY, Window.read)
TRIES = 6
"""So often an event is judged anew because another of the same alarm or kind was faster (ours)."""
MOST_DUE = 200
"""Alerts that one run of the timer wakes (ours); the next minute goes on."""


def known(event: AlertEvent, calendar: Maintenance, now: datetime) -> Known:
    """What the log has of an event's alarm. Raises DependencyBusy, InvalidPayload."""
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
    causes = [STANDINGS.get(standing_key(name)) for name in of.causes]
    return Known(
        alert=alert,
        standing=standing,
        hour=HOURS.get(hour_key(of.kind, now)),
        causes=[cause for cause in causes if cause is not None],
        windows=WINDOWS.query(BY_DUE, "lane", "window"),
        recurring=calendar.windows,
        zone=calendar.zone,
        again=again and (standing is None or standing.last_event != event.id),
    )


def decide(
    event: AlertEvent, rules: Alerting, calendar: Maintenance, environment: str, now: datetime
) -> tuple[Decision, Alert | None]:
    """Judge an event and write what becomes of it; out comes the decision and the alert as it stands.

    Raises DependencyBusy after `TRIES` conflicts.
    """
    for _ in range(TRIES):
        before = known(event, calendar, now)
        decision = judge(event, before, rules, now)
        if decision.standing is None:
            return decision, decision.alert
        if tables.transact(_writes(before, decision, event, environment, now)):
            return decision, decision.alert
    raise DependencyBusy(f"the alarm {event.name or event.alert_id} keeps changing")


def _writes(
    before: Known, decision: Decision, event: AlertEvent, environment: str, now: datetime
) -> list[Write]:
    writes = [STANDINGS.changed(before.standing, decision.standing)] if decision.standing else []
    if decision.alert is not None:
        same = before.alert is not None and before.alert.key == decision.alert.key
        writes.append(ALERTS.changed(before.alert if same else None, decision.alert))
    if decision.hour is not None:
        writes.append(HOURS.changed(before.hour, decision.hour))
    for place, telling in decision.tell:
        if decision.alert is not None:
            item = wording.item(decision.alert, place, telling, environment, now)
            writes.append(OUTBOX.insertion(item))
    return writes


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
