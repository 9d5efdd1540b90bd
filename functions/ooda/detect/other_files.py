"""The readings of files that overlap with the one that is judged, read again from where they were put."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pandas as pd

from ona.documents.assets import AssetRegistry, Location
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry, ObjectMissing
from ona.runtime.observability import logger
from ona.telemetry import intake
from ona.telemetry.intervals import minutes_of
from ona.telemetry.readings import span
from ooda.detect.asset_history import name_of
from ooda.detect.context import TelemetryFile
from ooda.detect.overlaps import joined, others_of, stays
from ooda.detect.sky import place_of_days, solar_days
from ooda.documents.asset_history import AssetHistory, HistoryDay, Stay
from ooda.documents.detections import Window

Frames = Mapping[str, pd.DataFrame]
"""A file's canonical frames by asset id; empty for a file that cannot be read any more."""
Read = Callable[[str], Frames]
"""Reads a file by its key."""


class OtherFiles:
    """Files of the input bucket, each read once until `forget`.

    One that is gone, archived or no telemetry any more is named in the log and gives nothing; what its days
    said before stands as the history has it.
    """

    def __init__(self, bucket: str, registry: AssetRegistry, now: datetime) -> None:
        self._bucket, self._registry, self._now = bucket, registry, now
        self._read: dict[str, Frames] = {}

    def __call__(self, key: str) -> Frames:
        """The frames of the newest version of a file. Raises DependencyBusy."""
        if key not in self._read:
            self._read[key] = self._frames(key)
        return self._read[key]

    def forget(self) -> None:
        """Read again: a file may have been put anew."""
        self._read.clear()

    def _frames(self, key: str) -> Frames:
        source = S3Pointer(bucket=self._bucket, key=key)
        try:
            telemetry, _ = intake.read(source, self._registry, self._now, service="detect")
        except (InvalidTelemetry, ObjectMissing) as error:
            logger.warning("a file that overlaps cannot be read", key=key, why=str(error))
            return {}
        return telemetry.by_asset


def with_others(
    file: TelemetryFile, histories: Mapping[str, AssetHistory], names: Iterable[str], read: Read
) -> TelemetryFile:
    """The file with the readings of other files that overlap with it, for some of its assets.

    The same file where nothing overlaps, as nearly always. `histories`: which files gave which days.
    """
    frames: dict[str, pd.DataFrame] = {}
    joint = {}
    for name in names:
        history = histories.get(name)
        location = place_of_days(file.registry.require(name, file.key))
        if history is None or not _shares_a_day(history, file, name, location):
            continue
        own = stays(file.readings[name], location)
        known = _with_stays(history, name, location, own, file.key, read)
        wanted = others_of(known, file.key, own)
        keys = sorted({key for of_day in wanted.values() for key in of_day})
        parts = {key: read(key)[name] for key in keys if name in read(key)}
        if not parts:
            continue
        result = joined(file.key, {file.key: file.readings[name], **parts}, wanted, location)
        frames[name], joint[name] = result.frame, result.files
    if not frames:
        return file
    beside = cast(MutableMapping[str, pd.DataFrame], file.readings)  # a chain writes to its first map only
    return replace(file, readings=ChainMap(frames, beside), joint=joint)


def _shares_a_day(history: AssetHistory, file: TelemetryFile, name: str, location: Location | None) -> bool:
    """Whether another file gave a day of the file's too, or was judged with the file before.

    A quick look: as a rule there is none.
    """
    key, ends = file.key, minutes_of(pd.DatetimeIndex(span(file.readings, [name])))
    begin, end = (name_of(int(number)) for number in solar_days(ends, location))
    for day, by_file in history.days.items():
        if begin <= day <= end and by_file.keys() != {key}:
            return True
        for other, item in by_file.items():
            if item.files and (other == key or key in item.files):
                return True
    return False


def _with_stays(
    history: AssetHistory,
    name: str,
    location: Location | None,
    own: Mapping[str, Stay],
    key: str,
    read: Read,
) -> AssetHistory:
    """The history with first and last readings also where an older one has none, on the file's own days."""
    days = dict(history.days)
    for day in own:
        by_file = days.get(day, {})
        if any(item.readings is None for other, item in by_file.items() if other != key):
            days[day] = {
                other: item if other == key else _with_stay(item, day, name, location, read(other))
                for other, item in by_file.items()
            }
    return history.model_copy(update={"days": days})


def _with_stay(
    item: HistoryDay, day: str, name: str, location: Location | None, frames: Frames
) -> HistoryDay:
    if item.readings is not None or name not in frames:
        return item
    stay = stays(frames[name], location).get(day)
    if stay is None:
        return item
    window = Window(start=_moment(stay.first), end=_moment(stay.last))
    return item.model_copy(update={"readings": window, "step_minutes": stay.step})


def _moment(minutes: float) -> datetime:
    return datetime.fromtimestamp(minutes * 60.0, UTC)
