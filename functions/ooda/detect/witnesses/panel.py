"""The panel of a site: all that measures its sky, and what it tells of each asset.

The assets of reference and the irradiance sensors are witnesses. In each part of a file in which planes
stay as they are (`learning.py`) each reading over its own level and shape is what a plane of that lie
sees; from
these follows the sky's state (`sky_state.py`), and what each asset was due by all others (`telling.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import bottleneck as bn
import numpy as np
import pandas as pd

from ooda.config.detection import ReferenceRules
from ooda.detect.asset_history import name_of
from ooda.detect.levels import STANDING_SHARE
from ooda.detect.peers import GAMMA, HOTTEST_C
from ooda.detect.sky import Floats, Ints, Mask, Sky
from ooda.detect.spoilt import Spoilt
from ooda.detect.stamps import COARSE_MINUTES
from ooda.detect.track import Days, Indices, Track
from ooda.detect.witnesses.clear_sky import SUNNY, index_of_weather
from ooda.detect.witnesses.learning import Witness
from ooda.detect.witnesses.planes import Lie, Sun
from ooda.detect.witnesses.profiles import (
    KEEP_PROFILES,
    Profiles,
    between_readings,
    joined,
    kept,
    of_track,
)
from ooda.documents.asset_history import AssetHistory

FIELDS = tuple(Sky.__dataclass_fields__)
MOST_SENSORS = 3
"""Different irradiance sensors of a site that are asked."""


@dataclass(frozen=True)
class Panel:
    """A site's machines (first `references` that speak, then others that are only judged) and sensors on a
    common clock of T instants.

    `share`: power over capacity, (M, T); `light`: irradiance, kW/m², (S, T); `cool`: what the modules'
    temperature leaves of their power, (T,); `sensor_of`: which sensor each machine has, −1 for none.
    `places`: where a machine's instants stand on the clock; `weather`: the site's hours, UTC, by their end.
    """

    machines: list[Track]
    references: int
    sky: Sky
    sun: Sun
    days: Days
    share: Floats
    light: Floats
    cool: Floats
    sensor_of: list[int]
    places: list[Indices | slice]
    histories: Mapping[str, AssetHistory]
    rules: ReferenceRules
    weather: pd.DataFrame | None = None

    @classmethod
    def of(
        cls,
        reference: list[Track],
        others: list[Track],
        histories: Mapping[str, AssetHistory],
        rules: ReferenceRules,
        weather: pd.DataFrame | None = None,
    ) -> Panel:
        """From the tracks of the assets of reference, and of other assets that are to be judged."""
        machines = [*reference, *others]
        sky, places = _clock(machines)

        def on_clock(values: list[Floats]) -> Floats:
            out = np.full((len(values), len(sky.minutes)), np.nan)
            for row, (place, own) in enumerate(zip(places, values, strict=False)):
                out[row, place] = own
            return out

        share = on_clock([track.share for track in machines])
        with np.errstate(invalid="ignore"):
            share[(share > 1.5) | (share < -0.1)] = np.nan
        placed = machines[0].asset.location is not None and not any(t.asset.is_wind for t in machines)
        light, sensor_of = _sensors([t.irradiance for t in machines], on_clock, placed)
        middle = bn.nanmedian(on_clock([t.temperature for t in reference]), axis=0)
        warm = np.minimum(np.where(np.isfinite(middle), middle, 25.0), HOTTEST_C)
        cool = 1.0 + GAMMA * (warm - 25.0) if placed else np.ones(len(warm))
        return cls(
            machines, len(reference), sky, Sun.over(sky, placed), Days.of(sky.day), share, light, cool,
            sensor_of, places, histories, rules, weather,
        )  # fmt: skip

    @property
    def place(self) -> tuple[float, float] | None:
        """Degrees north and east; None where the sun is not known, or nothing depends on it."""
        location = self.machines[0].asset.location
        return (location.latitude, location.longitude) if location and self.sun.known else None

    def days_before(self, asset_id: str) -> int:
        """How many days an asset's history has before the file."""
        history, before = self.histories.get(asset_id), name_of(int(self.days.number[0]))
        return sum(day < before for day in history.days) if history else 0

    @cached_property
    def weather_index(self) -> Floats:
        """The clear-sky index that the weather service tells, (T,), NaN where it tells none."""
        return index_of_weather(self.sky.minutes, self.weather, self.place)

    @cached_property
    def sunny(self) -> Mask:
        """Whether the weather service tells sun at an instant and half an hour before and after, (T,)."""
        with np.errstate(invalid="ignore"):
            told = self.weather_index > SUNNY
            for apart in (-30.0, 30.0):
                told &= index_of_weather(self.sky.minutes + apart, self.weather, self.place) > SUNNY
        return np.asarray(told)

    def one_sensor(self) -> dict[str, str]:
        """By asset id the first machine that has the same irradiance sensor, where several have it."""
        owner = [self.sensor_of.index(s) for s in self.sensor_of if s >= 0]
        machines = [n for n, s in enumerate(self.sensor_of) if s >= 0]
        names = [track.asset.id for track in self.machines]
        return {names[m]: names[o] for m, o in zip(machines, owner, strict=True) if owner.count(o) > 1}

    def witnesses(self) -> list[Witness]:
        """The machines, then the sensors."""
        result = []
        usual = Lie.usual(self.machines[0].asset)
        for m, track in enumerate(self.machines):
            asset, history = track.asset, self.histories.get(track.asset.id)
            before = history.plane if history else None
            result.append(Witness(Lie.usual(asset), asset.is_described, False, before, m < self.references))
        for s in range(len(self.light)):
            history = self.histories.get(self.machines[self.sensor_of.index(s)].asset.id)
            result.append(Witness(usual, False, True, history.sensor_plane if history else None))
        return result

    def aside(self, spoilt: Mapping[str, Spoilt], day: Ints) -> Mask:
        """Of all witnesses the days, since 1970, that are spoilt, (J, D)."""
        names = [track.asset.id for track in self.machines]
        owners = [names[self.sensor_of.index(s)] for s in range(len(self.light))]
        nothing = Spoilt()
        days = [
            *(spoilt.get(name, nothing).power for name in names),
            *(spoilt.get(name, nothing).light for name in owners),
        ]
        return np.array([np.isin(day, own) for own in days]).reshape(len(days), len(day))

    def profiles(self) -> Profiles:
        """Of all witnesses on the file's days, and on the days before from the histories."""
        number, before = self.days.number, name_of(int(self.days.number[0]))
        owners = [*range(len(self.machines)), *(self.sensor_of.index(s) for s in range(len(self.light)))]
        earlier = []
        for row, m in enumerate(owners):
            history = self.histories.get(self.machines[m].asset.id)
            name = "profile" if row < len(self.machines) else "irradiance"
            earlier.append(kept(history.days, before, name) if history else {})
        every = np.unique(np.concatenate([*(list(of) for of in earlier), number]).astype(np.int64))
        every = every[max(0, len(every) - len(number) - KEEP_PROFILES) :]
        step = min(track.step for track in self.machines)
        with np.errstate(invalid="ignore"):
            lit = self.sky.light
            works = [
                *(lit & (own > STANDING_SHARE) for own in self.share),
                *(lit & (own > 0.0) for own in self.light),
            ]
        every_own = [own / self.cool for own in self.share] + list(self.light)
        of_days = [self._profile(own, at_work, step) for own, at_work in zip(every_own, works, strict=True)]
        rows = [joined(past, own, number, every) for past, own in zip(earlier, of_days, strict=True)]
        return Profiles(every, np.array(rows))

    def _profile(self, own: Floats, works: Mask, step: float) -> Floats:
        if step >= COARSE_MINUTES:
            return between_readings(self.days, self.sky.of_day, own, works, step)
        return of_track(self.days, self.sky.slot, own, works, step)


