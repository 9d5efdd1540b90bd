"""What the witnesses of a site tell of each of its assets, reading by reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ooda.detect.company import of_company
from ooda.detect.levels import NEAR_CAPACITY_SHARE, STANDING_SHARE
from ooda.detect.sky import SLOTS, Floats, Ints, Mask
from ooda.detect.spoilt import Spoilt
from ooda.detect.track import Indices
from ooda.detect.witnesses.clear_sky import (
    BOUND,
    CLEAR_DUE,
    LOW_SUN,
    NEVER_DARKER,
    SUNNY,
    SUNNY_SAYS,
    SURE,
    Clouds,
    power,
)
from ooda.detect.witnesses.common_mode import HIGH, HIGH_SUN, limited, shared, usual_index
from ooda.detect.witnesses.learning import (
    ALIKE_DEG,
    LEAST_DARK,
    LEAST_PLACED,
    OWN_HEAT,
    Part,
    heat,
    parts_of,
    under_clouds,
    views,
)
from ooda.detect.witnesses.panel import Panel
from ooda.detect.witnesses.planes import Sun, apart
from ooda.detect.witnesses.profiles import Profiles
from ooda.detect.witnesses.sky_state import SkyState, solve
from ooda.documents.asset_history import LearnedPlane

CLIPPED_SAY = 0.3
"""The say of a witness near its capacity, which may be clipped."""
CHUNK = 4096
"""Instants that are solved at a time: they stay in the processor's cache."""
ON_PLANE = 0.15
"""Cosine of incidence above which the beam is on a plane."""
CLEAR = 0.75
"""Of the clear sky's light: above it an instant is clear, below it dull."""
STANDING = 0.05
"""Of capacity. A neighbour with less stands still, or nearly so."""
LEAST_DUE = 0.1
"""Of capacity. Where less is due a day's loss is not counted: low light is less sure."""
LEAST_ALIKE = 2
"""Others that lie alike, of which a median is a roof's."""
UNSURE = 0.3
"""Of what is due: how far off it may be while planes are hardly known and the sensor lies otherwise."""
LEAST_OTHERS = 3
"""Other machines of which a median is a fleet's."""


@dataclass(frozen=True)
class Told:
    """What the witnesses tell of one asset at its n instants, (n,), NaN where nobody says anything.

    `due`: share of capacity by all others; `sigma`: its relative standard deviation, by the sky's state
    alone; `own`: the same share by the irradiance alone, without a sensor by the clear sky; `spoke`: how
    many did. `index`: the clear-sky index; `kind`: which kind of instant it is (0…7); `limited`: whether
    the site is held at a level; `standing`: share of the other machines standing still (0…1). `usual`: the
    share that a machine of the others' usual level gives on its plane, by the other machines alone;
    `as_sensor`: what such a machine gives where the sensor lies, by all machines. Of its D days: `known`,
    how many earlier days have its gain; `placed`, whether it is known how it lies; `unlike`, whether planes
    are of a few weeks and no other witness lies as it does; `turned`, whether a lone machine's sensor lies
    otherwise than it, or the days were too dark to know; `level` and `levels`, (D,) and (D, R): its level,
    and those of the others that lie much alike; `fleet_loss`: what more than half of the other machines
    lost, natural log; `company`, what so many of those that lie alike lost at least that it is no chance.
    `profile` and `irradiance`, (D, 48), `plane` and `sensor_plane` are for the history.
    `others` and `sensors`: how many there are.
    """

    due: Floats
    sigma: Floats
    own: Floats
    spoke: Floats
    index: Floats
    kind: Ints
    limited: Mask
    standing: Floats
    known: Ints
    placed: Mask
    unlike: Mask
    level: Floats
    levels: Floats
    fleet_loss: Floats
    company: Floats
    usual: Floats
    as_sensor: Floats
    profile: Floats
    irradiance: Floats
    plane: LearnedPlane
    sensor_plane: LearnedPlane | None
    others: int
    sensors: int
    turned: Mask

    @property
    def by_others(self) -> Floats:
        """What others foretell, (n,): a lone machine's clear sky is none."""
        return self.due if self.others + self.sensors else np.full(len(self.due), np.nan)


