"""Medians and quantiles over the days before each day: what an asset usually does.

>>> import numpy as np
>>> before_each(np.array([1.0, np.nan, 3.0] * 6), np.array([5.0, 7.0]), days=3).tolist()
[2.0, 4.0]
"""

from __future__ import annotations

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Floats, Ints, Mask

FIRST_DAYS = 14
"""Days. The first two weeks of an asset are judged by these same two weeks: there are none before them."""


def windows(values: Floats, ends: Ints, width: int) -> Floats:
    """The `width` values before each end, shape (len(ends), width), padded with NaN in front."""
    padded = np.concatenate((np.full(width, np.nan), values))
    return np.asarray(padded[ends[:, None] + np.arange(width)])


def ends_of(total: int, own: int) -> Ints:
    """Of `total` days, up to where each of the last `own` looks back: to the day before it, or to the end
    of the first `FIRST_DAYS`."""
    return np.maximum(np.arange(total - own, total), min(FIRST_DAYS, total)).astype(np.int64)


def before_each(earlier: Floats, own: Floats, days: int = 30, quantile: float = 0.5) -> Floats:
    """Median (or another quantile) of the `days` values before each of the file's D days, (D,).

    `earlier`: values of the days before the file; `own`: those of its days. The first `FIRST_DAYS` stand in
    for days that are missing before them.
    """
    values = np.concatenate((earlier, own))
    window = windows(values, ends_of(len(values), len(own)), days)
    return (
        np.asarray(bn.nanmedian(window, axis=1)) if quantile == 0.5 else quantile_of_rows(window, quantile)
    )


def of_sound_days(earlier: Floats, own: Floats, sound: Mask, days: int = 30) -> Floats:
    """Median of the `days` values of sound days before each of the file's D days, (D,), however long ago
    they were: what grows for weeks shall not become usual. `sound`: which of its own days are, (D,).

    >>> volts = np.array([600.0, 600, 600, 590, 580, 570])
    >>> of_sound_days(np.empty(0), volts, volts > 595)
    array([600., 600., 600., 600., 600., 600.])
    """
    counts = sound & np.isfinite(own)
    values = np.concatenate((earlier, own[counts]))
    ends = len(earlier) + np.cumsum(counts) - counts
    ends = np.minimum(np.maximum(ends, FIRST_DAYS), len(values))
    if not len(values):
        return np.full(len(own), np.nan)
    return np.asarray(bn.nanmedian(windows(values, ends, days), axis=1))


def strictly_before(earlier: Floats, own: Floats, days: int = 30) -> Floats:
    """The median of the `days` values before each of the file's D days, (D,), NaN where there is none."""
    values = np.concatenate((earlier, own))
    return np.asarray(bn.nanmedian(windows(values, np.arange(len(earlier), len(values)), days), axis=1))


def quantile_of_rows(rows: Floats, q: float) -> Floats:
    """Quantile of each row without its NaN, linear between ranks; shape (n,)."""
    ranked = np.sort(rows, axis=1)
    count = np.isfinite(ranked).sum(axis=1)
    place = q * np.maximum(count - 1, 0)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    at = np.arange(len(rows))
    return np.asarray(ranked[at, low] + (place - low) * (ranked[at, high] - ranked[at, low]))


def middles(values: Floats) -> tuple[Floats, Floats]:
    """The two values of each column that lie in its middle, (n,) each, of (J, n): the same one where an odd
    number is known; NaN where none is. One sort serves all columns.

    >>> low, high = middles(np.array([[1.0, 5.0], [4.0, np.nan], [2.0, 7.0], [9.0, np.nan]]))
    >>> low.tolist(), high.tolist()
    ([2.0, 5.0], [4.0, 7.0])
    """
    flat, (rows, width) = np.sort(values, axis=0).ravel(), values.shape  # what is not known comes last
    count, place = np.isfinite(values).sum(axis=0), np.arange(width)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, rows - 1)
    return flat.take(low * width + place), flat.take(high * width + place)
