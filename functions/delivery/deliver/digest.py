"""The day's overview for the operators: what is open, who goes where, what is late, what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from delivery.config import NotificationRules
from ona.documents.work_orders import Priority
from ona.repairs.standing import Standing
from ona.repairs.tracking import HistoryLine, TrackedOrder
from ona.runtime.clock import WEEKDAYS
from ona.runtime.words import counted

MOST_LINES = 40
"""Lines of one list in a digest; people read no more."""
WORDS = {"opened": "opened", "COMPLETE": "completed", "reopened": "came back", "visit_moved": "moved"}
"""What happened since yesterday, by event or by new status."""


def due(rules: NotificationRules, now: datetime) -> str:
    """Name of the digest that should be there by now; empty when none should."""
    if rules.digest is None:
        return ""
    local = now.astimezone(ZoneInfo(rules.timezone))
    if WEEKDAYS[local.weekday()] not in rules.digest.days or local.time() < rules.digest.at:
        return ""
    return f"digest#{local:%Y-%m-%d}"


def compose(
    orders: Sequence[TrackedOrder],
    recent: Sequence[HistoryLine],
    dead: int,
    zone: str,
    now: datetime,
    unreadable: Sequence[str] = (),
    unattended: Sequence[Standing] = (),
) -> tuple[str, str]:
    """Subject and text of a day's digest, from the open orders. `recent`: what happened to them since
    yesterday; `dead`: deliveries that were given up; `unreadable`: where orders are that nobody can read;
    `unattended`: faults that nobody is sent to, the most costly first. Times are told in `zone`."""
    day = _Day([order for order in orders if order.status != "COMPLETE"], ZoneInfo(zone), now)
    lines = [f"{day.today:%A %d %B %Y}, times in {zone}", "", day.open_line()]
    states = Counter(order.status for order in orders)
    if states["ON_HOLD"]:
        lines.append(f"{states['ON_HOLD']} on hold.")
    if states["COMPLETE"]:
        lines.append(f"{states['COMPLETE']} complete, waiting for telemetry to confirm.")
    lines.append(f"Since yesterday: {_happened(recent)}.")
    if unattended:
        lines += ["", f"Nobody is sent to {counted(len(unattended), 'fault')}:"]
        lines += [line for fault in unattended[:MOST_LINES] for line in day.unattended(fault)]
        if len(unattended) > MOST_LINES:
            lines.append(f"  … and {len(unattended) - MOST_LINES} more: ./ona status")
    for title, visits in (("Today", day.visits(0)), ("Tomorrow", day.visits(1))):
        lines += ["", f"{title}: {'' if visits else 'no visits'}".rstrip(), *visits[:MOST_LINES]]
    late = day.late()
    if late:
        lines += ["", "Late:", *late[:MOST_LINES]]
    if dead:
        lines += ["", f"{counted(dead, 'message')} could not be delivered: ./ona outbox list"]
    if unreadable:
        told = [f"  {where}" for where in unreadable[:MOST_LINES]]
        lines += ["", f"{counted(len(unreadable), 'order')} that nobody can read: ./ona doctor", *told]
    return day.subject(), "\n".join([*lines, ""])


@dataclass(frozen=True)
class _Day:
    """A day as its digest tells it. `losing`: the orders whose repair is still to come."""

    losing: list[TrackedOrder]
    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> datetime:
        """Now, where the operators are."""
        return self.now.astimezone(self.zone)

    @property
    def usd(self) -> float:
        """What is lost a day, USD."""
        return sum(order.daily_loss_usd for order in self.losing)

    def subject(self) -> str:
        """The whole day in one line."""
        visits, orders = len(self.visits(0)), len(self.losing)
        risk = f"{self.usd:.0f} USD a day at risk"
        return f"Today: {counted(visits, 'visit')}, {counted(orders, 'open order')}, {risk}"

    def open_line(self) -> str:
        """How many orders are open, the most urgent first, and what they lose."""
        if not self.losing:
            return "No open orders."
        priorities = Counter(order.priority for order in self.losing)
        ranked = [name for name in reversed(get_args(Priority)) if priorities[name]]
        counts = ", ".join(f"{priorities[name]} {name}" for name in ranked)
        return f"{counted(len(self.losing), 'open order')} ({counts}), losing {self.usd:.2f} USD a day."

    def unattended(self, fault: Standing) -> list[str]:
        """What a fault is that nobody is sent to, and why."""
        seen = f"{fault.seen_at.astimezone(self.zone):%a %d %b %H:%M}"
        return [
            f"  {fault.asset_id} (site {fault.site_id}): {fault.what} [{fault.priority}], "
            f"{fault.daily_loss_usd:.2f} USD a day, last seen {seen}",
            f"    why: {fault.why}",
        ]

    def visits(self, offset: int) -> list[str]:
        """A line for each visit of a day; 0 is today."""
        day = self.today.date() + timedelta(days=offset)
        visited = [
            (order, number, start)
            for order in self.losing
            if order.status != "ON_HOLD"
            for number, start in enumerate(_starts(order), 1)
            if start.astimezone(self.zone).date() == day
        ]
        return [
            f"  {start.astimezone(self.zone):%H:%M}  {order.crew_id}: "
            f"{order.title} [{order.priority}] {order.work_order_id}{_of_several(order, number)}"
            for order, number, start in sorted(visited, key=lambda one: one[2])
        ]

    def late(self) -> list[str]:
        """A line for each order that should be done by now."""
        late = [order for order in self.losing if order.due_date < self.now]
        return [
            f"  {order.title} [{order.priority}] due "
            f"{order.due_date.astimezone(self.zone):%a %d %b} {order.work_order_id}"
            for order in sorted(late, key=lambda order: order.due_date)
        ]


def _starts(order: TrackedOrder) -> list[datetime]:
    """When its crew begins, day by day."""
    return [day.start for day in order.visit_days] or [order.scheduled_start]


def _of_several(order: TrackedOrder, number: int) -> str:
    """Which day of a visit of several days it is; empty for a visit of one."""
    return f" (day {number} of {len(order.visit_days)})" if order.visit_days else ""


def _happened(recent: Sequence[HistoryLine]) -> str:
    """What happened in the last 24 hours, counted."""
    events = Counter(line.status if line.event == "status" else line.event for line in recent)
    return (
        ", ".join(f"{events[event]} {word}" for event, word in WORDS.items() if events[event]) or "nothing"
    )
