"""How much a reading says for itself: readings next to each other err together.

>>> round(own_share(5.0), 2), round(own_share(15.0), 2), round(own_share(60.0), 2)
(0.08, 0.24, 0.76)
"""

from __future__ import annotations

import math

LASTS = 30.0
"""Minutes in which what an expectation errs by falls to 1/e of itself (ours)."""


def own_share(step: float) -> float:
    """The share of a reading's evidence that is its own, 0…1, of readings `step` minutes apart.

    (1 − ρ) / (1 + ρ), with ρ the correlation of a reading's error with that of the next.
    """
    rho = math.exp(-step / LASTS)
    return (1.0 - rho) / (1.0 + rho)
