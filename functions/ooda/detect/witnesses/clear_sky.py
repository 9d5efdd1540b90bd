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

from ona.sky.almanac import sun_position
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.witnesses.planes import Sun, usual_diffuse

CLEAR_DUE = 0.15
"""kW/m² on the plane: half hours with less say nothing of a day's form."""
CLEAR_HALF_HOURS = 8
"""Half hours that a day's form needs."""
SPREAD, ROUGH = 0.08, 0.03
"""Of the day's level: how far the half hours of a clear day lie from it, and from the one before."""
SURE = 0.06
"""Of what is due: the spread of a reading on a clear day. Haze and warmth move it by 5 %."""
LOW_SUN = 0.17
"""Sine of the sun's elevation (10°). Below it haze and the horizon decide, not the machine."""
DARK = 0.002
"""Of the half hours: so many are darker than the darkest that is believed."""
BOUND = 3.1
"""Standard deviations from what is usual to the darkest: the bound at which stops are told."""
CLEAR_SEEN, DARKEST_TOLD = 0.05, 0.05
"""kW/m² of the clear sky from which an hour's light tells how clear it is, and the darkest index that is
believed of a weather service."""
LEAST_CLEAR = 10
"""Clear days before, without which a partial loss is not told: fewer may be the season's first, or hazy."""
FULL, STRETCH = 0.92, 4
"""Of the level that is due, and half hours in a row that have it on a day that is not clear: a sound
machine's."""
STEP, DRIFT, DRIFT_SEEN = 0.08, 0.0025, 0.001
"""Log of the level: a clear day that is lower by more is no season; by how much more for each day since one
was, without a clear day and with one."""
RISE, FOLLOW, LONG_DARK, FIRST_LEVELS = 0.3, 0.15, 40.0, 10
"""How far the level follows a higher and a lower clear day; days without one after which the next one is
all that is known; clear days whose median is the first level."""
SUNNY, SUNNY_SAYS = 0.75, 0.5
"""Of the clear sky's light: what is told more, and half an hour before and after it, is sunny, as the
weather service tells it; and how much it says beside a clear sky."""
NEVER_DARKER = 6.0
"""The weather service's light is never so many times too much while a sound machine gives nothing."""
LEAST_KNOWN, UNKNOWN = 200, (0.5, 0.03)
"""Half hours from which the usual and the darkest sky are learned, and what is assumed before."""


@dataclass(frozen=True)
class Clouds:
    """Of the clear sky's light on the plane what is usual, and of its light without a beam the darkest, as
    shares; which half hours of D days were clear, (D, 48)."""

    usual: float
    darkest: float
    clear: Mask

    def spread(self, left: Floats, dark: Floats) -> Floats:
        """The relative spread under clouds that leave such shares of the clear sky's light, (n,), by which
        the darkest sky is at the bound of a stop. `dark`: as `clouds` explains it."""
        return np.asarray(np.log(np.maximum(left * dark / self.darkest, 2.0)) / BOUND)


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
    sun = sun_position(middle.as_unit("us").asi8 / 1e6, *place)
    clear = Sun.of(sun.elevation, sun.azimuth).clear
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


def bright(ratio: Floats, due: Floats, clear: Mask, level: Floats, count: Ints) -> Mask:
    """Which half hours of D days tell what the machine gives of a clear sky, (D, 48): those of clear days,
    and two hours on others at the level that is due. No cloud makes so much of a machine that lost a part.

    `ratio`, `due`: as `clear_days` has them; `clear`: those days; `level`: what they are due, (D,), as so
    many clear days before showed it (`count`, (D,)): few of them say nothing.
    """
    full = (due > CLEAR_DUE) & (ratio > FULL * level[:, None])
    long = np.lib.stride_tricks.sliding_window_view(full, STRETCH, axis=1).all(axis=2)
    within = np.zeros_like(full)
    for shift in range(STRETCH):
        within[:, shift : shift + long.shape[1]] |= long
    return (within | clear[:, None]) & (count >= LEAST_CLEAR)[:, None]


def followed(gains: Floats) -> Floats:
    """What a clear day is due at the end of each of W windows of days, (W,), from their levels, (W, N).

    The level of clear days goes with the season, by haze, low sun and a plane known to a few degrees; a
    fault is a step. So it is followed, as far as a season moves in the days since it was last seen; a day
    that is lower does not count. A clear day that is higher does: no fault gives more.
    """
    log = np.log(gains)
    there = np.isfinite(log)
    early = there & (np.cumsum(there, axis=1) <= FIRST_LEVELS)
    level = np.asarray(bn.nanmedian(np.where(early, log, np.nan), axis=1))
    gate, since = np.full(len(log), STEP), np.zeros(len(log))
    for day, seen in zip(log.T, there.T, strict=True):
        over = np.where(seen, day - level, 0.0)
        ok = seen & (over > -gate)
        share = np.where(over > 0.0, RISE, np.minimum(FOLLOW + since / LONG_DARK, 1.0))
        level = np.where(ok, level + share * over, level)
        gate = np.where(ok, STEP, gate + np.where(seen, DRIFT_SEEN, DRIFT))
        since = np.where(seen, 0.0, since + 1.0)
    return np.asarray(np.exp(level))


def clouds(ratio: Floats, dark: Floats, due: Floats) -> Clouds:
    """From the ratios of earlier days, (D, 48), over the level of clear days; `dark`: what is due under a
    clear sky over what the plane sees of its light without a beam, (D, 48)."""
    there = (due > CLEAR_DUE) & np.isfinite(ratio)
    seen, without_beam = ratio[there], (ratio * dark)[there]
    usual, darkest = UNKNOWN
    if len(seen) >= LEAST_KNOWN:
        usual, darkest = float(np.median(seen)), float(np.quantile(without_beam, DARK))
    return Clouds(usual, max(darkest, 0.02), np.zeros((0, SLOTS), dtype=bool))
