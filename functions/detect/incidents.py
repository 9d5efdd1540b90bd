"""From residuals to incidents: stretches of daylight in which an asset did not deliver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

from detect.expected import Floats, Reference
from detect.quality import runs
from detect.severity import range_severity, severity
from ona.assets import Asset
from ona.config import DetectionConfig, NormalRange
from ona.identity import digest
from ona.records import Evidence, Incident, IncidentKind, Signals, Window
from ona.telemetry import interval_minutes

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

ZERO_SHARE = 0.01
"""Power below this share of capacity is none."""
MIN_SPREAD = 0.02
"""Relative residuals of a healthy machine are never trusted to spread less than this."""
MAX_SPREAD = 0.08
"""…nor assumed to spread more, so that a day full of faults does not hide them."""
MAX_SPREAD_BY_PEERS = 0.033
"""Against neighbours under the same sky clouds cancel: what spreads more is not noise."""
BRIDGE_READINGS = 1
"""Runs this close belong together: one good reading does not end an incident."""


@dataclass(frozen=True)
class Residuals:
    """Relative residual (expected − measured) / expected, shape (n,), NaN where not judged.

    `usual_voltage` is the asset's median voltage at work, V, None where it measures none.
    """

    share: Floats
    spread: float
    judged: Mask
    usual_voltage: float | None


def residuals(
    own: pd.DataFrame,
    ref: Reference,
    judged: Mask,
    history: pd.DataFrame,
    asset: Asset,
    config: DetectionConfig,
) -> Residuals:
    """Daylight residuals and their robust spread (1.4826 · MAD), within sane bounds.

    With fewer than `min_data_points` judged readings the spread is taken as half the most.
    """
    floor = config.algorithms.reference.min_expected_share * asset.capacity_kw
    power = own["power_kw"].to_numpy(dtype=float)
    ok = judged & np.isfinite(ref.expected_kw) & (ref.expected_kw >= floor) & np.isfinite(power)
    most = MAX_SPREAD_BY_PEERS if "peers" in ref.basis else MAX_SPREAD
    share = np.full(len(own), np.nan)
    share[ok] = (ref.expected_kw[ok] - power[ok]) / ref.expected_kw[ok]
    if int(ok.sum()) >= config.algorithms.statistical.min_data_points:
        middle = np.median(share[ok])
        spread = float(1.4826 * np.median(np.abs(share[ok] - middle)))
        spread = min(max(spread, MIN_SPREAD), most)
    else:
        spread = max(MIN_SPREAD, most / 2)
    known = pd.concat([history, own]) if not history.empty else own
    working = known.loc[known["power_kw"] > 0.05 * asset.capacity_kw, "voltage_v"].dropna()
    return Residuals(share, spread, ok, float(working.median()) if len(working) else None)


def _long_enough(mask: Mask, need: int) -> bool:
    return any(end - start >= need for start, end in runs(mask))


def _split_at_gaps(
    ranges: list[tuple[int, int]], minutes: NDArray[np.float64], step: float
) -> list[tuple[int, int]]:
    """Cut ranges where readings are missing for more than an hour: nobody knows what happened then."""
    parts = []
    for start, end in ranges:
        cut = start
        for index in range(start + 1, end):
            if minutes[index] - minutes[index - 1] > max(60.0, 2.5 * step):
                parts.append((cut, index))
                cut = index
        parts.append((cut, end))
    return parts


@dataclass(frozen=True)
class Case:
    """One asset's readings (n rows) with their reference and residuals: what incidents are found in."""

    own: pd.DataFrame
    ref: Reference
    res: Residuals
    asset: Asset
    config: DetectionConfig
    threshold: float

    @cached_property
    def step(self) -> float:
        """Minutes between readings."""
        return interval_minutes(self.own["timestamp"])

    @cached_property
    def power(self) -> Floats:
        """Measured power, kW, shape (n,)."""
        return self.own["power_kw"].to_numpy(dtype=float)

    def values(self, column: str) -> Floats:
        """A column as numbers, shape (n,)."""
        return self.own[column].to_numpy(dtype=float)

    def readings(self, minutes: float) -> int:
        """How many readings in a row an event of so many minutes needs, at least two."""
        least = self.config.algorithms.statistical.rolling_window_minutes
        return max(2, math.ceil(max(minutes, least) / self.step))


