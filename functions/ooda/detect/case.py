"""One asset's readings in one file with all that detection concludes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ooda.config.detection import DetectionConfig
from ooda.detect import forest
from ooda.detect.expected import Reference
from ooda.detect.peers import Beside
from ooda.detect.residuals import Residuals
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track

MOST_POINTS = 4000
"""Readings. A forest is grown over a file of days, not over a year's backfill."""


@dataclass(frozen=True)
class Case:
    """One asset's readings with their reference and residuals.

    `coolest`: its lowest temperature of each of the D days, also at night, °C. `weather`: hourly weather of
    its site, if there is any.
    """

    track: Track
    ref: Reference
    res: Residuals
    beside: Beside
    config: DetectionConfig
    coolest: Floats
    weather: pd.DataFrame | None = None

    @cached_property
    def unusual(self) -> Mask:
        """Judged readings that an isolation forest over the file sets apart, (n,): by residual, DC voltage,
        AC over DC power, and device temperature. Computed when it is first asked for."""
        track, rules = self.track, self.config.algorithms.machine_learning
        rows = np.flatnonzero(self.res.judged)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = track.power[rows] / track.dc_power[rows]
        points = np.column_stack((self.res.share[rows], track.volts[rows], ratio, track.temperature[rows]))
        out = np.zeros(len(track), dtype=bool)
        if len(rows) <= MOST_POINTS:
            out[rows] = forest.unusual(points, rules.contamination, rules.random_state)
        return out

    def readings(self, minutes: float) -> int:
        """How many readings in a row an event of so many minutes needs, at least two."""
        least = self.config.algorithms.statistical.rolling_window_minutes
        return max(2, math.ceil(max(minutes, least) / self.track.step))
