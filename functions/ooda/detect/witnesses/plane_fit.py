"""How the planes of a site lie, from its profiles of the last weeks.

The upper envelope of a fortnight (the 0.85-quantile of each half hour) is a clear day. Planes are tried on
it: a grid of tilt and azimuth, each fortnight's level free within reason, errors counted by their size and
not their square. How much the air takes of a low sun is found with them, once for all planes of a site:
without it a hazy morning turns an eastern plane to the south.

Assets of one site mostly lie alike, so one common plane is preferred: the plane that suits most of them is
given to all whom it suits nearly as well as their own best one; then the same again with the rest. How each
lies within its group is told by what it gives beside the others (`beside.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ooda.detect.rolling import quantile_of_rows
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.witnesses.beside import MOST_DAYS, HalfHours, cost
from ooda.detect.witnesses.planes import EXTINCTION, Lie, Sun, seen_by, seen_by_fixed, usual_diffuse
from ooda.detect.witnesses.profiles import Profiles, sun_at
from ooda.detect.witnesses.sensor_plane import pair

FORTNIGHT, QUANTILE, LEAST_DAYS = 15, 0.85, 4
"""Days of an envelope, its quantile, and the days that a half hour of it needs."""
LEAST_POINTS = 12
"""Half hours of all envelopes, below which nothing is fitted."""
LOWEST_SUN = 8.0
"""Degrees. Below it horizons and haze decide."""
CLIPPED = 0.97
"""Of a witness's highest power: half hours above it are left out, as they may be clipped."""
EXTINCTIONS = (0.04, EXTINCTION, 0.09, 0.13, 0.18)
"""How much the air takes of the sun (`planes.EXTINCTION` is the usual value), tried in turn."""
STEEPEST, STEEPEST_TROPICAL, TROPIC = 60.0, 25.0, 25.0
"""Degrees. Within the tropics tilt hardly shows, and nobody builds steep."""
SAME = 1.25
"""A witness keeps the common plane unless that leaves so many times more unexplained than its own does, and
than is usual at the site."""
HEATING = 0.08
"""Of power at 1 kW/m²: what modules lose by the sun's own warmth, half of it if temperature is measured."""
ROUNDS, BESIDE = 2, 1.0
"""Rounds in which planes are found by what the others tell, and the weight of that against the form of
clear days."""
PRIOR = 0.003
"""Weight of what is usual: it decides only what nothing else does."""
USUAL_TILT, USUAL_TURN, USUAL_GAIN = 75.0, 0.5, 0.15
"""Degrees from the usual roof, and log of the gain from 1, that cost as much. Without the gain a fortnight
cannot tell a roof to the south from one to the north."""


FAINT = 0.4
"""Of the machines' usual height: one that gives less is looked at as if it gave as much. An oversized
nameplate, or kWh read as kW, has the plane that its curve shows."""


@dataclass(frozen=True)
class Fitted:
    """A plane, and the power over capacity that a clear sky gives at 1 kW/m² on it."""

    lie: Lie
    gain: float


