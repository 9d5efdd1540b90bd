"""Where reports of routines lie."""

from __future__ import annotations

from datetime import date

from ona.documents.base import Document, S3Pointer
from ona.runtime.aws import environment
from ona.store import s3
from operations.drawing.page import page
from operations.drawing.sheets import sheets
from operations.layout import REPORT
from operations.reading.finding import Report, State
from operations.reading.performance import KIND, Performance
from operations.reports.performance import blocks, title


class RoutineResult(Document):
    """What a routine found. `kind`: health, midday, summary or weekly; `report`: where it lies whole."""

    kind: str
    worst: State
    findings: int
    not_ok: int
    report: S3Pointer


def keep(report: Report, day: date) -> RoutineResult:
    """Write a report under its day; a later one of the same kind and day takes its place.

    Raises DependencyBusy.
    """
    key = REPORT.build(day=day, kind=report.kind, suffix="json")
    pointer = s3.write_json(environment("OUTPUT_BUCKET"), key, report.document())
    return RoutineResult(
        kind=report.kind,
        worst=report.state,
        findings=len(report.findings),
        not_ok=sum(finding.state != "ok" for finding in report.findings),
        report=pointer,
    )


def keep_performance(report: Performance, day: date) -> None:
    """Write the performance report under its day, as HTML with pictures and as PDF. Raises DependencyBusy.

    It tells no cost: prices and what is used are read by the commands only.
    """
    head, document = title(report), blocks(report, None)
    for suffix, body, kind in (
        ("html", page(head, document).encode(), "text/html; charset=utf-8"),
        ("pdf", sheets(head, document), "application/pdf"),
    ):
        s3.write_bytes(
            environment("OUTPUT_BUCKET"), REPORT.build(day=day, kind=KIND, suffix=suffix), body, kind
        )
