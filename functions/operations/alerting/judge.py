"""What becomes of one event: the rules of alerts, without clock, table or network. Pure.

An alert is one time that an alarm is on. `judge` says how the alert, the alarm's standing and the hour's
count stand afterwards, and which places are to be told. An alert that is kept quiet (window, cause, repeat,
flood) is looked at again at `next_at`: what is still on then is told. So nothing stays quiet for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ona.outbox.items import AlertAction
from ona.runtime.identity import digest
from operations.alerting.documents import (
    COUNTS_KEPT,
    KEPT,
    Alert,
    AlertEvent,
    Hour,
    Outcome,
    Standing,
    Telling,
)
from operations.alerting.known import Known
from operations.alerting.quiet import Quiet, settles, why_quiet
from operations.config.alerting import Alerting, Place
from operations.layout import ALERT, hour_key, standing_key

NOBODY = "nobody"
"""In place of a place's name where no level has any: on record as undeliverable."""
ANSWERS_BACK = ("pagerduty", "slack", "webhook")
"""Channels that are told when somebody has acknowledged; a mail more would help nobody."""


@dataclass(frozen=True)
class Decision:
    """What is written and told. None: it stays as it is."""

    outcome: Outcome
    why: str
    alert: Alert | None = None
    standing: Standing | None = None
    hour: Hour | None = None
    tell: Sequence[tuple[Place, Telling]] = field(default_factory=list)


def judge(event: AlertEvent, known: Known, rules: Alerting, now: datetime) -> Decision:
    """What becomes of an event. The same event again, and an older one than the last, change nothing."""
    standing = known.standing
    if standing is not None and event.id == standing.last_event:
        return Decision(standing.last_outcome, "it was judged before", known.alert)
    if known.again:
        return Decision("none", "an alert was made of this event already")
    if event.what in ("alarm", "ok") and standing is not None and event.at < standing.last_event_at:
        return Decision("none", "a later event of the alarm was judged already")
    case = _Case(event, known, rules, now)
    if event.what == "insufficient":
        return Decision("none", "an alarm without data is neither on nor off")
    if event.what in ("alarm", "ok"):
        return case.alarm() if event.what == "alarm" else case.ok()
    if known.alert is None or standing is None:
        return Decision("none", f"there is no alert {event.alert_id}")
    ways = {
        "acknowledge": case.acknowledge,
        "resolve": case.ok,
        "undeliverable": case.undeliverable,
        "due": case.due,
    }
    return ways[event.what](known.alert)


