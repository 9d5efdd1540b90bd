"""Where an asset is going over weeks and years: direction, degradation, soiling, next maintenance.

All from the asset's history: its daily *gain* is power over PVWatts' form on the measured irradiance under
a clear sky, temperature-corrected, so that weather has left it. RdTools (NREL) does both of the larger
ones and is the peer in `benchmarks/detection`; it is not used here because it brings 300 MB of packages
into a function that weighs 14 (docs/decisions/0007).

>>> level = {day: 0.90 * 0.99 ** (day / 365) for day in range(800)}  # one per cent a year
>>> degradation(level)[0]
-1.0
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from statistics import median
from typing import Literal

from ona.documents.assets import Asset
from ona.documents.findings import ConfidenceInterval
from ona.runtime.words import counted
from ooda.config.trends import TrendRules
from ooda.documents.asset_history import AssetHistory, that_count
from ooda.documents.detections import AssetDetection
from ooda.documents.diagnostics import Soiling, TrendAnalysis

TREND_CHANGE = 0.03
"""Of expected energy. The share delivered must change by this much before a direction is stated."""
YEAR, NEAR_DAYS = 365, 3
"""Days: two days are a year apart when they are 365 ± 3 days apart."""
MIN_PAIRS = 60
"""Pairs of days a year apart, before a rate a year is stated."""
DRAWS = 300
"""Resamplings of the months, for the interval."""
DRY_DAYS = 10
"""Days. A fall of the gain must go on for so long to be dirt."""
CLEANED = 0.02
"""Of the clean gain. A rise by this much from one day to the next is rain, or a cleaning."""
MIN_RATE = 0.0004
"""Share a day. Below this the noise of the days hides soiling."""
CLEAN_QUANTILE = 0.9
"""Of the gains of 60 days: the gain of a clean asset."""


def gains(history: AssetHistory) -> dict[int, float]:
    """The asset's daily gains by ordinal day, from the irradiance where it is measured, else from its
    neighbours."""
    daily = {}
    for name, by_file in sorted(history.days.items()):
        number = date.fromisoformat(name).toordinal()
        for item in that_count(by_file):
            level = item.levels.get("sun") or item.levels.get("peers")
            if level is not None and level.gain is not None:
                daily[number] = level.gain
    return daily


def degradation(daily: dict[int, float]) -> tuple[float, ConfidenceInterval] | None:
    """Year-on-year degradation, per cent a year (negative: it loses), with an 80 % interval.

    The median over all pairs of days a year apart of (g₂ − g₁) / g₁; the interval by resampling months.
    Source: Jordan et al., "Robust PV degradation methodology and application", IEEE JPV 8(2), 2018.
    """
    pairs: dict[int, list[float]] = {}
    for number, gain in daily.items():
        before = [daily[n] for d in range(-NEAR_DAYS, NEAR_DAYS + 1) if (n := number - YEAR + d) in daily]
        if before and median(before) > 0:
            pairs.setdefault(number // 30, []).append(100.0 * (gain / median(before) - 1.0))
    rates = [rate for month in pairs.values() for rate in month]
    if len(rates) < MIN_PAIRS:
        return None
    random, months = Random(42), list(pairs)
    draws = sorted(
        median(rate for month in random.choices(months, k=len(months)) for rate in pairs[month])
        for _ in range(DRAWS)
    )
    low, high = draws[DRAWS // 10], draws[-DRAWS // 10]
    return round(median(rates), 3), ConfidenceInterval(lower=round(low, 3), upper=round(high, 3))


def soiling(
    daily: dict[int, float], expected_kwh: float, tariff: float, rules: TrendRules
) -> Soiling | None:
    """How fast dirt gathers, what it costs, and whether a cleaning pays. None without two weeks of days.

    Rate: the median slope (Theil–Sen) of the gain since it last rose by `CLEANED`, or was clean, a day,
    of the clean gain (its 0.9-quantile over 60 days). Advised when the loss passes
    `cleaning_threshold_percent`, or what dirt will cost within `roi_threshold_days` passes
    `cost_per_cleaning_usd`.
    """
    recent = sorted((n, g) for n, g in daily.items() if n > max(daily, default=0) - 60)
    if len(recent) < DRY_DAYS + 4:
        return None
    smooth = [(n, median(g for _, g in recent[max(0, i - 1) : i + 2])) for i, (n, g) in enumerate(recent)]
    ranked = sorted(g for _, g in smooth)
    clean = ranked[round(CLEAN_QUANTILE * (len(ranked) - 1))]
    begin = 0
    for i in range(1, len(smooth)):
        if smooth[i][1] - smooth[i - 1][1] > CLEANED * clean:
            begin = i
    still_clean = [i for i, (_, g) in enumerate(smooth) if g >= (1.0 - CLEANED / 2) * clean]
    spell = smooth[max(begin, still_clean[-1] if still_clean else 0) :]
    if clean <= 0 or spell[-1][0] - spell[0][0] < DRY_DAYS:
        return None
    slopes = sorted(
        (b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(spell) for b in spell[i + 1 :] if b[0] > a[0]
    )
    rate = -slopes[len(slopes) // 2] / clean
    if rate < MIN_RATE:
        return None
    loss = max(0.0, 1.0 - median(g for _, g in spell[-3:]) / clean)
    daily_usd = loss * expected_kwh * tariff
    coming = (
        sum(min(1.0, loss + rate * day) for day in range(rules.roi_threshold_days)) * expected_kwh * tariff
    )
    payback = None
    spent, day = 0.0, 0
    while expected_kwh * tariff > 0 and day < 730:
        spent += min(1.0, loss + rate * day) * expected_kwh * tariff
        day += 1
        if spent >= rules.cost_per_cleaning_usd:
            payback = float(day)
            break
    pays = coming >= rules.cost_per_cleaning_usd
    dirty = 100.0 * loss >= rules.cleaning_threshold_percent
    why = (
        f"dirt will cost {coming:.0f} USD in {counted(rules.roi_threshold_days, 'day')}, a cleaning "
        f"{rules.cost_per_cleaning_usd:.0f}"
    )
    return Soiling(
        rate_percent_per_day=round(100.0 * rate, 3),
        loss_percent=round(100.0 * loss, 2),
        daily_loss_usd=round(daily_usd, 2),
        cleaning_advised=bool(
            pays or (dirty and payback is not None and payback <= 3 * rules.roi_threshold_days)
        ),
        payback_days=payback,
        reason=why,
    )


def trend(
    detection: AssetDetection, history: AssetHistory | None, asset: Asset, now: datetime, rules: TrendRules
) -> TrendAnalysis:
    """Where the asset is going: the last three days' delivered share against the days before.

    Fewer than six days: `unknown`. Maintenance is due a year after installation, and every year
    from then.
    """
    pairs = zip(detection.daily_measured_kwh, detection.daily_expected_kwh, strict=True)
    shares = [measured / expected for measured, expected in pairs if expected > 0]
    direction: Literal["improving", "stable", "declining", "unknown"] = "unknown"
    if len(shares) >= 6:
        change = median(shares[-3:]) - median(shares[:-3])
        direction = "stable"
        if abs(change) >= TREND_CHANGE:
            direction = "improving" if change > 0 else "declining"
    daily = gains(history) if history is not None and not asset.is_wind else {}
    rate = degradation(daily)
    usual = median(detection.daily_expected_kwh) if detection.daily_expected_kwh else 0.0
    return TrendAnalysis(
        degradation_rate_percent_per_year=rate[0] if rate else None,
        degradation_interval=rate[1] if rate else None,
        performance_trend=direction,
        soiling=soiling(daily, usual, asset.tariff_usd_per_kwh, rules) if daily else None,
        next_maintenance_due=_maintenance_due(asset, now),
    )


def _maintenance_due(asset: Asset, now: datetime) -> datetime | None:
    dates = [part.installation_date for part in asset.components if part.installation_date]
    if not dates:
        return None
    due = min(dates)
    due = due if due.tzinfo else due.replace(tzinfo=now.tzinfo)
    while due <= now:
        due += timedelta(days=365)
    return due
