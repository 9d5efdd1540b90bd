"""Power that is stuck at one value, and power that is clipped. Clipped readings are right, and no fault."""

from __future__ import annotations

import math

import numpy as np

from ooda.config.detection import DetectionConfig
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Track, runs

CLIP_LEAST, CLIP_QUANTILE, CLIP_BAND, CLIP_RATIO = 0.3, 0.995, 0.995, 3.0
"""How `clipped` finds the asset's ceiling. Only readings above 0.3 of capacity count. The ceiling is their
0.995-quantile. Near it are readings of at least 0.995 of the ceiling; just below are those from 0.99 to
0.995. There must be at least three times as many near it as just below."""
STUCK_CHANNELS = ("volts", "temperature", "dc_power")
"""Channels of a track that show whether a logger is alive while power does not move."""


def stale(track: Track, config: DetectionConfig) -> Mask:
    """Readings whose power stays exactly the same for `stale_minutes` or longer, shape (n,).

    Power near zero (night, a stop) does not count. Other channels (`STUCK_CHANNELS`) decide where they are
    measured: if one of them changes, the logger works and the power was really constant. Where none is
    measured, constant power at the asset's highest value is taken for a limit, not for a stuck logger.
    """
    need = max(4, math.ceil(config.algorithms.duration.stale_minutes / track.step))
    power = track.power
    with np.errstate(invalid="ignore"):
        same = np.concatenate(([False], np.diff(power) == 0.0)) & (power > 0.005 * track.capacity)
    frozen = np.zeros(len(track), dtype=bool)
    if not same.any():
        return frozen
    highest = np.nanmax(power)
    for start, end in runs(same):
        if end - start + 1 < need:
            continue
        block = slice(start - 1, end)
        others = [
            values[np.isfinite(values)]
            for name in STUCK_CHANNELS
            if np.isfinite(values := getattr(track, name)[block]).sum() > 1
        ]
        stuck = all(np.ptp(values) == 0.0 for values in others)
        if stuck and (others or power[start] < highest):
            frozen[block] = True
    return frozen


def clipped(share: Floats) -> Mask:
    """Readings at the asset's own ceiling, shape (n,). `share`: power over capacity, (n,).

    The constants above say what the ceiling is and when there is one. At least two readings in a row must
    be near it. This is no fault: the inverter or a contract limits the power, and expected power is limited
    in the same way.
    """
    at_work = share[np.isfinite(share) & (share > CLIP_LEAST)]
    if at_work.size < 20:
        return np.zeros(len(share), dtype=bool)
    ceiling = float(np.quantile(at_work, CLIP_QUANTILE))
    with np.errstate(invalid="ignore"):
        near = share >= CLIP_BAND * ceiling
        below = (share >= (2 * CLIP_BAND - 1) * ceiling) & ~near
    if int(near.sum()) < CLIP_RATIO * max(int(below.sum()), 1):
        return np.zeros(len(share), dtype=bool)
    paired = near & (np.roll(near, 1) | np.roll(near, -1))
    return np.asarray(paired)