def tell(panel: Panel, spoilt: Mapping[str, Spoilt]) -> dict[str, Told]:
    """What is told of each machine, by asset id. `spoilt`: by id the days of which nobody learns, and on
    which a machine is no witness."""
    profiles = panel.profiles()
    number = panel.days.number
    first = int(np.searchsorted(profiles.day, number[0]))
    count = max((panel.days_before(track.asset.id) for track in panel.machines), default=0)
    aside, taught = panel.aside(spoilt, profiles.day), profiles
    if aside.any():
        taught = Profiles(profiles.day, np.where(aside[:, :, None], np.nan, profiles.share))
        mine = aside[: len(panel.machines), np.searchsorted(profiles.day, number)]
        panel = replace(panel, share=np.where(mine[:, panel.days.row], np.nan, panel.share))
    parts = parts_of(panel.witnesses(), taught, first, count, panel.place, panel.rules)
    solved = _Solved.of(panel, parts, np.searchsorted(profiles.day, number))
    return {track.asset.id: solved.told(m, profiles) for m, track in enumerate(panel.machines)}


@dataclass(frozen=True)
class _Counted:
    """Something that is true of some machines of reference, (R, T), and how many of them it is, (T,)."""

    true: Mask
    there: Mask
    how_many: Ints
    of: Ints

    @classmethod
    def count(cls, true: Mask, there: Mask) -> _Counted:
        return cls(true, there, true.sum(axis=0), there.sum(axis=0))

    def of_others(self, m: int, references: int) -> Floats:
        """The share of the machines other than `m` of which it is true, (T,); NaN where there is none."""
        own, there = (self.true[m], self.there[m]) if m < references else (0, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((self.how_many - own) / np.where(self.of > there, self.of - there, np.nan))


@dataclass(frozen=True)
class _Solved:
    """The site's T instants solved: of M machines what `Told` explains, (M, T); `losses`, (R + 1, R, D):
    log losses of those of reference (columns), by all witnesses but each of these (rows), and by all."""

    panel: Panel
    parts: list[Part]
    rows: Indices
    due: Floats
    sigma: Floats
    own: Floats
    machines: Floats
    as_sensor: Floats
    spoke: Floats
    index: Floats
    kind: Ints
    losses: Floats
    limited: Mask
    standing: _Counted

    @classmethod
    def of(cls, panel: Panel, parts: list[Part], rows: Indices) -> _Solved:
        shape = panel.share.shape
        due, sigma, own, machines, spoke, clear = (np.full(shape, np.nan) for _ in range(6))
        as_sensor = np.full(panel.light.shape, np.nan)
        came = np.zeros((panel.references, len(panel.days)))
        owed = np.zeros((panel.references + 1, *came.shape))
        index, kind = np.full(shape[1], np.nan), np.zeros(shape, dtype=np.int64)
        for part in parts:
            days = np.flatnonzero((rows >= part.first) & (rows < part.last))
            if not len(days):
                continue
            begin = int(panel.days.first[days[0]])
            end = int(panel.days.first[days[-1] + 1]) if days[-1] + 1 < len(panel.days) else shape[1]
            # what a witness gives at 1 kW/m² in each half hour of each day
            norm = np.array([part.level(j)[:, None] * part.shape(j) for j in range(len(part.lies))])
            norm = norm.reshape(len(norm), -1)
            for start in range(begin, end, CHUNK):
                at = slice(start, min(end, start + CHUNK))
                half_hour = (rows[panel.days.row[at]] - part.first) * SLOTS + panel.sky.slot[at]
                chunk = _Chunk.of(panel, part, at, norm[:, half_hour])
                for m in range(shape[0]):
                    dull = part.dull[m][rows[panel.days.row[at]] - part.first]
                    due[m, at], sigma[m, at], spoke[m, at], own[m, at] = chunk.told(m, dull)
                    machines[m, at] = chunk.by_machines(m, due[m, at])
                    kind[m, at] = chunk.kind(m)
                    if panel.sun.known:
                        clear[m, at] = chunk.clear(m)
                dulls = [d[rows[panel.days.row[at]] - part.first] for d in part.dull[: panel.references]]
                for m, (by_others, gave) in enumerate(chunk.energies(dulls, due[:, at])):
                    owed[:, m] += by_others
                    came[m] += gave
                index[at] = chunk.index
                for s in range(len(panel.light)):
                    level = part.usual_level(range(panel.references)) / part.level(shape[0] + s)
                    level = level[rows[panel.days.row[at]] - part.first]
                    as_sensor[s, at] = (
                        level * chunk.norm[shape[0] + s] * chunk.seen_by_machines(shape[0] + s)
                    )
                if part.clouds is not None:
                    row = rows[panel.days.row[at]] - part.first
                    due[0, at], sigma[0, at], spoke[0, at] = chunk.by_clear_sky(part.clouds, row)
        with np.errstate(invalid="ignore", divide="ignore"):
            losses = np.log(owed / came)
        speaking = panel.share[: panel.references]
        there = np.isfinite(speaking)
        with np.errstate(invalid="ignore"):
            standing = _Counted.count(speaking < STANDING, there)
        held = np.zeros(shape[1], dtype=bool)
        if panel.sun.known and panel.references > 1:
            step = min(track.step for track in panel.machines)
            held = limited(
                speaking, clear[: panel.references], panel.days, step, sensed=len(panel.light) > 0
            )
            if not len(panel.light):
                with np.errstate(invalid="ignore"):
                    still = (speaking <= STANDING_SHARE).sum(axis=0) >= 0.5 * np.maximum(standing.of, 1)
                    blind = held | (still & (clear.max(axis=0) > HIGH) & (panel.sky.elevation > HIGH_SUN))
                own = clear * usual_index(index, blind, panel.days, step)
        return cls(
            panel,
            parts,
            rows,
            due,
            sigma,
            own,
            machines,
            as_sensor,
            spoke,
            index,
            kind,
            losses,
            held,
            standing,
        )

    def _usual_level(self, m: int, others: list[int]) -> Floats:
        """The others' usual level over a machine's own, (T,); NaN without others."""
        by_day = [part.usual_level(others) / part.level(m) for part in self.parts]
        return np.asarray(np.concatenate(by_day)[self.panel.days.row])

    def told(self, m: int, profiles: Profiles) -> Told:
        """Of one machine, on its own clock and days."""
        panel, place = self.panel, self.panel.places[m]
        track, references = panel.machines[m], panel.references
        others = [j for j in range(references) if j != m]
        days = np.searchsorted(panel.days.number, track.days.number)

        def by_day(name: str, j: int) -> Floats:
            values = np.concatenate([np.asarray(getattr(part, name)(j)) for part in self.parts])
            return values[days]

        def mean(counted: _Counted) -> Floats:
            return np.asarray(counted.of_others(m, references)[place])

        lies = self.parts[-1].lies
        alike = [j for j in others if apart(lies[j], lies[m]) < ALIKE_DEG]
        sensor = panel.sensor_of[m]
        row = len(panel.machines) + (sensor if sensor >= 0 else 0)
        has_sensor = len(panel.light) > 0
        own_rows = np.searchsorted(profiles.day, track.days.number)
        fleet, company = np.full((2, len(days)), np.nan)
        if len(others) >= LEAST_OTHERS:
            without = min(m, references)  # its own loss pulls down the sky that the others are judged by
            fleet = shared(self.losses[without][others])[days]
            if len(alike) >= LEAST_ALIKE:  # a whole roof falls by what is wrong of its plane
                fleet = np.fmax(fleet, shared(self.losses[without][alike])[days])
                company = of_company(self.losses[without][alike][:, days])
        last = self.parts[-1].learned
        turned, unsure = (
            np.concatenate([np.full(part.last - part.first, getattr(part, name)) for part in self.parts])[
                days
            ]
            for name in ("turned", "unsure")
        )
        return Told(
            due=self.due[m][place],
            sigma=np.hypot(self.sigma[m][place], np.where(unsure[track.days.row], UNSURE, 0.0)),
            own=self.own[m][place],
            spoke=self.spoke[m][place],
            index=self.index[place],
            kind=self.kind[m][place],
            limited=self.limited[place],
            standing=mean(self.standing),
            known=np.concatenate([part.base[m].count for part in self.parts])[days],
            placed=np.concatenate([np.full(p.last - p.first, p.placed[m]) for p in self.parts])[days],
            unlike=np.concatenate([np.full(p.last - p.first, p.unlike(m)) for p in self.parts])[days],
            level=by_day("level", m),
            levels=np.array([by_day("level", j) for j in alike]).reshape(len(alike), len(days)).T,
            fleet_loss=fleet,
            company=company,
            usual=(self.machines[m] * self._usual_level(m, others))[place],
            as_sensor=self.as_sensor[sensor][place] if sensor >= 0 else np.full(len(track), np.nan),
            profile=profiles.share[m][own_rows],
            irradiance=profiles.share[row][own_rows] if has_sensor else np.full((len(days), SLOTS), np.nan),
            plane=last[m],
            sensor_plane=last[row] if has_sensor else None,
            others=len(others),
            sensors=len(panel.light),
            turned=turned,
        )


@dataclass(frozen=True)
class _Chunk:
    """Some instants of a part, solved."""

    panel: Panel
    at: slice
    norm: Floats
    beam: Floats
    diffuse: Floats
    warm: Floats | None
    every: SkyState
    sensors: SkyState | None
    index: Floats
    sun: Sun

    @classmethod
    def of(cls, panel: Panel, part: Part, at: slice, norm: Floats) -> _Chunk:
        machines, sun = len(panel.machines), panel.sun.at(at)
        share, light = panel.share[:, at], panel.light[:, at]
        seen = np.concatenate((share / panel.cool[at], light)) / norm
        sensor = [False] * machines + [True] * len(light)
        beam, diffuse = views(part.lies, sun)
        warm = heat(seen, part.lies, sensor)
        if warm is not None:
            seen /= 1.0 - OWN_HEAT * (seen - warm)
        with np.errstate(invalid="ignore"):
            say = np.isfinite(seen).astype(float)
            say[:machines] *= np.where(share >= NEAR_CAPACITY_SHARE, CLIPPED_SAY, 1.0)
        say[panel.references : machines] = 0.0
        if sum(part.placed) >= LEAST_PLACED:
            say[~np.array(part.placed)] = 0.0
        every = solve(seen, beam, diffuse, say, sun)
        alone = None
        if len(light):
            own = slice(machines, None)
            rows = slice(0, 1) if len(beam) == 1 else own
            alone = solve(seen[own], beam[rows], diffuse[rows], say[own], sun)
        return cls(panel, at, norm, beam, diffuse, warm, every, alone, every.index, sun)

    def told(self, m: int, dull: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Due, its relative spread, how many spoke, and due by the irradiance alone, (n,) each. `dull`: the
        machine's level under clouds, (n,)."""
        clouds = self.clouds(dull)
        row = m if len(self.beam) > 1 else 0
        beam, diffuse = self.beam[row] * self.sun.clear, self.diffuse[row] * self.sun.clear
        value, spread, spoke = self.every.without(m, beam, diffuse)
        own = np.full(len(value), np.nan)
        if self.sensors is not None:
            own = self._share(m, self.sensors.seen_without((), beam, diffuse) * clouds)
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._share(m, value * clouds), spread / np.maximum(value, 1e-3), spoke, own

    def by_machines(self, m: int, due: Floats) -> Floats:
        """Due by the other machines alone, (n,); `due`: by all others."""
        return due if self.sensors is None else self._share(m, self.seen_by_machines(m))

    def seen_by_machines(self, j: int) -> Floats:
        """What a witness's plane sees by the machines alone, without its own say, kW/m², (n,)."""
        row, machines = j if len(self.beam) > 1 else 0, len(self.panel.machines)
        beam, diffuse = self.beam[row] * self.sun.clear, self.diffuse[row] * self.sun.clear
        return self.every.seen_without({j, *range(machines, len(self.norm))}, beam, diffuse)

    @cached_property
    def _bright(self) -> list[Floats]:
        return [
            power(beam, diffuse, self.sun) for beam, diffuse in zip(self.beam, self.diffuse, strict=True)
        ]

    def clear(self, m: int) -> Floats:
        """What the clear sky would give a machine, share of capacity, (n,)."""
        return self._share(m, self._bright[m if len(self.beam) > 1 else 0])

    def energies(self, dulls: list[Floats], due: Floats) -> Iterator[tuple[Floats, Floats]]:
        """Of each machine of reference, by day, what it was due by all witnesses but each of these, and
        by all, (R + 1, D), and what it gave, (D,): shares of capacity added up while it was at work.

        `dulls`: their levels under clouds, (n,) each; `due`: by all others, (M, n)."""
        light = [self.every.light_without(j) for j in (*((j,) for j in range(len(dulls))), ())]
        told = np.isfinite(sum(beam for beam, _ in light))
        days = len(self.panel.days)
        lit: Floats = np.empty((len(light), 0))
        for m, dull in enumerate(dulls):
            share, row = self.panel.share[m, self.at], m if len(self.beam) > 1 else 0
            if len(self.beam) > 1 or not m:  # by plane
                beam, diffuse = self.beam[row] * self.sun.clear, self.diffuse[row] * self.sun.clear
                lit = np.array([np.maximum(b * beam + d * diffuse, 0.0) for b, d in light])
            with np.errstate(invalid="ignore"):
                working = np.flatnonzero(told & (due[m] > LEAST_DUE) & (share > STANDING_SHARE))
            of_day = self.panel.days.row[self.at][working]
            by_others = np.zeros((len(light), days))
            if len(working):
                first = np.flatnonzero(np.diff(of_day, prepend=-1))
                owed = self._share(m, lit[:, working] * self.clouds(dull)[working], working)
                by_others[:, of_day[first]] = np.add.reduceat(owed, first, axis=1)
            yield by_others, np.asarray(np.bincount(of_day, share[working], days), dtype=float)

    def clouds(self, dull: Floats) -> Floats:
        """What clouds leave of a machine's level, (n,)."""
        return under_clouds(dull, self.index)

    def by_clear_sky(self, clouds: Clouds, row: Indices) -> tuple[Floats, Floats, Floats]:
        """Due, its relative spread and whether a partial loss can be told of a lone machine, (n,) each;
        `row`: each instant's day in the part."""
        clear = clouds.clear[row, self.panel.sky.slot[self.at]]
        light = power(self.beam[0], self.diffuse[0], self.sun)
        index = self.panel.weather_index[self.at]
        told = power(self.beam[0], self.diffuse[0], self.sun, np.nan_to_num(index, nan=1.0))
        left = np.where(np.isnan(index), clouds.usual, told / light)
        dark = light / np.maximum(self.diffuse[0] * self.sun.clear, LEAST_DARK)
        due = self._share(0, np.where(clear, 1.0, left) * light)
        spread = clouds.spread(left, dark)
        with np.errstate(invalid="ignore"):
            clear &= ~(index < SUNNY)  # thin clouds and haze are quiet too
        high = self.sun.sine > LOW_SUN
        lit = np.minimum(spread, np.log(NEVER_DARKER) / BOUND)
        spread = np.where(np.isnan(index) | ~high, spread, lit)
        sun = self.panel.sunny[self.at] & high & (light > CLEAR_DUE)
        spoke = np.where(clear, 1.0, np.where(sun, SUNNY_SAYS, 0.0))
        return due, np.where(clear, SURE, spread), spoke

    def _share(self, m: int, value: Floats, some: Indices | slice = slice(None)) -> Floats:
        """Share of capacity at an irradiance on the machine's plane, at all instants or `some`."""
        power = value * self.norm[m, some] * self.panel.cool[self.at][some]
        if self.warm is not None:
            power = power * (1.0 - OWN_HEAT * (value - self.warm[m, some]))
        return np.asarray(np.minimum(power, 1.0))

    def kind(self, m: int) -> Ints:
        """Which kind of instant each is for a machine, 0…7."""
        beam = self.beam[m if len(self.beam) > 1 else 0] * self.sun.sine
        high: Mask = self.panel.sky.elevation[self.at] > HIGH_SUN if self.sun.known else beam > 0.0
        return 4 * (self.index >= CLEAR) + 2 * (beam > ON_PLANE) + high.astype(np.int64)
