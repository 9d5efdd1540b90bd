"""The columns of canonical telemetry; each name ends with its unit (see `ona.telemetry.readings`)."""

from __future__ import annotations

REQUIRED = ("timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw")
"""What every file has (contract)."""
OPTIONAL = ("irradiance_w_m2", "wind_speed_m_s", "dc_power_kw", "wind_direction_deg")
"""What a file may have (contract; dc_power_kw and wind_direction_deg are ours)."""
NUMERIC = ("temperature_c", "voltage_v", "power_kw", *OPTIONAL)
"""The columns that hold numbers."""
COLUMNS = (*REQUIRED, *OPTIONAL)
"""All columns, in the order in which we write them."""
