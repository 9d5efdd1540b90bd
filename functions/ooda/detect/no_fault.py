"""Losses that are no fault of the asset: what an event log explains, curtailment and snow."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ooda.detect import logged
from ooda.detect.case import Case
from ooda.detect.group import common
from ooda.detect.peers import is_held
from ooda.detect.signals import SNOW_C, snow_mm
from ooda.detect.sky import Mask
from ooda.detect.stretches import ZERO_SHARE, Stretch, runs_of_a_day
from ooda.detect.track import Indices

SNOW_MM = 0.5
"""mm of water within 48 hours that are a snowfall, where they fell in frost."""
COOL_C = 8.0
"""°C. Snow is looked for only where an asset was this cool in daylight."""
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
    """Stretches in which the asset and its neighbours fell short of the irradiance together, for a
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
        held = low & is_held(track.share) & (case.beside.held >= MOST_HELD)
    need = case.readings(rules.duration.underperformance_minutes)
    result = []
    for members in runs_of_a_day(track, np.flatnonzero(lit), held):
        if len(members) >= need:
            result.append(Stretch("curtailment", members, int(track.sky.day[members[0]]), by_own=True))
    if case.weather is not None and not case.weather.empty and (track.temperature[lit] < COOL_C).any():
        for members in runs_of_a_day(track, np.flatnonzero(lit), low & ~held):
            if len(members) >= need and _snowed(case, members):
                result.append(Stretch("snow", members, int(track.sky.day[members[0]]), by_own=True))
    return result


def recognised(case: Case, stretch: Stretch) -> Stretch:
    """The same stretch by its right name, when it is no fault of the asset.

    Curtailment: most neighbours are held at one level too. Snow: cold, and the site as a whole is buried,
    or the asset is while nothing is known of its neighbours; a stop of one beside others that work is a
    fault until Diagnose says more. A stop that other machines share is the
    site's, or its operator's (`group.py`).
    """
    track, members = case.track, stretch.members
    if stretch.kind == "outage":
        stretch = _shared(case, stretch)
    if stretch.kind == "site_outage":
        return Stretch("snow", members, stretch.day) if _snowed(case, members) else stretch
    if stretch.kind == "outage" and np.isfinite(case.beside.off[members]).any():
        return stretch
    held = case.beside.held[members]
    own = is_held(track.share[members])
    if np.isfinite(held).any() and np.nanmean(held) >= MOST_HELD and own.mean() >= 0.5:
        return Stretch("curtailment", members, stretch.day)
    if not track.asset.is_wind and _snowed(case, members):
        return Stretch("snow", members, stretch.day)
    return stretch


def _shared(case: Case, stop: Stretch) -> Stretch:
    """A stop by the name that the other machines of the site give it."""
    if case.site is None:
        return stop
    track = case.track
    rows = np.flatnonzero(case.res.judged & (track.sky.day == stop.day))
    stopped = stop.members[track.share[stop.members] <= ZERO_SHARE]
    start, end = np.searchsorted(rows, stopped[0]), np.searchsorted(rows, stopped[-1], side="right")
    kind = common(int(start), int(end), case.site.down(track, rows, ZERO_SHARE))
    return Stretch(kind, stop.members, stop.day)


def _snowed(case: Case, members: Indices) -> bool:
    """Frost, and snow that fell within the two days before."""
    if case.weather is None or "temperature_c" not in case.weather:
        return False
    start, end = (case.track.times.iloc[members[n]] for n in (0, -1))
    hour = pd.Timedelta(hours=1)
    cold = case.weather.loc[start - hour : end + hour, "temperature_c"].median()
    fallen = snow_mm(case.weather, end)
    return bool(cold <= SNOW_C) and fallen is not None and fallen > SNOW_MM