def fit(
    profiles: Profiles,
    latitude: float,
    usual: list[Lie],
    given: list[bool],
    sensor: list[bool],
) -> list[Fitted | None]:
    """The planes of J witnesses; None for one that has too little to show.

    `usual`: where each is assumed to lie; `given`: which of these are known (registry, trackers) and get
    only a gain. `sensor`: which are irradiance sensors, that lose nothing by warmth.
    """
    envelope, middle = _envelopes(profiles)
    faint = _faint(profiles.share, sensor)
    profiles = Profiles(profiles.day, profiles.share / faint[:, None, None])
    top = CLIPPED * np.nanmax(profiles.share, axis=(1, 2), initial=0.0)
    elevation, azimuth = sun_at(middle, latitude)
    lit = elevation > LOWEST_SUN
    member = np.repeat(np.eye(len(middle)), SLOTS, axis=0)[lit]
    points = np.where(envelope[:, lit] < top[:, None], envelope[:, lit], np.nan)
    shown = np.isfinite(points).sum(axis=1) >= LEAST_POINTS
    free = [j for j in range(len(points)) if shown[j] and not given[j]]
    lies = {j: usual[j] for j in range(len(points)) if shown[j] and given[j]}
    air = EXTINCTION
    lone = sensor == [False, True]  # of which its gain is all that is asked
    for j in [j for j in free if usual[j].follows != "fixed" and not lone]:
        view = _View(elevation[lit], azimuth[lit], member, usual[j])
        follows, hazy = view.follows(points[j], sensor[j], usual[j], _grid(STEEPEST, 10.0, 15.0))
        if follows:
            lies, air = lies | {j: usual[j]}, hazy
    free = [j for j in free if j not in lies]
    if free:
        steepest = STEEPEST_TROPICAL if abs(latitude) < TROPIC else STEEPEST
        grid = _grid(steepest, 10.0, 15.0)
        kinds = [sensor[j] for j in free]
        view = _View(elevation[lit], azimuth[lit], member, usual[free[0]])
        coarse = grid[::2]
        air = min(EXTINCTIONS, key=lambda x: view.errors(points[free], kinds, coarse, x).min(1).sum())
        if sensor == [False, True] and shown.all():
            beside = HalfHours.of(profiles, latitude, air, top, len(profiles.day))
            machine = [usual[0]] if given[0] else grid
            found = pair(
                lambda some: view.errors(points, sensor, some, air),
                beside,
                machine,
                lambda lie: _around(lie, steepest),
            )
            lies = dict(enumerate(found))
        else:
            by_form = view.errors(points[free], kinds, grid, air)
            both = by_form
            lies = lies | {j: grid[int(n)] for j, n in zip(free, by_form.argmin(axis=1), strict=True)}
            if len(lies) > 1:
                beside = HalfHours.of(
                    Profiles(profiles.day, profiles.share[list(lies)]),
                    latitude,
                    air,
                    top[list(lies)],
                    MOST_DAYS,
                )
                at = [list(lies).index(j) for j in free]
                for _ in range(ROUNDS):
                    both = by_form + BESIDE * _of(beside, at, grid, lies, points, view, air, sensor)
                    lies |= {j: grid[int(n)] for j, n in zip(free, both.argmin(axis=1), strict=True)}
            for kind in _kinds([sensor[j] for j in free]):
                for members, best in _groups(both[kind]):
                    lies |= dict.fromkeys([free[kind[n]] for n in members], grid[best])
            for lie in dict.fromkeys(lies[j] for j in free):
                group = [j for j in free if lies[j] == lie]
                around = _around(lie, steepest)
                own = view.errors(points[group], [sensor[j] for j in group], around, air).sum(axis=0)
                if len(lies) > 1:
                    at = [list(lies).index(j) for j in group]
                    own += BESIDE * _of(beside, at, around, lies, points, view, air, sensor).sum(axis=0)
                lies |= dict.fromkeys(group, around[int(own.argmin())])
    clear = Sun.of(elevation[lit], azimuth[lit], air)
    gain = {
        j: _gain(points[j], _power(seen_by(lie, clear), clear, sensor[j]), member)
        for j, lie in lies.items()
    }
    machines = {j: lies[j] for j in free if not sensor[j]}
    if len(set(machines.values())) > 1:  # where all lie alike a lean is in the shape, and costs speed here
        own = Profiles(profiles.day, profiles.share[list(lies)])
        days = HalfHours.of(own, latitude, air, top[list(lies)], len(own.day))
        lies |= days.leaning(machines, lies, gain)
    return [Fitted(lies[j], faint[j] * gain[j]) if j in lies else None for j in range(len(points))]


def _faint(share: Floats, sensor: list[bool]) -> Floats:
    """How high each witness's profiles are beside the machines' usual ones, (J,), where that is very low;
    else 1."""
    top = np.nanmax(share, axis=(1, 2), initial=0.0)
    machines = top[~np.array(sensor)]
    if len(machines) <= 2 or not (middle := float(np.median(machines))) > 0.0:
        return np.ones(len(top))
    return np.where(np.array(sensor) | (top <= 0.0) | (top >= FAINT * middle), 1.0, top / middle)


