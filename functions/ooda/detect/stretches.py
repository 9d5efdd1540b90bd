"""Stretches: some readings of one day in which an asset did not deliver, or was beyond a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ooda.detect.case import Case
from ooda.detect.lasting import LONE_SMALL
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Indices, Track, runs
from ooda.documents.detections import IncidentKind

ZERO_SHARE = 0.01
"""Of capacity. Power below this is none."""
SURELY_DUE, SURE_SIGMAS = 0.015, 3.1
"""Of capacity: power of which more must be due beyond doubt, before none is a stop; and the standard
deviations below what is due that are beyond doubt, 99.9 %."""
FALSE_ALARM_DAYS, DAY_HOURS = 365.0, 12.0
"""Days of so many hours of light, in which one partial loss may be false."""
LEAST_SHARE_OF_ALARM = 3.0
"""Readings that an alarm takes at least: none says it alone."""
MOST_UNSURE = 0.9
"""Of what was due: a spread beyond it is taken for this."""
LONE_MINUTES, LONE_ZERO_SHARE = 60, 0.0005
"""Minutes of no power that are a stop where only the clear sky is a witness, and the share of capacity that
is none there: clouds are not seen coming, and under the darkest a sound machine still gives a little."""
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
    lone = case.ref.basis == "clear_sky"
    with np.errstate(invalid="ignore"):
        unsure = res.spread if lone else np.minimum(res.spread, MOST_UNSURE)
        least = case.ref.expected * np.exp(-SURE_SIGMAS * unsure)
        none = LONE_ZERO_SHARE if lone else ZERO_SHARE
        due = res.lit & (least > SURELY_DUE * track.capacity)
        zero = due & (track.share <= none)
        low = zero | (res.judged & (res.share > _tolerance(case)))
    if not low.any():
        return []
    need = case.readings(LONE_MINUTES if lone else rules.duration.outage_minutes)
    lit = np.flatnonzero(res.lit)
    stopped = np.zeros(len(track), dtype=bool)
    days, result = track.days, []
    dull = (days.count(res.judged) == 0) & (days.count(zero) == days.count(due))
    told = res.judged | dull[days.row] | lone  # the darkest sky of its past says how dull it may be
    for run in runs_of_a_day(track, lit, zero):
        if int((zero & told)[run].sum()) >= need and _long_enough(zero[run], need):
            members = _with_edges(lit, run, low & ~zero & ~stopped, track.sky.day)
            stopped[members] = True
            down = case.ref.site_down[members].mean() > 0.5
            result.append(
                Stretch("site_outage" if down else "outage", members, int(track.sky.day[members[0]]))
            )
    if lone:  # a cloud is no loss; whole clear days are compared (`daily_loss.py`)
        return result
    for members in _partials(case, res.judged & ~stopped):
        if _worth(case, members):
            result.append(Stretch("underperformance", members, int(track.sky.day[members[0]])))
    return result


def _tolerance(case: Case) -> float:
    """Share of the expected power that may be missing."""
    return case.config.algorithms.energy_deviation.forecast_tolerance_percent / 100.0


def _partials(case: Case, free: Mask) -> list[Indices]:
    """Runs of `free` readings, (n,), in which power is missing: a cumulative sum over each day (Page 1954).

    Summed is the log likelihood of a loss as large as may be missing (10 %) against none, thinned by what a
    reading says for itself; of a turbine with nothing but its anemometer, and of a machine whose sensor
    lies otherwise, beyond what that may err by. A run goes from where the sum left zero to its highest
    value.
    """
    res, track = case.res, case.track
    alarm, missing = math.log(FALSE_ALARM_DAYS * DAY_HOURS / track.hours), _tolerance(case)
    unsure = np.full(len(track.days), case.ref.anemometer_only)
    if case.ref.turned is not None:
        unsure |= case.ref.turned
    nothing = np.where(unsure, LONE_SMALL, 0.0)[track.days.row]
    with np.errstate(invalid="ignore"):
        says = (res.share - nothing - missing / 2.0) * missing / res.spread**2 * res.evidence
    says = np.where(free, np.clip(says, -alarm / LEAST_SHARE_OF_ALARM, alarm / LEAST_SHARE_OF_ALARM), 0.0)
    days = track.days
    ends = np.append(days.first[1:], len(track))
    found = []
    for day in np.flatnonzero(days.sum(np.maximum(says, 0.0)) >= alarm):  # on others no sum can reach it
        rows = np.arange(days.first[day], ends[day])
        rows = rows[free[rows]]
        found += [rows[begin:end] for begin, end in _rises(says[rows].tolist(), alarm)]
    return found


def _rises(says: list[float], alarm: float) -> list[tuple[int, int]]:
    """Half-open ranges in which a cumulative sum rises beyond `alarm`, each up to its highest value; a fall
    by as much from there ends it."""
    found, total, top, begin, end = [], 0.0, 0.0, 0, 0
    for n, value in enumerate([*says, -math.inf]):
        if total <= 0.0:
            begin = n
        total = max(0.0, total + value)
        if total > top:
            top, end = total, n + 1
        elif total <= 0.0 or total < top - alarm:
            if top >= alarm:
                found.append((begin, end))
            total = top = 0.0
    return found


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
    """Whether a partial loss is one: long and large enough, and it took as much as `rolling_window_minutes`
    of all that was due would be. Half an hour at half power counts like a quarter at none; less is cloud,
    dirt or noise."""
    rules, step = case.config.algorithms, case.track.step
    missing = case.ref.expected[members] - case.track.power[members]
    return bool(
        len(members) >= case.readings(rules.duration.underperformance_minutes)
        and float(np.nansum(case.res.share[members])) * step >= rules.statistical.rolling_window_minutes
        and np.nansum(missing) >= _tolerance(case) * np.nansum(case.ref.expected[members])
        and np.nanmean(missing) >= rules.energy_deviation.min_deviation_kw
    )


def range_stretches(case: Case) -> list[RangeStretch]:
    """Readings beyond their critical limit for two in a row, at day or night.

    The limits are those of solar devices: a turbine's gear box is sound at 70 °C, its grid at 33 kV.
    """
    ranges, track = case.config.parameters, case.track
    result: list[RangeStretch] = []
    if track.asset.is_wind:
        return result
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
