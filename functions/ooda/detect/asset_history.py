"""Asset history: the days of one asset, as its files gave them.

Each day is filed under the key of the file that gave it. A file that comes late, out of order or twice
replaces what it gave before, and changes nothing else. Files that overlap are judged as one and filed as
one (`overlaps.py`). The incidents follow from the days (`incidents.py`).

>>> name_of(number_of("2025-06-10") + 1)
'2025-06-11'
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np

from ona.documents.assets import Asset
from ooda.detect.levels import Levels
from ooda.detect.sky import Floats
from ooda.documents.asset_history import AssetHistory, HistoryDay, file_order, that_count
from ooda.documents.detections import Window

KEEP_DAYS = 800
"""Days. Two years and more, so that the same season is there twice."""
KINDS = 8
"""Kinds of instant (`witnesses/telling.py`)."""
KEEP_SPREADS = 30
"""Days before a file whose spreads are asked (`shape_days` of detection.yaml)."""
KEEP_PROFILES = 120
"""Days. Twice as many as gains look back and planes are fitted on, for files that come late."""
KEEP_FORMS = 10
"""Days that tell the form of a loss (`form.py`)."""
KEEP_SHAPES = 60
"""Days. Older shapes teach nothing: a turbine's curves look back so far (`power_curve.WINDOW_DAYS`)."""
EPOCH = date(1970, 1, 1)
"""The day with number 0."""
_Row = tuple[int, float, float, float, Sequence[float | None]]
"""A day's number, gain, spread, spread under clouds, and shape."""


def empty(asset: Asset) -> AssetHistory:
    """The history of an asset before its first file."""
    return AssetHistory(asset_id=asset.id, site_id=asset.site_id)


@cache
def number_of(day: str) -> int:
    """Days since 1970 of an ISO date."""
    return (date.fromisoformat(day) - EPOCH).days


@cache
def name_of(number: int) -> str:
    """ISO date of days since 1970."""
    return (EPOCH + timedelta(days=number)).isoformat()


def levels_before(history: AssetHistory, before: int) -> dict[str, Levels]:
    """Levels by driver of the days before a day number.

    A day that is cut between files has a row for each part, the one with the most judged hours last.
    """
    rows: dict[str, list[_Row]] = {}
    for name, by_file in sorted(history.days.items()):
        if number_of(name) >= before:
            continue
        for part in reversed(best_first(by_file)):
            for driver, level in part.levels.items():
                rows.setdefault(driver, []).append(
                    (number_of(name), _nan(level.gain), _nan(level.spread), _nan(level.cloudy), level.shape)
                )
    return {driver: _levels(of_driver) for driver, of_driver in rows.items()}


def best_first(by_file: Mapping[str, HistoryDay]) -> list[HistoryDay]:
    """The parts of a day that count, that with the most judged hours first."""
    return sorted(that_count(by_file), key=lambda item: -item.judged_hours)


def filled(parts: Sequence[Sequence[float | None]]) -> list[float]:
    """A day's numbers from those of its parts: each from the first part that has it, NaN for none.

    >>> filled([[0.5, None], [0.4, 0.3], []])
    [0.5, 0.3]
    """
    said = [part for part in parts if part]
    if len(said) == 1:
        return [_nan(value) for value in said[0]]
    return [_nan(next((x for x in same if x is not None), None)) for same in zip(*said, strict=True)]


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _levels(rows: list[_Row]) -> Levels:
    """The shapes of a turbine, its tables, are as long as they are."""
    shape = np.full((len(rows), max(len(row[4]) for row in rows)), np.nan)
    for n, row in enumerate(rows):
        shape[n, : len(row[4])] = np.array(row[4], dtype=float)  # None is NaN
    return Levels(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=float),
        np.array([row[2] for row in rows], dtype=float),
        np.array([row[3] for row in rows], dtype=float),
        shape,
    )


@dataclass(frozen=True)
class EarlierSpreads:
    """Of the days before a file, D of them: `by_kind`, (D, 8), how residuals spread by kind of instant;
    `memory` and `shift`, (D,), as the history's days have them."""

    by_kind: Floats
    memory: Floats
    shift: Floats