def _of(
    beside: HalfHours,
    of: list[int],
    grid: list[Lie],
    lies: dict[int, Lie],
    points: Floats,
    view: _View,
    air: float,
    sensor: list[bool],
) -> Floats:
    """How badly planes suit some of those that lie now as `lies` says, by what the others tell, (_, P)."""
    clear = Sun.of(view.elevation, view.azimuth, air)
    kinds = {(lie, sensor[j]) for j, lie in lies.items()}
    power = {kind: _power(seen_by(kind[0], clear), clear, kind[1]) for kind in kinds}
    gains = [_gain(points[j], power[lie, sensor[j]], view.member) for j, lie in lies.items()]
    tilt, azimuth = np.array([lie.tilt for lie in grid]), np.array([lie.azimuth for lie in grid])
    return beside.errors(of, tilt, azimuth, list(lies.values()), gains)


def _envelopes(profiles: Profiles) -> tuple[Floats, Ints]:
    """The quantile of each fortnight and half hour, (J, B · 48), and the middle days of the fortnights."""
    day = profiles.day
    block = (day - day[-1]) // FORTNIGHT  # counted from the end: the newest fortnight is whole
    parts, middle = [], []
    for n in np.unique(block):
        rows = profiles.share[:, block == n]
        flat = rows.transpose(0, 2, 1).reshape(-1, rows.shape[1])
        enough = np.isfinite(flat).sum(axis=1) >= LEAST_DAYS
        parts.append(np.where(enough, quantile_of_rows(flat, QUANTILE), np.nan).reshape(len(rows), SLOTS))
        middle.append(int(np.median(day[block == n])))
    return np.concatenate(parts, axis=1), np.array(middle, dtype=np.int64)


def _grid(steepest: float, tilt: float, turn: float) -> list[Lie]:
    tilts = np.arange(0.0, steepest + 0.1, tilt)
    return [
        Lie(t, a) for t in tilts.tolist() for a in (np.arange(0.0, 360.0, turn).tolist() if t else [180.0])
    ]


def _around(lie: Lie, steepest: float) -> list[Lie]:
    tilts = np.unique(np.clip(lie.tilt + np.array([-5.0, -2.5, 0.0, 2.5, 5.0]), 0.0, steepest)).tolist()
    return [Lie(t, (lie.azimuth + a) % 360.0) for t in tilts for a in (-10.0, -5.0, 0.0, 5.0, 10.0)]


def _clear_power(tilt: Any, azimuth: Any, clear: Sun, sensor: bool) -> Floats:
    """What a clear sky gives a witness, (P, n). A flat sensor has a dome."""
    beam, diffuse = seen_by_fixed(tilt, azimuth, clear)
    if sensor:
        beam = np.where(tilt > 0.0, beam, 1.0)
    return _power((beam, diffuse), clear, sensor)


def _power(seen: tuple[Floats, Floats], clear: Sun, sensor: bool) -> Floats:
    share = usual_diffuse(clear, np.ones(len(clear.sine)))
    light = clear.clear * (seen[0] * (1.0 - share) + seen[1] * share)
    return light if sensor else light * (1.0 - HEATING * (light - 1.0))


