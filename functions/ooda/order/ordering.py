"""One job from request to result: what is loaded, in which order things are written.

The tracked order is written first, because its locks decide who may order; the document second. A try that
broke off in between is finished by the next one.
"""

from __future__ import annotations

from datetime import datetime

from ona.repairs import crews, locks, orders
from ona.runtime.observability import count, logger
from ooda import notices
from ooda.order import store
from ooda.order.decisions import Finish, Follow, Leave, Means, Open, Refuse, Repair, decide, decide_again
from ooda.payloads import OrderRequest, OrderResult


def order(request: OrderRequest, now: datetime) -> OrderResult:
    """Order one job, once for each fault.

    Raises InvalidPayload for a job without a crew, DependencyBusy, CrewBookingConflict.
    """
    job, finding = store.load(request.job)
    if job.decision == "already_ordered":
        return _left(finding.finding_id, Leave(job.work_order_id, job.reason))
    repair = Repair(job, finding, store.crews_for(job))
    if job.decision == "moved":
        return _follow(repair, now)
    means = store.means(job, finding, request.job.schedule.key)
    decision = decide(repair, means, now)
    if isinstance(decision, Refuse):
        return _refuse(repair, decision, means, now)
    zone = means.asset.timezone or ""
    if orders.open_once(decision.order, request.execution_id, now, zone) == "exists":
        return _exists(repair, decision, request.execution_id, now)
    result = _finish(Finish(decision.order, "ordered"))
    visit = repair.visit
    if visit is None or not crews.unmoved(visit[0]):
        # another execution moved the visit before it could see the order
        _follow(Repair(job, finding, crews.load()), now)
    return result


def _exists(repair: Repair, decision: Open, execution_id: str, now: datetime) -> OrderResult:
    """The fault has an open order: its document may be missing, its visit may have moved, or it stands."""
    repair = Repair(repair.job, repair.finding, crews.load())
    lock = locks.lock_of(repair.finding)
    earlier = orders.find(lock.work_order_id) if lock else None
    again = decide_again(repair, decision.order, lock, earlier, execution_id=execution_id, now=now)
    if isinstance(again, Finish):
        return _finish(again)
    if isinstance(again, Follow):
        return _follow(repair, now)
    if again.give_back:
        crews.release(again.give_back, repair.crews)
    return _left(repair.finding.finding_id, again)


def _finish(decision: Finish) -> OrderResult:
    return OrderResult(
        finding_id=decision.order.finding_id,
        status=decision.status,
        work_order_id=decision.order.work_order_id,
        work_order=store.write_document(decision.order),
    )


def _follow(repair: Repair, now: datetime) -> OrderResult:
    """The open order of a fault gets the time of its visit."""
    finding_id, visit, lock = repair.finding.finding_id, repair.visit, locks.lock_of(repair.finding)
    if visit is None:
        return _left(finding_id, Leave("", "no visit is booked"))
    if lock is None:
        return _left(finding_id, Leave("", "its order is not written yet and will have the new time"))
    crew, booking = visit
    pointer = store.move(lock.work_order_id, crew.crew_id, booking, repair.job.reason, now)
    return OrderResult(
        finding_id=finding_id, status="moved", work_order_id=lock.work_order_id, work_order=pointer
    )


def _refuse(repair: Repair, decision: Refuse, means: Means, now: datetime) -> OrderResult:
    """Give the visit back and tell operators, unless an open order stands on it."""
    finding = repair.finding
    if locks.lock_of(finding) is None:
        crews.release(finding.finding_key, repair.crews)
        fault = notices.Unattended(finding, means.asset, repair.job.priority, decision.reason)
        notices.tell([fault], now)
    count("OrdersRefused", 1)
    logger.warning("order refused", asset_id=repair.job.asset_id, why=decision.reason)
    return OrderResult(finding_id=finding.finding_id, status="refused", reason=decision.reason)


def _left(finding_id: str, decision: Leave) -> OrderResult:
    return OrderResult(
        finding_id=finding_id,
        status="already_ordered",
        work_order_id=decision.work_order_id,
        reason=decision.reason,
    )
