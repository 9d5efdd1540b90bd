"""A long file, judged in parts one after the other, as if each had come as a file of its own.

What detection holds of each reading while it judges (some 200 bytes) would grow with the file. So a long
file is cut at midnights into parts of some months. Each part is judged with the days of the parts before it
in the histories, as files of a day are; incidents are made once, of all days. Where a file is not long,
nothing is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.documents.assets import Asset, Location
from ona.telemetry.readings import ReadingsByAsset, span
from ooda.detect import asset_history, incidents
from ooda.detect.context import Before, Context, Ends, TelemetryFile
from ooda.detect.site_assets import of_reference
from ooda.detect.sky import DAY_MINUTES, MINUTE, solar_days
from ooda.documents.asset_history import AssetHistory, HistoryDay
from ooda.documents.detections import AssetDetection, QualityIssue, Window

if TYPE_CHECKING:
    from ooda.detect.judge import AssetVerdict

MOST_READINGS = 900_000
"""Readings of a site's machines that are judged at once (ours): some 180 MB."""
LEAST_DAYS = 30
"""Days. Parts have this many or a multiple of it: planes are fitted every 60 days."""

Judge = Callable[[TelemetryFile, Context, Collection[str] | None], list["AssetVerdict"]]
"""Judges some of a file's assets at once."""
_Said = tuple[AssetDetection, NDArray[np.float64]]
"""What was said of a part of an asset's readings, and the power that was due at each, kW."""


def judged(
    file: TelemetryFile, context: Context, only: Collection[str] | None, judge: Judge
) -> list[AssetVerdict]:
    """A verdict on each of the file's assets, or of those in `only`, in order of their ids."""
    if file.rows < MOST_READINGS:
        return judge(file, context, only)
    registered = {asset.id: asset for asset in file.registry.assets}
    by_site: dict[str, list[str]] = {}
    for name in sorted(set(file.readings) & set(registered)):
        by_site.setdefault(registered[name].site_id, []).append(name)
    verdicts: list[AssetVerdict] = []
    for names in by_site.values():
        wanted = [name for name in names if only is None or name in only]
        if wanted:
            site = _Site.of(file, wanted, [registered[name] for name in names])
            verdicts += _of_site(site, context, judge)
    return sorted(verdicts, key=lambda verdict: verdict.detection.asset_id)


@dataclass(frozen=True)
class _Site:
    """A site's assets in a file: those `wanted`, and all that must be `judged` for it, by id: the wanted
    ones and those of reference, of whom the next part must know. `place`: whose midnights cut the days of
    all but turbines; `first` and `last`: the days of the file, since 1970; `days` of a part."""

    file: TelemetryFile
    wanted: list[str]
    judged: dict[str, Asset]
    place: Location | None
    first: int
    last: int
    days: int

    @classmethod
    def of(cls, file: TelemetryFile, wanted: list[str], site: list[Asset]) -> _Site:
        needed = {*wanted, *of_reference(site, file.rules.algorithms.reference.max_peers)}
        assets = {asset.id: asset for asset in site if asset.id in needed}
        place = next((assets[n].location for n in wanted if assets[n].location), None)
        ends = [(e.timestamp() / 60.0) for e in file.ends]
        first, last = solar_days(np.array(ends), place).tolist()
        a_day = sum(_count(file.readings, name) for name in assets) / (last + 1 - first)
        days = max(1, int(MOST_READINGS / a_day / LEAST_DAYS)) * LEAST_DAYS
        return cls(file, wanted, assets, place, first, last, days)

    @property
    def cuts(self) -> list[int]:
        """The days at which parts begin, but for the first; the last has `LEAST_DAYS` at least."""
        return list(range(self.first + self.days, self.last + 2 - LEAST_DAYS, self.days))

    def midnight(self, day: int, name: str) -> int:
        """When a day begins for an asset, µs since 1970 UTC."""
        place = None if self.judged[name].is_wind else self.place
        return int((day * DAY_MINUTES - (place.longitude * 4.0 if place else 0.0)) * MINUTE)


@dataclass(frozen=True)
class _Part:
    """The days from `first` to before `last` of a site's file."""

    site: _Site
    first: int
    last: int

    def file(self, before: Mapping[str, Before]) -> TelemetryFile:
        """The part as a file of its own; `before`: what came of the parts before it."""
        whole, names = self.site.file, self.site.judged
        frames, goes_on = {}, set()
        for name in names:
            begin, end = self._ends(name)
            frame = between(whole.readings, name, begin, end)
            if len(frame):
                frames[name] = frame
            if _last(whole.readings, name) >= end:
                goes_on.add(name)
        edges: dict[str, Ends] = {}
        for wind in (False, True):
            kind = {n: own for n, own in frames.items() if names[n].is_wind is wind}
            if kind:
                first, last = span(kind)
                first = whole.ends[0] if self.first == self.site.first else first
                last = whole.ends[1] if self.last > self.site.last else last
                edges |= dict.fromkeys(kind, (first, last))
        unusable = {
            name: [(why, times[(times >= begin) & (times < end)]) for why, times in own]
            for name, own in whole.quality.unusable.items()
            if name in names
            for begin, end in [self._ends(name)]
        }
        return replace(
            whole,
            readings=frames,
            quality=replace(whole.quality, unusable=unusable),
            span=None,
            edges=edges,
            before=before,
            goes_on=frozenset(goes_on),
            came=frozenset(whole.readings),
        )

    def _ends(self, name: str) -> tuple[int, int]:
        """The part's begin and end for an asset, µs; the file's first and last part have no end there."""
        begin = self.site.midnight(self.first, name) if self.first > self.site.first else -(2**62)
        return begin, self.site.midnight(self.last, name) if self.last <= self.site.last else 2**62

    def beside(self, neighbours: pd.DataFrame) -> pd.DataFrame:
        """The neighbours' readings of these days."""
        if neighbours.empty:
            return neighbours
        some = next(iter(self.site.judged))
        times = pd.DatetimeIndex(neighbours["timestamp"]).as_unit("us").asi8
        begin, end = self._ends(some)
        return neighbours[(times >= begin) & (times < end)]


