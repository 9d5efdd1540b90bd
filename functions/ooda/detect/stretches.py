"""Stretches: some readings of one day in which an asset did not deliver, or was beyond a limit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ooda.detect.case import Case
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Indices, Track, runs
from ooda.documents.detections import IncidentKind

ZERO_SHARE = 0.01
"""Of capacity. Power below this is none."""
SURE, MIN_DUE = 3.1, 0.015
"""No power is a stop only where even the lower bound (3.1 spreads: 99.9 %) of what was due is more than
this share of capacity."""
MOST_UNSURE = 0.9
"""Of what was due: a spread beyond it is taken for this."""
LONE_MINUTES = 60
"""Minutes of no power that are a stop where only the clear sky is a witness: clouds are not seen coming."""
EDGE_READINGS = 2
"""Readings before and after a stop that may still be part of it."""
BRIDGE_READINGS = 1
"""Runs this close belong together: one good reading does not end an episode."""


@dataclass(frozen=True)
class Stretch:
    """Some readings of one day (indices) in which something was wrong.

    `day`: days since 1970. `by_own`: measured against what the asset's own irradiance promised, because its
    neighbours fared alike.
    """

    kind: IncidentKind
    members: Indices
    day: int
    by_own: bool = False


@dataclass(frozen=True)
class RangeStretch:
    """A stretch beyond a limit: of the `quantity` temperature (°C) or voltage (V), the highest value and
    the limit."""

    stretch: Stretch
    quantity: str
    highest: float
    limit: float


def stretches(case: Case) -> list[Stretch]:
    """Stops, then partial losses, among the judged readings; each at most a day long."""
    rules, res, track = case.config.algorithms, case.res, case.track
    tolerance = rules.energy_deviation.forecast_tolerance_percent / 100.0
    with np.errstate(invalid="ignore"):
        zero = res.judged & (track.share <= ZERO_SHARE)
        if case.ref.sigma is not None:
            least = case.ref.expected * np.exp(-SURE * np.minimum(res.spread, MOST_UNSURE))
            zero &= least > MIN_DUE * track.capacity
        low = zero | (
            res.judged
            & (res.share > tolerance)
            & (case.ref.expected - track.power >= rules.energy_deviation.min_deviation_kw)
            & (res.share >= rules.statistical.z_score_threshold * res.spread)
        )
    if not low.any():
        return []
    lone = case.ref.basis == "clear_sky"
    need_zero = case.readings(LONE_MINUTES if lone else rules.duration.outage_minutes)
    need_low = case.readings(rules.duration.underperformance_minutes)
    judged = np.flatnonzero(res.judged)
    stopped = np.zeros(len(track), dtype=bool)
    result = []
    for run in runs_of_a_day(track, judged, zero):
        if _long_enough(zero[run], need_zero):
            members = _with_edges(judged, run, low & ~zero & ~stopped, track.sky.day)
            stopped[members] = True
            down = case.ref.site_down[members].mean() > 0.5
            result.append(
                Stretch("site_outage" if down else "outage", members, int(track.sky.day[members[0]]))
            )
    if lone:  # a cloud is no loss; whole clear days are compared (`daily_loss.py`)
        return result
    for members in runs_of_a_day(track, judged, low & ~stopped):
        if _long_enough(low[members], need_low) and _worth(case, members):
            result.append(Stretch("underperformance", members, int(track.sky.day[members[0]])))
    return result


def _long_enough(mask: Mask, need: int) -> bool:
    return any(end - start >= need for start, end in runs(mask))


def _with_edges(judged: Indices, run: Indices, low: Mask, day: Ints) -> Indices:
    """A stop with the readings before and after it that it took part of; `low` marks the free ones."""
    first, last = np.searchsorted(judged, run[0]), np.searchsorted(judged, run[-1])
    begin, end = first, last
    while begin > 0 and first - begin < EDGE_READINGS and _goes_on(judged[begin - 1], run[0], low, day):
        begin -= 1
    while (
        end < len(judged) - 1 and end - last < EDGE_READINGS and _goes_on(judged[end + 1], run[0], low, day)
    ):
        end += 1
    return judged[begin : end + 1]


def _goes_on(reading: np.intp, of: np.intp, low: Mask, day: Ints) -> bool:
    return bool(low[reading] and day[reading] == day[of])


def runs_of_a_day(track: Track, indices: Indices, mask: Mask) -> list[Indices]:
    """Runs of a mask (n,) among some readings: one reading between two belongs to both, an hour without
    readings or a new day ends a run."""
    bridged = mask[indices].copy()
    if not len(bridged):
        return []
    for start, end in runs(~bridged):
        if start > 0 and end < len(bridged) and end - start <= BRIDGE_READINGS:
            bridged[start:end] = True
    minutes, day = track.sky.minutes[indices], track.sky.day[indices]
    gap = (np.diff(minutes, prepend=minutes[:1]) > max(60.0, 2.5 * track.step)) | (
        np.diff(day, prepend=day[:1]) > 0
    )
    result = []
    for start, end in runs(bridged):
        cuts = [start, *(start + 1 + np.flatnonzero(gap[start + 1 : end])), end]
        result += [indices[a:b] for a, b in pairwise(cuts)]
    return result


def _worth(case: Case, members: Indices) -> bool:
    """Whether a partial loss took as much as `rolling_window_minutes` of all that was due would be: half
    an hour at half power counts like a quarter at none; less is cloud, dirt or noise."""
    minutes = float(np.nansum(case.res.share[members])) * case.track.step
    return minutes >= case.config.algorithms.statistical.rolling_window_minutes


def range_stretches(case: Case) -> list[RangeStretch]:
    """Readings beyond their critical limit for two in a row, at day or night."""
    ranges, track = case.config.parameters, case.track
    result: list[RangeStretch] = []
    checks: list[tuple[IncidentKind, str, Floats, float]] = [
        ("over_temperature", "temperature", track.temperature, ranges.temperature.critical_threshold),
        ("over_voltage", "voltage", track.volts, ranges.voltage.critical_threshold),
    ]
    for kind, quantity, values, limit in checks:
        with np.errstate(invalid="ignore"):
            over = values > limit
        for start, end in runs(over):
            if end - start >= 2:
                members = np.arange(start, end)
                stretch = Stretch(kind, members, int(track.sky.day[start]))
                result.append(RangeStretch(stretch, quantity, float(np.nanmax(values[members])), limit))
    return result
