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
ALL_MINUTES = 360.0
"""Minutes of exactly 0 °C without another value in a whole file: no place keeps that for so long."""
COLD_JUMP_C = 5.0
"""°C. Temperature that is 0 for a stretch, and so far from it a reading beside it, was not measured."""


def logger_zeros(track: Track, lit: Mask, ac_dc: float) -> Mask:
    """Readings by day whose power of zero other channels contradict, shape (n,).

    `ac_dc`: the usual AC over DC power, as the channels give it: DC power may have another unit.
    """
    out = np.zeros(len(track), dtype=bool)
    with np.errstate(invalid="ignore"):
        nothing = np.abs(track.share) <= ZERO_SHARE
    zero = lit & nothing
    if not zero.any():
        return out
    with np.errstate(invalid="ignore"):
        dc = track.dc_power * ac_dc / track.capacity
        blank = nothing & (track.temperature == 0.0) & ((track.volts == 0.0) | ~np.isfinite(track.volts))
    for start, end in _within_days(zero, track):
        if _long(start, end, track) and bn.nanmedian(dc[start:end]) > DC_SHARE:
            out[start:end] = True
    for start, end in runs(blank):  # over nights too: what has no channel left is not seen to come back
        if _long(start, end, track) and _not_measured(track, start, end):
            out[start:end] |= zero[start:end]
    return out


def _long(start: int, end: int, track: Track) -> bool:
    return end - start >= max(2, LEAST_MINUTES / track.step)


def _within_days(zero: Mask, track: Track) -> list[tuple[int, int]]:
    """The runs of zeros, none of them over a night."""
    first = track.days.first
    edges = [(a, *first[(first > a) & (first < b)].tolist(), b) for a, b in runs(zero)]
    return [part for run in edges for part in pairwise(run)]


def _not_measured(track: Track, start: int, end: int) -> bool:
    """Whether a stretch of 0 °C was not measured: temperature jumps to it or from it, or it is all that a
    file has."""
    beside = [at for at in (start - 1, end) if 0 <= at < len(track)]
    if not beside:
        return (end - start) * track.step >= ALL_MINUTES
    return any(abs(track.temperature[at]) >= COLD_JUMP_C for at in beside)
