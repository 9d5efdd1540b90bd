"""A forecast as the CSV files that detection reads: one an asset and UTC day. No pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date

from forecasting.documents import Point, SiteDocument
from ona.runtime.clock import iso

COLUMNS = (
    "timestamp",
    "asset_id",
    "predicted_power_kw",
    "temperature_c",
    "irradiance_w_m2",
    "wind_speed_m_s",
    "cloud_cover_percent",
)
"""The contract's columns of `forecasts/`; time is an interval's end, UTC."""


def csv_by_day(points: Sequence[Point], site: SiteDocument) -> dict[tuple[str, date], bytes]:
    """Detection's CSV by asset and UTC day: the site's forecast shared out by capacity."""
    files: dict[tuple[str, date], list[list[str]]] = {}
    for point in points:
        when, sky = point.timestamp.astimezone(UTC), point.weather_conditions
        weather = (sky.temperature_c, sky.irradiance_w_m2, sky.wind_speed_m_s, sky.cloud_cover_percent)
        for asset_id, capacity in site.assets.items():
            power = point.predicted_power_kw * capacity / site.capacity_kw
            row = [iso(when), asset_id, f"{power:.3f}"]
            row += ["" if value is None else f"{value:.1f}" for value in weather]
            files.setdefault((asset_id, when.date()), []).append(row)
    return {name: _csv(rows) for name, rows in files.items()}


def _csv(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return buffer.getvalue().encode()
