"""The assets of a site side by side: their readings by daylight, and the site's assets of reference."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ona.documents.assets import Asset
from ona.telemetry.readings import by_asset
from ooda.config.detection import DetectionConfig
from ooda.detect import day_marks
from ooda.detect.clock_beside import lags
from ooda.detect.context import Context, TelemetryFile
from ooda.detect.data_days import DataDays
from ooda.detect.day_marks import Table
from ooda.detect.peers import Site
from ooda.detect.sky import Clock, Floats, Mask, Sky, by_utc, judged_light
from ooda.detect.sky import sky as sky_of
from ooda.detect.spoilt import Spoilt, teaching
from ooda.detect.stamps import to_the_middle
from ooda.detect.track import Indices, Track
from ooda.detect.wind_farm import winds_beside
from ooda.detect.witnesses.panel import Panel
from ooda.detect.witnesses.telling import Told, tell
from ooda.documents.asset_history import AssetHistory

DUSK_MINUTES, DUSK_READINGS = 60.0, 6
"""Minutes of the dark, and readings at least, that belong to the day: what is concluded of a reading looks
at the readings beside it."""


@dataclass(frozen=True)
class Member:
    """An asset of a site.

    `whole`: all its readings; the night's say something of the data only. `track`: the readings that are
    judged; `rows`: where they stand among all, None where they are all of them.
    """

    whole: Track
    track: Track
    rows: Indices | None


@dataclass(frozen=True)
class DaysOfFile:
    """What the days of a file say of the data: their `marks`, and `days`, those of the history too."""

    marks: Table
    days: DataDays


@dataclass(frozen=True)
class SiteAssets:
    """The assets of one site that are judged, the site's assets of reference, its turbines among these,
    and by id what the site's witnesses tell of each asset, and what its days say of the data. `sensors`: by
    id the first of the machines that have the same irradiance sensor, where several have it. `absent`: one
    of reference has not come yet."""

    site_id: str
    members: list[Member]
    site: Site
    told: dict[str, Told]
    data: dict[str, DaysOfFile]
    sensors: dict[str, str]
    turbines: tuple[Track, ...] = ()
    absent: bool = False


def sites_of(
    file: TelemetryFile, context: Context, only: Collection[str] | None = None
) -> list[SiteAssets]:
    """The assets to judge by site: those of the file, or those named in `only`."""
    rules = file.rules.algorithms.reference
    beside = {} if context.neighbours.empty else by_asset(context.neighbours)
    registered = {asset.id: asset for asset in file.registry.assets}
    known = {name: teaching(own) for name, own in (context.beside | context.histories).items()}
    by_site: dict[str, list[str]] = {}
    for name in sorted({*beside, *file.readings} & set(registered)):
        by_site.setdefault(registered[name].site_id, []).append(name)
    sites = []
    for site_id, everybody in sorted(by_site.items()):
        judged = sorted(set(everybody) & set(file.readings if only is None else only))
        if not judged:
            continue
        kinds = [[n for n in everybody if registered[n].is_wind is wind] for wind in (False, True)]
        reference = of_reference([registered[name] for name in everybody], rules.max_peers)
        frames = {
            name: file.readings[name] if name in file.readings else beside[name]
            for name in sorted({*judged, *reference})
        }
        own = (a for a in file.registry.assets if a.site_id == site_id and not a.is_storage)
        planned = set(of_reference(own, rules.max_peers))  # they are its reference once they came
        place = next((registered[name].location for name in judged if registered[name].location), None)
        clock = Clock.of([own["timestamp"] for own in frames.values()])
        tracks = _tracks(frames, registered, clock, sky_of(clock.times, place, file.rules.filtering))
        shift = to_the_middle([tracks[name] for name in reference], known)
        if shift:
            moved = sky_of(clock.times, place, file.rules.filtering, shift)
            tracks = _tracks(frames, registered, clock, moved)
        members = by_daylight(tracks, file.rules)
        weather = context.weather.get(site_id)
        late: dict[str, Floats] = {}
        panels: list[Panel] = []
        for kind in kinds:
            speaking = [members[name].track for name in kind if name in reference]
            others = [members[name].track for name in kind if name in judged and name not in reference]
            if speaking:
                panels += [
                    Panel.of(witnesses, more, known, rules, weather)
                    for witnesses, more in _panels(speaking, others, len(planned) <= rules.min_peers)
                ]
                late |= lags(speaking, others, judged)
        sensors = {name: first for panel in panels for name, first in panel.one_sensor().items()}
        windy = tuple(members[n].track for n in reference if registered[n].is_wind)
        own_members = [members[name] for name in judged]
        data = _Data(own_members, context, late, windy, weather, file.rules)
        told, said = data.set_aside(panels)
        site = Site.of([members[name].track for name in reference], rules.min_peers)
        absent = not planned <= {*everybody, *file.came}
        sites.append(SiteAssets(site_id, own_members, site, told, said, sensors, windy, absent))
    return sites


@dataclass(frozen=True)
class _Data:
    """What the days of the `members` say of their data, beside those of their histories. `late`, by id:
    minutes beside the neighbours' clocks, (D,)."""

    members: list[Member]
    context: Context
    late: dict[str, Floats]
    turbines: tuple[Track, ...]
    weather: pd.DataFrame | None
    rules: DetectionConfig

    def set_aside(self, panels: Sequence[Panel]) -> tuple[dict[str, Told], dict[str, DaysOfFile]]:
        """What the witnesses tell, and what the days say of the data, by asset id.

        Nobody learns of a spoilt day, and a machine is no witness on it: where days of the file are, they
        are set aside and all is told again.
        """
        mine = {member.track.asset.id for member in self.members}
        known = self.context.beside | self.context.histories
        spoilt = {name: Spoilt.of(known[name]) for name in known if name not in mine}
        told = _told(panels, spoilt)
        said = self._said(told)
        again = {name: days for name, of in said.items() if (days := of.days.spoilt)}
        if again:
            told = _told(panels, spoilt | again)
            said = self._said(told)
        return told, said

    def _said(self, told: Mapping[str, Told]) -> dict[str, DaysOfFile]:
        out = {}
        for member in self.members:
            track, name = member.track, member.track.asset.id
            lit = judged_light(track.sky, track.asset, self.rules.filtering)
            winds = winds_beside(track, self.turbines, self.weather)
            own = day_marks.measure(track, told[name], self.late[name], lit, winds)
            history = self.context.histories.get(name) or AssetHistory(asset_id=name, site_id="")
            out[name] = DaysOfFile(own, DataDays.of(day_marks.joined(history, own)))
        return out


