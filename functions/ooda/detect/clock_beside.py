"""A clock beside the neighbours' clocks: by how much an asset's ups and downs come late.

Clouds and gusts lift and lower all machines of a site at once, however they lie. What is left of power
beside its own mean over some hours shows them, and neither season nor horizon nor plane. A switch does so
too: a day on which a machine stands still between its work, or in the wind, says nothing. The lag at which
a day's ups and downs fit the others' best says how late the asset's clock is; a day without any says
nothing. So do readings half an hour apart: two or three of them are a cloud as well as a roof's own curve.

>>> cloudy = np.random.default_rng(1).normal(size=200)
>>> late = np.roll(cloudy, 4)  # four quarters of an hour
>>> round(float(_lags(late[None], cloudy[None], 15.0)[0]))
60
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import bottleneck as bn
import numpy as np

from ooda.detect.peers import NO_POWER
from ooda.detect.sky import DAY_MINUTES, Floats, Mask
from ooda.detect.stamps import COARSE_MINUTES
from ooda.detect.track import Track
from ooda.detect.wind_farm import TURNING_M_S

SLOT_MINUTES = 15.0
"""Minutes of a slot, or the interval between readings where that is longer."""
MOST_MINUTES = 120.0
"""Minutes by which a clock may be late or early: an hour is common (daylight saving), two are rare."""
HOURS = {False: 1.5, True: 9.0}
"""Hours of the mean beside which ups and downs are seen: of the sun's machines, of turbines. Gusts differ
from turbine to turbine, fronts do not."""
DIM = 0.05
"""Share of capacity. In less light the ups and downs are noise."""
OTHERS = 2
"""Neighbours that are needed: of two clocks nobody knows which is wrong."""
STOPPED = 2
"""Slots of a day in which a machine stands, from which on the day's ups and downs are of its own making."""
LEAST_SLOTS = 12
"""Slots of a day that are compared, at least."""
MOVES = 0.02
"""A day of smaller ups and downs, standard deviation over the mean, is clear or calm and says nothing."""
FITS, BETTER = 0.5, 0.15
"""Least correlation that is one; by how much it must exceed that of a right clock to speak against it."""


