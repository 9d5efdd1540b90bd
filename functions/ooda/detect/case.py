"""A case: the readings of one asset in one telemetry file, with all that Detect needs to check them.

A case exists only while Detect runs; it is never stored. Detect looks in a case for episodes (one stretch
of readings in one day). Episodes of one kind over several days make an incident, which is stored in the
asset history. One case can have no episode, or many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ooda.config.detection import DetectionConfig
from ooda.detect import forest
from ooda.detect.expected import Reference
from ooda.detect.logged import NOTHING_LOGGED, Logged
from ooda.detect.peers import Beside, Site
from ooda.detect.residuals import Residuals
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track
from ooda.detect.witnesses.telling import Told

MOST_POINTS = 4000
"""Readings. With more judged readings (a year's backfill) no isolation forest is computed."""


@dataclass(frozen=True)
class Case:
    """One asset's n readings over D solar days, with expected power and residuals.

    - `track`: the readings in order of time; each channel of shape (n,), in kW, W/m², °C, V or m/s.
    - `ref`: the reference and what follows from it; expected power in kW, (n,).
    - `res`: the residuals, (n,), as shares of expected power, and which readings Detect could check.
    - `told`: what the site's witnesses tell of the asset at the same instants, (n,).
    - `beside`: what the neighbours gave at the same instants, (n,).
    - `config`: the detection parameters of the contract.
    - `coolest`: the lowest device temperature of each day, night included, °C, (D,).
    - `weather`: the weather frame of the site, one row an hour; None where there is no weather.
    - `log`: what event logs say of the asset.
    - `site`: the assets of reference of its site; None where nobody stands beside it.
    """

    track: Track
    ref: Reference
    res: Residuals
    told: Told
    beside: Beside
    config: DetectionConfig
    coolest: Floats
    weather: pd.DataFrame | None = None
    log: Logged = NOTHING_LOGGED
    site: Site | None = None

    @cached_property
    def unusual(self) -> Mask:
        """Which readings an isolation forest calls unusual, shape (n,); only judged readings can be.

        The forest compares residual, DC voltage, AC over DC power and device temperature. All are False
        where there are more than `MOST_POINTS` judged readings. Computed at the first use.
        """
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
        """How many readings in a row an event of `minutes` needs: at least two.

        An event shorter than the contract's `rolling_window_minutes` counts as that long.
        """
        least = self.config.algorithms.statistical.rolling_window_minutes
        return max(2, math.ceil(max(minutes, least) / self.track.step))
