"""What sun and wind alone say of a site's power: the platform's physics, which needs no training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ona.sky.sun import Floats

GAIN = 0.85
"""What a sound plant makes of its DC rating after wiring, inverter and mismatch (PVWatts' 14 % losses)."""
CUT_IN_M_S, CUT_OUT_M_S = 3.0, 25.0
"""Wind speeds at the hub between which a turbine runs, as of most types on the market."""
HUB_PER_10_M = 1.35
"""Wind at the hub over wind at 10 m: the power law with exponent 1/7 from 10 m to 80 m."""


@dataclass(frozen=True)
class Physics:
    """The physics of one site."""

    kind: Literal["solar", "wind"]


def default(kind: Literal["solar", "wind"]) -> Physics:
    """The physics of a site of which nothing was measured."""
    return Physics(kind)


def share(table: pd.DataFrame, fitted: Physics) -> Floats:
    """PVWatts' DC share times its usual losses, or a cubic wind curve; shares of capacity 0…1, shape (n,).

    `table`: features (`features.build`). NaN without weather, 0 outside daylight.
    """
    if fitted.kind == "solar":
        driver = table["dc"] if "dc" in table else table["poa"] / 1000.0
        raw = np.clip(GAIN * driver.to_numpy(dtype=float), 0.0, 1.0)
        return np.asarray(np.where(table["daylight"].to_numpy(dtype=bool), raw, 0.0))
    at_hub = table.get("wind_speed_hub_m_s", table["wind_speed_m_s"] * HUB_PER_10_M)
    speed = at_hub.to_numpy(dtype=float)
    stands = (speed < CUT_IN_M_S) | (speed > CUT_OUT_M_S)
    return np.asarray(np.where(stands, 0.0, np.clip((speed - 2.0) / 10.0, 0.0, 1.0) ** 3))
