"""Whether repairs held: telemetry since a completed order says that the fault is gone, or that it is not.

The asset's history (`incidents/<site>/<asset>.json`) is the witness. The fault was seen after the work was
done: the order is open again and the next plan sends somebody. A whole day came in since then in which it
was not: the order is verified and lets go of its fault. Until then it waits.

One order that cannot be judged holds up no other: it is named, counted, and told to the operators once.
A run that died is repeated, by Lambda or in an hour, and goes on where it stood; reconciliation gives back
the visit of an order that was verified.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args

from ona.outbox import troubles
from ona.repairs import crews, experience, orders
from ona.repairs.moves import Change
from ona.repairs.tracking import ORDERS, TrackedOrder
from ona.runtime.errors import RetryableError
from ona.runtime.observability import count, logger
from ona.store.unreadable import Unreadable, note
from ooda.documents.asset_history import AssetHistory
from ooda.store import history_of

SETTLING = timedelta(hours=2)
"""An asset may start again some time after the work was reported done, and readings have time stamps of
the interval's end."""
AUTHOR = "ona-verify"
"""Who changes an order here, as its history names it."""
Verdict = Literal["verified", "still_there", "waiting"]


def verify(bucket: str, now: datetime) -> dict[str, int]:
    """Look at every completed order; how many were verified, opened again, wait, and, where there are some,
    how many orders nobody could judge (`failed`)."""
    counts: dict[str, int] = dict.fromkeys(get_args(Verdict), 0)
    bad: list[Unreadable] = []
    for order in orders.all_open(bad):
        try:
            verdict = _look(bucket, order, now, bad)
        except (orders.OrderChanged, RetryableError) as error:
            verdict = "waiting"  # somebody is at it; the next run looks again
            logger.info("not judged yet", work_order_id=order.work_order_id, why=str(error))
        except Exception as error:
            logger.exception("repair not judged", work_order_id=order.work_order_id)
            note(_where(order), f"{type(error).__name__}: {error}", bad)
            continue
        if verdict is not None:
            counts[verdict] += 1
    if bad:
        counts["failed"] = len(bad)
    troubles.tell_once("A repair could not be judged", bad, now)
    count("RepairsVerified", counts["verified"])
    count("RepairsFailed", counts["still_there"])
    return counts


def _look(bucket: str, order: TrackedOrder, now: datetime, bad: list[Unreadable]) -> Verdict | None:
    """Judge one order and act upon it; None for one that is not complete. Raises OrderChanged."""
    if order.status == "OPEN" and order.last.by == AUTHOR:
        # a run that died here had not yet given back the visit that did not help
        crews.release(order.finding_key, start=order.scheduled_start)
    if order.status != "COMPLETE" or order.completed_at is None:
        return None
    history = history_of(bucket, order.site_id, order.asset_id)
    verdict, why = judge(order.incident_id, order.completed_at, history)
    _act(order, verdict, why, now, bad)
    if verdict != "waiting":
        logger.info("repair judged", work_order_id=order.work_order_id, verdict=verdict, why=why)
    return verdict


def _where(order: TrackedOrder) -> str:
    return f"table {ORDERS.name}, {order.work_order_id}"


def _learn(order: TrackedOrder, bad: list[Unreadable]) -> None:
    """Keep what a repair took; that nobody can keep it is no reason not to end the order."""
    try:
        experience.learn(order)
    except RetryableError:
        raise
    except Exception as error:
        logger.exception("nothing learned", work_order_id=order.work_order_id)
        note(f"{_where(order)}, what it took", f"{type(error).__name__}: {error}", bad)


def _act(order: TrackedOrder, verdict: Verdict, why: str, now: datetime, bad: list[Unreadable]) -> None:
    """What a verdict means for an order and its visit. Raises OrderChanged."""
    if verdict == "waiting":
        return
    if verdict == "verified":
        _learn(order, bad)
        orders.change(order, Change(by=AUTHOR, at=now, note=why, verified=True))
    else:
        orders.change(order, Change(by=AUTHOR, at=now, note=why, status="OPEN"))
    crews.release(order.finding_key)


def judge(incident_id: str, completed_at: datetime, history: AssetHistory | None) -> tuple[Verdict, str]:
    """What an asset's history says of a completed order, and why. `incident_id`: empty for a problem of the
    data."""
    if not incident_id:
        return "verified", "a problem of the data: nothing of the asset is to be confirmed"
    if history is None:
        return "waiting", "the asset has no history yet"
    days_since = [day for day in history.days if day > f"{completed_at:%Y-%m-%d}"]
    incident = next((item for item in history.incidents if item.incident_id == incident_id), None)
    if incident is not None and incident.window.end > completed_at + SETTLING:
        seen = f"{incident.window.end:%Y-%m-%d %H:%M}"
        return "still_there", f"seen again until {seen} UTC, after the work was done"
    if days_since and (incident is None or incident.state != "open"):
        return "verified", f"not seen since; days told after the work: {len(days_since)}"
    return "waiting", "no whole day after the work is in yet"
