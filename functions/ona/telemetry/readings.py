"""Readings as columns, each asset's frame, and the report of what was wrong with a file.

An asset's canonical frame has one row a reading, sorted by time:

========================  ==================  ==========================================
column                    unit                note
========================  ==================  ==========================================
timestamp                 UTC, aware          end of the reading's interval
temperature_c             °C                  equipment, module or ambient; NaN where a file has none
voltage_v                 V                   NaN where a file has none
power_kw                  kW AC               never negative; night consumption is clipped to zero
irradiance_w_m2           W/m²                optional
wind_speed_m_s            m/s                 optional
dc_power_kw               kW DC               optional, ours
wind_direction_deg        °                   optional, ours: where the wind comes from, from north
========================  ==================  ==========================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.documents.assets import MOST_OF_NAMEPLATE
from ona.documents.columns import LIMITS
from ona.telemetry.pieces import Piece, Values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
MOST_STRANGERS = 100
"""Assets of a file that nobody registered and that are counted by name (ours)."""
POWER_IS_TEXT = "power_kw_not_a_number"
"""The reason of readings whose power is a text; they stay, without power."""
Unusable = tuple[str, Ints]
"""A reason, and the times of the readings that it concerns, microseconds since 1970 UTC, (n,)."""


@dataclass
class Quality:
    """What was wrong with a file, as numbers of rows by reason.

    `rejected` rows are left out. `flagged` rows stay, with something odd about them. `offsets` counts
    readings by the UTC offset that their time was written with. `unusable`: by asset the times of readings
    that came, and whose power nobody can use, each with the reason. `strangers`: rows of assets that nobody
    registered, by their id. `text_in_power`: the first text in the place of power, and whose it is.
    `values`: numbers that stand in the columns of the machine's limits (`LIMITS`), by column.

    >>> quality = Quality()
    >>> quality.reject("not_finite", 2)
    >>> quality.reject("unknown_asset", 0)  # nothing to count
    >>> quality.rejected
    {'not_finite': 2}
    """

    rows_read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, list[Unusable]] = field(default_factory=dict, compare=False)
    strangers: dict[str, int] = field(default_factory=dict)
    text_in_power: str = field(default="", compare=False)
    values: dict[str, int] = field(default_factory=dict, compare=False)

    def reject(self, reason: str, count: int) -> None:
        """Count rows that were left out."""
        _add(self.rejected, reason, count)

    def flag(self, reason: str, count: int) -> None:
        """Count rows that stay, but have something odd about them."""
        _add(self.flagged, reason, count)

    def written_with(self, offset: str, count: int) -> None:
        """Count readings whose time carries an offset."""
        _add(self.offsets, offset, count)

    def of_no_use(self, rows: Rows, reason: str, where: Mask) -> None:
        """Keep the times of rows, marked by `where`, whose power nobody can use: whose they are."""
        marked = np.flatnonzero(where)
        marked = marked[np.argsort(rows.asset[marked], kind="stable")]
        for own in np.split(marked, np.flatnonzero(np.diff(rows.asset[marked])) + 1) if len(marked) else ():
            name = rows.names[int(rows.asset[own[0]])]
            self.unusable.setdefault(name, []).append((reason, rows.time[own]))

    def measured(self, column: str, count: int) -> None:
        """Count numbers of a column."""
        _add(self.values, column, count)

    @property
    def unmeasured(self) -> list[str]:
        """The columns of the machine's limits that the file lacks, or in which no number stands."""
        return [name for name in LIMITS if not self.values.get(name)]

    def of_stranger(self, name: str, count: int) -> None:
        """Count rows of an asset that nobody registered; of a file full of such names the first ones."""
        if name in self.strangers or len(self.strangers) < MOST_STRANGERS:
            _add(self.strangers, name, count)

    def add(self, part: Quality) -> None:
        """Add the counts of a part of the file."""
        self.rows_read += part.rows_read
        self.text_in_power = self.text_in_power or part.text_in_power
        for reason, count in part.rejected.items():
            self.reject(reason, count)
        for reason, count in part.flagged.items():
            self.flag(reason, count)
        for offset, count in part.offsets.items():
            self.written_with(offset, count)
        for name, count in part.values.items():
            self.measured(name, count)
        for name, count in part.strangers.items():
            self.of_stranger(name, count)
        for name, times in part.unusable.items():
            self.unusable.setdefault(name, []).extend(times)

    @property
    def rows_rejected(self) -> int:
        """Rows left out, all reasons together."""
        return sum(self.rejected.values())


def _add(counts: dict[str, int], reason: str, count: int) -> None:
    if count:
        counts[reason] = counts.get(reason, 0) + int(count)


