"""Yesterday's forecasts against what came: the daily measure of a site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from forecasting.accuracy_documents import AccuracyRecord, LeadRecord, LiveCalibration
from forecasting.documents import IssuedForecast, Point, SiteDocument
from forecasting.model import calibration, experts, measured_days, score
from forecasting.model.calibration import Bounds, Day
from forecasting.model.experts import Heard
from forecasting.model.features import site_of
from ona.runtime.words import counted
from ona.sky import sun
from ona.sky.sun import Floats

DAY_AHEAD = timedelta(hours=6)
"""The forecast that counts is the last one issued this long before the day began, or the next after."""
FIRST_HOURS = 6
"""Hours of the class `first_hours`: what the newest measured hour can still tell. Ours."""
TWO_DAYS = timedelta(hours=30)
"""A forecast of the class `two_days` was issued this long before the day began."""
MIN_HOURS = 3
"""Hours with both a forecast and telemetry that a day's accuracy needs. Ours."""
LEVELS = {"2.5": "lower_95", "10": "lower_80", "90": "upper_80", "97.5": "upper_95"}
"""Levels (%) that a forecast's bounds have; its median has 50."""


@dataclass(frozen=True)
class Measured:
    """A measured day: the record, its points, power that came (kW by hour's end), and the day as
    calibration keeps it, by what made a forecast; None where it tells nothing. `heard`: what the experts of
    the forecast missed."""

    record: AccuracyRecord
    points: list[Point]
    power_kw: dict[datetime, float]
    kept: dict[str, Day | None]
    heard: Heard | None = None


def day_ahead(issued: list[tuple[datetime, str]], start: datetime) -> str | None:
    """The key of the forecast that was a day's day-ahead one.

    `issued`: moments and keys of stored forecasts; `start`: the beginning of the day (UTC).
    """
    early = [one for one in issued if one[0] <= start - DAY_AHEAD]
    chosen = max(early, default=min(issued, default=None))
    return chosen[1] if chosen else None


def of_first_hours(issued: list[tuple[datetime, str]], start: datetime) -> list[str]:
    """The keys of the forecasts that were the newest at the beginning of each quarter of a day."""
    quarters = [start + timedelta(hours=hours) for hours in range(0, 24, FIRST_HOURS)]
    newest = [
        max(
            (one for one in issued if moment - timedelta(hours=FIRST_HOURS) < one[0] <= moment),
            default=None,
        )
        for moment in quarters
    ]
    return [one[1] for one in newest if one is not None]


def of_two_days(issued: list[tuple[datetime, str]], start: datetime) -> list[str]:
    """The key of the last forecast that was issued 30 hours before a day began, if there is one."""
    return [max(early)[1]] if (early := [one for one in issued if one[0] <= start - TWO_DAYS]) else []


def measure(
    site: SiteDocument,
    forecast: IssuedForecast,
    share: pd.Series,
    start: datetime,
    first_hours: Sequence[IssuedForecast] = (),
    two_days: Sequence[IssuedForecast] = (),
    live: LiveCalibration | None = None,
) -> Measured | str:
    """A forecast against measured hourly shares over the UTC day from `start`; why not, in words.

    `first_hours`, `two_days`: the day's forecasts of other leads, as far as they were stored; `live`: the
    days that were measured before.
    """
    points = _of_day(site, forecast, start)
    both, actual = _with_power(site, points, share)
    if len(both) < MIN_HOURS:
        return f"only {counted(len(both), 'hour')} with both a forecast and telemetry"
    predicted = np.array([p.predicted_power_kw for p in both])
    bounds = {
        level: (_values(both, f"lower_{level}"), _values(both, f"upper_{level}"))
        for level in calibration.INTERVALS
    }
    others = {
        "first_hours": [point for one in first_hours for point in _near(site, one, start)],
        "two_days": [point for one in two_days for point in _of_day(site, one, start)],
    }
    leads = [_lead("day_ahead", both, actual)]
    leads += [
        _lead(name, *found) for name, them in others.items() if (found := _with_power(site, them, share))[0]
    ]
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
        capacity_kw=site.capacity_kw,
        source=forecast.uncalibrated[0].source if forecast.uncalibrated else "",
        leads=leads,
        **_reference(site, both, actual, predicted, share),
    )
    power_kw = {p.timestamp: float(value) for p, value in zip(both, actual, strict=True)}
    kept = _kept(site, forecast, both, actual, bounds, start.date(), live)
    heard = _heard(forecast, both, actual / site.capacity_kw, start.date())
    return Measured(record, points, power_kw, kept, heard)


def _of_day(site: SiteDocument, forecast: IssuedForecast, start: datetime) -> list[Point]:
    """The points of a UTC day; of a solar site those by daylight."""
    points = [p for p in forecast.forecasts if start < p.timestamp <= start + timedelta(days=1)]
    if site.kind == "solar":
        points = [p for p in points if p.confidence_interval.upper_95 > 0]
    return points


