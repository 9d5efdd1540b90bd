"""The clear sky as the only witness: a lone machine without a sensor.

A clear day is told by its form, not by its level: its ratio to the clear sky is quiet. On such days the
machine owes what its clear days gave. On others it owes what is usual, and nothing is said but that no sky
is darker than the darkest of its past: a stop is told, a partial loss is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Floats, Mask
from ooda.detect.witnesses.planes import Sun, usual_diffuse

CLEAR_DUE = 0.15
"""kW/m² on the plane: half hours with less say nothing of a day's form."""
CLEAR_HALF_HOURS = 8
"""Half hours that a day's form needs."""
SPREAD, ROUGH = 0.08, 0.03
"""Of the day's level: how far the half hours of a clear day lie from it, and from the one before."""
SURE = 0.06
"""Of what is due: the spread of a reading on a clear day. Haze and warmth move it by 5 %."""
DARK = 0.002
"""Of the half hours: so many are darker than the darkest that is believed."""
BOUND = 3.1
"""Standard deviations from what is usual to the darkest: the bound at which stops are told."""
LEAST_KNOWN, UNKNOWN = 200, (0.5, 0.03)
"""Half hours from which the usual and the darkest sky are learned, and what is assumed before."""


@dataclass(frozen=True)
class Clouds:
    """Of the clear sky's light what is usual, and the darkest, as shares; which of D days were clear."""

    usual: float
    darkest: float
    clear: Mask

    @property
    def sigma(self) -> float:
        """The relative spread under clouds, by which the darkest sky is at the bound of a stop."""
        return float(np.log(max(self.usual / self.darkest, 2.0)) / BOUND)


def power(beam: Floats, diffuse: Floats, sun: Sun) -> Floats:
    """What a clear sky gives a plane, kW/m², (n,)."""
    share = usual_diffuse(sun, np.ones(len(sun.sine)))
    return np.asarray(sun.clear * (beam * (1.0 - share) + diffuse * share))


def clear_days(ratio: Floats, due: Floats) -> tuple[Mask, Floats]:
    """Which of D days were clear by their form, (D,), and their level over the clear sky, (D,).

    `ratio`: power over the clear sky's, (D, 48); `due`: the clear sky's, kW/m², (D, 48).
    """
    seen = np.where(due > CLEAR_DUE, ratio, np.nan)
    level = np.asarray(bn.nanmedian(seen, axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        off = bn.nanmedian(np.abs(seen / level[:, None] - 1.0), axis=1)
        step = bn.nanmedian(np.abs(np.diff(seen, axis=1)) / level[:, None], axis=1)
        clear = (np.isfinite(seen).sum(axis=1) >= CLEAR_HALF_HOURS) & (off < SPREAD) & (step < ROUGH)
    return clear, level


def clouds(ratio: Floats, due: Floats, clear: Mask) -> Clouds:
    """From the ratios of earlier days, (D, 48), over the level of clear days; `clear`: the days wanted."""
    seen = ratio[(due > CLEAR_DUE) & np.isfinite(ratio)]
    usual, dark = UNKNOWN
    if len(seen) >= LEAST_KNOWN:
        usual, dark = float(np.median(seen)), float(np.quantile(seen, DARK))
    return Clouds(usual, max(dark, 0.02), clear)