@dataclass
class Telemetry:
    """A file's canonical frames by asset id, in order of id, with the file's quality report."""

    by_asset: ReadingsByAsset
    quality: Quality

    def __len__(self) -> int:
        return self.by_asset.readings

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All assets in one frame with a column `asset_id`, sorted by asset and time."""
        return together(self.by_asset)


DAY_US = 86_400_000_000
"""Microseconds of a day."""
KEPT_READINGS = 2_000_000
"""Readings of the frames that are kept at once (ours): 24 machines' year at 5 minutes is more; 100 MB."""


class ReadingsByAsset(Mapping[str, pd.DataFrame]):
    """The frames of a file's assets by asset id, in order of id.

    A frame is made when somebody asks for it. Before that nothing of a large file is copied; of a very
    large one the frames that were asked for first are made anew when they are asked for again.
    """

    def __init__(self, columns: tuple[str, ...], pieces: dict[str, list[Piece]]) -> None:
        self._columns = columns
        self._pieces = dict(sorted(pieces.items()))
        self._frames: dict[str, pd.DataFrame] = {}
        self._kept = 0

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            frame = self._frame(name)
            self._kept += len(frame)
            while self._frames and self._kept > KEPT_READINGS:
                self._kept -= len(self._frames.pop(next(iter(self._frames))))
            self._frames[name] = frame
        return self._frames[name]

    def _frame(self, name: str) -> pd.DataFrame:
        return self._of([piece.read() for piece in self._pieces[name]])

    def _of(self, values: list[Values]) -> pd.DataFrame:
        time, numbers = values[0] if len(values) == 1 else map(np.hstack, zip(*values, strict=True))
        times = pd.DatetimeIndex(time, dtype="datetime64[us, UTC]", copy=False)
        columns = dict(zip(self._columns, numbers, strict=True))
        return pd.DataFrame({"timestamp": times} | columns, copy=False)

    def between(self, name: str, begin: int, end: int) -> pd.DataFrame:
        """An asset's readings from a time to before another, µs since 1970 UTC. Nothing is kept of it."""
        pieces = self._pieces[name]
        parts = [piece.read(begin, end) for piece in pieces if piece.first < end and piece.last >= begin]
        if not parts:
            return self._of([(np.empty(0, np.int64), np.empty((len(self._columns), 0)))])
        return self._of(parts)

    def count(self, name: str) -> int:
        """How many readings an asset has."""
        return sum(piece.readings for piece in self._pieces[name])

    def days(self, name: str) -> Ints:
        """The UTC days on which an asset has readings, since 1970; a piece of it is read at a time."""
        return np.unique(np.concatenate([np.unique(p.read()[0] // DAY_US) for p in self._pieces[name]]))

    def first(self, name: str) -> int:
        """The time of an asset's first reading, µs since 1970 UTC."""
        return self._pieces[name][0].first

    def last(self, name: str) -> int:
        """The time of an asset's last reading, µs since 1970 UTC."""
        return self._pieces[name][-1].last

    def __contains__(self, name: object) -> bool:
        return name in self._pieces

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def readings(self) -> int:
        """How many readings all assets have."""
        return sum(piece.readings for pieces in self._pieces.values() for piece in pieces)

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first and the last reading of all."""
        return span(self)

    def with_silent(self, times: Mapping[str, Ints]) -> ReadingsByAsset:
        """The same with assets of which no reading can be used: their times, µs since 1970, without values.

        Assets that have readings stay as they are.
        """
        silent = {}
        for name, own in times.items():
            if name not in self:
                distinct = np.unique(own)
                nothing = np.full((len(self._columns), len(distinct)), np.nan)
                silent[name] = [Piece.of(distinct, nothing, self._columns)]
        if not silent:
            return self
        return ReadingsByAsset(self._columns, {**self._pieces, **silent})

    def tidy(self, quality: Quality) -> None:
        """Put each asset's readings in order of time, each time once.

        A reading that stands twice is rejected once. Of two readings of one time that differ, the first is
        rejected. Readings that came out of order are flagged.
        """
        for name, pieces in self._pieces.items():
            in_order = all(one.last < two.first for one, two in pairwise(pieces))
            if in_order and all(piece.rises for piece in pieces):
                continue
            frame = _in_order_of_time(self._frame(name), quality)
            numbers = frame[list(self._columns)].to_numpy().T
            self._pieces[name] = [Piece.of(frame["timestamp"].array.asi8, numbers, self._columns)]


def span(
    frames: Mapping[str, pd.DataFrame], names: Iterable[str] | None = None
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The times of the first and the last reading of several assets' frames; `names`: of these only."""
    own = list(frames if names is None else names)
    if isinstance(frames, ReadingsByAsset):  # without making the frames
        ends = min(map(frames.first, own)), max(map(frames.last, own))
        return pd.Timestamp(ends[0], unit="us", tz="UTC"), pd.Timestamp(ends[1], unit="us", tz="UTC")
    times = [frames[name]["timestamp"] for name in own]
    return min(time.iloc[0] for time in times), max(time.iloc[-1] for time in times)


def days_of(frames: Mapping[str, pd.DataFrame], name: str) -> Ints:
    """The UTC days on which an asset has readings, since 1970."""
    if isinstance(frames, ReadingsByAsset):
        return frames.days(name)
    return np.unique(pd.DatetimeIndex(frames[name]["timestamp"]).as_unit("us").asi8 // DAY_US)


def together(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Several assets' frames as one, with a column `asset_id` beside the timestamp."""
    frame = pd.concat(frames.values(), ignore_index=True)
    frame.insert(
        1, "asset_id", np.repeat(np.array(list(frames), dtype=object), [*map(len, frames.values())])
    )
    return frame


def by_asset(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A frame with a column `asset_id`, sorted by it and by time, as one frame an asset.

    >>> frame = pd.DataFrame({"asset_id": ["A", "A", "B"], "power_kw": [1.0, 2.0, 3.0]})
    >>> {name: own["power_kw"].tolist() for name, own in by_asset(frame).items()}
    {'A': [1.0, 2.0], 'B': [3.0]}
    """
    return {str(name): own.drop(columns="asset_id") for name, own in frame.groupby("asset_id", sort=True)}


@dataclass(frozen=True)
class Rows:
    """n readings as columns.

    `time`: microseconds since 1970 UTC, (n,). `asset`: which of the `names` each reading is of, (n,).
    `numbers`: the values of the `columns`, (len(columns), n). `text`: where power was a text, (n,); None
    where it was nowhere.
    """

    time: Ints
    asset: NDArray[np.intp]
    names: list[str]
    columns: tuple[str, ...]
    numbers: Floats
    text: Mask | None = None

    def __len__(self) -> int:
        return len(self.time)

    def values(self, column: str) -> Floats:
        """The values of one column, (n,): a view, so that writing to it changes the rows."""
        return self.numbers[self.columns.index(column)]

    def with_columns(self, columns: tuple[str, ...]) -> Rows:
        """The same with these columns; those that the rows do not have yet hold no value."""
        if columns == self.columns:
            return self
        numbers = np.full((len(columns), len(self)), np.nan)
        numbers[[columns.index(name) for name in self.columns]] = self.numbers
        return replace(self, columns=columns, numbers=numbers)

    def where(self, chosen: Mask | NDArray[np.intp]) -> Rows:
        """Some of the readings: those that a mask marks, or whose positions are given."""
        text = None if self.text is None else self.text[chosen]
        return Rows(
            self.time[chosen], self.asset[chosen], self.names, self.columns, self.numbers[:, chosen], text
        )


def _in_order_of_time(frame: pd.DataFrame, quality: Quality) -> pd.DataFrame:
    twice = frame.duplicated(keep="first")
    quality.reject("duplicate_row", int(twice.sum()))
    frame = frame[~twice]
    twice = frame.duplicated(["timestamp"], keep="last")
    quality.reject("conflicting_duplicate", int(twice.sum()))
    frame = frame[~twice]
    steps = frame["timestamp"].diff()
    quality.flag("unsorted_rows", int((steps < pd.Timedelta(0)).sum()))
    return frame.sort_values("timestamp", ignore_index=True)


def without_impossible(frame: pd.DataFrame, capacities: Mapping[str, float]) -> tuple[pd.DataFrame, int]:
    """Canonical readings whose power no machine of its nameplate gives are readings without power; and how
    many there were. Where most of an asset's UTC day is so, the day is in another unit, and all of it is.

    `capacities`: kW by asset id; of other assets nothing is known.

    >>> day = pd.date_range("2025-06-10T08:00Z", periods=3, freq="h")
    >>> frame = pd.DataFrame({"timestamp": day, "asset_id": "A", "power_kw": [50.0, 65_535.0, 60.0]})
    >>> left, count = without_impossible(frame, {"A": 100.0})
    >>> left["power_kw"].tolist(), count
    ([50.0, nan, 60.0], 1)
    """
    power = frame["power_kw"].astype(float)
    wrong = power > MOST_OF_NAMEPLATE * frame["asset_id"].map(dict(capacities)).astype(float)
    if not wrong.any():
        return frame, 0
    days = [frame["asset_id"], frame["timestamp"].dt.floor("D")]
    of_day, came = (values.groupby(days).transform("sum") for values in (wrong, power > 0.0))
    wrong |= (2 * of_day > came) & (power > 0.0)
    return frame.assign(power_kw=power.mask(wrong)), int(wrong.sum())