def _clock(machines: list[Track]) -> tuple[Sky, list[Indices | slice]]:
    """All instants of several assets, with the sky there, and where each one's stand among them."""
    skies = {id(track.sky): track.sky for track in machines}
    if len(skies) == 1:
        return machines[0].sky, [slice(None)] * len(machines)
    merged = [np.concatenate([getattr(sky, name) for sky in skies.values()]) for name in FIELDS]
    minutes, first = np.unique(merged[0], return_index=True)
    places: list[Indices | slice] = [np.searchsorted(minutes, track.sky.minutes) for track in machines]
    return Sky(*(values[first] for values in merged)), places


def _sensors(
    irradiance: list[Floats], on_clock: Callable[[list[Floats]], Floats], placed: bool
) -> tuple[Floats, list[int]]:
    """The different irradiance sensors, kW/m², (S, T), and which of them each machine has; −1 for none."""
    every = on_clock(irradiance) / 1000.0
    distinct: list[Floats] = []
    sensor_of = []
    for own in every:
        if not placed or not np.isfinite(own).any():
            sensor_of.append(-1)
            continue
        for s, other in enumerate(distinct):
            both = np.isfinite(own) & np.isfinite(other)
            if both.any() and np.array_equal(own[both], other[both]):
                distinct[s] = np.where(both, other, np.fmax(own, other))
                sensor_of.append(s)
                break
        else:
            if len(distinct) < MOST_SENSORS:
                distinct.append(own)
                sensor_of.append(len(distinct) - 1)
            else:
                sensor_of.append(-1)
    return np.array(distinct).reshape(len(distinct), every.shape[1]), sensor_of