def lags(speaking: Sequence[Track], silent: Sequence[Track], wanted: Collection[str]) -> dict[str, Floats]:
    """By how many minutes each wanted asset's clock makes each of its days late (early: below 0), (D,); NaN
    where that is not seen. `speaking`: the site's assets of one kind that are its reference; `silent`:
    others, which are only looked at."""
    tracks = [*speaking, *silent]
    out = {track.asset.id: np.full(len(track.days), np.nan) for track in tracks}
    slots = int(DAY_MINUTES // max(SLOT_MINUTES, *(track.step for track in tracks)))
    by_sun = not any(track.asset.is_wind for track in tracks)
    if len(speaking) < OTHERS or (by_sun and DAY_MINUTES / slots >= COARSE_MINUTES):
        return out
    first = min(int(track.days.number[0]) for track in tracks)
    days = max(int(track.days.number[-1]) for track in tracks) + 1 - first
    moves = [_moves(track, first, days, slots) for track in tracks]
    total = np.nansum(moves[: len(speaking)], axis=0)
    count = np.isfinite(moves[: len(speaking)]).sum(axis=0)
    for n, (track, own) in enumerate(zip(tracks, moves, strict=True)):
        if track.asset.id in wanted:
            left, rest = count, total
            if n < len(speaking):
                left, rest = count - np.isfinite(own), total - np.nan_to_num(own)
            others = np.where(left >= OTHERS, rest / np.maximum(left, 1), np.nan)
            out[track.asset.id] = _lags(own, others, DAY_MINUTES / slots)[track.days.number - first]
    return out


def _moves(track: Track, first: int, days: int, slots: int) -> Floats:
    """Power beside its own mean over some hours, over that mean, by slot of the solar day, (days, slots);
    NaN at night."""
    place = track.asset.location
    solar = track.sky.minutes + (4.0 * place.longitude if place else 0.0)
    slot = ((solar % DAY_MINUTES) * slots / DAY_MINUTES).astype(np.int64)
    known = np.isfinite(track.share)
    key = ((track.sky.day - first) * slots + slot)[known]
    count = np.bincount(key, minlength=days * slots)
    total = np.bincount(key, track.share[known], minlength=days * slots)
    half = max(1, round(HOURS[track.asset.is_wind] * 60.0 * slots / DAY_MINUTES / 2.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(count > 0, total / count, np.nan).reshape(days, slots)
        padded = np.pad(share, ((0, 0), (0, half)), constant_values=np.nan)
        usual = bn.move_mean(padded, 2 * half + 1, min_count=half + 1, axis=1)[:, half:]
        moves = np.where(usual > DIM, share - usual, np.nan)
    stands = np.bincount(key, _stands(track)[known], minlength=days * slots).reshape(days, slots) > 0
    if not track.asset.is_wind:
        stands &= _between(share > DIM)
    return np.where((stands.sum(axis=1) >= STOPPED)[:, None], np.nan, moves)


def _stands(track: Track) -> Mask:
    """At which readings a machine gives nothing; a turbine: in wind in which all turn, (n,)."""
    with np.errstate(invalid="ignore"):
        windy = track.wind > TURNING_M_S if track.asset.is_wind else True
        return np.asarray((track.share <= NO_POWER) & windy)


def _between(works: Mask) -> Mask:
    """The slots from the first to the last of each day that are at work, (days, slots)."""
    begun = np.logical_or.accumulate(works, axis=1)
    return np.asarray(begun & np.logical_or.accumulate(works[:, ::-1], axis=1)[:, ::-1])


def _lags(own: Floats, others: Floats, width: float) -> Floats:
    """The lag, minutes, at which each day fits the others' best, (D,). `own`, `others`: (D, slots);
    `width`: minutes of a slot."""
    reach = int(MOST_MINUTES // width)
    one, two = _Moves.of(own), _Moves.of(others)
    fits = np.array([one.fit(two, lag) for lag in range(-reach, reach + 1)])
    known = np.nan_to_num(fits, nan=-1.0)
    best = np.argmax(known[1:-1], axis=0) + 1 if reach else np.zeros(len(own), dtype=np.int64)
    day = np.arange(len(own))
    peak, right = known[best, day], np.maximum(known[reach, day], 0.0)
    before, after = fits[best - 1, day], fits[np.minimum(best + 1, 2 * reach), day]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.nan_to_num(0.5 * (before - after) / (before - 2.0 * peak + after))
    late = (best - reach + np.clip(part, -0.5, 0.5)) * width
    return np.where(peak < FITS, np.nan, np.where(peak - right < BETTER, 0.0, late))


@dataclass(frozen=True)
class _Moves:
    """Ups and downs of D days, (D, slots), 0 where there are none; their squares; where there are some."""

    value: Floats
    square: Floats
    there: Floats

    @classmethod
    def of(cls, moves: Floats) -> _Moves:
        value = np.nan_to_num(moves)
        return cls(value, value * value, np.isfinite(moves).astype(float))

    def fit(self, others: _Moves, lag: int) -> Floats:
        """Correlation of each day's with the others' as they were `lag` slots before, (D,); NaN where there
        are too few. By sums over what both have: no day is copied for its lags."""
        slots = self.value.shape[1]
        mine = slice(max(0, lag), slots + min(0, lag))
        theirs = slice(max(0, -lag), slots + min(0, -lag))

        def total(one: Floats, two: Floats) -> Floats:
            return np.asarray(np.einsum("ds,ds->d", one[:, mine], two[:, theirs]))

        count = total(self.there, others.there)
        with np.errstate(invalid="ignore", divide="ignore"):
            one, two = total(self.value, others.there) / count, total(self.there, others.value) / count
            spread = np.sqrt(np.maximum(total(self.square, others.there) / count - one * one, 0.0))
            spread_two = np.sqrt(np.maximum(total(self.there, others.square) / count - two * two, 0.0))
            fit = (total(self.value, others.value) / count - one * two) / (spread * spread_two)
        return np.where((count >= LEAST_SLOTS) & (np.minimum(spread, spread_two) > MOVES), fit, np.nan)