@dataclass
class _View:
    """The half hours of a site's envelopes: the sun there, and which fortnight each is of."""

    elevation: Floats
    azimuth: Floats
    member: Floats
    roof: Lie

    def follows(self, points: Floats, sensor: bool, moving: Lie, still: list[Lie]) -> tuple[bool, float]:
        """Whether a witness beside trackers moves as they do (else it stands still, as a flat sensor may),
        and how much the air takes then."""
        own = points[None]
        by_air = {x: float(self.errors(own, [sensor], [moving], x).min()) for x in EXTINCTIONS}
        air = min(by_air, key=by_air.__getitem__)
        stands = min(float(self.errors(own, [sensor], still, x).min()) for x in EXTINCTIONS)
        return by_air[air] <= SAME * stands, air

    def errors(self, points: Floats, sensor: list[bool], lies: list[Lie], air: float) -> Floats:
        """How badly each plane suits each witness, (J, P); all stand still, or one moves."""
        clear = Sun.of(self.elevation, self.azimuth, air)
        tilt, azimuth = np.array([lie.tilt for lie in lies]), np.array([lie.azimuth for lie in lies])
        if lies[0].follows == "fixed":
            tables = {
                kind: _clear_power(tilt[:, None], azimuth[:, None], clear, kind) for kind in set(sensor)
            }
        else:
            tables = {kind: _power(seen_by(lies[0], clear), clear, kind)[None] for kind in set(sensor)}
        squares = {kind: table * table for kind, table in tables.items()}
        turn = np.sin(np.radians((azimuth - self.roof.azimuth) / 2.0)) * np.sin(np.radians(tilt))
        far = np.hypot((tilt - self.roof.tilt) / USUAL_TILT, USUAL_TURN * turn)
        out = np.empty((len(points), len(lies)))
        for n, own in enumerate(points):
            there = np.isfinite(own)
            clean = np.where(there, own, 0.0)
            level = _levels(tables[sensor[n]], squares[sensor[n]], clean, there, self.member)
            errors = level @ self.member.T
            errors *= tables[sensor[n]]
            errors -= clean
            if not there.all():
                errors *= there
            strange = np.hypot(far, np.log(np.maximum(level.max(axis=1), 0.05)) / USUAL_GAIN)
            far_off = PRIOR * np.sqrt(there.sum()) * strange
            out[n] = (cost(errors) + far_off) / max(there.sum(), 1)
        return out


def _levels(power: Floats, squares: Floats, points: Floats, there: Mask, member: Floats) -> Floats:
    """Each fortnight's level, (P, B): half its own, half that of the good fortnights. `power`, (P, n), and
    its `squares`; `points`, (n,), 0 where they are not `there`."""
    along, square = power @ (points[:, None] * member), squares @ (there[:, None] * member)
    live = square[0] > 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        common = quantile_of_rows(along[:, live] / square[:, live], 0.8)[:, None]
    usual = square[:, live].mean(axis=1, keepdims=True)
    return np.where(live, (along + common * usual) / (square + usual), 0.0)


def _gain(points: Floats, power: Floats, member: Floats) -> float:
    """The level of the best fortnight."""
    there = np.isfinite(points)
    clean = np.where(there, points, 0.0)
    return float(_levels(power[None], (power * power)[None], clean, there, member).max())


def _kinds(sensor: list[bool]) -> list[list[int]]:
    """Witnesses among which a common plane is preferred: the machines, and the sensors, which lie flat as
    often as on a roof. Of one machine and its sensor `sensor_plane.py` decides.

    >>> _kinds([False, False, True]), _kinds([False, True])
    ([[0, 1], [2]], [[0, 1]])
    """
    machines, sensors = ([n for n, kind in enumerate(sensor) if kind is wanted] for wanted in (False, True))
    apart = len(machines) > 1 and bool(sensors)
    return [machines, sensors] if apart else [[*machines, *sensors]]


def _groups(errors: Floats) -> list[tuple[list[int], int]]:
    """Witnesses that lie alike, and the plane of each group: first the plane that suits most of them."""
    left, groups = list(range(len(errors))), []
    own = errors.min(axis=1, keepdims=True)
    relative = errors / np.maximum(own, np.median(own))
    while left:
        ratio = relative[left]
        suits = ratio < SAME
        most = np.lexsort((np.minimum(ratio, SAME).sum(axis=0), -suits.sum(axis=0)))[0]
        members = [m for m, fits in zip(left, suits[:, most], strict=True) if fits]
        groups.append((members, int(errors[members].sum(axis=0).argmin())))
        left = [m for m in left if m not in members]
    return groups
