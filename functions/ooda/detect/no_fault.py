"""Losses that are no fault of the asset: what an event log explains, curtailment and snow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ooda.detect import logged
from ooda.detect.case import Case
from ooda.detect.group import MOST_DOWN, common
from ooda.detect.peers import is_held
from ooda.detect.sky import Mask
from ooda.detect.stretches import LONE_MINUTES, LONE_ZERO_SHARE, ZERO_SHARE, Stretch, runs_of_a_day
from ooda.detect.track import Indices, runs
from ooda.detect.weather_signals import SNOW_C, snow_mm
from ooda.detect.witnesses.common_mode import HIGH, HIGH_SUN

SNOW_MM = 0.5
"""mm of water within 48 hours that are a snowfall, where they fell in frost."""
COOL_C = 8.0
"""°C. Snow is looked for only where an asset was this cool in daylight."""
SHOULD_WORK = 0.05
"""Share of capacity that is due where an asset surely works: below it, standing still says nothing."""
DARK_MINUTES = 120
"""Minutes of hardly any power at any machine, where it came or went by and by: a shorter one may be a
storm. Of no power at all an hour is enough, as of a machine alone (`LONE_MINUTES`)."""
ABRUPT = 0.33
"""Of what is due in a stop: as much came just before it, or just after."""
MOST_HELD = 0.5
"""Share of the neighbours held at one level from which on it is a curtailment of the site."""


def explained_by_log(case: Case) -> tuple[Mask, list[Stretch]]:
    """Readings whose loss an event log explains, (n,), and the stretches of them in which there is one."""
    low = case.res.judged & (
        case.res.share > case.config.algorithms.energy_deviation.forecast_tolerance_percent / 100
    )
    anywhere = np.zeros(len(case.track), dtype=bool)
    result = []
    for kind, mask in logged.explained(case.log, case.track, low).items():
        anywhere |= mask
        for members in runs_of_a_day(case.track, np.flatnonzero(case.res.judged), low & mask):
            result.append(Stretch(kind, members, int(case.track.sky.day[members[0]])))
    return anywhere, result


def site_wide(case: Case) -> list[Stretch]:
    """Stretches in which the asset and its neighbours fell short of the sun together, for a reason that is
    no fault: held at a level (curtailment), under snow, or all without power."""
    track, ref, told = case.track, case.ref, case.told
    if ref.basis not in ("irradiance+peers", "peers"):
        return []
    rules = case.config.algorithms
    least = rules.reference.min_expected_share * track.capacity
    with np.errstate(invalid="ignore"):
        short = (ref.own - track.power) / np.maximum(ref.own, least)
        lit = track.sky.light & (ref.own >= least)
        high = (track.sky.elevation > HIGH_SUN) & (ref.own >= HIGH * track.capacity)
        dark = track.sky.light & high & (track.share <= ZERO_SHARE) & ~case.res.judged
        lit &= ~ref.site_down
        low = lit & (short > max(2.0 * rules.energy_deviation.forecast_tolerance_percent / 100.0, 0.2))
        held = low & told.limited & (track.share > SHOULD_WORK)
    dark[dark] = _all_stand(case, np.flatnonzero(dark))
    need = case.readings(rules.duration.underperformance_minutes)
    result = []
    for day in np.unique(track.sky.day[held]):  # clouds pass below the level: all of a day is one stretch
        members = np.flatnonzero(held & (track.sky.day == day))
        if len(members) >= need:
            result.append(Stretch("curtailment", members, int(day), by_own=True))
    for members in runs_of_a_day(track, np.flatnonzero(track.sky.light), dark):
        switched = _bright(case, members[0], -1) and _bright(case, members[-1], 1)
        nothing = track.share[members].max() <= LONE_ZERO_SHARE  # the darkest clouds leave a little
        minutes = rules.duration.outage_minutes if switched else LONE_MINUTES if nothing else DARK_MINUTES
        if len(members) >= case.readings(minutes):
            stop = Stretch("site_outage", members, int(track.sky.day[members[0]]), by_own=True)
            result.append(recognised(case, stop))
    if told.sensors and case.weather is not None and (track.temperature[lit] < COOL_C).any():
        for members in runs_of_a_day(track, np.flatnonzero(lit), low & ~held):
            if len(members) >= need and _snowed(case, members):
                result.append(Stretch("snow", members, int(track.sky.day[members[0]]), by_own=True))
    return result


def _all_stand(case: Case, rows: Indices) -> Mask:
    """At which of some readings half of the others give nothing either."""
    if case.site is None or not len(rows):
        return np.zeros(len(rows), dtype=bool)
    off = case.site.off(case.track, rows, ZERO_SHARE)
    return np.asarray(np.nansum(off, axis=1) >= MOST_DOWN * np.maximum(np.isfinite(off).sum(axis=1), 1))


def _bright(case: Case, at: np.intp, way: int) -> bool:
    """Whether one of the two readings before (`way` −1) or after a stop gave a third of what is due in it:
    a switch is abrupt, a storm is not."""
    near = [n for n in (at + way, at + 2 * way) if 0 <= n < len(case.track)]
    with np.errstate(invalid="ignore"):
        return any(case.track.power[n] >= ABRUPT * case.ref.own[at] for n in near)


def recognised_all(case: Case, found: list[Stretch], stood: bool) -> list[Stretch]:
    """The same stretches, in order, by their right names. `stood`: the asset's last judged reading before
    the file was one of a stop that is a fault."""
    judged = np.flatnonzero(case.res.judged)
    result: list[Stretch] = []
    begins = int(judged[0]) if len(judged) else 0
    for stretch in found:
        first, last = stretch.members[0], stretch.members[-1]
        goes_on = stood and stretch.kind != "underperformance" and first <= begins
        result.append(recognised(case, stretch, goes_on=goes_on))
        if result[-1].kind == "outage":
            after = judged[np.searchsorted(judged, last) + 1 :]
            stood, begins = True, int(after[0]) if len(after) else int(last) + 1
    return result


def recognised(case: Case, stretch: Stretch, *, goes_on: bool = False) -> Stretch:
    """The same stretch by its right name, when it is no fault of the asset.

    Curtailment: most neighbours are held at one level too. Snow: cold, and snow fell; a stop that was there
    before, and `goes_on`, is none that the snow made, and a stop of one beside others that work is a fault
    until Diagnose says more. A stop that other machines share is the site's, or its operator's
    (`group.py`), unless the asset's own log names the fault that stopped it.
    """
    track, members = case.track, stretch.members
    if stretch.kind in ("outage", "site_outage") and logged.stopped_by_its_fault(case.log, track, members):
        stretch = replace(stretch, kind="outage")
    elif stretch.kind in ("outage", "site_outage"):
        stretch = _shared(case, stretch)
    if stretch.kind == "site_outage":
        return replace(stretch, kind="snow") if _snowed(case, members) else stretch
    if stretch.kind == "outage" and np.isfinite(case.beside.off[members]).any():
        return stretch
    held = case.beside.held[members]
    own = is_held(track.share[members])
    if np.isfinite(held).any() and np.nanmean(held) >= MOST_HELD and own.mean() >= 0.5:
        return Stretch("curtailment", members, stretch.day)
    if not track.asset.is_wind and not goes_on and _snowed(case, members):
        return Stretch("snow", members, stretch.day)
    return stretch


def _shared(case: Case, stop: Stretch) -> Stretch:
    """A stop by the name that the other machines of the site give it."""
    if case.site is None:
        return stop
    track = case.track
    with np.errstate(invalid="ignore"):
        due = track.sky.light & (case.ref.expected > SHOULD_WORK * track.capacity)
    due |= np.isin(np.arange(len(track)), stop.members)
    rows = np.flatnonzero(due & np.isfinite(track.power) & (track.sky.day == stop.day))
    zero = track.share[rows] <= ZERO_SHARE
    first, last = np.searchsorted(rows, stop.members[track.share[stop.members] <= ZERO_SHARE][[0, -1]])
    start, end = (
        next(r[0] for r in runs(zero) if r[1] > first),
        next(r[1] for r in runs(zero) if r[1] > last),
    )
    off = np.column_stack((zero.astype(np.float64), case.site.off(track, rows, ZERO_SHARE)))
    kind = common(start, end, off)
    return stop if kind == "outage" else replace(stop, kind=kind)


def _snowed(case: Case, members: Indices) -> bool:
    """Frost, and snow that fell within the two days before."""
    if case.weather is None or "temperature_c" not in case.weather:
        return False
    start, end = (case.track.times.iloc[members[n]] for n in (0, -1))
    hour = pd.Timedelta(hours=1)
    cold = case.weather.loc[start - hour : end + hour, "temperature_c"].median()
    fallen = snow_mm(case.weather, end)
    return bool(cold <= SNOW_C) and fallen is not None and fallen > SNOW_MM