def _of_site(site: _Site, context: Context, judge: Judge) -> list[AssetVerdict]:
    known = {**context.beside, **context.histories}
    given = {name: known.get(name) or asset_history.empty(site.judged[name]) for name in site.judged}
    histories, days = dict(given), {name: dict[str, HistoryDay]() for name in given}
    found: dict[str, list[_Said]] = {name: [] for name in site.wanted}
    newest: dict[str, AssetVerdict] = {}
    cuts = site.cuts
    if not cuts:
        return judge(site.file, context, site.wanted)
    for first, last in zip([site.first, *cuts], [*cuts, site.last + 1], strict=True):
        before = {name: Before(given[name], days[name]) for name in given}
        for verdict in _of_part(_Part(site, first, last), before, histories, context, judge):
            name = verdict.detection.asset_id
            histories[name] = verdict.history
            days[name] = _kept(verdict, {**days[name], **verdict.days}, site.file.key)
            if name in found:
                found[name].append((verdict.detection, verdict.expected))
                newest[name] = replace(verdict, days=days[name])
    return [_joined(newest[name], parts, given[name]) for name, parts in found.items() if parts]


def _of_part(
    part: _Part,
    before: Mapping[str, Before],
    histories: Mapping[str, AssetHistory],
    context: Context,
    judge: Judge,
) -> list[AssetVerdict]:
    """The verdicts on a part, with the whole file's frames: the part's own end here."""
    site = part.site
    beside = replace(
        context,
        histories={**context.histories, **histories},
        neighbours=part.beside(context.neighbours),
    )
    only = site.wanted if part.last > site.last else list(site.judged)
    verdicts = judge(part.file(before), beside, only)
    return [replace(verdict, frames=site.file.readings) for verdict in verdicts]


def _kept(verdict: AssetVerdict, days: dict[str, HistoryDay], key: str) -> dict[str, HistoryDay]:
    """The days of a file until now as the history keeps them: without what is too old to teach."""
    by_day = verdict.history.days
    return {day: by_day.get(day, {}).get(key, item) for day, item in days.items()}


def _joined(last: AssetVerdict, parts: list[_Said], history: AssetHistory) -> AssetVerdict:
    """The verdict on the whole of an asset's readings, from what was said of its parts and the last one."""
    said = [detection for detection, _ in parts]
    window = Window(start=said[0].window.start, end=said[-1].window.end)
    lengths = [(d.window.end - d.window.start).total_seconds() + 1.0 for d in said]
    quality = last.detection.quality.model_copy(
        update={
            "completeness_percent": round(
                float(np.average([d.quality.completeness_percent for d in said], weights=lengths)), 2
            ),
            "issues": [issue for d in said for issue in _dated(d.quality.issues, d.window)],
        }
    )
    sums = ("expected_energy_kwh", "measured_energy_kwh", "lost_energy_kwh", "clipped_hours")
    detection = last.detection.model_copy(
        update={
            **{name: round(sum(getattr(d, name) for d in said), 2) for name in sums},
            "window": window,
            "quality": quality,
            "incidents": incidents.of_file(history, last.history, window),
        }
    )
    return replace(last, detection=detection, expected=np.concatenate([due for _, due in parts]))


def _dated(issues: Iterable[QualityIssue], window: Window) -> list[QualityIssue]:
    """The issues of a part, which say of which days they are."""
    days = f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}"
    return [one.model_copy(update={"statement": f"{one.statement} ({days})"}) for one in issues]


def _count(readings: Mapping[str, pd.DataFrame], name: str) -> int:
    return readings.count(name) if isinstance(readings, ReadingsByAsset) else len(readings[name])


def _last(readings: Mapping[str, pd.DataFrame], name: str) -> int:
    """The time of an asset's last reading, µs since 1970 UTC."""
    if isinstance(readings, ReadingsByAsset):
        return readings.last(name)
    return int(pd.DatetimeIndex(readings[name]["timestamp"].iloc[-1:]).as_unit("us").asi8[0])


def between(readings: Mapping[str, pd.DataFrame], name: str, begin: int, end: int) -> pd.DataFrame:
    """An asset's readings from a time to before another, µs since 1970 UTC."""
    if isinstance(readings, ReadingsByAsset):
        return readings.between(name, begin, end)
    times = pd.DatetimeIndex(readings[name]["timestamp"]).as_unit("us").asi8
    rows = np.searchsorted(times, (begin, end))
    return readings[name].iloc[rows[0] : rows[1]].reset_index(drop=True)
