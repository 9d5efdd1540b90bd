"""Profiles: an asset's day as 48 numbers, the mean share of capacity in each solar half hour.

Planes, gains and shapes are learned from profiles and never from raw telemetry, so that a file of one day
and a long file learn from the same numbers and the past costs no read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ooda.detect.asset_history import best_first, filled, number_of
from ooda.detect.sky import DAY_MINUTES, SLOTS, Floats, Ints, Mask
from ooda.detect.track import Days, Indices, slots_of
from ooda.detect.witnesses.planes import Sun
from ooda.documents.asset_history import HistoryDay

KEEP_PROFILES = 120
"""Days. Gains look back so far (`baseline_days` of detection.yaml): farther than a loss takes to grow."""
HALF = 0.5
"""Of the readings of a half hour, which must be there."""


@dataclass(frozen=True)
class Profiles:
    """Of J witnesses on D days (`day`: since 1970, rising): `share`, (J, D, 48), NaN for none."""

    day: Ints
    share: Floats

    def between(self, first: int, last: int) -> Profiles:
        """The rows of days from `first` up to `last`."""
        return Profiles(self.day[first:last], self.share[:, first:last])

    def light(self, place: tuple[float, float] | None) -> Sun:
        """The sun at the middle of all half hours, (D · 48,); `place`: degrees north and east."""
        if place is None:
            ones = np.ones(len(self.day) * SLOTS)
            return Sun(ones, ones, ones, ones, False)
        return Sun.of(*sun_at(self.day, place[0]))


def of_track(days: Days, slot: Ints, values: Floats, works: Mask, step: float) -> Floats:
    """The profile of each day, (D, 48), from the readings that work, `step` minutes apart."""
    means = slots_of(days.row, slot, values, works, len(days), SLOTS)
    counted = np.bincount(days.row[works] * SLOTS + slot[works], minlength=len(days) * SLOTS)
    least = HALF * max(1.0, DAY_MINUTES / SLOTS / step)
    return np.where(counted.reshape(means.shape) >= least, means, np.nan)


def between_readings(days: Days, of_day: Floats, values: Floats, works: Mask, step: float) -> Floats:
    """The same for readings farther apart than a half hour is long: in a straight line between those that
    work, at the middle of each half hour. `of_day`: the solar minute of each reading, (n,)."""
    middles = (np.arange(SLOTS) + 0.5) * (DAY_MINUTES / SLOTS)
    wanted = (days.number[:, None] * float(DAY_MINUTES) + middles).ravel()
    at = (days.number[days.row] * float(DAY_MINUTES) + of_day)[works]
    if len(at) < 2:
        return np.full((len(days), SLOTS), np.nan)
    after = np.clip(np.searchsorted(at, wanted), 1, len(at) - 1)
    near = (wanted >= at[after - 1]) & (wanted <= at[after]) & (at[after] - at[after - 1] <= 1.5 * step)
    return np.where(near, np.interp(wanted, at, values[works]), np.nan).reshape(-1, SLOTS)


def joined(earlier: dict[int, Floats], own: Floats, number: Ints, every: Ints) -> Floats:
    """The profiles of one witness on the days `every`, (D, 48): earlier ones by day, and those of the
    file's days `number`, which win."""
    out = np.full((len(every), SLOTS), np.nan)
    for day, values in earlier.items():
        at = int(np.searchsorted(every, day))
        if at < len(every) and every[at] == day:
            out[at] = values
    at_own: Indices = np.searchsorted(every, number)
    out[at_own] = own
    return out


def kept(days: dict[str, dict[str, HistoryDay]], before: str, name: str) -> dict[int, Floats]:
    """An asset's profiles by day since 1970, of the last `KEEP_PROFILES` days before a date that have one.
    `name`: `profile` or `irradiance`. What one part of a day that was cut between files lacks, another has.
    """
    found: dict[int, Floats] = {}
    for date in sorted((day for day in days if day < before), reverse=True):
        if profile := filled([getattr(part, name) for part in best_first(days[date])]):
            found[number_of(date)] = np.array(profile)
        if len(found) == KEEP_PROFILES:
            break
    return found


def sun_at(day: Ints, latitude: float) -> tuple[Floats, Floats]:
    """Elevation and azimuth of the sun in the middle of each solar half hour of some days, degrees,
    (D · 48,). Spencer's series (1971) for declination and the equation of time: within half a degree."""
    g = np.repeat(2.0 * np.pi * ((day % 365.2425) / 365.2425), SLOTS)
    declination = (
        0.006918
        - 0.399912 * np.cos(g)
        + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g)
    )
    minutes = 229.18 * (
        0.000075
        + 0.001868 * np.cos(g)
        - 0.032077 * np.sin(g)
        - 0.014615 * np.cos(2 * g)
        - 0.040849 * np.sin(2 * g)
    )
    of_day = np.tile((np.arange(SLOTS) + 0.5) * (DAY_MINUTES / SLOTS), len(day)) + minutes
    hour, north = np.radians(of_day / 4.0 - 180.0), np.radians(latitude)
    sine = np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(hour)
    azimuth = np.arctan2(
        -np.sin(hour) * np.cos(declination),
        np.cos(north) * np.sin(declination) - np.sin(north) * np.cos(declination) * np.cos(hour),
    )
    return np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))), np.degrees(azimuth) % 360.0
