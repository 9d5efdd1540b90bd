"""What Detect tells CloudWatch: its metrics, and one log line an asset."""

from __future__ import annotations

from collections.abc import Sequence

from ona.runtime.observability import MetricUnit, count, logger
from ooda.documents.detections import AssetDetection, DetectionRecord
from ooda.payloads import DetectResult

MOST_LOGGED = 50
"""Assets of one file that get a line in the log (ours)."""


def completeness(detections: Sequence[AssetDetection]) -> None:
    """Metric: the completeness of the file's worst asset, %; 0 for a file without assets."""
    worst = min((item.quality.completeness_percent for item in detections), default=0.0)
    count("DataCompleteness", worst, MetricUnit.Percent)


def incidents(record: DetectionRecord, result: DetectResult) -> None:
    """Metric: the file's incidents. Log: how each asset was judged."""
    count("IncidentsDetected", result.incidents)
    for asset in record.assets[:MOST_LOGGED]:
        logger.info(
            "asset judged",
            asset_id=asset.asset_id,
            basis=asset.basis,
            incidents=len(asset.incidents),
            completeness_percent=asset.quality.completeness_percent,
        )