def _told(panels: Sequence[Panel], spoilt: Mapping[str, Spoilt]) -> dict[str, Told]:
    return {name: told for panel in panels for name, told in tell(panel, spoilt).items()}


def _tracks(
    frames: Mapping[str, pd.DataFrame], registered: Mapping[str, Asset], clock: Clock, common: Sky
) -> dict[str, Track]:
    """The readings of a site's assets under one sky; turbines have UTC days."""
    turbines = by_utc(common)
    return {
        name: Track.of(
            own,
            registered[name],
            (turbines if registered[name].is_wind else common).at(clock.rows(own["timestamp"])),
        )
        for name, own in frames.items()
    }


def _panels(speaking: list[Track], others: list[Track], few: bool) -> list[tuple[list[Track], list[Track]]]:
    """Which machines are witnesses for each other: all, but each by itself where `few` of a site have no
    sensor. Two or three cannot tell whose loss it is; the clear sky tells it of each.
    """
    seen = any(np.isfinite(track.irradiance).any() for track in speaking)
    if seen or not few or any(track.asset.is_wind for track in speaking):
        return [(speaking, others)]
    return [([track], []) for track in (*speaking, *others)]


def of_reference(site: Iterable[Asset], most: int) -> list[str]:
    """The assets of a site that are its reference: of each kind the first by id, the same every time."""
    machines = sorted((asset.id, asset.is_wind) for asset in site)
    kinds = [[name for name, is_wind in machines if is_wind is wind] for wind in (False, True)]
    return [name for kind in kinds for name in kind[:most]]


def by_daylight(tracks: dict[str, Track], config: DetectionConfig) -> dict[str, Member]:
    """The assets of one site without the readings of the night.

    Readings of the night stay in which one of them gives power or is beyond a limit.
    """
    shared: dict[int, tuple[Indices, Sky]] = {}
    limits = config.parameters

    def eventful(track: Track) -> Mask:
        with np.errstate(invalid="ignore"):
            return (
                (track.power > 0.0)
                | (track.temperature > limits.temperature.critical_threshold)
                | (track.volts > limits.voltage.critical_threshold)
            )

    skies = {id(track.sky): track.sky for track in tracks.values()}
    dark = config.filtering.exclude_night_hours and not any(t.asset.is_wind for t in tracks.values())
    for key, sky in skies.items() if dark else ():
        mine = [track for track in tracks.values() if track.sky is sky]
        reach = max(DUSK_READINGS, math.ceil(DUSK_MINUTES / min(track.step for track in mine)))
        wide = np.ones(2 * reach + 1)
        near = np.convolve(sky.light, wide, mode="full")[reach : reach + len(sky.light)] > 0.5
        rows = np.flatnonzero(near | np.logical_or.reduce([eventful(track) for track in mine]))
        if 0 < len(rows) < len(near):
            shared[key] = rows, sky.at(rows)
    return {
        name: Member(track, track.at(*shared[id(track.sky)]), shared[id(track.sky)][0])
        if id(track.sky) in shared
        else Member(track, track, None)
        for name, track in tracks.items()
    }