def find(case: Case) -> list[Incident]:
    """All incidents of one asset, in order of time."""
    if case.own.empty:
        return []
    found = _losses(case) + _range_violations(case)
    return sorted(found, key=lambda incident: (incident.window.start, incident.kind))


def _losses(case: Case) -> list[Incident]:
    """Stops and underperformance among the judged readings."""
    rules, res = case.config.algorithms, case.res
    tolerance = rules.energy_deviation.forecast_tolerance_percent / 100.0
    with np.errstate(invalid="ignore"):
        zero = res.judged & (case.power <= ZERO_SHARE * case.asset.capacity_kw)
        low = zero | (
            res.judged
            & (res.share > tolerance)
            & (case.ref.expected_kw - case.power >= rules.energy_deviation.min_deviation_kw)
            & (res.share / res.spread >= rules.statistical.z_score_threshold)
        )
    need_zero = case.readings(rules.duration.outage_minutes)
    need_low = case.readings(rules.duration.underperformance_minutes)
    indices = np.flatnonzero(res.judged)
    bridged = low[indices].copy()
    for start, end in runs(~bridged):
        if start > 0 and end < len(bridged) and end - start <= BRIDGE_READINGS:
            bridged[start:end] = True
    minutes = (case.own["timestamp"] - case.own["timestamp"].iloc[0]).dt.total_seconds().to_numpy() / 60.0
    found: list[Incident] = []
    for start, end in _split_at_gaps(runs(bridged), minutes[indices], case.step):
        members = indices[start:end]
        if _long_enough(zero[members], need_zero):
            kind: IncidentKind = "site_outage" if case.ref.site_down[members].mean() > 0.5 else "outage"
        elif _long_enough(low[members], need_low):
            kind = "underperformance"
        else:
            continue
        incident = _loss(case, kind, members)
        believed = incident.confidence >= rules.energy_deviation.confidence_threshold
        if believed or kind != "underperformance":
            found.append(incident)
    return found


def _loss(case: Case, kind: IncidentKind, members: Indices) -> Incident:
    power, expected = case.power[members], case.ref.expected_kw[members]
    hours = len(members) * case.step / 60.0
    lost = float(np.maximum(expected - power, 0.0).sum() * case.step / 60.0)
    due = float(expected.sum() * case.step / 60.0)
    loss = lost / due if due > 0 else 0.0
    z = float(np.median(case.res.share[members])) / case.res.spread
    if kind == "underperformance":
        certain = float(2 * norm.cdf(z * math.sqrt(len(members))) - 1)
        confidence = case.ref.partial_confidence * certain
    else:
        confidence = max(0.9, case.ref.partial_confidence)
    rules = case.config.algorithms
    evidence = [
        Evidence(
            detector="residual",
            statement=f"{loss:.0%} of the expected energy did not come ({case.ref.basis})",
            value=round(100 * loss, 1),
            limit=rules.energy_deviation.forecast_tolerance_percent,
        ),
        Evidence(
            detector="robust_z",
            statement=f"the median deviation is {z:.1f} times the usual spread of {case.res.spread:.1%}",
            value=round(z, 2),
            limit=rules.statistical.z_score_threshold,
        ),
    ]
    zeros = int((power <= ZERO_SHARE * case.asset.capacity_kw).sum())
    if zeros:
        evidence.append(
            Evidence(
                detector="zero_output",
                statement=f"no power in {zeros} readings while {expected.mean():.1f} kW were due",
                value=zeros * case.step,
                limit=rules.duration.outage_minutes,
            )
        )
    temperature = case.values("temperature_c")[members]
    limit = case.config.parameters.temperature.normal_range_max
    if np.isfinite(temperature).any() and np.nanmax(temperature) > limit:
        top = float(np.nanmax(temperature))
        evidence.append(_range_evidence("temperature", top, limit))
    score = severity(loss, hours, rules.severity)
    return _incident(case, kind, members, score, confidence, lost, evidence)


