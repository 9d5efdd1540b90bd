"""What operators are told of a fault that nobody is sent to: why, and what they can do about it.

A fault that is planned gets an order, and the order tells people. One without an order would stand in a
document alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ona.documents.assets import Asset
from ona.documents.findings import Finding
from ona.documents.work_orders import JobPriority
from ona.outbox import deliveries
from ona.outbox.items import Notice
from ona.repairs import standing
from ona.repairs.crews import Booking
from ona.repairs.standing import Standing
from ona.runtime.clock import iso
from ona.runtime.errors import RetryableError
from ona.runtime.identity import digest
from ona.runtime.observability import logger
from ona.runtime.words import counted, shortened
from ooda.documents.schedules import Schedule

MOST_TOLD = 20
"""Faults of one run that operators are told of one by one (ours); the others are counted in one notice."""
MOST_STANDING = 200
"""Faults of one run that are written as standing (ours): 5 ms each."""
LONGEST_REASON = 2_000
"""Characters of a reason in a notice: a hundred crews may stand in it."""
CREWS_HINT = (
    "Crews are items of the crews table: docs/operations/settings.md, section Crews, has the command. "
    "The asset's next file, or the same put again, plans the repair anew."
)
"""What to do about a fault that no crew can take."""

PARTS_HINT = (
    "Enter a part that comes sooner, or its true lead time, in configs/ooda/parts.yaml. "
    "The asset's next file, or the same put again, plans the repair anew."
)
"""What to do about a fault whose part comes too late to be planned for."""


@dataclass(frozen=True)
class Unattended:
    """A fault that nobody is sent to, and why. `remedy`: what a person can do, where `why` does not say;
    `work_order_id`: its open order, whose visit is over, "" where there is none."""

    finding: Finding
    asset: Asset
    priority: JobPriority
    why: str
    remedy: str = ""
    work_order_id: str = ""

    @property
    def name(self) -> str:
        """The same for the same incident at the same priority: of one that got worse people are told
        again."""
        return digest(self.finding.incident_id or self.finding.finding_key, self.priority)

    @property
    def what(self) -> str:
        """The fault in words."""
        return f"{self.finding.category}: {self.finding.subcategory.replace('_', ' ')}"

    def standing(self, now: datetime) -> Standing:
        """The fault as it stands."""
        finding = self.finding
        return Standing(
            delivery_id=standing.name_of(finding.incident_id, finding.finding_key),
            seen_at=now,
            ttl=int((now + standing.SEEN).timestamp()),
            finding_key=finding.finding_key,
            incident_id=finding.incident_id,
            asset_id=self.asset.id,
            site_id=self.asset.site_id,
            priority=self.priority,
            what=self.what,
            why=shortened(self.why, standing.LONGEST_WHY),
            daily_loss_usd=finding.energy_at_risk.daily_loss_usd,
            work_order_id=self.work_order_id,
        )


def tell(faults: Sequence[Unattended], now: datetime) -> None:
    """Put a notice into the outbox for each fault that operators were not told of in the last 30 days, and
    write that it stands, for the digest and the API.

    Raises DependencyBusy: the caller's work is repeated, and this with it. Any other error is in the log,
    because the rest of the work must not wait for it.
    """
    for fault in faults[:MOST_STANDING]:
        try:
            standing.put(fault.standing(now))
        except RetryableError:
            raise
        except Exception:
            logger.exception("what stands is not written", asset_id=fault.asset.id)
    for notice in notices(faults, now):
        try:
            deliveries.put_notice(notice)
        except RetryableError:
            raise
        except Exception:
            logger.exception("operators are not told", subject=notice.subject)


def tell_dropped(schedule: Schedule, now: datetime) -> None:
    """Put a notice into the outbox for each visit whose crew cannot come and that nobody else can make;
    once for each such visit, however many plans look for somebody. Raises DependencyBusy."""
    priorities = {job.finding_key: job.priority for job in schedule.jobs}
    for change in schedule.changes:
        if change.change != "dropped" or change.start_before is None:
            continue
        priority = priorities.get(change.finding_key, "high")
        lines = [
            f"The visit of {change.crew_before} to {change.asset_id} on "
            f"{change.start_before:%a %d %b %Y %H:%M} UTC cannot take place.",
            "",
            f"Why: {shortened(change.why, LONGEST_REASON)}",
            f"What to do: {CREWS_HINT} Each plan looks for another crew until the visit would begin.",
        ]
        subject = f"[{priority}] Nobody can make the visit to {change.asset_id}"
        name = digest(change.finding_key, change.crew_before, iso(change.start_before))
        deliveries.put_notice(_notice(f"dropped#{name}", priority, subject, lines, now))


def tell_stopped(crew_id: str, visit: Booking, why: str, now: datetime) -> None:
    """Put a notice into the outbox for a visit that goes on, or is fixed, while its crew cannot come; once
    for each reason. Raises DependencyBusy."""
    day = next(time.leaves for time in visit.times if time.leaves > now)
    priority: JobPriority = visit.work.priority if visit.work is not None else "high"
    begun = "began and cannot go on" if visit.leaves <= now else "cannot take place"
    lines = [
        f"The visit of {crew_id} to {visit.asset_id} (site {visit.site_id}) {begun} on "
        f"{day:%a %d %b %Y %H:%M} UTC.",
        "",
        f"Why: {shortened(why, LONGEST_REASON)}",
        "What to do: no plan moves a visit that began or that is about to. Send somebody else by hand, or "
        "make the crew available again. Its time stays in the calendar, and its work order stays open.",
    ]
    subject = f"[{priority}] {crew_id} cannot come to {visit.asset_id}"
    name = digest(visit.finding_key, crew_id, iso(visit.start), why)
    deliveries.put_notice(_notice(f"stopped#{name}", priority, subject, lines, now))


def notices(faults: Sequence[Unattended], now: datetime) -> list[Notice]:
    """The notices of a run. Of very many faults at once the rest is one notice."""
    told, rest = faults[:MOST_TOLD], faults[MOST_TOLD:]
    result = [_of_one(fault, now) for fault in told]
    if rest:
        result.append(_of_many(rest, now))
    return result


def _of_one(fault: Unattended, now: datetime) -> Notice:
    finding, asset = fault.finding, fault.asset
    what = fault.what
    order = f"{fault.work_order_id} is open" if fault.work_order_id else "no work order was opened"
    lines = [
        f"{what} at {asset.name or asset.id} (asset {asset.id}, site {asset.site_id}, customer "
        f"{asset.customer_id}): {order}, and nobody will come.",
        f"It loses {finding.energy_at_risk.daily_loss_usd:.2f} USD a day.",
        "",
        f"Why: {shortened(fault.why, LONGEST_REASON)}",
    ]
    if fault.remedy:
        lines.append(f"What to do: {fault.remedy}")
    subject = f"[{fault.priority}] Nobody can be sent to {asset.id}: {what}"
    return _notice(f"unattended#{fault.name}", fault.priority, subject, lines, now)


def _of_many(faults: Sequence[Unattended], now: datetime) -> Notice:
    first = faults[0]
    names = ", ".join(fault.asset.id for fault in faults[:MOST_TOLD])
    lines = [
        f"Beside those told one by one: {names}{', …' if len(faults) > MOST_TOLD else ''}",
        "",
        f"Why nobody can be sent to {first.asset.id}: {shortened(first.why, LONGEST_REASON)}",
        f"What to do: {first.remedy}",
        "`./ona status` names all of them with their reasons.",
    ]
    subject = f"[{first.priority}] Nobody can be sent to {counted(len(faults), 'more fault')}"
    name = digest(*sorted(fault.name for fault in faults))
    return _notice(f"unattended#{name}", first.priority, subject, lines, now)


def _notice(name: str, priority: JobPriority, subject: str, lines: Sequence[str], now: datetime) -> Notice:
    return Notice.to_operators(name, "unattended", priority, subject, "\n".join([*lines, ""]), now)
