"""Reconcile: every hour by its timer, and by `ona doctor`; compares, mends what is certain, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args

from ona.outbox import deliveries
from ona.runtime.clock import utc_now
from ona.runtime.observability import count, handler, logger
from ooda.reconcile import mending, store
from ooda.reconcile.mends import Plan
from ooda.reconcile.plan import of_before, plan
from ooda.reconcile.report import Failure, ReconcileReport, ReconcileRequest, notice_of, report_of
from ooda.reconcile.seen import Part

ENOUGH_S = 20.0
"""Seconds that a run keeps for its report: mends that are left then are the next run's."""


@handler
def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """`ReconcileRequest` in, `ReconcileReport` out. Raises InvalidPayload."""
    request = ReconcileRequest.read(event, "event")

    def left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    return reconcile(request, utc_now(), left).document()


def reconcile(request: ReconcileRequest, now: datetime, left: Callable[[], float]) -> ReconcileReport:
    """Compare, and mend where the request says so. One mend that fails holds up no other."""
    forward = request.task == "forward"
    seen = store.look(now, ["records"] if forward else get_args(Part))
    wanted = Plan(mends=of_before(seen)) if forward else plan(seen, now)
    failed = [Failure(what=f"compare {part}", why=why) for part, why in sorted(seen.missing.items())]
    mended, already = [], 0
    for mend in wanted.mends:
        if request.task == "look":
            mended.append(mend.text)
            continue
        if left() < ENOUGH_S:
            failed.append(Failure(what=mend.text, why="no time was left; the next run does it"))
            continue
        try:
            if mending.carry_out(mend, now) == "mended":
                logger.info("mended", what=mend.text)
                mended.append(mend.text)
            else:
                already += 1
        except Exception as error:
            logger.exception("not mended", what=mend.text)
            failed.append(Failure(what=mend.text, why=f"{type(error).__name__}: {error}"))
    report = report_of(request.task, seen.counts(), wanted, mended=mended, already=already, failed=failed)
    if request.task == "repair":
        for name, metric in (("mended", "Mended"), ("failed", "MendsFailed"), ("decide", "ToDecide")):
            count(f"Reconcile{metric}", report.counts[name])
        _tell(report, now)
    return report


def _tell(report: ReconcileReport, now: datetime) -> None:
    """Put the message to the operators into the outbox. A message that cannot be put is in the log."""
    notice = notice_of(report, now)
    try:
        if notice is not None:
            deliveries.put_notice(notice)
    except Exception:
        logger.exception("operators are not told", subject=notice.subject if notice else "")
