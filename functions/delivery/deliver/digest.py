"""The day's overview for the operators: what is open, who goes where, what is late, what happened."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from delivery.config import NotificationRules
from ona.documents.work_orders import Priority
from ona.outbox import deliveries
from ona.repairs import orders as tracking
from ona.runtime.clock import WEEKDAYS, parse

MOST_LINES = 40


def due(rules: NotificationRules, now: datetime) -> str:
    """Name of the digest that should be there by now; empty when none should."""
    if rules.digest is None:
        return ""
    local = now.astimezone(ZoneInfo(rules.timezone))
    if WEEKDAYS[local.weekday()] not in rules.digest.days or local.time() < rules.digest.at:
        return ""
    return f"digest#{local:%Y-%m-%d}"


def put(rules: NotificationRules, now: datetime) -> bool:
    """Put the day's digest into the outbox, once a day; False when there is none to put."""
    name = due(rules, now)
    if not name or deliveries.known(name):
        return False
    dead = len(deliveries.due("dead", now, 1000))
    subject, text = compose(tracking.all_open(), dead, rules.timezone, now)
    fields = {"event": "daily_digest", "priority": "none", "subject": subject, "text": text}
    return deliveries.notice(name, "digest", fields, now)


def compose(orders: list[dict[str, Any]], dead: int, zone: str, now: datetime) -> tuple[str, str]:
    """Subject and text of a day's digest, from the open orders' records; `dead`: what could not be told."""
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    losing = [order for order in orders if order["status"] != "COMPLETE"]
    usd = sum(float(order.get("daily_loss_usd", 0.0)) for order in losing)
    states = Counter(order["status"] for order in orders)
    priorities = Counter(order["priority"] for order in losing)

    def day_of(order: dict[str, Any]) -> Any:
        return parse(order["scheduled_start"]).astimezone(here).date()

    def visits(offset: int) -> list[str]:
        wanted = today + timedelta(days=offset)
        held = [o for o in losing if o["status"] != "ON_HOLD" and day_of(o) == wanted]
        return [
            f"  {parse(order['scheduled_start']).astimezone(here):%H:%M}  {order['crew_id']}: "
            f"{order['title']} [{order['priority']}] {order['job_id']}"
            for order in sorted(held, key=lambda order: order["scheduled_start"])
        ]

    late = [order for order in losing if parse(order["due_date"]) < now]
    since = now - timedelta(days=1)
    recent = [e for order in orders for e in order["history"] if parse(e["at"]) >= since]
    events = Counter(e["status"] if e["event"] == "status" else e["event"] for e in recent)
    lines = [f"{today:%A %d %B %Y}, times in {zone}", ""]
    if losing:
        ranked = [name for name in reversed(get_args(Priority)) if priorities[name]]
        told = ", ".join(f"{priorities[name]} {name}" for name in ranked)
        lines.append(f"{len(losing)} open orders ({told}), losing {usd:.2f} USD a day.")
    else:
        lines.append("No open orders.")
    if states["ON_HOLD"]:
        lines.append(f"{states['ON_HOLD']} on hold.")
    if states["COMPLETE"]:
        lines.append(f"{states['COMPLETE']} complete, waiting for telemetry to confirm.")
    words = {"opened": "opened", "COMPLETE": "completed", "reopened": "came back", "visit_moved": "moved"}
    happened = [f"{events[event]} {word}" for event, word in words.items() if events[event]]
    lines.append(f"Since yesterday: {', '.join(happened) or 'nothing'}.")
    for title, found in (("Today", visits(0)), ("Tomorrow", visits(1))):
        lines += ["", f"{title}: {'' if found else 'no visits'}".rstrip(), *found[:MOST_LINES]]
    if late:
        rows = [
            f"  {order['title']} [{order['priority']}] due "
            f"{parse(order['due_date']).astimezone(here):%a %d %b} {order['job_id']}"
            for order in sorted(late, key=lambda order: order["due_date"])
        ]
        lines += ["", "Late:", *rows[:MOST_LINES]]
    if dead:
        lines += ["", f"{dead} messages could not be delivered: ./ona outbox list"]
    subject = f"Today: {len(visits(0))} visits, {len(losing)} open orders, {usd:.0f} USD a day at risk"
    return subject, "\n".join([*lines, ""])
