"""What Detect tells CloudWatch: its metrics, and one log line an asset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ona.runtime.metric_table import (
    DATA_ACCURACY,
    DATA_COMPLETENESS,
    DETECTION_LATENCY,
    DETECTION_SEVERITY,
    OBSERVATION_LATENCY,
)
from ona.runtime.observability import count, logger, measure
from ooda.documents.detections import AssetDetection, DetectionRecord
from ooda.payloads import DetectResult

DROPPED = "observations/"
"""Where files are dropped that the loop is to look at when they come."""
MOST_LOGGED = 50
"""Assets of one file that get a line in the log (ours)."""


def quality(detections: Sequence[AssetDetection]) -> None:
    """Metrics: completeness and accuracy of the file's worst asset, %; 0 for a file without assets."""
    qualities = [item.quality for item in detections]
    measure(DATA_COMPLETENESS, min((one.completeness_percent for one in qualities), default=0.0))
    measure(DATA_ACCURACY, min((one.accuracy_percent for one in qualities), default=0.0))


def latency(seconds: float) -> None:
    """Metric: how long a file was judged."""
    measure(DETECTION_LATENCY, 1000 * seconds)


def observed(key: str, came: datetime | None, recorded: datetime) -> None:
    """Metric: from a file's arrival to its record. A fleet's history lies in the bucket before it is read,
    and is none of these: it waits for nobody."""
    if came is not None and key.startswith(DROPPED):
        measure(OBSERVATION_LATENCY, max(0.0, 1000 * (recorded - came).total_seconds()))


def incidents(record: DetectionRecord, result: DetectResult) -> None:
    """Metrics: the file's incidents, and the severity of each. Log: how each asset was judged."""
    count("IncidentsDetected", result.incidents)
    for asset in record.assets:
        for incident in asset.incidents:
            measure(DETECTION_SEVERITY, incident.severity)
    for asset in record.assets[:MOST_LOGGED]:
        logger.info(
            "asset judged",
            asset_id=asset.asset_id,
            basis=asset.basis,
            incidents=len(asset.incidents),
            completeness_percent=asset.quality.completeness_percent,
            accuracy_percent=asset.quality.accuracy_percent,
        )
