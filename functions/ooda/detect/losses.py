"""From residuals to episodes: stretches of a day in which a machine did not deliver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.config.detection import DetectionConfig
from ooda.detect import forest
from ooda.detect.expected import CLEAR, Reference, before_each, windows
from ooda.detect.peers import Beside, is_held
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Indices, Track, runs
from ooda.documents.detections import IncidentKind

ZERO_SHARE = 0.01
"""Power below this share of capacity is none."""
MIN_SPREAD = 0.02
"""Relative residuals of a healthy machine are never trusted to spread less than this."""
MAX_SPREAD, MAX_SPREAD_ALONE = 0.08, 0.15
"""…nor assumed to spread more, so that a day full of faults does not hide them; the second without
history."""
MAX_SPREAD_BY_PEERS = 0.04
"""Against neighbours under the same sky clouds cancel: what spreads more is not noise."""
MAX_SPREAD_WIND = 0.08
"""Of capacity."""
RESTLESS, RESTLESS_READINGS = 0.08, 4
FAR_ZERO_DUE = 0.25
"""Where the irradiance is another place's, no power is a stop only when this share of capacity was due."""
CLOUDY_QUANTILE = 0.75
FAR_SENSOR = 0.15
"""A spread under clouds from which on the irradiance is another place's: days are judged by their clear
hours."""
CLOUD_SIGMA = 0.5
"""How much of a jump of the irradiance between readings counts as uncertainty of what was due."""
EDGE_READINGS = 2
"""Readings before and after a stop that may still be part of it."""
BRIDGE_READINGS = 1
"""Runs this close belong together: one good reading does not end an episode."""
SNOW_C = 2.0
"""Air this cold keeps snow on modules."""
SLACK, SLACK_SIGMAS = 0.015, 1.0
ALARM, ALARM_SIGMAS = 0.06, 5.0
"""Of the cumulative sum over days (Page 1954): what a day may miss without counting, and the sum that
alarms; shares of a day's energy, and in spreads of the days."""
MIN_DAY_SPREAD = 0.008
UNKNOWN_DAY_SPREAD = 0.03
MIN_DAY_HOURS = 2.0
HEALTHY_DAYS = 2
MOST_POINTS = 4000
"""A forest is grown over a file of days, not over a year's backfill."""


@dataclass(frozen=True)
class Residuals:
    """Relative residual (expected − measured) / expected, shape (n,), NaN where not judged; its usual
    spread at each reading, (n,); which readings are judged; where the irradiance is another place's; and
    `day_spreads` of the file's own days."""

    share: Floats
    spread: Floats
    judged: Mask
    far: Mask
    of_days: tuple[Floats, Floats]


@dataclass(frozen=True)
class Stretch:
    """Some readings of one day (indices) in which something was wrong. `by_own`: against what the
    machine's own irradiance promised, because its neighbours fared alike."""

    kind: IncidentKind
    members: Indices
    day: int
    by_own: bool = False


