"""Readings as columns: the rules that rows must pass, and the machines that they come from.

A machine's canonical frame has one row a reading, sorted by time:

========================  ==================  ==========================================
column                    unit                note
========================  ==================  ==========================================
timestamp                 UTC, aware          end of the reading's interval
temperature_c             °C                  equipment, module or ambient: the model is fitted
voltage_v                 V
power_kw                  kW AC               never negative; night consumption is clipped to zero
irradiance_w_m2           W/m²                optional
wind_speed_m_s            m/s                 optional
dc_power_kw               kW DC               optional, ours
========================  ==================  ==========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.runtime.errors import InvalidTelemetry

RANGES = {"temperature_c": (-50.0, 100.0), "voltage_v": (0.0, 1500.0)}


NIGHT_CONSUMPTION_SHARE = 0.02
"""Negative power down to this share of capacity is the inverter's own consumption."""


CLOCK_TOLERANCE = timedelta(minutes=10)


EARLIEST = pd.Timestamp("2000-01-01", tz="UTC")


Floats = NDArray[np.float64]


Ints = NDArray[np.int64]


Mask = NDArray[np.bool_]


@dataclass
class Quality:
    """What was wrong with a file, counted by reason. Rejected rows are in no frame.

    `offsets` counts the readings by the offset that their time was written with.
    """

    rows_read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)

    def reject(self, reason: str, count: int) -> None:
        """Count rows that were left out."""
        _add(self.rejected, reason, count)

    def flag(self, reason: str, count: int) -> None:
        """Count rows that were kept, but are worth telling about."""
        _add(self.flagged, reason, count)

    def written_with(self, offset: str, count: int) -> None:
        """Count readings whose time carries an offset."""
        _add(self.offsets, offset, count)

    def add(self, part: Quality) -> None:
        """Count what was found in a part of the file."""
        self.rows_read += part.rows_read
        for mine, theirs in (
            (self.rejected, part.rejected), (self.flagged, part.flagged), (self.offsets, part.offsets),
        ):  # fmt: skip
            for reason, count in theirs.items():
                _add(mine, reason, count)

    @property
    def rows_rejected(self) -> int:
        """Rows left out, all reasons together."""
        return sum(self.rejected.values())


def _add(counts: dict[str, int], reason: str, count: int) -> None:
    if count:
        counts[reason] = counts.get(reason, 0) + int(count)


@dataclass
class Telemetry:
    """A canonical frame for each machine, by its id in order, with the file's quality report."""

    machines: Machines
    quality: Quality

    def __len__(self) -> int:
        return self.machines.readings

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All machines in one frame with a column `asset_id`, sorted by asset and time."""
        return together(self.machines)


Piece = tuple[Ints, Floats]
"""Some readings of one machine: times in microseconds, (n,), and the columns' values, (k, n)."""


class Machines(Mapping[str, pd.DataFrame]):
    """A file's machines by id, in order. A frame is made when somebody asks for it: of a large file's
    pieces nothing is copied before."""

    def __init__(self, columns: tuple[str, ...], pieces: dict[str, list[Piece]]) -> None:
        self._columns = columns
        self._pieces = dict(sorted(pieces.items()))
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            pieces = self._pieces[name]
            time, numbers = pieces[0] if len(pieces) == 1 else map(np.hstack, zip(*pieces, strict=True))
            times = pd.DatetimeIndex(time, dtype="datetime64[us, UTC]", copy=False)
            columns = dict(zip(self._columns, numbers, strict=True))
            self._frames[name] = pd.DataFrame({"timestamp": times} | columns, copy=False)
        return self._frames[name]

    def __contains__(self, name: object) -> bool:
        return name in self._pieces

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def readings(self) -> int:
        """How many readings all machines have."""
        return sum(len(time) for pieces in self._pieces.values() for time, _ in pieces)

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """The first and the last reading of all."""
        first = min(int(pieces[0][0][0]) for pieces in self._pieces.values())
        last = max(int(pieces[-1][0][-1]) for pieces in self._pieces.values())
        return pd.Timestamp(first, unit="us", tz="UTC"), pd.Timestamp(last, unit="us", tz="UTC")

    def tidy(self, quality: Quality) -> None:
        """Each machine's readings in order, each once. What stands twice is rejected, of two that
        contradict each other the first; what came out of order is flagged."""
        for name, pieces in self._pieces.items():
            last = -(2**62)
            for time, _ in pieces:
                if time[0] <= last or not (np.diff(time) > 0).all():
                    break
                last = int(time[-1])
            else:
                continue
            frame = _in_order(self[name], quality)
            self._frames[name] = frame
            self._pieces[name] = [(frame["timestamp"].array.asi8, frame[list(self._columns)].to_numpy().T)]


