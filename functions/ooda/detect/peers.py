"""What neighbours share: held power, and the power that irradiance promises."""

from __future__ import annotations

import numpy as np

from ooda.detect.sky import Floats, Mask

GAMMA = -0.004
"""Power temperature coefficient of crystalline silicon, 1/°C (PVWatts v5, NREL/TP-6A20-62641)."""
HOTTEST_C = 60.0
"""°C. A device hotter than this is hot by itself: its heat must not excuse what it does not deliver."""
BRIGHT = 0.2
"""Of 1 000 W/m². Instants with less light say little about an asset's level."""
HELD_SHARE = 0.004
"""Power that moves less than this share of capacity between readings is held."""


def sun_driver(irradiance: Floats, temperature: Floats) -> Floats:
    """PVWatts' normalised DC power G/1000 · (1 + γ (T − 25 °C)), shape (n,); NaN without irradiance.

    A missing temperature counts as 25 °C. Source: Dobos, PVWatts Version 5 Manual, eq. 8.
    """
    warm = np.minimum(np.where(np.isfinite(temperature), temperature, 25.0), HOTTEST_C)
    return np.asarray(np.maximum(irradiance, 0.0) / 1000.0 * (1.0 + GAMMA * (warm - 25.0)))


def is_held(share: Floats) -> Mask:
    """Where power is held at one level between 15 and 97 % of capacity, shape (n,)."""
    change = np.abs(np.diff(share, prepend=share[:1]))
    after = np.append(change[1:], np.inf)
    with np.errstate(invalid="ignore"):
        still = (np.minimum(change, after) <= HELD_SHARE) & (share > 0.15) & (share < 0.97)
    return np.asarray(still)