def _near(site: SiteDocument, forecast: IssuedForecast, start: datetime) -> list[Point]:
    """The points of a UTC day in the quarter of it that follows the issue."""
    since = forecast.generated_at - start
    quarter = max(0, -(-since // timedelta(hours=FIRST_HOURS)))
    begin = start + timedelta(hours=FIRST_HOURS * quarter)
    end = begin + timedelta(hours=FIRST_HOURS)
    return [p for p in _of_day(site, forecast, start) if begin < p.timestamp <= end]


def _with_power(
    site: SiteDocument, points: Sequence[Point], share: pd.Series
) -> tuple[list[Point], Floats]:
    """The points of which power is measured, and that power (kW)."""
    both = [p for p in points if pd.Timestamp(p.timestamp) in share.index]
    return both, np.array([share[pd.Timestamp(p.timestamp)] * site.capacity_kw for p in both])


def _values(points: Sequence[Point], bound: str) -> Floats:
    return np.array([getattr(p.confidence_interval, bound) for p in points])


def _lead(name: str, points: Sequence[Point], actual: Floats) -> LeadRecord:
    predicted = np.array([p.predicted_power_kw for p in points])
    at = {level: _values(points, bound) for level, bound in LEVELS.items()} | {"50": predicted}
    losses = [
        score.pinball(actual, values[:, None], np.array([float(level) / 100.0]))
        for level, values in at.items()
    ]
    return LeadRecord.model_validate(
        {
            "lead": name,
            "hours": len(points),
            "mae_kw": round(score.mean_absolute_error(actual, predicted), 3),
            "bias_kw": round(float((predicted - actual).mean()), 3),
            "pinball_kw": round(float(np.mean(losses)), 4),
            "width_80_kw": round(score.sharpness(at["10"], at["90"]), 3),
            "width_95_kw": round(score.sharpness(at["2.5"], at["97.5"]), 3),
            "at_or_below": {level: int((actual <= at[level]).sum()) for level in sorted(at, key=float)},
        }
    )


def _reference(
    site: SiteDocument, points: Sequence[Point], actual: Floats, predicted: Floats, share: pd.Series
) -> dict[str, float | int | None]:
    """What 24-hour clear-sky persistence would have said in the hours whose day before is measured."""
    hours = pd.DatetimeIndex([p.timestamp for p in points])
    before = share.reindex(hours - pd.Timedelta(days=1)).to_numpy(dtype=float)
    persisted = before
    if site.kind == "solar":
        plane = site_of(site).plane
        clear, then = (
            sun.clear_sky(index, plane, 60.0)["clear_poa"].to_numpy()
            for index in (hours, hours - pd.Timedelta(days=1))
        )
        lit = then > score.BRIGHT_W_M2
        index = np.divide(before, then, out=np.zeros_like(before), where=lit)
        persisted = np.where(lit, np.clip(index * clear, 0.0, 1.0), before)
    known = ~np.isnan(persisted)
    if not known.any():
        return {"reference_hours": 0}
    error = score.mean_absolute_error(actual[known], persisted[known] * site.capacity_kw)
    return {
        "reference_hours": int(known.sum()),
        "reference_mae_kw": round(error, 3),
        "mae_of_reference_hours_kw": round(score.mean_absolute_error(actual[known], predicted[known]), 3),
    }


def _kept(
    site: SiteDocument,
    forecast: IssuedForecast,
    points: Sequence[Point],
    actual: Floats,
    bounds: Bounds,
    day: date,
    live: LiveCalibration | None,
) -> dict[str, Day | None]:
    """The day as calibration keeps it, of what was served and of what would have been without the model."""
    capacity, found = site.capacity_kw, dict[str, Day | None]()
    hours = [_hour(p.timestamp) for p in points]
    served = {level: (low / capacity, high / capacity) for level, (low, high) in bounds.items()}
    for number, made in enumerate(forecast.uncalibrated):
        rows = zip(forecast.forecasts, made.quantiles, strict=False)
        by_hour = {p.timestamp: row for p, row in rows if row is not None and len(row) == 5}
        raw = np.array([by_hour.get(p.timestamp, [float("nan")] * 5) for p in points])
        if number:
            known = measured_days.days_of(live, made.source)
            _, held = calibration.intervals(raw, calibration.ends((), calibration.before(known, day)))
        version = made.source if number else forecast.metadata.model_version
        found[made.source] = calibration.measured(
            day, version, actual / capacity, raw, held if number else served, hours
        )
    return found


def _heard(forecast: IssuedForecast, points: Sequence[Point], actual: Floats, day: date) -> Heard | None:
    """What the experts of a forecast missed. `actual`: shares that came at the points, shape (n,)."""
    said = {}
    weights = {one.name: one.weight for one in forecast.experts}
    for one in forecast.experts:
        by_hour = {p.timestamp: value for p, value in zip(forecast.forecasts, one.median, strict=False)}
        found = [by_hour.get(p.timestamp) for p in points]
        said[one.name] = np.array([float("nan") if value is None else value for value in found])
    return experts.heard(day, actual, said, weights)


def _hour(end: datetime) -> int:
    """Which hour of its UTC day ends there, 1…24."""
    return (end.astimezone(UTC) - timedelta(hours=1)).hour + 1
