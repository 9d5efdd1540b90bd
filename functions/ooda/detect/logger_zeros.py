"""Zeros that a logger writes while the machine runs: the other channels show that it did.

A machine that stands takes no DC power, cools down and keeps its DC voltage. A logger that lost the power
writes 0 there and goes on with the rest; one that lost everything writes 0 °C and 0 V as well.
"""

from __future__ import annotations

from itertools import pairwise

import bottleneck as bn
import numpy as np

from ooda.detect.sky import Mask
from ooda.detect.track import Track, runs

ZERO_SHARE = 0.002
"""Share of capacity. Power that is written as zero."""
LEAST_MINUTES = 30.0
"""Minutes, two readings at least: what is shorter is no stop either."""
DC_SHARE = 0.02
"""Share of capacity. DC power from here on, the median of a stretch, flows through a machine that runs: a
stretch may begin at dawn or go on under dark clouds."""
MOST = 0.8
"""Share of a stretch's readings that are 0 in the other channels too."""
COLD_JUMP_C = 5.0
"""°C. Temperature that is 0 for a stretch, and was so far from it before or after, was not measured."""


def logger_zeros(track: Track, lit: Mask, ac_dc: float) -> Mask:
    """Readings by day whose power of zero other channels contradict, shape (n,).

    `ac_dc`: the usual AC over DC power, as the channels give it: DC power may have another unit.
    """
    out = np.zeros(len(track), dtype=bool)
    with np.errstate(invalid="ignore"):
        zero = lit & (np.abs(track.share) <= ZERO_SHARE)
    if not zero.any():
        return out
    with np.errstate(invalid="ignore"):
        dc = track.dc_power * ac_dc / track.capacity
        blank = (track.temperature == 0.0) & ((track.volts == 0.0) | ~np.isfinite(track.volts))
    for start, end in _within_days(zero, track):
        if end - start < max(2, LEAST_MINUTES / track.step):
            continue
        part = slice(start, end)
        if bn.nanmedian(dc[part]) > DC_SHARE or (blank[part].mean() >= MOST and _jumps(track, start, end)):
            out[part] = True
    return out


def _within_days(zero: Mask, track: Track) -> list[tuple[int, int]]:
    """The runs of zeros, none of them over a night."""
    first = track.days.first
    edges = [(a, *first[(first > a) & (first < b)].tolist(), b) for a, b in runs(zero)]
    return [part for run in edges for part in pairwise(run)]


def _jumps(track: Track, start: int, end: int) -> bool:
    """Whether the temperature beside a stretch is far from zero."""
    ends = track.temperature[[max(0, start - 1), min(len(track) - 1, end)]]
    inside = [start == 0, end == len(track)]
    values = [abs(v) for v, edge in zip(ends.tolist(), inside, strict=True) if not edge and np.isfinite(v)]
    return bool(values) and min(values) >= COLD_JUMP_C
