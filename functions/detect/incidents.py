"""From residuals to incidents: stretches of daylight in which an asset did not deliver."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

from detect.expected import Floats, Reference
from detect.quality import runs
from detect.severity import range_severity, severity
from ona.assets import Asset
from ona.config import DetectionConfig
from ona.records import Evidence, Incident, IncidentKind, Signals, Window
from ona.telemetry import interval_minutes

Mask = NDArray[np.bool_]

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


def find(
    own: pd.DataFrame,
    ref: Reference,
    res: Residuals,
    asset: Asset,
    config: DetectionConfig,
    threshold: float,
) -> list[Incident]:
    """All incidents of one asset, in order of time."""
    if own.empty:
        return []
    step = interval_minutes(own["timestamp"])
    minutes = (own["timestamp"] - own["timestamp"].iloc[0]).dt.total_seconds().to_numpy() / 60.0
    power = own["power_kw"].to_numpy(dtype=float)
    rules = config.algorithms
    tolerance = rules.energy_deviation.forecast_tolerance_percent / 100.0
    least = rules.statistical.rolling_window_minutes
    with np.errstate(invalid="ignore"):
        zero = res.judged & (power <= ZERO_SHARE * asset.capacity_kw)
        low = (
            res.judged
            & (res.share > tolerance)
            & (ref.expected_kw - power >= rules.energy_deviation.min_deviation_kw)
            & (res.share / res.spread >= rules.statistical.z_score_threshold)
        ) | zero
    need_zero = max(2, math.ceil(max(rules.duration.outage_minutes, least) / step))
    need_low = max(2, math.ceil(max(rules.duration.underperformance_minutes, least) / step))

    indices = np.flatnonzero(res.judged)
    bridged = low[indices].copy()
    for start, end in runs(~bridged):
        if start > 0 and end < len(bridged) and end - start <= BRIDGE_READINGS:
            bridged[start:end] = True
    found: list[Incident] = []
    for start, end in _split_at_gaps(runs(bridged), minutes[indices], step):
        members = indices[start:end]
        if _long_enough(zero[members], need_zero):
            kind: IncidentKind = "outage"
        elif _long_enough(low[members], need_low):
            kind = "underperformance"
        else:
            continue
        if kind == "outage" and ref.site_down[members].mean() > 0.5:
            kind = "site_outage"
        incident = _loss_incident(kind, own, ref, res, members, asset, config, threshold, step)
        if incident.confidence >= rules.energy_deviation.confidence_threshold or kind != (
            "underperformance"
        ):
            found.append(incident)
    found += _range_incidents(own, ref, res, asset, config, threshold, step)
    return sorted(found, key=lambda incident: (incident.window.start, incident.kind))


def _loss_incident(
    kind: IncidentKind,
    own: pd.DataFrame,
    ref: Reference,
    res: Residuals,
    members: NDArray[np.intp],
    asset: Asset,
    config: DetectionConfig,
    threshold: float,
    step: float,
) -> Incident:
    power = own["power_kw"].to_numpy(dtype=float)[members]
    expected = ref.expected_kw[members]
    hours = len(members) * step / 60.0
    lost = float(np.maximum(expected - power, 0.0).sum() * step / 60.0)
    due = float(expected.sum() * step / 60.0)
    loss = lost / due if due > 0 else 0.0
    middle = float(np.median(res.share[members]))
    z = middle / res.spread
    score = severity(loss, hours, config.algorithms.severity)
    if kind == "underperformance":
        confidence = ref.partial_confidence * float(2 * norm.cdf(z * math.sqrt(len(members))) - 1)
    else:
        confidence = max(0.9, ref.partial_confidence)
    evidence = [
        Evidence(
            detector="residual",
            statement=f"{loss:.0%} of the expected energy did not come ({ref.basis})",
            value=round(100 * loss, 1),
            limit=config.algorithms.energy_deviation.forecast_tolerance_percent,
        ),
        Evidence(
            detector="robust_z",
            statement=f"the median deviation is {z:.1f} times the usual spread of {res.spread:.1%}",
            value=round(z, 2),
            limit=config.algorithms.statistical.z_score_threshold,
        ),
    ]
    zeros = int((power <= ZERO_SHARE * asset.capacity_kw).sum())
    if zeros:
        evidence.append(
            Evidence(
                detector="zero_output",
                statement=f"no power in {zeros} readings while {expected.mean():.1f} kW were due",
                value=zeros * step,
                limit=config.algorithms.duration.outage_minutes,
            )
        )
    temperature = own["temperature_c"].to_numpy(dtype=float)[members]
    limit = config.parameters.temperature
    if np.isfinite(temperature).any() and np.nanmax(temperature) > limit.normal_range_max:
        evidence.append(
            Evidence(
                detector="range",
                statement=f"temperature reached {np.nanmax(temperature):.1f} °C",
                value=round(float(np.nanmax(temperature)), 1),
                limit=limit.normal_range_max,
            )
        )
    return _incident(
        kind, own, ref, res, members, asset, threshold, step, score, confidence, lost, evidence
    )


def _range_incidents(
    own: pd.DataFrame,
    ref: Reference,
    res: Residuals,
    asset: Asset,
    config: DetectionConfig,
    threshold: float,
    step: float,
) -> list[Incident]:
    """Readings beyond their critical limit for two readings in a row, at day or night."""
    found = []
    cases: list[tuple[IncidentKind, str, float, float]] = [
        (
            "over_temperature",
            "temperature_c",
            config.parameters.temperature.normal_range_max,
            config.parameters.temperature.critical_threshold,
        ),
        (
            "over_voltage",
            "voltage_v",
            config.parameters.voltage.normal_range_max,
            config.parameters.voltage.critical_threshold,
        ),
    ]
    for kind, column, normal, critical in cases:
        values = own[column].to_numpy(dtype=float)
        with np.errstate(invalid="ignore"):
            over = values > critical
        for start, end in runs(over):
            if end - start < 2:
                continue
            members = np.arange(start, end)
            top = float(np.nanmax(values[members]))
            evidence = [
                Evidence(
                    detector="range",
                    statement=f"{column} reached {top:.1f}",
                    value=round(top, 1),
                    limit=critical,
                )
            ]
            score = range_severity(top, normal, critical)
            found.append(
                _incident(kind, own, ref, res, members, asset, threshold, step, score, 0.9, 0.0, evidence)
            )
    return found


def _incident(
    kind: IncidentKind,
    own: pd.DataFrame,
    ref: Reference,
    res: Residuals,
    members: NDArray[np.intp],
    asset: Asset,
    threshold: float,
    step: float,
    score: float,
    confidence: float,
    lost_kwh: float,
    evidence: list[Evidence],
) -> Incident:
    start, end = own["timestamp"].iloc[members[0]], own["timestamp"].iloc[members[-1]]
    power = own["power_kw"].to_numpy(dtype=float)[members]
    expected = ref.expected_kw[members]
    expected_mean = float(np.nanmean(expected)) if np.isfinite(expected).any() else 0.0
    measured_mean = float(np.nanmean(power)) if np.isfinite(power).any() else 0.0
    deviation = expected_mean - measured_mean
    identity = f"{asset.id}|{kind}|{start.isoformat()}"
    return Incident(
        incident_id=f"inc-{start:%Y%m%d}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}",
        asset_id=asset.id,
        kind=kind,
        window=Window(start=start, end=end),
        duration_hours=round(len(members) * step / 60.0, 3),
        expected_power_kw=round(expected_mean, 3),
        measured_power_kw=round(measured_mean, 3),
        deviation_kw=round(deviation, 3),
        deviation_percent=round(100 * deviation / expected_mean, 2) if expected_mean > 0 else 0.0,
        lost_energy_kwh=round(lost_kwh, 3),
        severity=score,
        confidence=round(min(confidence, 1.0), 3),
        actionable=bool(score >= threshold),
        signals=_signals(own, res, members, asset),
        evidence=evidence,
    )


def _signals(own: pd.DataFrame, res: Residuals, members: NDArray[np.intp], asset: Asset) -> Signals:
    power = own["power_kw"].to_numpy(dtype=float)
    inside = power[members]
    share = res.share[members]
    known = share[np.isfinite(share)]
    zero = inside <= ZERO_SHARE * asset.capacity_kw
    temperature = own["temperature_c"].to_numpy(dtype=float)[members]
    warm = np.isfinite(temperature) & np.isfinite(share)
    correlation = None
    if warm.sum() >= 6 and np.ptp(temperature[warm]) > 1.0 and np.ptp(share[warm]) > 0:
        correlation = round(float(spearmanr(share[warm], temperature[warm]).statistic), 3)
    volts = own["voltage_v"].to_numpy(dtype=float)[members]
    ratio = None
    if res.usual_voltage and np.isfinite(volts).any():
        ratio = round(float(np.nanmedian(volts)) / res.usual_voltage, 3)
    running = inside[~zero & np.isfinite(inside)]
    plateau, level = 0.0, 0.0
    if running.size >= 4:
        level = float(np.median(running))
        plateau = float((np.abs(running - level) <= 0.01 * asset.capacity_kw).mean())
    return Signals(
        zero_share=round(float(zero.mean()), 3),
        loss_share=round(float(known.mean()), 4) if known.size else 0.0,
        loss_spread=round(float(known.std()), 4) if known.size else 0.0,
        day_share=round(len(members) / max(int(res.judged.sum()), 1), 3),
        temperature_max_c=round(float(np.nanmax(temperature)), 1)
        if np.isfinite(temperature).any()
        else None,
        temperature_correlation=correlation,
        voltage_ratio=ratio,
        plateau_share=round(plateau, 3),
        plateau_level=round(level / asset.capacity_kw, 3),
        stops=len(runs(zero)),
        recovered=bool(res.judged[members[-1] + 1 :].any()),
    )
