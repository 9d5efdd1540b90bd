"""Residuals: how far power stays behind what was expected, and how much it usually does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import bottleneck as bn
import numpy as np

from ooda.config.detection import DetectionConfig
from ooda.detect.asset_history import KINDS, EarlierSpreads
from ooda.detect.evidence import own_share
from ooda.detect.expected import Reference
from ooda.detect.levels import CLEAR
from ooda.detect.rolling import before_each, ends_of, strictly_before, windows
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Days, Track
from ooda.detect.witnesses.sky_state import MAJORITY
from ooda.detect.witnesses.telling import Told

LEAST_SPREAD, MOST_SPREAD = 0.01, 0.5
"""Of expected power: what residuals of one kind of instant are never trusted to spread less, or more."""
UNKNOWN_SPREAD, UNKNOWN_ALONE = 0.04, 0.10
"""Of expected power: the spread while less than three days are known, with neighbours and without."""
UNKNOWN_PLANE = 0.7
"""Of expected power: how far it is off where nobody knows how an asset lies. Only a stop is told of it."""
KNOWN_DAYS = 3
"""Days that a spread is learned from."""
JUMP = 0.25
"""How much of a bend of the expectation between readings counts as uncertainty of what was due, where fewer
speak than can disagree."""
OF_CAPACITY = 0.004
"""Of capacity: uncertainty of a reading at any light."""
LEAST_READINGS = 3
"""Readings of a kind on a day, before the day has a spread of that kind."""
USUAL_MEMORY = 0.5
"""Correlation of a residual with the one before, where nothing is known."""
MOST_BY_FORECAST, MIN_SPREAD = 0.08, 0.02
"""Of expected power: what residuals are never assumed to spread more by a forecast, or less."""


@dataclass(frozen=True)
class SpreadsOfDays:
    """Of the file's D days: `by_kind`, (D, 8), how residuals spread by kind of instant; `memory`, (D,), the
    correlation of a residual with the one before; `shift`, (D,), the median residual in spreads."""

    by_kind: Floats
    memory: Floats
    shift: Floats


@dataclass(frozen=True)
class Residuals:
    """Relative residual (expected − measured) / expected, shape (n,), NaN where nothing is expected; its
    usual spread at each reading, (n,); `judged`: which readings are judged; `lit`: these, and those at
    which too little is due to tell more than a stop; `evidence`, (n,): how much of what a reading says is
    its own (0…1), as readings follow each other and have their day in common. `of_day`, (D,), and
    `of_days`: spreads of the file's own days."""

    share: Floats
    spread: Floats
    judged: Mask
    lit: Mask
    evidence: Floats
    of_day: Floats
    of_days: SpreadsOfDays


def residuals(
    track: Track, ref: Reference, told: Told, judged: Mask, config: DetectionConfig, earlier: EarlierSpreads
) -> Residuals:
    """Residuals and their robust spread (1.4826 · MAD) on earlier days; `earlier`: days before the file.

    The spread of a reading: that of its kind of instant, the uncertainty of the sky's state and what the
    witnesses disagree more than usual (a quarter of the expectation's bend where they are too few to), and
    0.4 % of capacity. A turbine's spread is what its witnesses say.
    """
    floor = config.algorithms.reference.min_expected_share * track.capacity
    with np.errstate(invalid="ignore", divide="ignore"):
        lit = judged & (ref.expected > 0.0) & np.isfinite(track.power)
        ok = lit & (ref.expected >= floor)
        anywhere = np.where(lit, (ref.expected - track.power) / ref.expected, np.nan)
        share = np.where(ok, anywhere, np.nan)
    days = track.days
    values = share * ref.expected / track.capacity if ref.family == "wind" else share
    middle = days.median(values)
    of_day = 1.4826 * days.median(np.abs(values - middle[days.row]))
    if ref.family == "wind" and ref.sigma is not None:
        spread = np.fmax(ref.sigma, MIN_SPREAD)
        memory, shift = _memory(track, share / spread), days.median(share / spread)
        evidence = _evidence(days.count(ok), memory, shift, earlier, strictly_before)[days.row]
        evidence = np.minimum(evidence, own_share(track.step))
        own_days = replace(_nothing(len(days)), memory=memory, shift=shift)
        return Residuals(share, spread, ok, ok, evidence, of_day, own_days)
    if ref.sigma is None:
        spread = _by_forecast(track, of_day, ok, config)
        own = np.full(len(track), own_share(track.step))
        return Residuals(share, spread, ok, ok, own, of_day, _nothing(len(days)))
    if ref.basis == "clear_sky":
        spread = np.nan_to_num(ref.sigma, nan=MOST_SPREAD)
        return Residuals(anywhere, spread, ok, lit, told.spoke, of_day, _nothing(len(days)))
    by_kind = _by_kind(track, share - middle[days.row], told.kind)
    usual = _usual(by_kind, earlier.by_kind, UNKNOWN_SPREAD if told.others else UNKNOWN_ALONE)
    due = np.maximum(np.nan_to_num(ref.expected), 0.02 * track.capacity)
    bend = np.where(told.spoke < MAJORITY, JUMP * _jumps(np.nan_to_num(ref.expected)), 0.0)
    spread = np.sqrt(
        usual[days.row, told.kind] ** 2
        + np.nan_to_num(ref.sigma, nan=MOST_SPREAD) ** 2
        + (bend / due) ** 2
        + (OF_CAPACITY * track.capacity / due) ** 2
    )
    placed = told.placed[days.row]
    spread = np.where(placed, spread, np.maximum(spread, UNKNOWN_PLANE))
    memory, shift = _memory(track, share / spread), days.median(share / spread)
    evidence = np.where(placed, _evidence(days.count(ok), memory, shift, earlier)[days.row], 0.0)
    return Residuals(anywhere, spread, ok, lit, evidence, of_day, SpreadsOfDays(by_kind, memory, shift))


