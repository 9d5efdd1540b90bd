"""What tests of detection and diagnosis share: days of a sound asset, and Detect without S3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pandas as pd

from ona.config.causes import cause_rules
from ona.documents.assets import AssetRegistry
from ona.documents.findings import Finding
from ona.telemetry.readings import Quality, by_asset
from ooda.config.detection import DetectionConfig, detection_config
from ooda.config.loss_function import loss_function_config
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.judge import judge_assets
from ooda.diagnose.findings import findings_of
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection
from tests.builders.assets import make_asset, make_registry
from tests.builders.telemetry import DAY, NOW, sunny_day

EMPTY = pd.DataFrame()
THRESHOLD = 0.7
"""Severity from which an incident is actionable in tests."""


def telemetry_file(
    readings: pd.DataFrame | Mapping[str, pd.DataFrame],
    registry: AssetRegistry | None = None,
    *,
    rules: DetectionConfig | None = None,
    key: str = "file",
) -> TelemetryFile:
    """A telemetry file of these readings: one frame with a column `asset_id`, or a frame by asset id."""
    if isinstance(readings, pd.DataFrame):
        rows = len(readings)
        ordered = readings.sort_values(["asset_id", "timestamp"], ignore_index=True)
        readings = by_asset(ordered)
    else:
        rows = sum(map(len, readings.values()))
    return TelemetryFile(
        readings,
        Quality(rows_read=rows),
        registry or make_registry(),
        rules or detection_config(),
        THRESHOLD,
        key=key,
        rows=rows,
    )


def histories_of(
    readings: pd.DataFrame, registry: AssetRegistry, earlier: dict[str, AssetHistory] | None = None
) -> dict[str, AssetHistory]:
    """The assets' histories after readings that came as one file a day."""
    histories = dict(earlier or {})
    for day, part in readings.groupby(readings["timestamp"].dt.floor("D")):
        file = telemetry_file(part, registry, key=str(day))
        for verdict in judge_assets(file, Context(histories)):
            histories[verdict.detection.asset_id] = verdict.history
    return histories


def judge(
    readings: pd.DataFrame,
    registry: AssetRegistry | None = None,
    *,
    history: pd.DataFrame = EMPTY,
    neighbours: pd.DataFrame = EMPTY,
    forecasts: dict[str, pd.Series] | None = None,
    weather: dict[str, pd.DataFrame] | None = None,
    rules: DetectionConfig | None = None,
) -> dict[str, AssetDetection]:
    """What Detect says of each asset of one file; `history`: the readings of earlier days."""
    file = telemetry_file(readings, registry, rules=rules)
    histories = histories_of(history, file.registry) if not history.empty else {}
    context = Context(histories, neighbours, forecasts or {}, weather or {})
    return {verdict.detection.asset_id: verdict.detection for verdict in judge_assets(file, context)}


def week(asset_id: str = "INV-001", days: int = 5) -> pd.DataFrame:
    """The sound days before `DAY`."""
    return pd.concat([sunny_day(asset_id, DAY - timedelta(days=n), seed=n) for n in range(1, days + 1)])


def diagnose(readings: pd.DataFrame) -> list[Finding]:
    """The findings of one asset's day after a sound week."""
    return findings_of(
        judge(readings, history=week())["INV-001"],
        make_asset(),
        now=NOW,
        causes=cause_rules(),
        limits=loss_function_config().thresholds,
    )


def between(frame: pd.DataFrame, start: str, end: str) -> np.ndarray:
    """Readings between two times of day, UTC: from `start`, before `end`."""
    clock = frame["timestamp"].dt.strftime("%H:%M")
    return ((clock >= start) & (clock < end)).to_numpy()
