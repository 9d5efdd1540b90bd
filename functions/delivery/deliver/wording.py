"""An order in words, for people: one line, a whole text, a line of its history."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from delivery.deliver.message import OrderMessage
from ona.config import custom_services
from ona.repairs.tracking import LONGEST_NOTE, HistoryLine, TrackedOrder
from ona.runtime.clock import local_and_utc
from ona.runtime.words import counted, shortened

EVENTS = {
    "opened": "New work order",
    "visit_moved": "The visit was moved",
    "status": "Status",
    "changed": "Changed",
    "reopened": "Open again: the fault is still there",
    "verified": "Verified by telemetry: the fault is gone",
}
"""What happened to an order, in the text of a message."""


def headline(message: OrderMessage) -> str:
    """One line: what happened to which order."""
    order = message.order
    if message.event in ("opened", "state"):
        return f"[{message.priority}] {order.asset_id}: {order.title}"
    what = {
        "visit_moved": f"visit moved to {_at(message, message.tracked.scheduled_start)}",
        "status": _words(message.status),
        "verified": "repair verified",
        "reopened": "open again",
    }.get(message.event, EVENTS.get(message.event, "Work order"))
    return f"[{message.priority}] {order.asset_id}: {what} ({order.title})"


def visit(message: OrderMessage) -> str:
    """When somebody comes, and who."""
    order = message.tracked
    start = local_and_utc(order.scheduled_start, order.zone, "%a %d %b %Y %H:%M")
    text = f"{start}, {order.crew_id}"
    if not order.visit_days:
        return text
    zone = _zone(order)
    spans = [(day.start.astimezone(zone), day.end.astimezone(zone)) for day in order.visit_days]
    days = ", ".join(f"{start:%a %d %b %H:%M} to {end:%H:%M}" for start, end in spans)
    return f"{text}, {counted(len(spans), 'day')} ({days} {zone})"


def text(message: OrderMessage, longest_note: int = LONGEST_NOTE) -> str:
    """What a person needs to act. `longest_note`: characters of a note in it."""
    lines = [f"Work order {message.work_order_id}: {message.order.title}", ""]
    lines += [
        history_line(line, longest_note, message.tracked.zone)
        for line in message.events
        if line.event != "opened"
    ]
    lines += [""] if len(lines) > 2 else []
    lines += [message.order.description, ""]
    over = message.status in ("COMPLETE", "CANCELLED")
    lines += _ended(message) if over else [*_to_do(message), *_claim(message)]
    return "\n".join([*lines, ""])


def _to_do(message: OrderMessage) -> list[str]:
    """What is to be done, when, by whom, with what."""
    order, crew, risk = message.order, message.order.crew_assignment, message.order.energy_at_risk
    parts = ", ".join(f"{line.quantity} × {line.sku}" for line in order.bill_of_materials) or "none"
    return [
        f"Status: {_words(message.status)}, {message.priority} priority, "
        f"due {message.tracked.due_date.astimezone(_zone(message.tracked)):%a %d %b %Y}",
        f"Crew:   {message.tracked.crew_id}, {counted(crew.technician_count, 'technician')} "
        f"({crew.specialization})",
        f"When:   {visit(message)}, {order.estimated_duration_hours:g} h",
        f"Parts:  {parts} ({order.total_cost_usd:.2f} USD)",
        f"Losing: {risk.daily_loss_usd:.2f} USD a day, {risk.total_risk_usd:.2f} USD until then",
        f"To do:  {', '.join(order.recommended_actions).replace('_', ' ')}",
    ]


def _claim(message: OrderMessage) -> list[str]:
    """What an insurer is told; nothing where the order is below the threshold of claims."""
    insurance = custom_services.custom_services_config().insurance_automation
    stake = message.tracked.at_stake_usd
    if not insurance.covers(stake):
        return []
    sent = "goes to the insurer" if insurance.auto_submission else "not sent: auto_submission is off"
    return [f"Claim:  {stake:.2f} USD at stake, {sent}"]


def _ended(message: OrderMessage) -> list[str]:
    """What is left to say of work that is done, or will not be."""
    tracked = message.tracked
    if message.status == "CANCELLED":
        return ["Status: cancelled; its visit is given back"]
    done = f" {_at(message, tracked.completed_at)}" if tracked.completed_at else ""
    hours = f" after {tracked.actual_hours:g} h" if tracked.actual_hours else ""
    word = "verified by telemetry" if tracked.verified_at else "telemetry will tell if it held"
    return [f"Status: done{done}{hours}; {word}"]


def history_line(line: HistoryLine, longest_note: int = LONGEST_NOTE, zone: str = "") -> str:
    """One thing that happened, in a line. `longest_note`: characters of its note; `zone`: the site's."""
    what = EVENTS.get(line.event, line.event)
    if line.event == "status":
        what = f"Status: {_words(line.status)}"
    elif line.event == "changed" and line.fields:
        what = f"Changed: {', '.join(line.fields).replace('_', ' ')}"
    note = f": {shortened(line.note, longest_note)}" if line.note else ""
    return f"{local_and_utc(line.at, zone)}  {what}, by {line.by}{note}"


def _zone(order: TrackedOrder) -> ZoneInfo:
    """The zone of the order's site; UTC where it is not known."""
    return ZoneInfo(order.zone or "UTC")


def _at(message: OrderMessage, moment: datetime) -> str:
    """A moment of an order: at its site, and UTC beside it."""
    return local_and_utc(moment, message.tracked.zone)


def _words(status: str) -> str:
    """A status as people read it: in progress, on hold."""
    return status.replace("_", " ").lower()