class _Case:
    """One event with all that is known."""

    def __init__(self, event: AlertEvent, known: Known, rules: Alerting, now: datetime) -> None:
        self.event, self.known, self.rules, self.now = event, known, rules, now
        self.hour = known.hour
        self.tell: list[tuple[Place, Telling]] = []

    # ------------------------------------------------------------------ what happens

    def alarm(self) -> Decision:
        """An alarm is on: a new alert, or one more time of the open one."""
        alert, standing = self.known.alert, self.known.standing
        if standing is not None and standing.open and alert is not None:
            again = self._changed(alert, count=alert.count + 1)
            return self._decided("counted", "the alert is open already", again)
        event = self.event
        fresh = Alert(
            key=f"{ALERT}{digest(event.name, event.id)}", name=event.name, kind=event.kind,
            about=event.about, family=event.family, severity=event.severity, status="open",
            reason=event.reason, page=event.page, rings=event.rings, told_by=event.told_by,
            causes=event.causes, settle_s=event.settle_s, lasts_s=event.lasts_s, opened_at=event.at,
            last_at=self.now, correlation_id=event.correlation_id, version=0, ttl=self._ttl(),
        )  # fmt: skip
        if not event.rings:
            by = f"told by {event.told_by}" if event.told_by else "a deployment listens to it"
            return self._decided("suppressed", by, self._quiet(fresh, by, None))
        return self._tell_or_keep_quiet(fresh)

    def ok(self, alert: Alert | None = None) -> Decision:
        """An alarm is off, or a person says that it is over: its alert is closed where it was opened."""
        alert, standing = alert or self.known.alert, self.known.standing
        if alert is None or alert.status == "resolved" or standing is None or not standing.open:
            if self.event.what == "resolve":
                return Decision("none", "the alert is resolved already", alert)
            return self._decided("none", "nothing was open", None, is_open=False)
        waits = alert.causes and alert.status == "suppressed" and self.now < settles(alert)
        if waits and self.event.what == "ok":
            pending = self._changed(alert, off_at=self.event.at)
            return self._decided("none", "it is off, and it may still be told", pending, is_open=False)
        over = self._changed(alert, status="resolved", resolved_at=self.now, lane=None, next_at=None)
        behind = self._behind() if self.event.what == "ok" else ""
        over = over.model_copy(update={"resolved_by": self.event.by or None, "behind": behind})
        over = self._answer_back(over, "resolve")
        return self._decided("resolved", self.event.reason or "the alarm is off", over, is_open=False)

    def acknowledge(self, alert: Alert) -> Decision:
        """A person takes it on: nobody further is told."""
        if alert.status in ("resolved", "acknowledged"):
            who = alert.resolved_by if alert.status == "resolved" else alert.acknowledged_by
            by = f", by {who}" if who else ""
            return Decision("none", f"the alert is {alert.status} already{by}", alert)
        taken = self._changed(
            alert, status="acknowledged", acknowledged_by=self.event.by, acknowledged_at=self.now,
            lane=None, next_at=None,
        )  # fmt: skip
        taken = self._answer_back(taken, "acknowledge")
        return self._decided("acknowledged", f"acknowledged by {self.event.by}", taken)

    def due(self, alert: Alert) -> Decision:
        """A time has come: what keeps the alert quiet is looked at, or the next level is told."""
        if alert.lane is None or alert.next_at is None or alert.next_at > self.now:
            return Decision("none", "it is not due", alert)
        if alert.status == "suppressed" and alert.off_at is not None:
            return self._settled_when_off(alert)
        if alert.status == "suppressed":
            return self._tell_or_keep_quiet(alert)
        return self._decided("escalated", *self._next_level(self._changed(alert)))

    def undeliverable(self, alert: Alert) -> Decision:
        """A place was not told, or nobody knows whether it was: the next level is told at once."""
        outcome = "doubtful" if self.event.doubtful else "undeliverable"
        told = [
            telling.model_copy(update={"outcome": outcome})
            if (telling.place, telling.action) == (self.event.place, self.event.action)
            else telling
            for telling in alert.told
        ]
        if told == alert.told:
            return Decision("none", "it is on record already", alert)
        noted = self._changed(alert, told=told)
        why = f"{self.event.place}: {self.event.reason}"
        if self.event.action == "trigger" and alert.status == "open":
            why, noted = self._next_level(noted, why)
        return self._decided("undeliverable", why, noted)

    # ------------------------------------------------------------------ telling

    def _settled_when_off(self, alert: Alert) -> Decision:
        """Its alarm went off before it had settled: it is told if no cause was on, and closed."""
        quiet = why_quiet(alert, self.known, self.rules, self.now)
        over = {"status": "resolved", "resolved_at": self.now, "lane": None, "next_at": None}
        if isinstance(quiet, Quiet):
            by = f"{quiet.by}; it is off again"
            return self._decided("resolved", by, self._changed(alert, suppressed_by=by, **over))
        told = self._first_telling(alert, "no cause was on")
        if told.alert is None:
            return told
        closed = told.alert.model_copy(update={**over, "behind": self._behind()})
        closed = self._answer_back(closed, "resolve")
        return replace(told, alert=closed, tell=self.tell)

    def _behind(self) -> str:
        """A cause that is on: its rule keeps the alarm off meanwhile, whether the fault is over or not."""
        return next((one.key.partition("#")[2] for one in self.known.causes if one.open), "")

    def _quiet(self, alert: Alert, by: str, until: datetime | None) -> Alert:
        lane = "due" if until else None
        return self._changed(alert, status="suppressed", suppressed_by=by, lane=lane, next_at=until)

    def _tell_or_keep_quiet(self, alert: Alert) -> Decision:
        quiet = why_quiet(alert, self.known, self.rules, self.now)
        if quiet is None:
            return self._first_telling(alert, "people are told")
        if isinstance(quiet, Quiet):
            return self._decided("suppressed", quiet.by, self._quiet(alert, quiet.by, quiet.until))
        why = f"more than {self.rules.flood_an_hour} of {alert.kind} in this hour; the following wait"
        if self.hour is not None:
            self.hour = self.hour.model_copy(update={"over": alert.key})
        return self._first_telling(alert.model_copy(update={"reason": f"{why}. {alert.reason}"}), why)

    def _first_telling(self, alert: Alert, why: str) -> Decision:
        key = hour_key(alert.kind, self.now)
        hour = self.hour or Hour(key=key, version=0, ttl=int((self.now + COUNTS_KEPT).timestamp()))
        self.hour = hour.model_copy(update={"opened": hour.opened + 1, "version": hour.version + 1})
        opened = self._changed(alert, status="open", suppressed_by=None, told_since=self.now)
        _, opened = self._next_level(opened)
        if self.hour.over == alert.key:  # one too many: the next level at once
            _, opened = self._next_level(opened)
        return self._decided("opened", why, opened, told=True)

    def _next_level(self, alert: Alert, why: str = "nobody acknowledged it") -> tuple[str, Alert]:
        """Tell the next level that has somebody who was not told yet; say when the one after it is due."""
        levels = self.rules.levels.get(alert.severity, [])
        before = len(self.tell)
        while alert.level < len(levels) and len(self.tell) == before:
            alert = alert.model_copy(update={"level": alert.level + 1})
            for place in self.rules.told_at(levels[alert.level - 1], self.now):
                alert = self._told(alert, place, "trigger")
        if alert.level < len(levels):
            since = alert.told_since or self.now
            wait = since + timedelta(minutes=levels[alert.level].after_minutes)
            return why, alert.model_copy(update={"lane": "due", "next_at": max(wait, self.now)})
        if levels and not any(telling.action == "trigger" for telling in alert.told):
            nowhere = Telling(
                place=NOBODY, action="trigger", level=alert.level, at=self.now,
                delivery_id=f"{alert.key}#trigger@{NOBODY}", outcome="undeliverable",
            )  # fmt: skip
            alert = alert.model_copy(update={"told": [*alert.told, nowhere]})
        return why, alert.model_copy(update={"lane": None, "next_at": None})

    def _told(self, alert: Alert, place: Place, action: AlertAction) -> Alert:
        """The alert, told at a place; each place hears of an action once."""
        name = f"{alert.key}#{action}@{place.name}"
        if any(telling.delivery_id == name for telling in alert.told):
            return alert
        telling = Telling(
            place=place.name, channel=place.channel, action=action, level=alert.level, at=self.now,
            delivery_id=name,
        )  # fmt: skip
        self.tell.append((place, telling))
        return alert.model_copy(update={"told": [*alert.told, telling]})

    def _answer_back(self, alert: Alert, action: AlertAction) -> Alert:
        """Tell what became of it where it was told before; a place that was not reached is left out."""
        places = {place.name: place for place in self.rules.places}
        for telling in alert.told:
            place = places.get(telling.place)
            if telling.action != "trigger" or telling.outcome == "undeliverable" or place is None:
                continue
            if action == "resolve" or place.channel in ANSWERS_BACK:
                alert = self._told(alert, place, action)
        return alert

    # ------------------------------------------------------------------ writing

    def _ttl(self) -> int:
        return int((self.now + KEPT).timestamp())

    def _changed(self, alert: Alert, **fields: object) -> Alert:
        update: Mapping[str, object] = {
            "last_at": self.now, "version": alert.version + 1, "ttl": self._ttl(), **fields
        }  # fmt: skip
        return alert.model_copy(update=dict(update))

    def _decided(
        self,
        outcome: Outcome,
        why: str,
        alert: Alert | None,
        *,
        is_open: bool | None = None,
        told: bool = False,
    ) -> Decision:
        before, name = self.known.standing, alert.name if alert else self.event.name
        of_alarm = self.event.what in ("alarm", "ok")
        newest = alert.key if alert and (of_alarm or before is None) else before.alert if before else ""
        went_off = before is not None and before.open and is_open is False
        on_until = self.event.at if went_off else before.on_until if before else None
        standing = Standing(
            key=standing_key(name),
            alert=newest,
            on_until=on_until,
            open=(before.open if before else True) if is_open is None else is_open,
            last_event=self.event.id,
            last_event_at=self.event.at if of_alarm or before is None else before.last_event_at,
            last_outcome=outcome,
            told_at=self.now if told else before.told_at if before else None,
            version=before.version + 1 if before else 1,
            ttl=self._ttl(),
        )
        if self.event.what == "alarm":
            standing = standing.model_copy(update={"open": True})
        hour = self.hour if told else None
        return Decision(outcome, why, alert, standing, hour, self.tell)
