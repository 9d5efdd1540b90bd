"""Detection of one file: pure, from frames to records. The handler brings the frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detect import incidents, quality
from detect.daylight import daylight, in_maintenance
from detect.expected import reference
from ona.assets import Asset, AssetRegistry
from ona.config import DetectionConfig
from ona.records import AssetDetection, Incident, QualityIssue, QualitySummary, Window
from ona.telemetry import Quality, interval_minutes


@dataclass(frozen=True)
class Context:
    """What is known beside the file: earlier days and the site's other machines, canonical frames.

    `forecasts` holds predicted power in kW by UTC time, one series an asset.
    """

    history: pd.DataFrame
    peers: pd.DataFrame
    forecasts: dict[str, pd.Series]


def analyse(
    frame: pd.DataFrame,
    file_quality: Quality,
    context: Context,
    registry: AssetRegistry,
    config: DetectionConfig,
    threshold: float,
) -> tuple[list[AssetDetection], pd.DataFrame]:
    """Judge every asset of a canonical frame.

    Returns the detections and the frame with a column `expected_kw` (NaN where nothing is known).
    """
    span = (frame["timestamp"].min(), frame["timestamp"].max())
    share_valid = 1.0 - file_quality.rows_rejected / max(file_quality.rows_read, 1)
    capacities = {asset.id: asset.capacity_kw for asset in registry.assets}
    sites = {asset.id: asset.site_id for asset in registry.assets}
    neighbours = pd.concat([frame, context.peers]) if not context.peers.empty else frame
    site_of_row = neighbours["asset_id"].map(sites)
    detections, parts = [], []
    for asset_id, own in frame.groupby("asset_id", sort=True):
        asset = registry.get(str(asset_id))
        if asset is None:
            continue
        own = own.reset_index(drop=True)
        peers = neighbours[(site_of_row == asset.site_id) & (neighbours["asset_id"] != asset.id)]
        history = context.history
        if not history.empty:
            history = history[history["asset_id"] == asset.id]
        detection, expected = _one(
            own,
            asset,
            history,
            peers,
            capacities,
            context.forecasts.get(asset.id),
            span,
            share_valid,
            config,
            threshold,
        )
        detections.append(detection)
        parts.append(own.assign(expected_kw=expected))
    return detections, pd.concat(parts, ignore_index=True)


def _one(
    own: pd.DataFrame,
    asset: Asset,
    history: pd.DataFrame,
    peers: pd.DataFrame,
    capacities: dict[str, float],
    forecast: pd.Series | None,
    span: tuple[pd.Timestamp, pd.Timestamp],
    share_valid: float,
    config: DetectionConfig,
    threshold: float,
) -> tuple[AssetDetection, np.ndarray]:
    light = daylight(own["timestamp"], asset, config.filtering)
    unit, useless = quality.unit_issue(own, asset.capacity_kw)
    frozen = quality.stale(own, asset.capacity_kw, config)
    completeness, issues = quality.issues(
        own,
        capacity_kw=asset.capacity_kw,
        span=span,
        frozen=frozen,
        unit=unit,
        power_useless=useless,
        config=config,
    )
    ref = reference(
        own,
        asset=asset,
        history=history,
        peers=peers,
        capacities=capacities,
        forecast=forecast,
        daylight=light,
        rules=config.algorithms.reference,
    )
    judged = light & ~frozen & ~in_maintenance(own["timestamp"], asset, config.filtering)
    if useless:
        judged[:] = False
    res = incidents.residuals(own, ref, judged, history, asset, config)
    found = incidents.find(incidents.Case(own, ref, res, asset, config, threshold))
    if ref.basis == "none" and light.any():
        issues.append(QualityIssue(kind="no_reference", statement=ref.reason, readings=int(light.sum())))
    hours = interval_minutes(own["timestamp"]) / 60.0
    expected = np.where(light, ref.expected_kw, 0.0)
    days = _daily(own, expected, history)
    detection = AssetDetection(
        asset_id=asset.id,
        site_id=asset.site_id,
        window=Window(start=own["timestamp"].iloc[0], end=own["timestamp"].iloc[-1]),
        basis=ref.basis,
        basis_reason=ref.reason,
        expected_energy_kwh=round(float(np.nansum(expected) * hours), 2),
        measured_energy_kwh=round(float(own["power_kw"].sum() * hours), 2),
        lost_energy_kwh=round(sum(incident.lost_energy_kwh for incident in found), 2),
        daily_expected_kwh=days["expected_kw"].tolist(),
        daily_measured_kwh=days["power_kw"].tolist(),
        residual_shares=_hourly_residuals(own, res, found),
        quality=QualitySummary(
            completeness_percent=round(completeness, 2),
            accuracy_percent=round(100.0 * max(0.0, share_valid), 2),
            issues=issues,
        ),
        incidents=found,
    )
    return detection, ref.expected_kw


def _daily(own: pd.DataFrame, expected: np.ndarray, history: pd.DataFrame) -> pd.DataFrame:
    """Expected and measured energy of the days known, kWh, at most 30, oldest first."""
    now = own[["timestamp", "power_kw"]].assign(expected_kw=expected)
    parts = [now]
    if not history.empty and "expected_kw" in history:
        parts.insert(0, history[["timestamp", "power_kw", "expected_kw"]])
    table = pd.concat(parts)
    hours = interval_minutes(own["timestamp"]) / 60.0
    days = table.groupby(table["timestamp"].dt.floor("D"))[["expected_kw", "power_kw"]].sum() * hours
    return days[days["expected_kw"] > 0].round(2).tail(30)


def _hourly_residuals(own: pd.DataFrame, res: incidents.Residuals, found: list[Incident]) -> list[float]:
    """Hourly means of the relative residual outside incidents: the noise that intervals are made of."""
    free = res.judged.copy()
    for incident in found:
        free &= ~own["timestamp"].between(incident.window.start, incident.window.end).to_numpy()
    series = pd.Series(res.share[free], index=own["timestamp"][free].dt.floor("h"))
    return [round(float(value), 4) for value in series.groupby(level=0).mean().tail(200)]
