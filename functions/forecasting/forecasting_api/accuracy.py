"""Yesterday's forecast against what came: the daily measure of a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting.documents import AccuracyRecord, ForecastDocument, LiveCalibration, Point, SiteDocument
from forecasting.model import calibration, registry, score
from ona.runtime.words import counted

DAY_AHEAD = timedelta(hours=6)
"""The forecast that counts is the last one issued this long before the day began, or the next after."""
MIN_HOURS = 3
"""Hours with both a forecast and telemetry that a day's accuracy needs. Ours."""


@dataclass(frozen=True)
class Measured:
    """A measured day: the record, its points, power that came (kW by hour's end), and the shares of hours
    below and above each interval."""

    record: AccuracyRecord
    points: list[Point]
    power_kw: dict[datetime, float]
    misses: Mapping[int, tuple[float, float]]


def day_ahead(issued: list[tuple[datetime, str]], start: datetime) -> str | None:
    """The key of the forecast that was a day's day-ahead one.

    `issued`: moments and keys of stored forecasts; `start`: the beginning of the day (UTC).
    """
    early = [one for one in issued if one[0] <= start - DAY_AHEAD]
    chosen = max(early, default=min(issued, default=None))
    return chosen[1] if chosen else None


def measure(
    site: SiteDocument, forecast: ForecastDocument, share: pd.Series, start: datetime
) -> Measured | str:
    """A forecast against measured hourly shares over the UTC day from `start`; why not, in words."""
    points = [p for p in forecast.forecasts if start < p.timestamp <= start + timedelta(days=1)]
    if site.kind == "solar":
        points = [p for p in points if p.confidence_interval.upper_95 > 0]
    both = [p for p in points if pd.Timestamp(p.timestamp) in share.index]
    if len(both) < MIN_HOURS:
        return f"only {counted(len(both), 'hour')} with both a forecast and telemetry"
    actual = np.array([share[pd.Timestamp(p.timestamp)] * site.capacity_kw for p in both])
    predicted = np.array([p.predicted_power_kw for p in both])
    bounds = {
        level: (
            np.array([getattr(p.confidence_interval, f"lower_{level}") for p in both]),
            np.array([getattr(p.confidence_interval, f"upper_{level}") for p in both]),
        )
        for level in calibration.INTERVALS
    }
    record = AccuracyRecord(
        customer_id=site.customer_id,
        site_id=site.site_id,
        day=f"{start:%Y-%m-%d}",
        forecast_id=forecast.forecast_id,
        issued_at=forecast.generated_at,
        model_version=forecast.metadata.model_version,
        hours=len(both),
        accuracy_percent=round(score.accuracy_percent(actual, predicted, site.capacity_kw), 2),
        mae_kw=round(score.mean_absolute_error(actual, predicted), 3),
        bias_kw=round(float((predicted - actual).mean()), 3),
        coverage_80_percent=round(100.0 * score.coverage(actual, *bounds[80]), 2),
        coverage_95_percent=round(100.0 * score.coverage(actual, *bounds[95]), 2),
    )
    misses = {
        level: (float((actual < low).mean()), float((actual > high).mean()))
        for level, (low, high) in bounds.items()
    }
    power_kw = {p.timestamp: float(value) for p, value in zip(both, actual, strict=True)}
    return Measured(record, points, power_kw, misses)


def moved(live: LiveCalibration | None, day: Measured) -> LiveCalibration | None:
    """A site's live factors after a measured day; None when it or a later day has counted before."""
    record = day.record
    same = live is not None and live.model_version == record.model_version
    if live is not None and same and record.day <= live.through:
        return None
    before = registry.tails(live.factors) if live is not None and same else {}
    return LiveCalibration(
        model_version=record.model_version,
        through=record.day,
        factors=registry.stored_form(calibration.adapted(before, day.misses)),
    )
