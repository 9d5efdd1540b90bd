"""What a machine is forecast to give on the days to come, from the platform's own forecasts. No pandas."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

from ona.documents.base import S3Pointer
from ona.store.layout import FORECAST_CSV
from ona.store.s3 import list_keys, read_bytes

DAYS = 7
LEAST_HOURS = 20
"""A day with fewer hours forecast is not a whole one."""


def energy_of(text: str, asset_id: str) -> float | None:
    """A day's energy, kWh, from one `forecasts/…` CSV (hourly power); None where it is no whole day.

    An unreadable row counts as not forecast.
    """
    powers = []
    for row in csv.DictReader(io.StringIO(text)):
        try:
            if row["asset_id"] == asset_id:
                powers.append(max(float(row["predicted_power_kw"]), 0.0))
        except (KeyError, TypeError, ValueError):
            continue
    return 24.0 * sum(powers) / len(powers) if len(powers) >= LEAST_HOURS else None


def coming_kwh(bucket: str, asset_id: str, last: datetime) -> list[float | None]:
    """Forecast energy of each of the seven UTC days after a moment, None where none was made: the newest
    forecast of a day counts."""
    found = []
    for ahead in range(1, DAYS + 1):
        day = last + timedelta(days=ahead)
        keys = sorted(
            entry["Key"] for entry in list_keys(bucket, FORECAST_CSV.prefix(day=day, asset_id=asset_id))
        )
        text = read_bytes(S3Pointer(bucket=bucket, key=keys[-1])).decode(errors="replace") if keys else ""
        found.append(energy_of(text, asset_id))
    return found
