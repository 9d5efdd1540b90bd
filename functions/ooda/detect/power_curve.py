"""What earlier days say of a turbine, by bins: power curves, factors by sector, and how well they foretell.

A day leaves two numbers in a bin: how many readings, and their mean. What is expected of a later day is the
median of the earlier days' means, each with the weight of its readings. A bin with few readings is unknown:
nothing is made of its neighbours, and nothing is carried on beyond the last known bin.

Source: IEC 61400-12-1, method of bins (bins of 0.5 m/s, sectors of 30°, density by eq. 5).

>>> curve = np.array([np.nan, 0.1, 0.3, np.nan])  # the means of bins 0 to 3, which stand at their middles
>>> between(curve, np.array([1.5, 2.0, 2.5, 2.6]))
array([0.1, 0.2, 0.3, nan])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Days, Indices, Track

BINS, BIN_M_S = 60, 0.5
"""Bins of wind speed, and the width of one, m/s (IEC 61400-12-1)."""
STANDARD_DENSITY = 1.225
"""Of air at 15 °C and sea level, kg/m³ (ISO 2533)."""
WINDOW_DAYS = 60
"""Days that teach: two months, so that the season goes along."""
LEAST_READINGS, LEAST_DAYS = 10, 3
"""In a bin, or it is unknown. Three days, so that one bad day teaches nothing alone."""
EDGE_BINS, CALMEST = 2, 0.2
"""The calm end of what was known: all readings below a bin are fewer than those in it and the next, and
than so large a share of all. What stands there are gusts and noise of windier moments, and in a calm they
promise too much (Eddington 1913: what is measured with noise is drawn to where most readings are). Such a
bin is unknown (ours)."""
OLD_READINGS = 6.0
"""Readings in a bin of a day that was kept without their number: about as many as a day has of 15
minutes."""
DIGITS = 3
"""Of what is kept of a day: the same in a long file and in files of a day."""


@dataclass(frozen=True)
class Binned:
    """Readings of several days by bin: `mean` and `count`, (days, bins); NaN and 0 where there are none."""

    mean: Floats
    count: Floats

    @classmethod
    def of(cls, days: Days, bins: Ints, values: Floats, where: Mask, width: int) -> Binned:
        """Of the readings that `where` marks, (n,), with each one's bin, (n,)."""
        where = where & np.isfinite(values)
        key = days.row[where] * width + bins[where]
        shape = (len(days), width)
        count = np.bincount(key, minlength=len(days) * width).reshape(shape).astype(float)
        total = np.bincount(key, values[where], minlength=len(days) * width).reshape(shape)
        with np.errstate(invalid="ignore"):
            return cls(np.where(count > 0, np.round(total / np.maximum(count, 1), DIGITS), np.nan), count)

    def known(self, days: Ints, wanted: slice = slice(None)) -> Floats:
        """The usual value of each bin by some of the days, (bins,), NaN where it is unknown or not
        `wanted`: the days' median by readings."""
        out = np.full(self.count.shape[1], np.nan)
        first = wanted.start or 0
        count = self.count[days, wanted]
        sure = np.flatnonzero(
            (count.sum(axis=0) >= LEAST_READINGS) & ((count > 0).sum(axis=0) >= LEAST_DAYS)
        )
        if len(sure):
            count, mean = count[:, sure], self.mean[days[:, None], first + sure]
            order = np.argsort(mean, axis=0)  # NaN last, with a count of 0
            weight = np.take_along_axis(count, order, axis=0).cumsum(axis=0)
            middle = np.argmax(weight >= weight[-1] / 2.0, axis=0)
            columns = np.arange(len(sure))
            out[first + sure] = mean[order[middle, columns], columns]
        return out

    def beyond_calm(self, days: Ints) -> Mask:
        """Which bins lie beyond the calm end of what some of the days hold, (bins,): there the readings
        end sooner than those of any wind do.

        >>> windy = Binned(np.zeros((1, 8)), np.array([[0.0, 0.0, 1.0, 4.0, 30.0, 40.0, 40.0, 30.0]]))
        >>> windy.beyond_calm(np.array([0])).astype(int).tolist()
        [0, 1, 1, 1, 1, 0, 0, 0]
        """
        total = np.append(0.0, self.count[days].sum(axis=0).cumsum())
        above = total[np.minimum(np.arange(len(total) - 1) + EDGE_BINS, len(total) - 1)] - total[:-1]
        calm = total[:-1] < np.minimum(above, CALMEST * total[-1])
        return np.append(False, calm[1:])  # nothing lies below the first

    def enter(
        self, day: int, bins: Ints, values: Floats, where: Mask, weight: Floats | None = None
    ) -> None:
        """Enter a day's readings that `where` marks; their mean may be one by weight."""
        where = where & np.isfinite(values)
        width = self.mean.shape[1]
        each = np.ones(len(values)) if weight is None else weight
        count = np.bincount(bins[where], minlength=width)
        share = np.bincount(bins[where], each[where], minlength=width)
        total = np.bincount(bins[where], each[where] * values[where], minlength=width)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.mean[day] = np.round(total / np.where(share > 0, share, np.nan), DIGITS)
        self.count[day] = count

    def packed(self, days: slice) -> Floats:
        """As kept in a history's day, (days, 2 · bins): the means, then the counts."""
        count = self.count[days]
        return np.hstack((self.mean[days], np.where(count > 0, count, np.nan)))

    def summed(self, day: Indices, days: int) -> Binned:
        """One table a day of rows that are parts of `days` days; `day`: of which each is, (rows,)."""
        count, total = np.zeros((days, self.count.shape[1])), np.zeros((days, self.count.shape[1]))
        np.add.at(count, day, self.count)
        np.add.at(total, day, np.nan_to_num(self.mean) * self.count)
        with np.errstate(invalid="ignore"):
            return Binned(np.round(total / np.where(count > 0, count, np.nan), DIGITS), count)

    @classmethod
    def unpacked(cls, kept: Floats) -> Binned:
        """From what was kept, (days, 2 · bins); means without a count are of an older history."""
        mean, count = (part.copy() for part in np.hsplit(kept, 2))
        old = np.isfinite(mean).any(axis=1) & ~np.isfinite(count).any(axis=1)
        count[old] = np.where(np.isfinite(mean[old]), OLD_READINGS, np.nan)
        return cls(mean, np.nan_to_num(count))


