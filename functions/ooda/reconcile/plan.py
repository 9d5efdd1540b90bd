"""What reconciliation does with what it saw. Pure: no cloud, no clock.

The record of an order is the truth about the order; a crew's calendar is the truth about its visits. What
follows from one of them is certain and is mended. What does not follow is listed for a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ona.documents.work_orders import WorkOrder
from ona.outbox.deliveries import delivery_id
from ona.outbox.items import OPERATORS
from ona.repairs import history
from ona.repairs.crews import Booking
from ona.repairs.recipients import recipients_of, subscribers_of
from ona.repairs.tracking import TrackedOrder
from ona.runtime.clock import iso
from ona.runtime.observability import logger
from ona.runtime.words import counted
from ooda.reconcile import letters, locking
from ooda.reconcile.mends import (
    Decide,
    DivideExperience,
    FollowVisit,
    KeepHistory,
    Mend,
    Plan,
    ReleaseVisit,
    Tell,
    WriteDocument,
)
from ooda.reconcile.seen import Seen

GRACE = timedelta(minutes=15)
"""What was written less than 15 minutes ago is left alone: an order in the middle of being made is no
fault. Order runs 60 s at most and is tried six times within 60 s of waits: seven minutes, here doubled."""
VISIT_GRACE = timedelta(minutes=185)
"""A visit may wait for its order as long as the execution that booked it runs: 180 minutes (TimeoutSeconds
in `statemachines/ooda/ooda.asl.yaml`), and the function that is at work then."""
TOLD_LATELY = timedelta(hours=25)
"""Deliveries of an order that is not open any more are compared for so long after its last change."""


def plan(seen: Seen, now: datetime) -> Plan:
    """All mends, each before those that build on it, and all that a person has to decide."""
    result = Plan()
    if seen.has("records"):
        result.mends += of_before(seen)  # first: what else is mended changes these items
        _compare(result, "locks", locking.steps(seen, now - GRACE))
        if seen.has("crews"):
            _compare(result, "visits", _visits(seen, now))
        moving = {step.order.work_order_id for step in result.mends if isinstance(step, FollowVisit)}
        if seen.has("documents"):
            _compare(result, "documents", _documents(seen, moving, now))
        if seen.has("outbox"):
            _compare(result, "deliveries", _deliveries(seen, now))
        _compare(result, "outcomes", _claims(seen, now))
    if seen.has("letters"):
        result.decide += letters.decisions(seen)
    result.decide += [Decide(item.where, item.why, letters.how_to_mend(item)) for item in seen.unreadable]
    return result


def _compare(result: Plan, part: str, steps: Iterable[Mend | Decide]) -> None:
    """Put the steps of one comparison into the plan. One that breaks off holds up no other: it is told."""
    try:
        for step in steps:
            if isinstance(step, Decide):
                result.decide.append(step)
            else:
                result.mends.append(step)
    except Exception as error:
        logger.exception("not compared to the end", part=part)
        result.decide.append(
            Decide(
                part,
                f"they could not be compared to the end: {type(error).__name__}: {error}",
                "look into the log of ona-reconcile: the error's lines say at which record it broke off",
            )
        )


def changed_at(order: TrackedOrder) -> datetime:
    """When an order was last changed."""
    return max(order.created_at, order.updated_at or order.created_at)


def settled(order: TrackedOrder, before: datetime) -> bool:
    """Whether an order was last changed before a moment."""
    return changed_at(order) <= before


def of_before(seen: Seen) -> list[Mend]:
    """What has the form of an earlier version: orders whose whole history is in their item, experience of
    all customers in one."""
    long = [order for _, order in sorted(seen.orders.items()) if history.is_long(order)]
    return [*map(KeepHistory, long), *map(DivideExperience, seen.shared)]


# ------------------------------------------------------------------ documents


def _documents(seen: Seen, moving: set[str], now: datetime) -> Iterator[Mend | Decide]:
    before = now - GRACE
    for name, order in sorted(seen.orders.items()):
        found = seen.documents.get(name)
        if not settled(order, before) or (found and found.modified > before) or name in moving:
            continue
        why = "it is missing" if found is None else found.problem
        if found and found.order:
            why = difference(order, found.order)
        if why:
            yield WriteDocument(order, found, why)
    for name, found in sorted(seen.documents.items()):
        if name not in seen.orders and name not in seen.unread and found.modified <= before:
            yield Decide(
                found.key,
                f"a document without a record: {name} is not in the tracking table, nobody can change it",
                "restore the table's item from a backup, or delete the document; its fault is ordered anew "
                "when it is seen again",
            )


def difference(order: TrackedOrder, document: WorkOrder) -> str:
    """In what a document contradicts its record; empty where it does not.

    A document of another order contradicts in all. Of one that is not open only what never changes is
    compared.
    """
    same = ("work_order_id", "asset_id", "finding_key", "finding_id", "incident_id")
    wrong = [name for name in same if getattr(order, name) != getattr(document, name)]
    if order.open and not wrong:
        for name in ("scheduled_start", "scheduled_end"):
            if iso(getattr(order, name)) != iso(getattr(document, name)):
                wrong.append(name)
        if order.crew_id != document.crew_assignment.crew_id:
            wrong.append("crew_id")
    return f"it says another {', '.join(wrong)}" if wrong else ""


# ------------------------------------------------------------------ deliveries


def _told_since(seen: Seen) -> dict[tuple[str, str], datetime]:
    """By recipient and customer, a time since when the configuration has had the recipient: the earliest
    last change of an order that has a delivery to it."""
    since: dict[tuple[str, str], datetime] = {}
    for delivery in seen.deliveries.values():
        order = seen.orders.get(delivery.work_order_id)
        if order is not None:
            who, changed = (delivery.recipient_name, order.customer_id), changed_at(order)
            since[who] = min(changed, since.get(who, changed))
    return since


def _deliveries(seen: Seen, now: datetime) -> Iterator[Mend | Decide]:
    """Who is to be told of an order and is not. A recipient that was configured after the order's last
    change is told with its next one: it never had a delivery of the order, so none was lost."""
    since = _told_since(seen)
    for _, order in sorted(seen.orders.items()):
        lately = (order.updated_at or order.created_at) > now - TOLD_LATELY
        if not settled(order, now - GRACE) or not (order.open or lately):
            continue
        always = {OPERATORS, *(recipient.name for recipient in subscribers_of(order))}
        for recipient in recipients_of(order):
            name = delivery_id(order.work_order_id, recipient)
            if name in seen.unread:
                continue
            found = seen.deliveries.get(name)
            if found is None:
                told = since.get((recipient.name, order.customer_id))
                if recipient.name in always or (told is not None and told <= changed_at(order)):
                    yield Tell(order, recipient, None)
            elif found.wanted_version > order.version:
                yield Decide(
                    f"outbox, {name}",
                    f"version {found.wanted_version} was to be told, and the record is at {order.version}: "
                    "the record was set back",
                    "restore the record from a backup, or change the order once for each missing version",
                )
            elif found.lane == "dead":
                continue  # given up: `ona outbox list` has it with its reason
            elif found.wanted_version < order.version or (
                found.lane != "send" and found.delivered_version < found.wanted_version
            ):
                yield Tell(order, recipient, found)
    for name, delivery in sorted(seen.deliveries.items()):
        known = delivery.work_order_id in seen.orders or delivery.work_order_id in seen.unread
        if delivery.lane in ("send", "watch") and not known:
            yield Decide(
                f"outbox, {name}",
                f"a delivery without an order: {delivery.work_order_id} is not in the tracking table",
                "restore the table's item from a backup; without it it is given up after three days",
            )


# ------------------------------------------------------------------ visits


def _visits(seen: Seen, now: datetime) -> Iterator[Mend | Decide]:
    """Visits against the orders that they are for. A visit that is over stays in the calendar."""
    open_by_key: dict[str, list[TrackedOrder]] = defaultdict(list)
    held = set()
    for order in seen.orders.values():
        if order.open:
            open_by_key[order.finding_key].append(order)
            held.add((order.crew_id, order.asset_id, iso(order.scheduled_start)))
    booked: dict[str, list[tuple[str, Booking]]] = defaultdict(list)
    for crew in seen.crews:
        for booking in crew.bookings:
            if booking.returns > now:
                booked[booking.finding_key].append((crew.crew_id, booking))
    for key, visits in sorted(booked.items()):
        orders = open_by_key.get(key, [])
        if len(orders) > 1:
            continue  # two records for one fault: a person decides
        for crew_id, booking in visits:
            fits = (crew_id, booking.asset_id, iso(booking.start)) in held
            young = booking.booked_at is not None and booking.booked_at > now - VISIT_GRACE
            if fits or young or seen.unread_orders:
                continue
            if not orders:
                yield ReleaseVisit(crew_id, booking, None)
            elif any((one, booking.asset_id, iso(b.start)) in held for one, b in visits):
                yield ReleaseVisit(crew_id, booking, orders[0])
            elif len(visits) > 1:
                yield Decide(
                    f"crew {crew_id}, {key}",
                    f"{counted(len(visits), 'visit')} booked for {orders[0].work_order_id}, "
                    "none at its time",
                    "cancel the order, or put it to one of the times by hand",
                )
            elif orders[0].status == "OPEN" and settled(orders[0], now - GRACE):
                found = seen.documents.get(orders[0].work_order_id)
                yield FollowVisit(orders[0], found, crew_id, booking)
    yield from _without_visit(seen, booked, now)


def _without_visit(
    seen: Seen, booked: dict[str, list[tuple[str, Booking]]], now: datetime
) -> Iterator[Decide]:
    """Orders whose visit is to come and stands in no calendar."""
    times = {
        (crew_id, booking.asset_id, iso(booking.start))
        for visits in booked.values()
        for crew_id, booking in visits
    }
    crews = {crew.crew_id for crew in seen.crews}
    for name, order in sorted(seen.orders.items()):
        if not order.open or order.status != "OPEN" or not settled(order, now - VISIT_GRACE):
            continue
        at = (order.crew_id, order.asset_id, iso(order.scheduled_start))
        known = order.crew_id in crews and order.crew_id not in seen.unread
        if order.scheduled_end > now and known and at not in times and order.finding_key not in booked:
            yield Decide(
                f"table of orders, {name}",
                f"its visit ({order.crew_id}, {order.scheduled_start:%Y-%m-%d %H:%M} UTC) is in no "
                "calendar: the crew may be booked elsewhere at that time",
                "nothing, if its asset still sends telemetry: the next plan books a new visit; "
                "else cancel the order",
            )


# ------------------------------------------------------------------ what outcomes say


def _claims(seen: Seen, now: datetime) -> Iterator[Decide]:
    """Outcomes that name an order of which nothing is left. Where its document is left, that is listed."""
    for claim in seen.named:
        name = claim.work_order_id
        gone = name not in seen.orders and name not in seen.unread and name not in seen.documents
        if gone and seen.has("documents") and claim.at <= now - GRACE:
            yield Decide(
                claim.where,
                f"it says that {name} was opened, and there is neither a record nor a document of it",
                "restore the table's item from a backup; else the fault is ordered when it is seen again",
            )
