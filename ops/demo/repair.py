"""One work order from OPEN to verified COMPLETE, over HTTP as a crew's app does it.

The crew resets the power limit of one inverter. The next day's telemetry is that of a sound inverter and
goes through the loop. The hourly check sees in it that the fault is gone. A webhook follows the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.runtime.clock import iso
from ona.runtime.words import counted
from ops import customers, ingest
from ops.demo import inbox, simulate
from ops.demo.client import call
from ops.demo.follow import Follower, run_task
from ops.target import OpsError, Target

ASSET = "INV-002"
"""The inverter whose power limit is wrong (`simulate`)."""
PATIENCE_S = 300.0
"""How long one file may take through the loop (ours)."""


@dataclass
class Repair:
    """The steps that were done with the order, and whether telemetry confirmed the repair."""

    order: dict[str, Any]
    steps: list[tuple[str, str]] = field(default_factory=list)
    verified: bool = False


def walk(target: Target) -> Repair:
    """Open → in progress → complete → telemetry → verified. Raises OpsError."""
    with inbox.Listener() as listener:
        return _walk(target, listener)


def _walk(target: Target, listener: inbox.Listener) -> Repair:
    key = customers.add_key(target, simulate.CUSTOMER, "standard")
    orders = call(target, key, "GET", "/ops/work-orders?status=OPEN")["work_orders"]
    chosen = next((order for order in orders if order["asset_id"] == ASSET), None)
    if chosen is None:
        raise OpsError(f"no open work order for {ASSET} among {len(orders)}")
    path, repair = f"/ops/work-orders/{chosen['work_order_id']}", Repair(chosen)
    repair.steps.append(
        ("GET /ops/work-orders", f"{len(orders)} open; {chosen['title']}: {chosen['work_order_id']}")
    )
    webhook = {"kind": "webhook", "endpoint": listener.url}
    listener.secret = call(target, key, "POST", f"{path}/subscriptions", webhook)["secret"]
    repair.steps.append(
        ("POST subscriptions", "a webhook follows the order, signed with a secret of its own")
    )
    inbox.send(target)
    version = chosen["version"]
    last = datetime.combine(simulate.FIRST_DAY + timedelta(days=simulate.DAYS), datetime.min.time(), UTC)
    done = last - timedelta(minutes=90)
    complete = {
        "status": "COMPLETE",
        "actual_hours": 0.8,
        "completed_at": iso(done),
        "note": "power limit reset from 40 to 100 %",
    }
    for change, text in (
        ({"status": "IN_PROGRESS", "assignees": ["Thandi M."]}, "work begins; its visit stays where it is"),
        (complete, f"done on {done:%d %b} after 0.8 h"),
    ):
        answer = call(target, key, "PATCH", path, {"version": version, **change})
        version = answer["state"]["version"]
        repair.steps.append((f"PATCH {change['status']}", text))
        inbox.send(target)
    repair.steps.append(("hourly check", _verdict(run_task(target, "operations_api", "verify"))))
    _deliver(target, simulate.sound_day(ASSET, last.date()), last)
    repair.steps.append(("telemetry", f"the file of {last:%d %b} goes through the loop"))
    repair.steps.append(("hourly check", _verdict(run_task(target, "operations_api", "verify"))))
    inbox.send(target)
    answer = call(target, key, "GET", path)
    webhook_heard = listener.wait_for(answer["state"]["version"])
    heard = [f"{item['event']} (version {item['version']})" for item in listener.heard]
    repair.steps.append(
        ("webhook", f"heard {', '.join(heard)}; {counted(listener.refused, 'bad signature')}")
    )
    repair.verified = bool(answer["state"]["verified_at"]) and webhook_heard
    for entry in answer["history"]:
        note = f": {entry['note']}" if entry.get("note") else ""
        repair.steps.append(("history", f"{entry['status']} by {entry['by']}{note}"))
    return repair


def _verdict(checked: dict[str, int]) -> str:
    if checked["verified"]:
        return "verified: the fault is gone"
    if checked["still_there"]:
        return "the fault is still there"
    return "waits: no day after the work is in yet"


def _deliver(target: Target, body: bytes, day: datetime) -> None:
    upload = ingest.Upload(ingest.key_for(ASSET, day), body)
    follower = Follower(target)
    before, _ = follower.counts()
    ingest.put(target, upload)
    follower.wait(before + 1, upload.key, PATIENCE_S)
