"""Residuals: how far power stays behind what was expected, and how much it usually does.

>>> restless(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5])).tolist()  # a jump of half the power
[False, False, False, True, True, True, True, True]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ooda.config.detection import DetectionConfig
from ooda.detect.expected import Reference
from ooda.detect.levels import CLEAR
from ooda.detect.rolling import before_each
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track

MIN_SPREAD = 0.02
"""Of expected power. Relative residuals of a healthy asset are never trusted to spread less than this."""
MAX_SPREAD, MAX_SPREAD_ALONE = 0.08, 0.15
"""Of expected power. They are never assumed to spread more, so that a day full of faults does not hide
them; the second number holds without history."""
MAX_SPREAD_BY_PEERS = 0.04
"""Against neighbours under the same sky clouds cancel: what spreads more is not noise."""
RESTLESS, RESTLESS_READINGS = 0.08, 4
"""A jump of the relative residual, and the readings around it that are not believed under a far sensor."""
CLOUDY_QUANTILE = 0.75
"""Of the earlier days' spreads under clouds: the one that is assumed."""
FAR_SENSOR = 0.15
"""Of expected power. A spread under clouds from which on the irradiance is another place's: days are judged
by their clear hours."""
CLOUD_SIGMA = 0.5
"""How much of a jump of the irradiance between readings counts as uncertainty of what was due."""


@dataclass(frozen=True)
class Residuals:
    """Relative residual (expected − measured) / expected, shape (n,), NaN where not judged; its usual
    spread at each reading, (n,); `judged`: which readings are judged; `far`: where the irradiance is
    another place's; `of_days`: `day_spreads` of the file's own days."""

    share: Floats
    spread: Floats
    judged: Mask
    far: Mask
    of_days: tuple[Floats, Floats]


def residuals(track: Track, ref: Reference, judged: Mask, config: DetectionConfig) -> Residuals:
    """Residuals and their robust spread (1.4826 · MAD) from earlier days, else the day itself, within sane
    bounds.

    A reference that knows the spread of what was due has the say. Under clouds an asset that has only an
    irradiance to go by gets the spread that such readings showed before.
    """
    floor = config.algorithms.reference.min_expected_share * track.capacity
    with np.errstate(invalid="ignore", divide="ignore"):
        ok = judged & (ref.expected >= floor) & np.isfinite(track.power)
        share = np.where(ok, (ref.expected - track.power) / ref.expected, np.nan)
    of_days = day_spreads(track, ref, share)
    of_day, clouded = of_days
    enough = track.days.count(ok) >= config.algorithms.statistical.min_data_points
    of_day = np.where(enough, of_day, np.nan)
    row, base, earlier = track.days.row, ref.base, ref.history
    alone = base.count < 3
    if ref.sigma is not None:
        spread = np.fmax(ref.sigma, MIN_SPREAD)
        return Residuals(share, spread, ok, np.zeros(len(track), dtype=bool), of_days)
    if "peers" in ref.basis:
        top = np.full(len(alone), MAX_SPREAD_BY_PEERS)
    else:
        top = np.where(alone & (ref.family == "sun"), MAX_SPREAD_ALONE, MAX_SPREAD)
    before = before_each(earlier.spread, of_day)
    usual = np.where(np.isfinite(before) & ~alone, before, of_day)
    usual = np.where(np.isfinite(usual), usual, top / 2)
    usual = np.clip(usual, MIN_SPREAD, top)[row]
    if ref.basis == "irradiance":
        usual = np.hypot(usual, CLOUD_SIGMA * jumps(ref.expected))
        dull = before_each(earlier.cloudy, clouded, quantile=CLOUDY_QUANTILE)
        far = far_sensor(dull)[row]
        dull = np.where(np.isfinite(dull), dull, top)[row]
        usual = np.where(cloudy(track) | (far & restless(share)), np.fmax(usual, dull), usual)
        return Residuals(share, usual, ok, far, of_days)
    return Residuals(share, usual, ok, np.zeros(len(track), dtype=bool), of_days)


def far_sensor(cloudy_spread: Floats) -> Mask:
    """Days, (D,), on which the irradiance is another place's: a satellite's, or a far station's."""
    with np.errstate(invalid="ignore"):
        return np.asarray(cloudy_spread > FAR_SENSOR)


def restless(share: Floats) -> Mask:
    """Readings within an hour or so of a jump of the residual, shape (n,): clouds that a far sensor does
    not see; what is missing for a fault is missing evenly."""
    jump = np.abs(np.diff(share, prepend=share[:1])) > RESTLESS
    near = np.convolve(jump.astype(float), np.ones(2 * RESTLESS_READINGS + 1), mode="same")
    return np.asarray(near[: len(share)] > 0.5)


def cloudy(track: Track) -> Mask:
    """Readings under less than three quarters of the clear sky's irradiance, shape (n,)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(track.clearness < CLEAR)


def day_spreads(track: Track, ref: Reference, share: Floats) -> tuple[Floats, Floats]:
    """Spread of each of the D days' residuals, and of those under clouds, about zero."""
    days = track.days
    middle = days.median(share)
    of_day = 1.4826 * days.median(np.abs(share - middle[days.row]))
    if ref.family != "sun":
        return of_day, np.full(len(days), np.nan)
    dull = cloudy(track)
    clouded = 1.4826 * days.median(np.abs(share), dull)
    return of_day, np.where(days.count(dull & np.isfinite(share)) >= 4, clouded, np.nan)


def jumps(values: Floats) -> Floats:
    """How far each value lies from the mean of its neighbours, as a share of it."""
    before, after = np.roll(values, 1), np.roll(values, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        jump = np.abs(values - (before + after) / 2.0) / np.maximum(values, 1e-9)
    jump[[0, -1]] = 0.0
    return np.asarray(np.nan_to_num(jump, posinf=0.0))
