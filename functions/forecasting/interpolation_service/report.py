"""What filling did to one site of an upload, as the document that the customer can read."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from forecasting.documents import FillReport, GapRecord, SiteDocument
from forecasting.interpolation_service.fill import Result
from forecasting.payloads import FillRequest, FillResult
from ona.documents.base import S3Pointer

MAX_GAPS_LISTED = 500
"""Gaps that a report lists, so that it stays below 200 kB; the rest is counted."""


@dataclass(frozen=True)
class Published:
    """Where an upload's data was written: telemetry, one object a UTC day; the training table or None."""

    telemetry: list[S3Pointer]
    training: S3Pointer | None


def fill_report(
    request: FillRequest, frame: pd.DataFrame, minutes: float, result: Result, published: Published
) -> FillReport:
    """The report of one site. `frame`: its telemetry as it came; `minutes`: the grid's interval."""
    methods = methods_of(result)
    gaps, unlisted = gap_records(result)
    return FillReport(
        file_id=request.file_id,
        customer_id=request.upload.customer_id,
        site_id=request.upload.site_id,
        weather_provider=request.weather.provider,
        weather_reason=request.weather.reason,
        interval_minutes=minutes,
        assets=len(result.assets),
        days=days_with_power(frame),
        values=sum(methods.values()),
        filled={name: number for name, number in methods.items() if name != "measured"},
        gaps=gaps,
        gaps_not_listed=unlisted,
        training=published.training,
        telemetry=published.telemetry,
        unmeasured=request.upload.unmeasured,
    )


def answer(
    site: SiteDocument, report: FillReport, where: S3Pointer, training: S3Pointer | None
) -> FillResult:
    """What the workflow goes on with. `where`: the report; `training`: the training table or None."""
    return FillResult(
        customer_id=site.customer_id,
        site_id=site.site_id,
        report=where,
        training=training,
        days=report.days,
        gaps=len(report.gaps) + report.gaps_not_listed,
        filled_percent=round(filled_percent(report), 2),
        unmeasured=report.unmeasured,
    )


def methods_of(result: Result) -> dict[str, int]:
    """How many values came about in which way, `measured` among them, the commonest first."""
    methods = pd.concat([pd.Series(asset.method) for asset in result.assets.values()])
    return {str(name): int(number) for name, number in methods.value_counts().items()}


def filled_percent(report: FillReport) -> float:
    """Values by day that were filled, % of all values; nights are no gaps."""
    by_day = sum(number for name, number in report.filled.items() if name != "night")
    return 100.0 * by_day / max(report.values, 1)


def gap_records(result: Result) -> tuple[list[GapRecord], int]:
    """Gaps by day, the longest first, and how many are not listed; nights are left out."""
    by_day = [(gap, method) for gap, method in result.gaps if gap.cause != "night"]
    by_day.sort(key=lambda item: -item[0].hours)
    records = []
    for gap, method in by_day[:MAX_GAPS_LISTED]:
        width = result.assets[gap.asset_id].half_width_kw[gap.first : gap.last + 1]
        lit = width[width > 0]
        records.append(
            GapRecord(
                asset_id=gap.asset_id,
                start=gap.start,
                end=gap.end,
                hours=gap.hours,
                length=gap.length,
                cause=gap.cause,
                shared=round(gap.shared, 3),
                method=method,
                half_width_kw=round(float(lit.mean()), 3) if len(lit) else 0.0,
            )
        )
    return records, max(0, len(by_day) - MAX_GAPS_LISTED)


def days_with_power(frame: pd.DataFrame) -> int:
    """Days (UTC) on which power was measured."""
    return int(frame.loc[frame["power_kw"].notna(), "timestamp"].dt.floor("D").nunique())