def _range_evidence(quantity: str, top: float, limit: float) -> Evidence:
    unit = {"temperature": "°C", "voltage": "V"}[quantity]
    return Evidence(
        detector="range",
        statement=f"{quantity} reached {top:.1f} {unit}",
        value=round(top, 1),
        limit=limit,
    )


def _range_violations(case: Case) -> list[Incident]:
    """Readings beyond their critical limit for two readings in a row, at day or night."""
    found = []
    ranges = case.config.parameters
    cases: list[tuple[IncidentKind, str, Floats, NormalRange]] = [
        ("over_temperature", "temperature", case.values("temperature_c"), ranges.temperature),
        ("over_voltage", "voltage", case.values("voltage_v"), ranges.voltage),
    ]
    for kind, quantity, values, limits in cases:
        with np.errstate(invalid="ignore"):
            over = values > limits.critical_threshold
        for start, end in runs(over):
            if end - start < 2:
                continue
            members = np.arange(start, end)
            top = float(np.nanmax(values[members]))
            score = range_severity(top, limits.normal_range_max, limits.critical_threshold)
            evidence = [_range_evidence(quantity, top, limits.critical_threshold)]
            found.append(_incident(case, kind, members, score, 0.9, 0.0, evidence))
    return found


def _incident(
    case: Case,
    kind: IncidentKind,
    members: Indices,
    score: float,
    confidence: float,
    lost_kwh: float,
    evidence: list[Evidence],
) -> Incident:
    times = case.own["timestamp"]
    start, end = times.iloc[members[0]], times.iloc[members[-1]]
    expected_mean, measured_mean = (
        float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
        for values in (case.ref.expected_kw[members], case.power[members])
    )
    deviation = expected_mean - measured_mean
    identity = digest(case.asset.id, kind, start.isoformat(), length=10)
    return Incident(
        incident_id=f"inc-{start:%Y%m%d}-{identity}",
        asset_id=case.asset.id,
        kind=kind,
        window=Window(start=start, end=end),
        duration_hours=round(len(members) * case.step / 60.0, 3),
        expected_power_kw=round(expected_mean, 3),
        measured_power_kw=round(measured_mean, 3),
        deviation_kw=round(deviation, 3),
        deviation_percent=round(100 * deviation / expected_mean, 2) if expected_mean > 0 else 0.0,
        lost_energy_kwh=round(lost_kwh, 3),
        severity=score,
        confidence=round(min(confidence, 1.0), 3),
        actionable=bool(score >= case.threshold),
        signals=_signals(case, members),
        evidence=evidence,
    )


def _signals(case: Case, members: Indices) -> Signals:
    capacity = case.asset.capacity_kw
    inside, share = case.power[members], case.res.share[members]
    known = share[np.isfinite(share)]
    zero = inside <= ZERO_SHARE * capacity
    temperature = case.values("temperature_c")[members]
    warm = np.isfinite(temperature) & np.isfinite(share)
    correlation = None
    if warm.sum() >= 6 and np.ptp(temperature[warm]) > 1.0 and np.ptp(share[warm]) > 0:
        correlation = round(float(spearmanr(share[warm], temperature[warm]).statistic), 3)
    volts = case.values("voltage_v")[members]
    ratio = None
    if case.res.usual_voltage and np.isfinite(volts).any():
        ratio = round(float(np.nanmedian(volts)) / case.res.usual_voltage, 3)
    running = inside[~zero & np.isfinite(inside)]
    plateau, level = 0.0, 0.0
    if running.size >= 4:
        level = float(np.median(running))
        plateau = float((np.abs(running - level) <= 0.01 * capacity).mean())
    return Signals(
        zero_share=round(float(zero.mean()), 3),
        loss_share=round(float(known.mean()), 4) if known.size else 0.0,
        loss_spread=round(float(known.std()), 4) if known.size else 0.0,
        day_share=round(len(members) / max(int(case.res.judged.sum()), 1), 3),
        temperature_max_c=round(float(np.nanmax(temperature)), 1)
        if np.isfinite(temperature).any()
        else None,
        temperature_correlation=correlation,
        voltage_ratio=ratio,
        plateau_share=round(plateau, 3),
        plateau_level=round(level / capacity, 3),
        stops=len(runs(zero)),
        recovered=bool(case.res.judged[members[-1] + 1 :].any()),
    )