def spreads_before(history: AssetHistory, before: int) -> EarlierSpreads:
    """How residuals spread on the last days before a day number that say so."""
    rows: list[tuple[list[float], float, float]] = []
    for name, by_file in sorted(history.days.items(), reverse=True):
        if number_of(name) < before and len(rows) < KEEP_SPREADS:
            parts = best_first(by_file)
            spreads = filled([part.spreads for part in parts])
            memory, shift = filled([[part.memory, part.shift] for part in parts])
            if spreads or not math.isnan(memory):
                rows.append((spreads or [math.nan] * KINDS, memory, shift))
    rows.reverse()
    return EarlierSpreads(
        np.array([row[0] for row in rows], dtype=float).reshape(len(rows), KINDS),
        np.array([row[1] for row in rows], dtype=float),
        np.array([row[2] for row in rows], dtype=float),
    )


def best_beside(history: AssetHistory, before: int) -> float:
    """The highest level beside its neighbours that an asset had before a day number; NaN for none."""
    return max(
        (
            item.beside
            for day, by_file in history.days.items()
            if number_of(day) < before
            for item in by_file.values()
            if item.beside is not None
        ),
        default=math.nan,
    )


def channel_before(
    history: AssetHistory, before: int, name: str, days: int = 30, most_loss: float = math.inf
) -> list[float]:
    """A channel's daily values before a day number, the newest first, at most `days` measured ones.

    `name`: `volts` (V), `efficiency` (AC over DC) or `warmth_c` (°C). `most_loss`: days that lost a larger
    share of their energy (0…1) are left out.
    """
    values: list[float] = []
    for day, by_file in sorted(history.days.items(), reverse=True):
        if number_of(day) < before and len(values) < days:
            measured = [
                value
                for item in that_count(by_file)
                if (value := getattr(item, name)) is not None and (item.loss or 0.0) < most_loss
            ]
            values += measured[:1]
    return values


def windows_of(history: AssetHistory | None, key: str) -> list[Window]:
    """From when to when a file gave readings before, alone or with others; empty before its first time."""
    return [
        item.readings
        for by_file in (history.days.values() if history is not None else ())
        for name, item in by_file.items()
        if item.readings is not None and key in (name, *item.files)
    ]


def with_days(history: AssetHistory, key: str, days: dict[str, HistoryDay]) -> AssetHistory:
    """The history with the days that the file `key` gives; what the file gave before is replaced.

    A day that was judged with other files' readings (`HistoryDay.files`) replaces what these gave, too.
    """
    merged = {
        day: {
            name: item
            for name, item in by_file.items()
            if name != key and not (day in days and {name, *item.files} <= {key, *days[day].files})
        }
        for day, by_file in history.days.items()
    }
    for day, item in days.items():
        files = set(item.files) or {key}
        last = max(files, key=file_order)
        others = sorted(files - {last}, key=file_order)
        merged.setdefault(day, {})[last] = item.model_copy(update={"files": others}) if others else item
    newest = max((number_of(day) for day in merged), default=0)
    for day in sorted(merged):
        age = newest - number_of(day)
        if not merged[day] or age > KEEP_DAYS:
            del merged[day]
        elif age > KEEP_SHAPES and any(
            level.shape for item in merged[day].values() for level in item.levels.values()
        ):
            merged[day] = {name: _without_shape(item) for name, item in merged[day].items()}
        if merged.get(day) and age > 2 * KEEP_FORMS and any(item.missing for item in merged[day].values()):
            merged[day] = {
                name: item.model_copy(update={"missing": []}) for name, item in merged[day].items()
            }
        if merged.get(day) and age > KEEP_PROFILES and any(item.profile for item in merged[day].values()):
            merged[day] = {name: _without_profile(item) for name, item in merged[day].items()}
    return history.model_copy(update={"days": dict(sorted(merged.items()))})


def _without_shape(item: HistoryDay) -> HistoryDay:
    levels = {name: level.model_copy(update={"shape": []}) for name, level in item.levels.items()}
    return item.model_copy(update={"levels": levels})


def _without_profile(item: HistoryDay) -> HistoryDay:
    return item.model_copy(update={"profile": [], "irradiance": []})
