"""The clear sky as the only witness: a lone machine without a sensor.

A clear day is told by its form, not by its level: its ratio to the clear sky is quiet. On such days the
machine owes what its clear days gave. On others nothing is said but that no sky is darker than the darkest
of its past: a stop is told, a partial loss is not. How much a stop costs is told by the weather service's
clouds; without them by what is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import bottleneck as bn
import numpy as np
import pandas as pd
from pvlib.solarposition import ephemeris

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
CLEAR_SEEN, DARKEST_TOLD = 0.05, 0.05
"""kW/m² of the clear sky from which an hour's light tells how clear it is, and the darkest index that is
believed of a weather service."""
LEAST_KNOWN, UNKNOWN = 200, (0.5, 0.03)
"""Half hours from which the usual and the darkest sky are learned, and what is assumed before."""


@dataclass(frozen=True)
class Clouds:
    """Of the clear sky's light what is usual, and the darkest, as shares; which of D days were clear."""

    usual: float
    darkest: float
    clear: Mask

    def spread(self, left: Floats) -> Floats:
        """The relative spread under clouds that leave such shares of the clear sky's light, (n,), by which
        the darkest sky is at the bound of a stop."""
        return np.asarray(np.log(np.maximum(left / self.darkest, 2.0)) / BOUND)


def power(beam: Floats, diffuse: Floats, sun: Sun, index: Floats | float = 1.0) -> Floats:
    """What a sky of such a clear-sky index gives a plane, kW/m², (n,)."""
    index = np.broadcast_to(index, sun.sine.shape)
    share = usual_diffuse(sun, index)
    return np.asarray(index * sun.clear * (beam * (1.0 - share) + diffuse * share))


def index_of_weather(
    minutes: Floats, weather: pd.DataFrame | None, place: tuple[float, float] | None
) -> Floats:
    """The clear-sky index that a weather service tells at n instants, (n,), NaN where it tells none.

    `minutes`: since 1970, UTC; `weather`: its hours, UTC, at their ends; `place`: degrees north and east.
    """
    unknown = np.full(len(minutes), np.nan)
    if weather is None or place is None or "ghi_w_m2" not in weather:
        return unknown
    middle = pd.DatetimeIndex(weather.index) - pd.Timedelta(minutes=30)
    sun = ephemeris(middle, *place)
    clear = Sun.of(sun["elevation"].to_numpy(), sun["azimuth"].to_numpy()).clear
    with np.errstate(invalid="ignore"):
        index = weather["ghi_w_m2"].to_numpy(dtype=float) / 1000.0 / clear
    told = np.isfinite(index) & (clear > CLEAR_SEEN)
    if not told.any():
        return unknown
    at = middle.as_unit("us").asi8 / 60e6
    nearest = at[np.clip(np.searchsorted(at, minutes - 30.0), 0, len(at) - 1)]
    index = np.clip(np.interp(minutes, at[told], index[told]), DARKEST_TOLD, 1.0)
    return np.where(np.abs(nearest - minutes) <= 30.0, index, np.nan)


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
