"""The usual step between readings: how many minutes a source waits from one row to the next.

>>> usual_step(np.array([0.0, 15.0, 30.0, 90.0, 105.0]))  # two rows are missing
15.0
>>> usual_step(np.array([0.0]), otherwise=60.0)
60.0
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

USUAL_MINUTES = 15.0
"""The step of most loggers (docs/data-formats.md); it stands in where times do not show one."""


def minutes_of(times: pd.Series | pd.DatetimeIndex) -> NDArray[np.float64]:
    """Times as minutes since 1970-01-01 UTC, shape (n,)."""
    return np.asarray(pd.DatetimeIndex(times).as_unit("us").asi8 / 60e6)


def usual_step(minutes: NDArray[np.float64], otherwise: float = USUAL_MINUTES) -> float:
    """The commonest step between rising times (minutes); `otherwise` where there are fewer than two."""
    return commonest_step(np.diff(minutes), otherwise)


def commonest_step(steps: NDArray[np.float64], otherwise: float = USUAL_MINUTES) -> float:
    """The commonest of some steps (minutes), the shortest of several equally common ones.

    Steps that are not positive do not count; `otherwise` where none is left.
    """
    steps = steps[steps > 0]
    if not len(steps):
        return otherwise
    values, counts = np.unique(steps, return_counts=True)
    return float(values[counts.argmax()])
