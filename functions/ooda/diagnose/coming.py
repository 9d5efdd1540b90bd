"""The forecast energy of one asset on one of the coming days, kWh, from the platform's own forecast.

Energy at Risk needs it: what a fault will cost depends on what the asset could give. The function reads CSV
without pandas, because Diagnose is packaged without it.

>>> rows = [f"2026-01-02T{hour:02d}:00:00Z,INV-1,{10.0 if 6 <= hour < 18 else 0.0}" for hour in range(24)]
>>> energy_of("\\n".join(["timestamp,asset_id,predicted_power_kw", *rows]), "INV-1")
120.0
"""

from __future__ import annotations

import csv
import io

DAYS = 7
"""Days to come that are read: 168 hours, the longest horizon of Energy at Risk."""
LEAST_HOURS = 20
"""Hours. A day with fewer forecast hours gives no energy (None)."""


def energy_of(text: str, asset_id: str) -> float | None:
    """The energy of one asset on one day, kWh. `text`: the day's CSV (`forecasts/…`), hourly power in kW.

    It is 24 h times the mean power of the asset's rows. Negative power counts as 0; a row that cannot be
    read is left out. None where fewer than `LEAST_HOURS` rows remain.
    """
    powers = []
    for row in csv.DictReader(io.StringIO(text)):
        try:
            if row["asset_id"] == asset_id:
                powers.append(max(float(row["predicted_power_kw"]), 0.0))
        except (KeyError, TypeError, ValueError):
            continue
    return 24.0 * sum(powers) / len(powers) if len(powers) >= LEAST_HOURS else None
