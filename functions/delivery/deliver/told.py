"""An order as it is told: to people in words, to machines as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ona.config import custom_services
from ona.documents.base import S3Pointer
from ona.documents.work_orders import OrderStatus, WorkOrder
from ona.repairs import orders
from ona.runtime import aws
from ona.runtime.clock import parse
from ona.runtime.errors import DependencyBusy, ObjectMissing
from ona.store import s3
from ona.store.layout import work_order_key

EVENTS = {
    "opened": "New work order",
    "visit_moved": "The visit was moved",
    "status": "Status",
    "changed": "Changed",
    "reopened": "Open again: the fault is still there",
    "verified": "Verified by telemetry: the fault is gone",
}
_STATE = (
    "status", "priority", "title", "asset_id", "site_id", "customer_id", "created_at", "updated_at",
    "due_date", "scheduled_start", "scheduled_end", "crew_id", "assignees", "completed_at", "verified_at",
    "actual_hours", "parts_used",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An order at a version, and what happened to it since it was told last."""

    record: dict[str, Any]
    order: WorkOrder
    events: list[dict[str, Any]]

    @property
    def work_order_id(self) -> str:
        """The order's id, which is also the key that others find it by."""
        return self.order.work_order_id

    @property
    def version(self) -> int:
        """The version that is told."""
        return int(self.record["version"])

    @property
    def status(self) -> OrderStatus:
        """How the order stands."""
        status: OrderStatus = self.record["status"]
        return status

    @property
    def key(self) -> str:
        """The same for every try to tell this version: for those who must not act on it twice."""
        return f"{self.work_order_id}-v{self.version}"

    @property
    def event(self) -> str:
        """What happened last; "opened" for whoever hears of an open order first, "state" where nothing
        happened."""
        if self.status == "OPEN" and any(entry["event"] == "opened" for entry in self.events):
            return "opened"
        return str(self.events[-1]["event"]) if self.events else "state"

    @property
    def priority(self) -> str:
        """The order's priority."""
        return str(self.record["priority"])

    def visit(self) -> str:
        """When somebody comes, in words."""
        start = parse(self.record["scheduled_start"])
        return f"{start:%a %d %b %Y %H:%M} UTC, {self.record['crew_id']}"

    def document(self) -> dict[str, Any]:
        """For machines: state, what was ordered, and what happened since they were told last."""
        ordered = self.order.document()
        return {
            "event": self.event,
            "work_order_id": self.work_order_id,
            "version": self.version,
            "state": {name: self.record[name] for name in _STATE if name in self.record},
            "events": self.events,
            "order": {**ordered, "status": self.status},
        }

    def headline(self) -> str:
        """One line: what happened to which order."""
        what = EVENTS.get(self.event, "Work order")
        if self.event == "visit_moved":
            what = f"visit moved to {parse(self.record['scheduled_start']):%a %d %b %H:%M} UTC"
        elif self.event == "status":
            what = self.status.replace("_", " ").lower()
        elif self.event == "verified":
            what = "repair verified"
        elif self.event == "reopened":
            what = "open again"
        elif self.event in ("opened", "state"):
            return f"[{self.priority}] {self.order.asset_id}: {self.order.title}"
        return f"[{self.priority}] {self.order.asset_id}: {what} ({self.order.title})"

    def text(self) -> str:
        """What a person needs to act, in plain words."""
        order, crew, risk = self.order, self.order.crew_assignment, self.order.energy_at_risk
        parts = ", ".join(f"{line.quantity} × {line.sku}" for line in order.bill_of_materials) or "none"
        lines = [f"Work order {self.work_order_id}: {order.title}", ""]
        lines += [self.line(entry) for entry in self.events if entry["event"] != "opened"]
        lines += [""] if len(lines) > 2 else []
        lines += [order.description, ""]
        if self.status in ("COMPLETE", "CANCELLED"):
            return "\n".join([*lines, *self._ended(), ""])
        lines += [
            f"Status: {self.status.replace('_', ' ').lower()}, {self.priority} priority, "
            f"due {parse(self.record['due_date']):%a %d %b %Y}",
            f"Crew:   {self.record['crew_id']}, {crew.technician_count} technicians "
            f"({crew.specialization})",
            f"When:   {self.visit()}, {order.estimated_duration_hours:g} h",
            f"Parts:  {parts} ({order.total_cost_usd:.2f} USD)",
            f"Losing: {risk.daily_loss_usd:.2f} USD a day, {risk.total_risk_usd:.2f} USD until then",
            f"To do:  {', '.join(order.recommended_actions).replace('_', ' ')}",
        ]
        insurance = custom_services.custom_services_config().insurance_automation
        if insurance.covers(self.record.get("at_stake_usd", 0.0)):
            sent = (
                "goes to the insurer" if insurance.auto_submission else "not sent: auto_submission is off"
            )
            lines.append(f"Claim:  {self.record['at_stake_usd']:.2f} USD at stake, {sent}")
        lines.append("")
        return "\n".join(lines)

    def _ended(self) -> list[str]:
        """What is left to say of work that is done, or will not be."""
        if self.status == "CANCELLED":
            return ["Status: cancelled; its visit is given back"]
        hours = f" after {self.record['actual_hours']:g} h" if self.record.get("actual_hours") else ""
        word = (
            "verified by telemetry" if self.record.get("verified_at") else "telemetry will tell if it held"
        )
        return [f"Status: done {parse(self.record['completed_at']):%a %d %b %H:%M} UTC{hours}; {word}"]

    @staticmethod
    def line(entry: dict[str, Any]) -> str:
        """One thing that happened, in a line."""
        event = str(entry["event"])
        what = EVENTS.get(event, event)
        if event == "status":
            what = f"Status: {str(entry['status']).replace('_', ' ').lower()}"
        elif event == "changed" and entry.get("fields"):
            what = f"Changed: {', '.join(entry['fields']).replace('_', ' ')}"
        note = f": {entry['note']}" if entry.get("note") else ""
        return f"{parse(entry['at']):%a %d %b %H:%M} UTC  {what}, by {entry['by']}{note}"

    def attributes(self) -> dict[str, str]:
        """What travels beside a message's text: for filters, and the order as JSON."""
        return {
            "event": self.event,
            "priority": self.priority,
            "asset_id": self.order.asset_id,
            "site_id": self.order.site_id,
            "work_order_id": self.work_order_id,
            "order": json.dumps(self.document()),
        }


def load(item: dict[str, Any], *, without: str = "") -> Told:
    """What a delivery has to tell: the order as it stands, and what happened since; `without` what one of
    the sides did itself. Raises DependencyBusy while the order's document is being written."""
    record = orders.job(str(item["work_order_id"]))
    if not record:
        raise DependencyBusy(f"{item['work_order_id']} is not in the table")
    pointer = S3Pointer(bucket=aws.environment("OUTPUT_BUCKET"), key=work_order_key(record["job_id"]))
    try:
        order: WorkOrder = WorkOrder.read(s3.read_json(pointer), pointer.key)
    except ObjectMissing as error:
        raise DependencyBusy(f"{pointer.key} is not written yet") from error
    since = record["history"][int(item.get("told", 0)) :]
    return Told(record, order, [entry for entry in since if not without or entry["by"] != without])