def _nothing(days: int) -> SpreadsOfDays:
    unknown = np.full(days, np.nan)
    return SpreadsOfDays(np.full((days, KINDS), np.nan), unknown, unknown)


def _by_kind(track: Track, share: Floats, kind: Ints) -> Floats:
    """Spread of each day's residuals, what the whole day lost left out, by kind of instant, (D, 8)."""
    out = np.full(len(track.days) * KINDS, np.nan)
    known = np.flatnonzero(np.isfinite(share))
    group = track.days.row[known] * KINDS + kind[known]
    order = np.argsort(group, kind="stable")
    groups = Days.of(group[order])
    spread = 1.4826 * groups.median(np.abs(share[known[order]]))
    enough = np.bincount(groups.row, minlength=len(groups)) >= LEAST_READINGS
    out[groups.number] = np.where(enough, spread, np.nan)
    return out.reshape(-1, KINDS)


def _usual(own: Floats, earlier: Floats, unknown: float) -> Floats:
    """What residuals of each kind usually spread before each day, (D, 8).

    A kind that was not seen spreads as the widest that was; where few days are known, as `unknown`.
    """
    usual = np.column_stack([before_each(earlier[:, k], own[:, k]) for k in range(KINDS)])
    every = np.concatenate((earlier, own))
    known = np.isfinite(_windows(bn.nanmean(every, axis=1), len(own))).sum(axis=1)
    with np.errstate(invalid="ignore"):
        widest = bn.nanmax(usual, axis=1) if len(usual) else np.empty(0)
    usual = np.where(np.isfinite(usual), usual, np.nan_to_num(widest, nan=unknown)[:, None])
    usual = np.where((known >= KNOWN_DAYS)[:, None], usual, unknown)
    return np.clip(usual, LEAST_SPREAD, MOST_SPREAD)


def _windows(values: Floats, own: int) -> Floats:
    """The 30 values before each of the last `own` days, (own, 30)."""
    return windows(values, ends_of(len(values), own), 30)


def _memory(track: Track, z: Floats) -> Floats:
    """Correlation of each day's residuals with those of the reading before, by their signs, (D,)."""
    with np.errstate(invalid="ignore"):
        same = np.sign(z[1:] * z[:-1])
    both = np.append(np.isfinite(same) & (np.diff(track.days.row) == 0), False)
    count = track.days.count(both)
    mean = track.days.sum(np.append(same, np.nan), both) / np.maximum(count, 1)
    return np.where(count >= 2 * LEAST_READINGS, np.sin(np.pi / 2.0 * mean), np.nan)


def _evidence(
    count: Ints,
    memory: Floats,
    shift: Floats,
    earlier: EarlierSpreads,
    usually: Callable[[Floats, Floats], Floats] = before_each,
) -> Floats:
    """How much of what a reading says is its own, by day, (D,): the less, the more it resembles the one
    before, and the more a whole day has in common. `usually`: which days tell what is usual."""
    usual = np.nan_to_num(usually(earlier.memory, memory), nan=USUAL_MEMORY)
    usual = np.clip(usual, 0.0, 0.9)
    between = 1.4826 * usually(np.abs(earlier.shift), np.abs(shift))
    readings = np.maximum(count, 2)
    common = np.clip(np.nan_to_num(between) ** 2 - 1.57 / readings, 0.0, 0.9)
    return np.minimum((1.0 - usual) / (1.0 + usual), 1.0 / (1.0 + readings * common))


def _by_forecast(track: Track, of_day: Floats, ok: Mask, config: DetectionConfig) -> Floats:
    """The day's own spread, within bounds, (n,): a forecast has no history of its errors here."""
    enough = track.days.count(ok) >= config.algorithms.statistical.min_data_points
    usual = np.where(enough & np.isfinite(of_day), of_day, MOST_BY_FORECAST / 2)
    return np.asarray(np.clip(usual, MIN_SPREAD, MOST_BY_FORECAST)[track.days.row])


def cloudy(track: Track) -> Mask:
    """Readings under less than three quarters of the clear sky's irradiance, shape (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(track.clearness < CLEAR)


def _jumps(values: Floats) -> Floats:
    """How far each value lies off a straight line through those before and after, twice, (n,)."""
    bend = np.zeros(len(values))
    bend[1:-1] = np.abs(2.0 * values[1:-1] - values[:-2] - values[2:])
    return bend
