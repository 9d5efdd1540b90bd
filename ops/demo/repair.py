"""One work order from OPEN to verified COMPLETE: over HTTP as a crew's app does it, with telemetry's last
word.

The crew resets the power limit of one inverter; the next day's telemetry, which is that of a sound
machine, goes through the loop, and the hourly check reads from it that the fault is gone. A webhook
follows the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ops import customers, ingest
from ops.demo import inbox, simulate
from ops.demo.follow import Follower, run_task
from ops.demo.newcustomer import call
from ops.target import OpsError, Target

ASSET = "INV-002"
WAIT_S = 60.0


@dataclass
class Repair:
    """What was done with the order, step by step, and how it stands then."""

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
    path, told = f"/ops/work-orders/{chosen['work_order_id']}", Repair(chosen)
    told.steps.append(
        ("GET /ops/work-orders", f"{len(orders)} open; {chosen['title']}: {chosen['work_order_id']}")
    )
    made = call(target, key, "POST", f"{path}/subscriptions", {"kind": "webhook", "endpoint": listener.url})
    listener.secret = made["secret"]
    told.steps.append(
        ("POST subscriptions", "a webhook follows the order, signed with a secret of its own")
    )
    inbox.send(target)
    version = chosen["version"]
    last = datetime.combine(simulate.FIRST_DAY + timedelta(days=simulate.DAYS), datetime.min.time(), UTC)
    done = last - timedelta(minutes=90)
    for change, text in (
        ({"status": "IN_PROGRESS", "assignees": ["Thandi M."]}, "work begins; its visit stays where it is"),
        (
            {"status": "COMPLETE", "actual_hours": 0.8, "completed_at": f"{done:%Y-%m-%dT%H:%M:%SZ}",
             "note": "power limit reset from 40 to 100 %"},
            f"done on {done:%d %b} after 0.8 h",
        ),
    ):  # fmt: skip
        answer = call(target, key, "PATCH", path, {"version": version, **change})
        version = answer["state"]["version"]
        told.steps.append((f"PATCH {change['status']}", text))
        inbox.send(target)
    told.steps.append(("hourly check", _verdict(run_task(target, "operations_api", "verify"))))
    _deliver(target, simulate.sound_day(ASSET, last.date()), last)
    told.steps.append(("telemetry", f"the file of {last:%d %b} goes through the loop"))
    told.steps.append(("hourly check", _verdict(run_task(target, "operations_api", "verify"))))
    inbox.send(target)
    answer = call(target, key, "GET", path)
    complete = listener.wait_for(answer["state"]["version"])
    heard = [f"{item['event']} (version {item['version']})" for item in listener.heard]
    told.steps.append(("webhook", f"heard {', '.join(heard)}; {listener.refused} bad signatures"))
    told.verified = bool(answer["state"]["verified_at"]) and complete
    for entry in answer["history"]:
        note = f": {entry['note']}" if entry.get("note") else ""
        told.steps.append(("history", f"{entry['status']} by {entry['by']}{note}"))
    return told


def _verdict(told: dict[str, int]) -> str:
    if told["verified"]:
        return "verified: the fault is gone"
    return "the fault is still there" if told["still_there"] else "waits: no day after the work is in yet"


def _deliver(target: Target, body: bytes, day: datetime) -> None:
    upload = ingest.Upload(f"observations/{day:%Y/%m/%d}/{ASSET}_{day:%Y%m%d}.csv", body)
    follower = Follower(target)
    before, _ = follower.counts()
    ingest.put(target, upload)
    follower.wait(before + 1, upload.key, WAIT_S)