def span(machines: Mapping[str, pd.DataFrame]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first and the last reading of several machines."""
    ends = [(own["timestamp"].iloc[0], own["timestamp"].iloc[-1]) for own in machines.values()]
    return min(first for first, _ in ends), max(last for _, last in ends)


def together(machines: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Machines' frames as one, with a column `asset_id` beside the timestamp."""
    frame = pd.concat(machines.values(), ignore_index=True)
    frame.insert(
        1, "asset_id", np.repeat(np.array(list(machines), dtype=object), [*map(len, machines.values())])
    )
    return frame


def by_machine(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A frame with a column `asset_id`, sorted by it and by time, as one frame a machine."""
    return {str(name): own.drop(columns="asset_id") for name, own in frame.groupby("asset_id", sort=True)}


@dataclass(frozen=True)
class Rows:
    """n readings as columns: `time` in microseconds since 1970 UTC, (n,); `asset`, (n,), which of the
    `names`; and the `numbers`, (len(columns), n), of the columns named."""

    time: Ints
    asset: NDArray[np.intp]
    names: list[str]
    columns: tuple[str, ...]
    numbers: Floats

    def __len__(self) -> int:
        return len(self.time)

    def where(self, kept: Mask | NDArray[np.intp]) -> Rows:
        """Some of the readings."""
        return Rows(self.time[kept], self.asset[kept], self.names, self.columns, self.numbers[:, kept])


def screen(
    rows: Rows, quality: Quality, *, now: datetime, capacity_kw: Callable[[str], float | None]
) -> Rows:
    """The readings that pass the contract's rules for rows; the others are counted by the first that
    they break. Small negative power is set to zero, in place."""
    latest, earliest = _microseconds(now + CLOCK_TOLERANCE), _microseconds(EARLIEST)
    found = [capacity_kw(name) for name in rows.names]
    known = np.array([np.nan if capacity is None else capacity for capacity in found], dtype=float)
    number = {name: n for n, name in enumerate(rows.columns)}

    def lowest(name: str) -> float:
        return float(np.fmin.reduce(rows.numbers[number[name]], initial=np.inf))

    def highest(name: str) -> float:
        return float(np.fmax.reduce(rows.numbers[number[name]], initial=-np.inf))

    def without(reason: str, broken: Mask) -> Rows:
        quality.reject(reason, int(broken.sum()))
        return rows.where(~broken)

    if np.isnan(known).any():
        rows = without("unknown_asset", np.isnan(known)[rows.asset])
    if rows.time.max(initial=latest) > latest:
        rows = without("timestamp_in_the_future", rows.time > latest)
    if rows.time.min(initial=earliest) < earliest:
        rows = without("timestamp_implausible", rows.time < earliest)
    if len(rows) and not np.isfinite([(lowest(name), highest(name)) for name in rows.columns]).all():
        rows = without("not_finite", np.logical_or.reduce(np.isinf(rows.numbers)))  # or all are null
    for name, (low, high) in RANGES.items():
        if len(rows) and (lowest(name) < low or highest(name) > high):
            values = rows.numbers[number[name]]
            rows = without(f"{name}_out_of_range", (values < low) | (values > high))
    if len(rows) and lowest("power_kw") < 0.0:
        power = rows.numbers[number["power_kw"]]
        rows = without("negative_power", power < -NIGHT_CONSUMPTION_SHARE * known[rows.asset])
        power = rows.numbers[number["power_kw"]]
        consuming = power < 0.0
        quality.flag("night_consumption_clipped", int(consuming.sum()))
        power[consuming] = 0.0
    for name in ("temperature_c", "voltage_v", "power_kw"):
        quality.flag(f"{name}_null", int(np.isnan(rows.numbers[number[name]]).sum()))
    return rows


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def side_by_side(rows: Rows) -> tuple[Rows, list[int]]:
    """Rows in an order in which each machine's stand together, as they came, and where machines begin and
    the last one ends."""
    cuts = np.flatnonzero(np.diff(rows.asset)) + 1
    if len(cuts) > 4 * len(rows.names):  # machines take turns
        small = rows.asset.astype(np.int16 if len(rows.names) < 2**15 else np.int64)
        rows = rows.where(np.argsort(small, kind="stable"))
        cuts = np.flatnonzero(np.diff(rows.asset)) + 1
    return rows, [0, *cuts.tolist(), len(rows)] if len(rows) else []


class Gathered:
    """Rows as they come, by machine."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._pieces: dict[str, list[Piece]] = {}
        self.seen: dict[str, None] = {}
        """All names, registered or not, in order."""

    def add(self, rows: Rows) -> None:
        """Put rows behind those of the same machines."""
        self.seen.update(dict.fromkeys(rows.names))
        rows, edges = side_by_side(rows)
        for first, end in pairwise(edges):
            name = rows.names[int(rows.asset[first])]
            self.put(name, (rows.time[first:end], rows.numbers[:, first:end]))

    def put(self, name: str, piece: Piece) -> None:
        """Put a piece behind those of the same machine."""
        self._pieces.setdefault(name, []).append(piece)

    def telemetry(
        self, quality: Quality, where: str, capacity_kw: Callable[[str], float | None]
    ) -> Telemetry:
        """The file's telemetry. Raises InvalidTelemetry when no row survived, with the reasons."""
        if len(quality.offsets) > 1:
            quality.flag("mixed_zones", sum(quality.offsets.values()) - max(quality.offsets.values()))
        if self._pieces:
            machines = Machines(self._columns, self._pieces)
            machines.tidy(quality)
            return Telemetry(machines, quality)
        unknown = sorted(name for name in self.seen if capacity_kw(name) is None)
        if unknown and len(unknown) == len(self.seen):
            raise InvalidTelemetry(
                "unknown_asset",
                f"not in assets.json: {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}",
                where=where,
                remedy="add the asset with its capacity to assets.json, then `ona dlq redrive`",
            )
        worst = max(quality.rejected, key=lambda reason: quality.rejected[reason])
        reasons = ", ".join(f"{count} × {reason}" for reason, count in quality.rejected.items())
        raise InvalidTelemetry(
            worst,
            f"no reading is usable: {reasons}",
            where=where,
            remedy=_REMEDIES.get(worst, "correct the values and put the file again"),
        )


def _in_order(frame: pd.DataFrame, quality: Quality) -> pd.DataFrame:
    twice = frame.duplicated(keep="first")
    quality.reject("duplicate_row", int(twice.sum()))
    frame = frame[~twice]
    twice = frame.duplicated(["timestamp"], keep="last")
    quality.reject("conflicting_duplicate", int(twice.sum()))
    frame = frame[~twice]
    steps = frame["timestamp"].diff()
    quality.flag("unsorted_rows", int((steps < pd.Timedelta(0)).sum()))
    return frame.sort_values("timestamp", ignore_index=True)


_REMEDIES = {
    "timestamp_without_zone": "write times as ISO 8601 with Z, or use a source profile that names the zone",
    "timestamp_unreadable": "write times as ISO 8601, for example 2025-01-15T08:00:00Z",
    "timestamp_in_the_future": "check the logger's clock and its time zone",
    "timestamp_implausible": "check the logger's clock and the unit of epoch times",
    "negative_power": "check the sign convention: generation counts positive",
    "not_finite": "export missing values as empty cells",
    "power_kw_not_a_number": "export numbers with a decimal point",
}
