"""One asset's readings as arrays, with the sums and medians by day that detection is made of.

>>> days = Days.of(np.array([7, 7, 7, 8]))  # four readings in two days
>>> days.median(np.array([1.0, 2.0, 9.0, 5.0]))
array([2., 5.])
>>> runs(np.array([False, True, True, False, True]))
[(1, 3), (4, 5)]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import bottleneck as bn
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.documents.assets import Asset
from ona.telemetry.intervals import usual_step
from ooda.detect.sky import DAY_MINUTES, Floats, Ints, Mask, Sky

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Track:
    """Readings of one asset in order of time, arrays of shape (n,). A channel that is not measured is NaN.

    Units: kW, W/m², °C, V, m/s; `direction`, °, is where the wind comes from. `step` is the usual
    interval in minutes. `clearness`: measured irradiance over the clear sky's, both as the sensor lies.
    """

    asset: Asset
    sky: Sky
    times: pd.Series
    power: Floats
    irradiance: Floats
    temperature: Floats
    volts: Floats
    dc_power: Floats
    wind: Floats
    direction: Floats
    clearness: Floats
    step: float

    @classmethod
    def of(cls, own: pd.DataFrame, asset: Asset, sky: Sky) -> Track:
        """From a canonical frame of n rows, sorted by time, and the sky at its instants."""

        def channel(name: str) -> Floats:
            if name not in own:
                return np.broadcast_to(np.float64(np.nan), len(own))
            return own[name].to_numpy(dtype=float)

        step, irradiance = min(usual_step(sky.minutes), DAY_MINUTES), channel("irradiance_w_m2")
        with np.errstate(invalid="ignore"):
            clearness = irradiance / np.maximum(sky.clear_ghi, 20.0)
        return cls(
            asset=asset,
            sky=sky,
            times=own["timestamp"],
            power=channel("power_kw"),
            irradiance=irradiance,
            temperature=channel("temperature_c"),
            volts=channel("voltage_v"),
            dc_power=channel("dc_power_kw"),
            wind=channel("wind_speed_m_s"),
            direction=channel("wind_direction_deg"),
            clearness=clearness,
            step=step,
        )

    def at(self, rows: Indices, sky: Sky) -> Track:
        """Some of the readings, with the sky at their instants."""

        def taken(values: Floats) -> Floats:
            return (
                values[rows] if values.strides[0] else values[: len(rows)]
            )  # not measured: one NaN for all

        return Track(
            asset=self.asset,
            sky=sky,
            times=self.times.iloc[rows],
            power=taken(self.power),
            irradiance=taken(self.irradiance),
            temperature=taken(self.temperature),
            volts=taken(self.volts),
            dc_power=taken(self.dc_power),
            wind=taken(self.wind),
            direction=taken(self.direction),
            clearness=taken(self.clearness),
            step=self.step,
        )

    def coolest(self) -> Floats:
        """The lowest temperature of each day, (D,), NaN where none is measured."""
        measured = np.where(np.isfinite(self.temperature), self.temperature, np.inf)
        lowest = np.minimum.reduceat(measured, self.days.first) if len(self) else measured
        return np.where(np.isfinite(lowest), lowest, np.nan)

    def __len__(self) -> int:
        return len(self.power)

    @property
    def capacity(self) -> float:
        """AC nameplate, kW."""
        return self.asset.capacity_kw

    @cached_property
    def share(self) -> Floats:
        """Power over capacity."""
        return np.asarray(self.power / self.capacity)

    @cached_property
    def days(self) -> Days:
        """The readings by solar day."""
        return Days.of(self.sky.day)

    @property
    def hours(self) -> float:
        """Hours that a reading stands for."""
        return self.step / 60.0


@dataclass(frozen=True)
class Days:
    """n readings in D days: `number` (D,) the days since 1970, `first` (D,) where each begins, `row` (n,)
    which day a reading is of, `width` the most readings of a day."""

    number: Ints
    first: Indices
    row: Indices
    width: int

    @classmethod
    def of(cls, day: Ints) -> Days:
        """From each reading's day, not falling."""
        first = (
            np.flatnonzero(np.concatenate(([True], np.diff(day) != 0))) if len(day) else np.empty(0, int)
        )
        counts = np.diff(np.append(first, len(day)))
        row = np.repeat(np.arange(len(first)), counts)
        return cls(day[first], first, row, int(counts.max(initial=0)))

    def __len__(self) -> int:
        return len(self.number)

    @cached_property
    def place(self) -> Indices:
        """Where each reading stands in a table of one row a day, laid end to end."""
        return np.asarray(
            np.arange(len(self.row)) + (np.arange(len(self)) * self.width - self.first)[self.row]
        )

    def table(self, values: Floats, where: Mask | None = None) -> Floats:
        """Values by day, shape (D, width), NaN where there is none or `where` is false."""
        out = np.full(len(self) * self.width, np.nan)
        out[self.place] = values if where is None else np.where(where, values, np.nan)
        return out.reshape(len(self), self.width)

    def median(self, values: Floats, where: Mask | None = None) -> Floats:
        """Median of each day, shape (D,), NaN for a day without values."""
        if not len(self) or (where is not None and not where.any()):
            return np.full(len(self), np.nan)
        return np.asarray(bn.nanmedian(self.table(values, where), axis=1))

    def highest(self, values: Floats, where: Mask) -> Floats:
        """The highest value of each day, shape (D,), NaN for a day without values."""
        if not len(self) or not self.width:
            return np.full(len(self), np.nan)
        return np.asarray(bn.nanmax(self.table(values, where), axis=1))

    def sum(self, values: Floats, where: Mask | None = None) -> Floats:
        """Sum of each day, shape (D,); NaN counts as zero."""
        if not len(self):
            return np.empty(0)
        counted = np.isfinite(values) if where is None else where & np.isfinite(values)
        return np.asarray(np.add.reduceat(np.where(counted, values, 0.0), self.first))

    def count(self, where: Mask) -> Ints:
        """How many of each day, shape (D,)."""
        if not len(self):
            return np.empty(0, dtype=np.int64)
        return np.asarray(np.add.reduceat(where, self.first, dtype=np.int64))


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Half-open index ranges of the runs of True in a mask."""
    padded = np.concatenate(([False], mask, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def slots_of(row: Indices, slot: Ints, values: Floats, where: Mask, days: int, slots: int) -> Floats:
    """Mean of the values in each day's slots, shape (days, slots), NaN where there is none."""
    key = row[where] * slots + slot[where]
    count = np.bincount(key, minlength=days * slots)
    total = np.bincount(key, values[where], minlength=days * slots)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(days, slots))
