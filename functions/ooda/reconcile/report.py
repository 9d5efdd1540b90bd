"""What a run of reconciliation answers, and the line that operators get."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.documents.base import Document
from ona.outbox.items import Notice
from ona.runtime.identity import digest
from ona.runtime.words import counted
from ooda.reconcile.mends import Plan

Task = Literal["look", "repair", "forward"]
MOST_LISTED = 200
"""Entries of each list in an answer (ours): the answer stays below Lambda's 6 MB; the rest is counted."""
MOST_TOLD = 40
"""Lines of a message to the operators; people read no more."""


class ReconcileRequest(Document):
    """look: compare and report; repair: also mend what is certain; forward: only bring the items of before
    forward, as `ona up` asks."""

    task: Task


class Finding(Document):
    """What a person has to decide."""

    where: str
    what: str
    how: str


class Failure(Document):
    """A mend that failed, or a part that could not be compared."""

    what: str
    why: str


class ReconcileReport(Document):
    """Answer of Reconcile. `looked`: how much of each kind; `mended`: what was done, or, of a look, would
    be; `already`: mends that somebody else had done by then. Lists are cut; `counts` has the numbers."""

    task: Task
    looked: dict[str, int]
    counts: dict[str, int]
    mended: list[str] = []
    failed: list[Failure] = []
    decide: list[Finding] = Field(default=[], description="what a person has to decide")


def report_of(
    task: Task,
    looked: Mapping[str, int],
    plan: Plan,
    *,
    mended: list[str],
    already: int,
    failed: list[Failure],
) -> ReconcileReport:
    """The answer of a run."""
    return ReconcileReport(
        task=task,
        looked=dict(looked),
        counts={
            "mended": len(mended),
            "already": already,
            "failed": len(failed),
            "decide": len(plan.decide),
        },
        mended=mended[:MOST_LISTED],
        failed=failed[:MOST_LISTED],
        decide=[Finding(where=i.where, what=i.what, how=i.how) for i in plan.decide[:MOST_LISTED]],
    )


def notice_of(report: ReconcileReport, now: datetime) -> Notice | None:
    """The message to the operators; None where there is nothing to tell. The same list is told once: it has
    the same id, and the outbox keeps it for 30 days."""
    counts = report.counts
    if not counts["mended"] and not counts["failed"] and not counts["decide"]:
        return None
    lines = [f"mended: {text}" for text in report.mended]
    lines += [f"not done: {item.what}: {item.why}" for item in report.failed]
    for item in report.decide:
        lines += [f"{item.where}: {item.what}", f"    mend: {item.how}"]
    cut = len(lines) - MOST_TOLD
    body = "\n".join(
        lines[:MOST_TOLD] + ([f"… and {counted(cut, 'line')} more: ./ona doctor"] if cut > 0 else [])
    )
    urgent = counts["failed"] or counts["decide"]
    subject = f"Reconciliation: {counts['mended']} mended, {counts['decide']} for you to decide"
    if counts["failed"]:
        subject += f", {counts['failed']} failed"
    text = f"Objects, records, locks, visits, deliveries and dead letters were compared.\n\n{body}\n"
    name = f"reconcile#{digest(*sorted(lines))}"
    return Notice.to_operators(name, "reconciled", "medium" if urgent else "low", subject, text, now)
