"""The rules of detection with the planned work that the maintenance calendar names."""

from __future__ import annotations

from ona.store.calendar import read_calendar
from ooda.config.detection import DetectionConfig, MaintenanceWindow, detection_config


def rules_of(bucket: str) -> DetectionConfig:
    """`detection.yaml`, with the windows of the input bucket's `maintenance.json` beside its own.

    Raises DependencyBusy.
    """
    rules = detection_config()
    calendar = read_calendar(bucket).windows
    if not calendar:
        return rules
    windows = [MaintenanceWindow(asset_id=w.asset_id, start=w.start, end=w.end) for w in calendar]
    filtering = rules.filtering
    both = [*filtering.maintenance_windows, *windows]
    return rules.model_copy(
        update={"filtering": filtering.model_copy(update={"maintenance_windows": both})}
    )
