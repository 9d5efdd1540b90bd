"""Carries mends out, each on the condition that things still are as they were seen.

So it runs beside the loop, and twice at once: who comes second finds that the condition does not hold, and
leaves it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, assert_never

from ona.outbox import deliveries
from ona.repairs import experience, history, orders
from ona.repairs.crews import CREWS, Crew, without
from ona.repairs.locks import LOCKS, OrderLock
from ona.repairs.tracking import ORDERS
from ona.runtime.aws import environment
from ona.store import s3, tables
from ona.store.layout import work_order_key
from ona.store.tables import Write, to_item
from ooda.reconcile import restore
from ooda.reconcile.mends import (
    DivideExperience,
    DropLock,
    FollowVisit,
    KeepHistory,
    MakeLock,
    Mend,
    ReleaseVisit,
    Tell,
    WriteDocument,
)
from ooda.workorder import retimed

Ended = Literal["mended", "already"]
"""already: somebody was faster, or it changed since it was seen."""
WHY_MOVED = "the calendar has another visit than the order had (reconciliation)"


def carry_out(mend: Mend, now: datetime) -> Ended:
    """Do one mend. Raises DependencyBusy, CrewBookingConflict, InvalidInput."""
    match mend:
        case WriteDocument():
            done = _write(mend)
        case FollowVisit():
            done = _follow(mend, now)
        case MakeLock():
            done = _lock(mend, now)
        case DropLock():
            done = _unlock(mend)
        case Tell():
            again = deliveries.enqueue_again(
                mend.order.work_order_id, mend.order.version, mend.recipient, mend.seen, now
            )
            done = tables.transact([again, ORDERS.unchanged(mend.order)])
        case ReleaseVisit():
            done = _release(mend)
        case KeepHistory():
            done = history.bring_forward(mend.order)
        case DivideExperience():
            done = experience.divide(mend.shared)
        case _:
            assert_never(mend)
    return "mended" if done else "already"


def _write(mend: WriteDocument) -> bool:
    order, found = mend.order, mend.found
    current = orders.find(order.work_order_id)
    if current is None or current.version != order.version:
        return False
    document = restore.document_of(order, found.order if found else None)
    key = work_order_key(order.work_order_id)
    return s3.write_json_if(
        environment("OUTPUT_BUCKET"), key, document.document(), found.etag if found else ""
    )


def _follow(mend: FollowVisit, now: datetime) -> bool:
    """The document first, then the record, as Order does it; the record tells its people."""
    order, found = mend.order, mend.found
    current, crew = orders.find(order.work_order_id), CREWS.get(mend.crew_id)
    if current is None or current.version != order.version or crew is None:
        return False
    if mend.booking not in crew.bookings:
        return False
    document = restore.document_of(order, found.order if found else None)
    moved = retimed(document, mend.crew_id, mend.booking, now)
    key = work_order_key(order.work_order_id)
    if not s3.write_json_if(
        environment("OUTPUT_BUCKET"), key, moved.document(), found.etag if found else ""
    ):
        return False
    orders.move(moved, WHY_MOVED, now)
    return True


def _lock(mend: MakeLock, now: datetime) -> bool:
    lock = OrderLock(
        name=mend.name,
        work_order_id=mend.order.work_order_id,
        finding_id=mend.order.finding_id,
        finding_key=mend.order.finding_key,
        opened_at=mend.order.created_at,
    )
    write = LOCKS.insertion(lock)
    if mend.instead_of is not None:
        values = to_item({":seen": mend.instead_of.work_order_id})
        write = Write(
            "Put",
            {
                "TableName": LOCKS.name,
                "Item": to_item(lock.item()),
                "ConditionExpression": "work_order_id = :seen",
                "ExpressionAttributeValues": values,
            },
        )
    return tables.transact([write, ORDERS.unchanged(mend.order)])


def _unlock(mend: DropLock) -> bool:
    lock = mend.lock
    deletion = LOCKS.deletion(lock.name, "work_order_id", lock.work_order_id)
    if mend.order is not None:
        return tables.transact([deletion, ORDERS.unchanged(mend.order)])
    gone = Write(
        "ConditionCheck",
        {
            "TableName": ORDERS.name,
            "Key": to_item({"job_id": lock.work_order_id}),
            "ConditionExpression": "attribute_not_exists(job_id)",
        },
    )
    return tables.transact([deletion, gone])


def _release(mend: ReleaseVisit) -> bool:
    """Take a visit out of a calendar, unless it changed, or its fault was ordered meanwhile."""
    if mend.order is None and LOCKS.get(f"open#{mend.booking.finding_key}") is not None:
        return False
    done = False

    def released(crew: Crew | None) -> Crew | None:
        nonlocal done
        done = crew is not None and mend.booking in crew.bookings
        if crew is None or not done:
            return None
        rest = without(crew.bookings, mend.booking)
        return crew.model_copy(update={"bookings": rest, "version": crew.version + 1})

    CREWS.edit(mend.crew_id, released)
    return done
