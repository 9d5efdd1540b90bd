"""Do orders fit what belongs to them: documents, records, locks, visits, deliveries, dead letters?

The function `ona-reconcile-<env>` compares, with the code, the role and the limits that its hourly timer
has; here it is asked, and its answer is told. The command thus does on AWS what it does in the embedded
cloud.
"""

from __future__ import annotations

from collections.abc import Iterator

from ona.runtime.errors import InvalidPayload
from ona.runtime.words import counted, plural
from ooda.reconcile.report import ReconcileReport
from ops.demo.follow import run_task
from ops.doctor.finding import Finding, Subject
from ops.target import OpsError, Target

TITLE = "reconciliation"
ORDER = 100
FUNCTION = "reconcile"
PAGE = "docs/operations/reconciliation.md"
KINDS = ("record", "lock", "document", "delivery", "crew", "letter", "object")
ONE = {plural(kind): kind for kind in KINDS}
"""What was looked at: the function's answer names each kind in the plural."""


def findings(target: Target) -> ReconcileReport:
    """What does not fit, what a repair would mend; nothing is changed. Raises OpsError."""
    return _asked(target, "look")


def repair(target: Target) -> ReconcileReport:
    """Mend what is certain; what was mended, and what a person has to decide. Raises OpsError."""
    return _asked(target, "repair")


def forward(target: Target) -> ReconcileReport:
    """Bring the items of earlier versions forward, as `ona up` does; what was done. Raises OpsError."""
    return _asked(target, "forward")


def _asked(target: Target, task: str) -> ReconcileReport:
    answer = run_task(target, FUNCTION, task)
    try:
        report: ReconcileReport = ReconcileReport.read(answer, f"{FUNCTION}'s answer")
    except InvalidPayload as error:
        raise OpsError(str(error)) from error
    return report


def examine(subject: Subject) -> Iterator[Finding]:
    """The check of `ona doctor`; nothing where nothing runs that could be asked."""
    if subject.target is None:
        return
    report = repair(subject.target) if subject.repair else findings(subject.target)
    yield from told(report)


def told(report: ReconcileReport) -> Iterator[Finding]:
    """A report as findings."""
    for text in report.mended:
        if report.task == "repair":
            yield Finding.mended(text)
        else:
            yield Finding.problem(
                text, where="", mend="`ona doctor --repair` does it; so does the next hour"
            )
    for failure in report.failed:
        yield Finding.problem(f"{failure.what}: {failure.why}", where="", mend=f"run it again; {PAGE}")
    for item in report.decide:
        yield Finding.problem(item.what, where=item.where, mend=item.how)
    listed = len(report.mended) + len(report.failed) + len(report.decide)
    more = sum(report.counts[name] for name in ("mended", "failed", "decide")) - listed
    if more > 0:
        yield Finding.note(f"{more} more of the same", mend=f"mend these, then run it again; {PAGE}")
    if not listed:
        looked = ", ".join(counted(number, ONE.get(name, name)) for name, number in report.looked.items())
        yield Finding.good(f"everything fits: {looked}")
