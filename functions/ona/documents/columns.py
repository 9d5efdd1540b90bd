"""The columns of canonical telemetry; each name ends with its unit (see `ona.telemetry.readings`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

FULL = ("timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw")
"""The columns of the contract. All frames have them; values that a file does not have are missing."""
NECESSARY = ("timestamp", "power_kw")
"""The columns without which a file is no telemetry (ours): power, and when. `asset_id` may stand in the
file's name instead (`ona.telemetry.whose`)."""
LIMITS = ("temperature_c", "voltage_v")
"""The columns of the contract that a file may lack (ours); the machine's limits are watched by them."""
OPTIONAL = ("irradiance_w_m2", "wind_speed_m_s", "dc_power_kw", "wind_direction_deg")
"""What a file may have (contract; dc_power_kw and wind_direction_deg are ours)."""
NUMERIC = ("temperature_c", "voltage_v", "power_kw", *OPTIONAL)
"""The columns that hold numbers."""
COLUMNS = (*FULL, *OPTIONAL)
"""All columns, in the order in which we write them."""
_ALIKE = 0.75
"""How alike a name and the name that was probably meant are (ours; 1: the same)."""


def misnamed(names: Sequence[str]) -> dict[str, str]:
    """Of a header's names those that are no column of ours and look like one that the header lacks.

    >>> misnamed(["timestamp", "Power_KW ", "irradiance", "state", "wind_speed_m_s", "wind_speed_ms"])
    {'Power_KW': 'power_kw', 'irradiance': 'irradiance_w_m2'}
    >>> misnamed(["power_kw", "ac_power_kw"])  # it is not the DC power
    {}
    """
    found: dict[str, str] = {}
    for name in (name.strip() for name in names):
        if name in COLUMNS:
            continue
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        known = [column for column in COLUMNS if ("dc" in column) is ("dc" in plain)]
        nearest = get_close_matches(plain, known, 1, _ALIKE)
        if nearest and nearest[0] not in [*(other.strip() for other in names), *found.values()]:
            found[name] = nearest[0]
    return found


def did_you_mean(names: Sequence[str]) -> list[str]:
    """The same in words.

    >>> did_you_mean(["irradiance"])
    ['column irradiance not read; did you mean irradiance_w_m2?']
    """
    return [f"column {name} not read; did you mean {meant}?" for name, meant in misnamed(names).items()]
