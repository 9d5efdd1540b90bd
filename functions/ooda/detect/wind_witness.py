"""One witness of the wind: what it foretells of a turbine's power on a day, by the days before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ooda.detect.levels import Levels
from ooda.detect.power_curve import WINDOW_DAYS, Binned, between
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Track

SECTORS, SECTOR_DEG = 12, 30.0
"""Sectors of wind direction, and the width of one."""
SECTOR_WEIGHT = 50.0
"""Readings that stand against a sector's own factor: with as many, half of it is believed (ours)."""
CLASSES = 10
"""Classes of expected power by which the spread is kept: that of the steep part is not that of rated
power."""
PART_LOAD = (0.05, 0.9)
"""Of capacity: between cut-in and rated power a curve tells how much the wind gives."""
LEAST_HOURS = 2.0
"""Hours of part load in a day before it has a gain."""
TO_SIGMA = float(np.sqrt(np.pi / 2.0))
"""A normal spread over the mean absolute deviation."""
LEAST_SIGMA, UNKNOWN_SIGMA = 0.004, 0.35
"""Of capacity: no curve is better known; and what is assumed before a spread is known, for stops only
(ours)."""


@dataclass(frozen=True)
class Said:
    """A turbine's readings, those that teach, (n,), and the numbers of all days that are known, (K,): the
    earlier ones, then those of the file."""

    track: Track
    teaches: Mask
    numbers: Ints

    @property
    def first(self) -> int:
        """Where the file's days begin."""
        return len(self.numbers) - len(self.track.days)

    def rows(self, d: int) -> slice:
        """The readings of the file's day d."""
        days = self.track.days
        return slice(int(days.first[d]), int(days.first[d + 1]) if d + 1 < len(days) else len(days.row))

    def before(self, d: int, bad: Mask) -> Ints:
        """The days that teach day d: of the 60 before it those that are not bad; all, where they are too
        few."""
        at = self.first + d
        lo = int(np.searchsorted(self.numbers, self.numbers[at] - WINDOW_DAYS))
        days = np.arange(lo, at)
        good = days[~bad[lo:at]]
        return good if 2 * len(good) >= min(len(days), WINDOW_DAYS // 3) else days

    def kept(self, earlier: Levels | None, start: int, bins: int) -> Binned:
        """One of the tables that the days keep one after the other, (K,), empty where there is none."""
        if earlier is None:
            return Binned.unpacked(np.full((len(self.numbers), 2 * bins), np.nan))
        rows = np.full((len(earlier.day), 2 * bins), np.nan)
        there = earlier.shape[:, start : start + 2 * bins]
        rows[:, : there.shape[1]] = there
        return Binned.unpacked(rows).summed(np.searchsorted(self.numbers, earlier.day), len(self.numbers))

    def gains(self, earlier: Levels | None) -> Floats:
        """The gain of each day, (K,), NaN where there is none."""
        out = np.full(len(self.numbers), np.nan)
        if earlier is not None:
            known = np.where(
                earlier.gain == 1.0, np.nan, earlier.gain
            )  # an older history says 1 of each day
            at = np.searchsorted(self.numbers, earlier.day)
            said = np.isfinite(known)
            out[at[said]] = known[said]  # of a day's parts the largest stands last
        return out

    def flag(self, earlier: Levels | None, column: int) -> Ints:
        """The number behind a day's tables, (K,), 0 where there is none."""
        out = np.zeros(len(self.numbers), dtype=np.int64)
        if earlier is not None and earlier.shape.shape[1] > column:
            flags = np.nan_to_num(earlier.shape[:, column]).astype(np.int64)
            np.maximum.at(out, np.searchsorted(self.numbers, earlier.day), flags)
        return out

    def gain(self, rows: slice, due: Floats) -> float:
        """A day's power over what was due, under part load; NaN for want of readings."""
        with np.errstate(invalid="ignore"):
            part = self.teaches[rows] & (due > PART_LOAD[0]) & (due < PART_LOAD[1])
        if part.sum() * self.track.hours < LEAST_HOURS:
            return np.nan
        return round(float(self.track.share[rows][part].sum() / due[part].sum()), 4)

    def spread(self, table: Binned, at: int, rows: slice, due: Floats) -> None:
        """Enter how far power lay from what was due, by class of that."""
        off = np.abs(self.track.share[rows] - due)
        place = np.clip(np.nan_to_num(due) * CLASSES, 0, CLASSES - 1).astype(np.int64)
        table.enter(at, place, off, self.teaches[rows] & np.isfinite(due))


def usual_of_class(table: Binned, days: Ints, due: Floats) -> Floats:
    """The spread that such readings had, a share of capacity, (n,)."""
    known = table.known(days)
    there = np.flatnonzero(np.isfinite(known))
    if not len(there):
        return np.full(len(due), UNKNOWN_SIGMA)
    place = np.nan_to_num(due) * CLASSES - 0.5
    return np.fmax(np.interp(place, there, known[there]) * TO_SIGMA, LEAST_SIGMA)


@dataclass(frozen=True)
class Witness:
    """One witness: its `place` on the curve's bins, (n,); of each of K days the tables that teach, its
    gain, and how far it was `off` (`contradicting`)."""

    said: Said
    place: Floats
    curve: Binned
    sectors: Binned
    classes: Binned
    gain: Floats
    off: Ints

    @classmethod
    def of(cls, said: Said, place: Floats, bins: int, earlier: Levels | None) -> Witness:
        """A witness with `bins` bins, and what earlier days keep of it."""
        curve = said.kept(earlier, 0, bins)
        bin_of = np.clip(np.nan_to_num(place), 0, bins - 1).astype(np.int64)
        own = Binned.of(said.track.days, bin_of, said.track.share, said.teaches & np.isfinite(place), bins)
        curve.mean[said.first :], curve.count[said.first :] = own.mean, own.count
        return cls(
            said,
            place,
            curve,
            said.kept(earlier, 2 * bins, SECTORS),
            said.kept(earlier, 2 * (bins + SECTORS), CLASSES),
            said.gains(earlier),
            said.flag(earlier, 2 * (bins + SECTORS + CLASSES)),
        )

    def says(self, d: int, ill: Mask) -> tuple[Floats, Floats, Mask]:
        """What is due on day d, its spread, shares of capacity, and where it was calmer than those days
        tell; the day's gain is entered. `ill`: days on which the turbine gave too little, (K,)."""
        said, rows = self.said, self.said.rows(d)
        days, at, place = said.before(d, (self.off > 0) | ill), said.first + d, self.place[rows]
        there = place[np.isfinite(place)]
        wanted = slice(max(int(there.min()) - 1, 0), int(there.max()) + 2) if len(there) else slice(0, 0)
        due = between(self.curve.known(days, wanted), place)
        bins = np.clip(np.nan_to_num(place), 0, len(self.curve.count[0]) - 1).astype(np.int64)
        calmer = self.curve.beyond_calm(days)[bins] & np.isfinite(place)
        direction = said.track.direction[rows]
        if np.isfinite(direction).any():
            sector = np.clip(np.nan_to_num(direction % 360.0) / SECTOR_DEG, 0, SECTORS - 1).astype(np.int64)
            with np.errstate(invalid="ignore", divide="ignore"):
                part = said.teaches[rows] & (due > PART_LOAD[0]) & (due < PART_LOAD[1])
                ratio = said.track.share[rows] / due
            count = self.sectors.count[days].sum(axis=0)
            factor = np.nan_to_num(self.sectors.known(days) - 1.0) * count / (count + SECTOR_WEIGHT)
            self.sectors.enter(at, sector, ratio, part & np.isfinite(direction), due)
            below_rated = np.clip((1.0 - due) / 0.4, 0.0, 1.0)
            due = due * (1.0 + np.where(np.isfinite(direction), factor[sector], 0.0) * below_rated)
        sigma = usual_of_class(self.classes, days, due)
        said.spread(self.classes, at, rows, due)
        self.gain[at] = said.gain(rows, np.where(calmer, np.nan, due))
        return due, sigma, calmer

    def levels(self) -> Levels:
        """What the file's days say."""
        own = slice(self.said.first, None)
        tables = [table.packed(own) for table in (self.curve, self.sectors, self.classes)]
        flag = self.off[own].astype(float)[:, None]
        nothing = np.full(len(flag), np.nan)
        return Levels(self.said.numbers[own], self.gain[own], nothing, nothing, np.hstack([*tables, flag]))