def between(curve: Floats, place: Floats) -> Floats:
    """The curve at places between bins' middles (bin 0 has 0.5), NaN unless both bins beside are known."""
    at = np.nan_to_num(place, nan=-1.0) - 0.5
    low = np.clip(np.floor(at), 0, len(curve) - 2).astype(int)
    part = at - low
    inside = (part >= 0.0) & (part <= 1.0)
    with np.errstate(invalid="ignore"):
        value = np.where(part == 0.0, curve[low], curve[low] * (1 - part) + curve[low + 1] * part)
        value = np.where(part == 1.0, curve[low + 1], value)
    return np.where(inside, value, np.nan)


def wind_speed_corrected(track: Track, weather: pd.DataFrame | None) -> Floats:
    """Wind speed at standard air density, m/s: v · (ρ/1.225)^⅓ with ρ = p/(R·T) at 1 013 hPa.

    The air's temperature is that of the site's weather; without it the lowest that the turbine measured on
    the day, because a gear box or a generator in the nacelle is warm by what it gives.

    Source: IEC 61400-12-1, eq. 5 (normalisation for turbines with active power control).
    """
    air = track.coolest()[track.days.row]
    if weather is not None and not weather.empty and "temperature_c" in weather:
        hours = weather["temperature_c"].dropna()
        at = (pd.DatetimeIndex(hours.index) - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(minutes=1)
        if len(hours):
            near = np.interp(track.sky.minutes, at, hours.to_numpy(dtype=float), left=np.nan, right=np.nan)
            air = np.where(np.isfinite(near), near, air)
    kelvin = np.where(np.isfinite(air), air, 15.0) + 273.15
    density = 101_325.0 / (287.05 * kelvin)
    return np.asarray(track.wind * (density / STANDARD_DENSITY) ** (1.0 / 3.0))