@dataclass(frozen=True)
class Case:
    """One machine's readings with their reference and residuals: what stretches are found in. `coolest`:
    its lowest temperature of each of the D days, also at night, °C."""

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
        AC over DC power, and device temperature. Grown when somebody asks."""
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


def residuals(track: Track, ref: Reference, judged: Mask, config: DetectionConfig) -> Residuals:
    """Residuals and their robust spread (1.4826 · MAD) from earlier days, else the day itself, within sane
    bounds. A turbine's spread is one of its capacity, the same at any wind; under clouds a machine with
    only an irradiance to go by is given the spread that such readings showed before."""
    floor = config.algorithms.reference.min_expected_share * track.capacity
    with np.errstate(invalid="ignore", divide="ignore"):
        ok = judged & (ref.expected >= floor) & np.isfinite(track.power)
        share = np.where(ok, (ref.expected - track.power) / ref.expected, np.nan)
    of_days = day_spreads(track, ref, share)
    of_day, clouded = of_days
    enough = track.days.count(ok) >= config.algorithms.statistical.min_data_points
    of_day = np.where(enough, of_day, np.nan)
    row, base, earlier = track.days.row, ref.base, ref.history
    alone = base.known < 3
    if ref.family == "wind":
        top = np.full(len(alone), MAX_SPREAD_WIND)
    elif "peers" in ref.basis:
        top = np.full(len(alone), MAX_SPREAD_BY_PEERS)
    else:
        top = np.where(alone & (ref.family == "sun"), MAX_SPREAD_ALONE, MAX_SPREAD)
    before = before_each(earlier.spread, of_day)
    usual = np.where(np.isfinite(before) & ~alone, before, of_day)
    usual = np.where(np.isfinite(usual), usual, top / 2)
    usual = np.clip(usual, MIN_SPREAD, top)[row]
    if ref.family == "wind":
        with np.errstate(invalid="ignore", divide="ignore"):
            usual = np.fmax(usual * track.capacity / np.maximum(ref.expected, floor), MIN_SPREAD)
    if ref.basis == "irradiance":
        usual = np.hypot(usual, CLOUD_SIGMA * _jumps(ref.expected))
        dull = before_each(earlier.cloudy, clouded, quantile=CLOUDY_QUANTILE)
        far = far_sensor(dull)[row]
        dull = np.where(np.isfinite(dull), dull, top)[row]
        usual = np.where(cloudy(track) | (far & restless(share)), np.fmax(usual, dull), usual)
        return Residuals(share, usual, ok, far, of_days)
    return Residuals(share, usual, ok, np.zeros(len(track), dtype=bool), of_days)


def far_sensor(cloudy_spread: Floats) -> Mask:
    """Days, (D,), on which the irradiance is known to be another place's: a satellite's, or a far
    station's."""
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
    """Spread of each of the D days' residuals, and of those under clouds, about nought."""
    days = track.days
    values = share * ref.expected / track.capacity if ref.family == "wind" else share
    middle = days.median(values)
    of_day = 1.4826 * days.median(np.abs(values - middle[days.row]))
    if ref.family != "sun":
        return of_day, np.full(len(days), np.nan)
    dull = cloudy(track)
    clouded = 1.4826 * days.median(np.abs(values), dull)
    return of_day, np.where(days.count(dull & np.isfinite(values)) >= 4, clouded, np.nan)


