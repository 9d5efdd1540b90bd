"""Expected power of a wind turbine: capacity · curve(density-corrected wind speed).

The curve comes from the turbine's own days (`power_curve.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ona.runtime.words import counted
from ooda.config.detection import ReferenceRules
from ooda.detect.levels import RELEARN_DAYS, Baseline, Levels, baseline
from ooda.detect.power_curve import BIN_M_S, BINS, curve_of, measure_wind, wind_speed_corrected
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track


@dataclass(frozen=True)
class WindExpectation:
    """What the wind promised a turbine at its n instants, kW, (n,), NaN where that is unknown.

    `levels`: what the file's D days say of its curve; `base`: what earlier days say; `history`: these days;
    `partial_confidence`: how far a partial loss can be believed (0…1).
    """

    expected: Floats
    levels: Levels
    base: Baseline
    history: Levels
    reason: str
    partial_confidence: float


def by_wind(
    track: Track, usable: Mask, history: dict[str, Levels], rules: ReferenceRules
) -> WindExpectation | None:
    """Expected power by the wind; None where it is known in less than half of the usable readings.

    `usable` marks the readings that may teach, (n,); `history`: earlier days by driver.
    """
    speed = wind_speed_corrected(track)
    if not usable.any() or np.isfinite(speed[usable]).mean() < 0.5:
        return None
    earlier = history.get("wind", Levels.none(BINS))
    levels = measure_wind(track, speed, usable)
    base = baseline(earlier, levels, rules)
    expected = np.full(len(track), np.nan)
    place = speed / BIN_M_S - 0.5
    for start in range(0, len(track.days), RELEARN_DAYS):
        rows = (track.days.row >= start) & (track.days.row < start + RELEARN_DAYS)
        curve = curve_of(base.shape[start])
        low = np.clip(np.floor(np.nan_to_num(place[rows])), 0, BINS - 2).astype(int)
        part = np.clip(place[rows] - low, 0.0, 1.0)
        expected[rows] = track.capacity * (curve[low] * (1 - part) + curve[low + 1] * part)
    days = int(base.count.max(initial=0))
    reason = f"power curve by density-corrected wind speed from {counted(days, 'day')}"
    return WindExpectation(expected, levels, base, earlier, reason, 0.9 if days >= 3 else 0.5)
