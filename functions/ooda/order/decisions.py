"""What becomes of a job: an order is opened, an open one follows its visit, or there is nothing to order.

Pure: `ordering.py` loads what stands here and carries the decision out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ona.config.causes import CauseRule
from ona.config.parts import Part
from ona.documents.assets import Asset
from ona.documents.findings import Finding
from ona.documents.work_orders import Job, WorkOrder
from ona.repairs.crews import Booking, Crew, holder, timed
from ona.repairs.experience import Experience
from ona.repairs.locks import OrderLock
from ona.repairs.tracking import TrackedOrder
from ooda.bom import refusal
from ooda.workorder import build


@dataclass(frozen=True)
class Repair:
    """A job of a schedule, the finding that it is about, and the crews' calendars as they stand."""

    job: Job
    finding: Finding
    crews: list[Crew]

    @property
    def visit(self) -> tuple[Crew, Booking] | None:
        """The crew and the time that are booked for the job; None where nothing is."""
        return holder(self.crews, self.job.finding_key)


@dataclass(frozen=True)
class Means:
    """What an order is made from: the asset, the rule of its cause, the catalogue, and what its customer's
    earlier repairs of the cause took."""

    asset: Asset
    rule: CauseRule
    catalogue: list[Part]
    experience: Experience


@dataclass(frozen=True)
class Open:
    """Open this order, unless the fault has one."""

    order: WorkOrder


@dataclass(frozen=True)
class Finish:
    """The order is tracked: write its document, also when an earlier try broke off before that."""

    order: WorkOrder
    status: Literal["ordered", "already_ordered"]


@dataclass(frozen=True)
class Follow:
    """The open order of the fault gets the time of the visit that is booked now."""


@dataclass(frozen=True)
class Refuse:
    """No order can be made: a person has to mend something."""

    reason: str


@dataclass(frozen=True)
class Leave:
    """An order is open already, and stands as it is. `give_back`: the key of a fault whose visit nobody
    needs; empty where there is none."""

    work_order_id: str
    reason: str
    give_back: str = ""


def decide(repair: Repair, means: Means, now: datetime) -> Open | Refuse:
    """What becomes of a job that was scheduled. Raises InvalidPayload for one that has no crew."""
    reason = refusal(repair.finding, means.asset)
    if reason:
        return Refuse(reason)
    visit = repair.visit
    job = timed(repair.job, visit[0].crew_id, visit[1]) if visit else repair.job
    order = build(
        repair.finding,
        job,
        means.asset,
        means.rule,
        means.catalogue,
        now=now,
        experience=means.experience,
    )
    return Open(order)


def decide_again(
    repair: Repair,
    order: WorkOrder,
    lock: OrderLock | None,
    earlier: TrackedOrder | None,
    *,
    execution_id: str,
    now: datetime,
) -> Finish | Follow | Leave:
    """What becomes of an order that could not be opened, because its fault has an open one. `lock` and
    `earlier`: of that one, as it stands; `execution_id`: the execution that asks."""
    if lock is not None and lock.finding_id == repair.finding.finding_id:
        renamed = order.model_copy(update={"work_order_id": lock.work_order_id})
        mine = earlier is not None and earlier.execution_id == execution_id
        return Finish(renamed, "ordered" if mine else "already_ordered")
    # A booking is its key's: under the same key the open order stands on it, under another nobody does,
    # unless the order has no visit to come (the one it had is over, or the fault came back).
    other_key = lock is not None and lock.finding_key != repair.finding.finding_key
    visit = holder(repair.crews, lock.finding_key) if lock else None
    if repair.job.decision == "scheduled":
        if visit is None or visit[1].returns <= now:
            return Follow()
        if not other_key and earlier is not None and visit[1].start != earlier.scheduled_start:
            return Follow()  # this plan booked the order anew: the visit that it had is over
    return Leave(
        lock.work_order_id if lock else "",
        "an order for this fault is open",
        give_back=repair.finding.finding_key if other_key else "",
    )
