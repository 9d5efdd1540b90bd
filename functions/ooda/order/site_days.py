"""What people hear of a judged site-day: orders of superseded incidents, one notice, events; then its end.

Each step may be repeated: an order that is cancelled holds no lock any more, a notice has the name of its
run, events have ids that follow from it. So a run that broke off is made again as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from ona.documents.base import S3Pointer
from ona.documents.work_orders import Priority
from ona.outbox import deliveries
from ona.outbox.items import Notice
from ona.repairs import crews, orders, standing
from ona.repairs.locks import LOCKS
from ona.repairs.moves import Change
from ona.repairs.tracking import TrackedOrder
from ona.runtime import aws
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy
from ona.runtime.events import Event, publish
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ona.runtime.words import counted
from ona.store import s3, tables
from ooda import site_days
from ooda.documents.site_days import PlantEvent, SiteDay, SupersededIncident
from ooda.payloads import SettleRequest, SettleResult
from ooda.store import history_of

AUTHOR = "ona-site-layer"
"""Who changes an order here, as its history names it."""
NEWS = timedelta(days=7)
"""Of days that are older when they are judged nobody is told by a message: a history was read in (ours)."""
MOST_LINES = 20
"""Incidents that one notice names (ours)."""
Outcome = Literal["cancelled", "noted", "none"]
"""What became of the order of a superseded incident; none: there is none, or it is over."""


def settle(request: SettleRequest, now: datetime) -> SettleResult:
    """Do what follows from a run, and look once more at the orders of earlier ones. Raises DependencyBusy,
    CrewBookingConflict, ObjectMissing."""
    result, counts = request.superseding, dict.fromkeys(("cancelled", "noted", "none"), 0)
    again = []
    if result.site_day is not None:
        document = _read(result.site_day)
        outcomes = [_withdraw(item, now) for item in document.superseded]
        _tell(document, outcomes, now)
        _publish(document, result.site_day, outcomes)
        for item in document.superseded:
            _let_go(item)
        again = [result.site_day.key] if document.superseded else []
        for outcome in outcomes:
            counts[outcome] += 1
    for key in result.settled:
        pointer = S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=key)
        for item in _read(pointer).superseded:
            counts[_withdraw(item, now)] += 1
            _let_go(item)
    site_days.finish(result.site_id, result.done, result.settled, again, now)
    count("OrdersWithdrawn", counts["cancelled"])
    return SettleResult(cancelled=counts["cancelled"], noted=counts["noted"])


def _read(pointer: S3Pointer) -> SiteDay:
    document: SiteDay = SiteDay.read(s3.read_json(pointer), pointer.key)
    return document


# ------------------------------------------------------------------ orders


def _withdraw(item: SupersededIncident, now: datetime) -> Outcome:
    """Cancel the order of an incident that does not stand any more, if nobody has left yet; else note it in
    the order. An incident that stands again by now keeps its order."""
    incident = item.incident
    lock = LOCKS.get(f"open#{incident.incident_id}")
    order = orders.find(lock.work_order_id) if lock is not None else None
    if order is None or order.status in ("COMPLETE", "CANCELLED"):
        return "cancelled" if order is not None and _is_ours(order) else "none"
    history = history_of(aws.environment("OUTPUT_BUCKET"), item.site_id, incident.asset_id)
    if history is None or incident.incident_id in {one.incident_id for one in history.incidents}:
        return "none"
    why = incident.superseded
    note = f"superseded ({incident.incident_id}): {why.statement if why else ''}"
    try:
        if _has_left(order, now):
            if any(line.by == AUTHOR for line in order.history):
                return "noted"
            orders.change(order, Change(by=AUTHOR, at=now, note=note))
            return "noted"
        crews.release(order.finding_key)
        orders.change(order, Change(by=AUTHOR, at=now, status="CANCELLED", note=note))
    except orders.OrderChanged as error:
        raise DependencyBusy(str(error)) from error
    logger.info("order withdrawn", work_order_id=order.work_order_id, incident_id=incident.incident_id)
    return "cancelled"


def _is_ours(order: TrackedOrder) -> bool:
    return order.status == "CANCELLED" and order.last.by == AUTHOR


def _let_go(item: SupersededIncident) -> None:
    """Let go of the incident of an order that was withdrawn: a person put nothing aside, so if the incident
    comes back it is ordered again. Last, because until then the lock says what became of the order."""
    lock = LOCKS.get(f"open#{item.incident.incident_id}")
    order = orders.find(lock.work_order_id) if lock is not None else None
    if lock is not None and order is not None and _is_ours(order):
        tables.transact([LOCKS.deletion(lock.name, "work_order_id", lock.work_order_id)])


def _has_left(order: TrackedOrder, now: datetime) -> bool:
    """Whether people work on an order, or are on their way."""
    if order.status == "IN_PROGRESS":
        return True
    visit = crews.holder(crews.load(), order.finding_key)
    return (visit[1].leaves if visit else order.scheduled_start) <= now


# ------------------------------------------------------------------ people


def _tell(document: SiteDay, outcomes: Sequence[Outcome], now: datetime) -> None:
    """One notice a run, and what stands of the plant; nothing of days that are long over, or where nobody
    had heard of anything."""
    if date.fromisoformat(document.days[-1]) < (now - NEWS).date():
        return
    for event in document.events:
        if not event.ended:
            standing.put(_standing(event))
    new = [e for e in document.events if e.days[0] in document.days or _second_day(e, document)]
    if new or any(outcome != "none" for outcome in outcomes):  # else nobody had heard of them
        heard = list(zip(document.superseded, outcomes, strict=True))
        deliveries.put_notice(_notice(document, heard, now))


def _second_day(event: PlantEvent, document: SiteDay) -> bool:
    """Whether machines stand for a second day now: a common cause is mostly over within hours, so somebody
    must look, and people are told once more."""
    return not event.ended and len(event.days) > 1 and event.days[1] in document.days


def _standing(event: PlantEvent) -> standing.Standing:
    return standing.Standing(
        delivery_id=standing.name_of(event.event_id),
        seen_at=event.window.end,
        ttl=int((event.window.end + standing.SEEN).timestamp()),
        finding_key=f"site:{event.site_id}#{event.cause}",
        incident_id=event.event_id,
        asset_id=event.site_id,
        site_id=event.site_id,
        priority="high",
        what=f"{event.cause.capitalize()}: an event of the plant {event.site_id}",
        why=f"{event.statement}: no machine's fault, so no crew goes to each. Ask the operator of the grid "
        "or of the plant",
        daily_loss_usd=0.0,
    )


def _notice(
    document: SiteDay, heard: Sequence[tuple[SupersededIncident, Outcome]], now: datetime
) -> Notice:
    day = document.days[-1]
    lines = [
        f"Site {document.site_id}, {day}: judged as a whole beside {counted(document.machines, 'machine')}"
    ]
    lines[0] += f", because {document.because}." if document.because else "."
    for event in document.events:
        lines += [
            "",
            f"{event.cause.capitalize()}: {event.statement}, {iso(event.window.start)} to "
            f"{iso(event.window.end)}, {event.lost_kwh:.0f} kWh. No crew goes to each machine.",
        ]
        if _second_day(event, document):
            lines.append(
                "It stands for a second day: ask the grid's operator, and have somebody look at the site."
            )
    if heard:
        lines += ["", f"{counted(len(heard), 'incident')} superseded:"]
        for item, outcome in heard[:MOST_LINES]:
            why = item.incident.superseded
            became = {"cancelled": "its order is cancelled", "noted": "its crew has a note"}.get(
                outcome, ""
            )
            said = f"{why.statement if why else ''}{'; ' if became else ''}{became}"
            lines.append(f"  {item.incident.asset_id}, {item.incident.incident_id}: {said}")
        if len(heard) > MOST_LINES:
            lines.append(f"  … and {len(heard) - MOST_LINES} more")
    priority: Priority = "high" if any(not event.ended for event in document.events) else "low"
    what = (
        document.events[0].statement if document.events else f"{counted(len(heard), 'incident')} superseded"
    )
    subject = f"[{priority}] Site {document.site_id}, {day}: {what}"
    text = "\n".join([*lines, ""])
    return Notice.to_operators(f"judged#{document.run}", "site_day_judged", priority, subject, text, now)


# ------------------------------------------------------------------ events


def _publish(document: SiteDay, pointer: S3Pointer, outcomes: Sequence[Outcome]) -> None:
    """One "Site Day Judged" a customer of the site, one "Incident Superseded" an incident."""
    at = iso(document.judged_at)
    events = [
        Event(
            "Site Day Judged",
            {
                "version": "1",
                "id": digest("site day", document.run, customer),
                "time": at,
                "customer_id": customer,
                "site_id": document.site_id,
                "first_day": document.days[0],
                "last_day": document.days[-1],
                "machines": document.machines,
                "plant_events": len(document.events),
                "superseded": sum(item.customer_id == customer for item in document.superseded),
                "document": pointer.document(),
            },
        )
        for customer in document.customers
    ]
    for item, outcome in zip(document.superseded, outcomes, strict=True):
        why = item.incident.superseded
        detail = {
            "version": "1",
            "id": digest("superseded", document.run, item.incident.incident_id),
            "time": at,
            "customer_id": item.customer_id,
            "site_id": item.site_id,
            "asset_id": item.incident.asset_id,
            "incident_id": item.incident.incident_id,
            "reason": why.reason if why else "withdrawn",
            "event_id": why.event_id if why else "",
            "order": outcome,
            "document": pointer.document(),
        }
        events.append(Event("Incident Superseded", detail))
    publish(events)
