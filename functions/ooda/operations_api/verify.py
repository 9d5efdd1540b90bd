"""Whether repairs held: telemetry since a completed order says that the fault is gone, or that it is not.

The asset's history (`incidents/<site>/<asset>.json`) is the witness. The fault was seen after the work was
done: the order is open again and the next plan sends somebody. A whole day told since then in which it was
not: the order is verified and lets go of its fault. Until then it waits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from ona.repairs import crews, experience, orders
from ona.runtime.clock import parse
from ona.runtime.observability import count, logger
from ooda.documents.asset_history import AssetHistory
from ooda.store import read_history

SETTLING = timedelta(hours=2)
"""A machine may start again some time after the work was reported done, and readings have time stamps of
the interval's end."""
Verdict = Literal["verified", "still_there", "waiting"]


def verify(bucket: str, now: datetime) -> dict[str, Any]:
    """Look at every completed order; how many were verified, opened again, and wait."""
    told: dict[str, int] = {"verified": 0, "still_there": 0, "waiting": 0}
    for record in orders.all_open():
        if record["status"] != "COMPLETE":
            continue
        verdict, why = judge(record, read_history(bucket, record["site_id"], record["asset_id"]))
        try:
            if verdict == "verified":
                experience.learn(record)
                orders.change(record, {}, by="ona-verify", now=now, note=why, verified=True)
                crews.release(record["finding_key"])
            elif verdict == "still_there":
                orders.change(record, {}, by="ona-verify", now=now, status="OPEN", note=why)
                crews.release(record["finding_key"])
        except orders.OrderChanged:
            verdict = "waiting"  # somebody is at it; the next run looks again
        told[verdict] += 1
        if verdict != "waiting":
            logger.info("repair judged", work_order_id=record["job_id"], verdict=verdict, why=why)
    count("RepairsVerified", told["verified"])
    count("RepairsFailed", told["still_there"])
    return told


def judge(record: dict[str, Any], history: AssetHistory | None) -> tuple[Verdict, str]:
    """What an asset's history says of a completed order, and why."""
    done = parse(record["completed_at"])
    if not record.get("incident_id"):
        return "verified", "a problem of the data: nothing of the machine is to be confirmed"
    if history is None:
        return "waiting", "the machine has no book yet"
    since = [day for day in history.days if day > f"{done:%Y-%m-%d}"]
    known = next((item for item in history.incidents if item.incident_id == record["incident_id"]), None)
    if known is not None and known.window.end > done + SETTLING:
        return (
            "still_there",
            f"seen again until {known.window.end:%Y-%m-%d %H:%M} UTC, after the work was done",
        )
    if since and (known is None or known.state != "open"):
        return "verified", f"not seen since; days told after the work: {len(since)}"
    return "waiting", "no whole day after the work is in yet"
