"""Noise that remembers: first-order autoregressive series, and seeds that do not touch one another."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]


def generator(seed: int, part: str) -> np.random.Generator:
    """A random generator for one part of a plant: adding a part leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def remembering(rng: np.random.Generator, count: int, memory: float) -> Floats:
    """Gaussian, mean 0, deviation 1; its autocorrelation falls to 1/e after `memory` steps.

    >>> x = remembering(np.random.default_rng(1), 200_000, 10.0)
    >>> bool(abs(np.corrcoef(x[:-10], x[10:])[0, 1] - np.exp(-1)) < 0.03)
    True
    """
    rho = float(np.exp(-1.0 / memory))
    shocks = rng.normal(0.0, np.sqrt(1.0 - rho * rho), count)
    if count:
        shocks[0] = rng.normal()
    return np.asarray(lfilter([1.0], [1.0, -rho], shocks))


def slowed(values: Floats, steps: float) -> Floats:
    """The values through a lag of first order with a time constant of so many steps."""
    if len(values) == 0 or steps <= 0:
        return values
    keep = float(np.exp(-1.0 / steps))
    out, _ = lfilter([1.0 - keep], [1.0, -keep], values, zi=[keep * values[0]])
    return np.asarray(out)


def smooth(values: Floats, width: int) -> Floats:
    """Centred moving mean over so many values."""
    if width <= 1:
        return values
    total = np.cumsum(
        np.concatenate((np.full(width // 2 + 1, values[0]), values, np.full(width, values[-1])))
    )
    return np.asarray((total[width:] - total[:-width])[: len(values)] / width)