def _jumps(values: Floats) -> Floats:
    """How far each value lies from the mean of its neighbours, as a share of it."""
    before, after = np.roll(values, 1), np.roll(values, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        jump = np.abs(values - (before + after) / 2.0) / np.maximum(values, 1e-9)
    jump[[0, -1]] = 0.0
    return np.asarray(np.nan_to_num(jump, posinf=0.0))


def _long_enough(mask: Mask, need: int) -> bool:
    return any(end - start >= need for start, end in runs(mask))


def stretches(case: Case) -> list[Stretch]:
    """Stops and partial losses among the judged readings, in order of time; at most a day long."""
    rules, res, track = case.config.algorithms, case.res, case.track
    tolerance = rules.energy_deviation.forecast_tolerance_percent / 100.0
    with np.errstate(invalid="ignore"):
        zero = res.judged & (track.share <= ZERO_SHARE)
        if case.ref.basis == "irradiance":
            faint = case.ref.expected < FAR_ZERO_DUE * track.capacity
            zero &= ~(faint & res.far)
        low = zero | (
            res.judged
            & (res.share > tolerance)
            & (case.ref.expected - track.power >= rules.energy_deviation.min_deviation_kw)
            & (res.share >= rules.statistical.z_score_threshold * res.spread)
        )
    if not low.any():
        return []
    need_zero = case.readings(rules.duration.outage_minutes)
    need_low = case.readings(rules.duration.underperformance_minutes)
    judged = np.flatnonzero(res.judged)
    stopped = np.zeros(len(track), dtype=bool)
    found = []
    for run in _runs_of_a_day(track, judged, zero):
        if _long_enough(zero[run], need_zero):
            members = _with_edges(judged, run, low & ~zero & ~stopped, track.sky.day)
            stopped[members] = True
            down = case.ref.site_down[members].mean() > 0.5
            found.append(
                Stretch("site_outage" if down else "outage", members, int(track.sky.day[members[0]]))
            )
    for members in _runs_of_a_day(track, judged, low & ~stopped):
        if _long_enough(low[members], need_low) and _worth(case, members):
            found.append(Stretch("underperformance", members, int(track.sky.day[members[0]])))
    return [recognised(case, stretch) for stretch in found]


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


def _runs_of_a_day(track: Track, indices: Indices, mask: Mask) -> list[Indices]:
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
    found = []
    for start, end in runs(bridged):
        cuts = [start, *(start + 1 + np.flatnonzero(gap[start + 1 : end])), end]
        found += [indices[a:b] for a, b in pairwise(cuts)]
    return found


def site_wide(case: Case) -> list[Stretch]:
    """Stretches in which the machine and its neighbours fell short of the irradiance together, for a
    reason that is no fault: held at a level (curtailment), or under snow."""
    track, ref = case.track, case.ref
    if ref.basis != "irradiance+peers":
        return []
    rules = case.config.algorithms
    least = rules.reference.min_expected_share * track.capacity
    with np.errstate(invalid="ignore"):
        short = (ref.own - track.power) / np.maximum(ref.own, least)
        lit = track.sky.light & (ref.own >= least) & ~ref.site_down
        low = lit & (short > max(2.0 * rules.energy_deviation.forecast_tolerance_percent / 100.0, 0.2))
        held = low & is_held(track.share) & (case.beside.held >= 0.5)
    need = case.readings(rules.duration.underperformance_minutes)
    found = []
    for members in _runs_of_a_day(track, np.flatnonzero(lit), held):
        if len(members) >= need:
            found.append(Stretch("curtailment", members, int(track.sky.day[members[0]]), by_own=True))
    if case.weather is not None and not case.weather.empty and (track.temperature[lit] < 8.0).any():
        for members in _runs_of_a_day(track, np.flatnonzero(lit), low & ~held):
            if len(members) >= need and _snowed(case, members):
                found.append(Stretch("snow", members, int(track.sky.day[members[0]]), by_own=True))
    return found


def _worth(case: Case, members: Indices) -> bool:
    """Whether a partial loss took as much as `rolling_window_minutes` of all that was due would be: half
    an hour at half power counts like a quarter at none; less is cloud, dirt or noise."""
    minutes = float(np.nansum(case.res.share[members])) * case.track.step
    return minutes >= case.config.algorithms.statistical.rolling_window_minutes


def recognised(case: Case, stretch: Stretch) -> Stretch:
    """The same stretch by its right name, when it is no fault of the machine.

    Curtailment: most neighbours are held at one level too. Snow: cold, and the site as a whole is buried,
    or the machine is while nothing is known of its neighbours.
    """
    track, members = case.track, stretch.members
    if stretch.kind == "outage":
        return stretch
    if stretch.kind == "site_outage":
        return Stretch("snow", members, stretch.day) if _snowed(case, members) else stretch
    held = case.beside.held[members]
    own = is_held(track.share[members])
    if np.isfinite(held).any() and np.nanmean(held) >= 0.5 and own.mean() >= 0.5:
        return Stretch("curtailment", members, stretch.day)
    if not track.asset.is_wind and _snowed(case, members):
        return Stretch("snow", members, stretch.day)
    return stretch


def _snowed(case: Case, members: Indices) -> bool:
    """Frost, and snowfall within the two days before."""
    cold = _weather(case, members, "temperature_c")
    if cold is None or np.nanmedian(cold) > SNOW_C:
        return False
    fallen = _weather(case, members, "snowfall_mm", hours_before=48)
    if fallen is None:
        fallen = _weather(case, members, "precipitation_mm", hours_before=48)
    return fallen is not None and float(np.nansum(fallen)) > 0.5


def _weather(case: Case, members: Indices, column: str, hours_before: int = 0) -> Floats | None:
    if case.weather is None or column not in case.weather:
        return None
    times = case.track.times
    start = times.iloc[members[0]] - pd.Timedelta(hours=hours_before + 1)
    part = case.weather.loc[start : times.iloc[members[-1]] + pd.Timedelta(hours=1), column]
    values = part.to_numpy(dtype=float)
    return values if np.isfinite(values).any() else None


def by_day(case: Case, apart: Mask) -> Floats:
    """Of D days the share of the expected energy that did not come, over judged readings outside `apart`
    (n,); NaN where too little was judged."""
    days, judged = case.track.days, case.res.judged & ~apart
    if case.ref.basis == "irradiance":
        judged &= ~(case.res.far & (cloudy(case.track) | restless(case.res.share)))
    due = days.sum(case.ref.expected, judged)
    came = days.sum(case.track.power, judged)
    hours = days.count(judged) * case.track.hours
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(hours >= MIN_DAY_HOURS, (due - came) / due, np.nan))


