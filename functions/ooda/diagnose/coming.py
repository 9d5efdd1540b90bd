"""The energy that an asset is forecast to give on a day to come, from the platform's own forecast. No
pandas.

>>> rows = [f"2026-01-02T{hour:02d}:00:00Z,INV-1,{10.0 if 6 <= hour < 18 else 0.0}" for hour in range(24)]
>>> energy_of("\\n".join(["timestamp,asset_id,predicted_power_kw", *rows]), "INV-1")
120.0
"""

from __future__ import annotations

import csv
import io

DAYS = 7
"""Days ahead: the longest horizon of Energy at Risk."""
LEAST_HOURS = 20
"""Hours. A day with fewer hours forecast is not a whole one."""


def energy_of(text: str, asset_id: str) -> float | None:
    """A day's energy, kWh, from one `forecasts/…` CSV (hourly power, kW); None where it is no whole day.

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
