"""The columns of canonical telemetry."""

from __future__ import annotations

REQUIRED = ("timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw")


OPTIONAL = ("irradiance_w_m2", "wind_speed_m_s", "dc_power_kw")


NUMERIC = ("temperature_c", "voltage_v", "power_kw", *OPTIONAL)


COLUMNS = (*REQUIRED, *OPTIONAL)