def sustained(losses: Floats, spread: Floats) -> Mask:
    """Days on which less than was due came, day after day: a one-sided cumulative sum.

    `losses`, `spread`: (D,), D days in order, NaN where nothing was judged. True from the day on which
    the sum began to rise until two days in a row are good again. Source: Page, Biometrika 41, 1954.
    """
    active = np.zeros(len(losses), dtype=bool)
    total, began, alarmed, good = 0.0, 0, False, 0
    for day, loss in enumerate(losses):
        if not math.isfinite(loss):
            active[day] = alarmed
            continue
        slack = max(SLACK, SLACK_SIGMAS * spread[day])
        limit = max(ALARM, ALARM_SIGMAS * spread[day])
        if total <= 0.0:
            began = day
        total = max(0.0, total + loss - slack)
        if alarmed:
            good = good + 1 if loss < slack else 0
            if good >= HEALTHY_DAYS:
                alarmed, total, good = False, 0.0, 0
                active[day - HEALTHY_DAYS + 1 : day] = False
                continue
            active[day] = True
        elif total >= limit:
            alarmed, good = True, 0
            active[began : day + 1] = True
    return active


def range_stretches(case: Case) -> list[tuple[Stretch, str, float, float]]:
    """Readings beyond their critical limit for two in a row, at day or night: (stretch, quantity, the
    highest value, the limit)."""
    ranges, track = case.config.parameters, case.track
    found: list[tuple[Stretch, str, float, float]] = []
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
                found.append((stretch, quantity, float(np.nanmax(values[members])), limit))
    return found


def spreads_before(losses: Floats, wide: bool) -> Floats:
    """How much healthy days' loss shares usually differ, (D,): 1.4826 · median |difference| / √2 of the up
    to 30 days before each (and the first ten there are). A level that shifts once does not widen it."""
    if not len(losses):
        return np.empty(0)
    ends = np.maximum(np.arange(len(losses)), min(10, len(losses)))
    known = np.flatnonzero(np.isfinite(losses))
    steps = np.full(len(losses), np.nan)
    steps[known[1:]] = np.abs(np.diff(losses[known]))
    window, there = windows(steps, ends, 30), np.isfinite(windows(losses, ends, 30))
    first = there.argmax(axis=1)  # what it differs from lies before the window
    window[np.arange(len(window)), first] = np.nan
    measured = 1.4826 * bn.nanmedian(window, axis=1) / math.sqrt(2.0)
    unknown = UNKNOWN_DAY_SPREAD * (2.0 if wide else 1.0)
    few = there.sum(axis=1) < 5
    return np.where(few, unknown, np.clip(measured, MIN_DAY_SPREAD, 0.25))
