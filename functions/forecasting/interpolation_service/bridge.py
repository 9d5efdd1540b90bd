"""Across a gap: how an estimate's error at both edges is carried through it, and how sure that is.

Inside a gap of length T the errors e₀ and e₁ at its edges are carried on as those of an Ornstein-Uhlenbeck
process between two measured ends: e(s) = e₀ sinh((T−s)/τ)/sinh(T/τ) + e₁ sinh(s/τ)/sinh(T/τ), with variance
σ² (cosh(T/τ) − cosh((T−2s)/τ)) / sinh(T/τ) (Barczy, Kern, Random Operators and Stochastic Equations 21,
2013). Errors are relative to the clear sky's envelope; times are in hours.
"""

from __future__ import annotations

import numpy as np

from forecasting.interpolation_service import pchip
from forecasting.interpolation_service.estimates import INTERVAL_LEVEL, AssetSeries, Estimate
from forecasting.interpolation_service.gaps import Gap
from ona.sky.sun import Floats

EDGE_HOURS = 12.0
"""How far from a gap an error still counts as one at its edge: across a night, not across a day."""
FAR_HOURS = 1e6
"""Where there is no error on a side: so far away that nothing of it is left."""


def by_shape(asset: AssetSeries, gap: Gap) -> tuple[Floats, Floats] | None:
    """Shape-preserving interpolation (PCHIP) of power over the clear-sky envelope, from the nearest
    daylight values: shares and 80 % half widths, shape (gap,); None with fewer than two on a side."""
    reach = max(4, round(2 * 60 / asset.minutes))
    around = np.arange(max(0, gap.first - reach), min(len(asset.share), gap.last + 1 + reach))
    usable = around[asset.measured[around] & asset.lit[around]]
    if (usable < gap.first).sum() < 2 or (usable > gap.last).sum() < 2:
        return None
    inside = np.arange(gap.first, gap.last + 1)
    index = asset.share[usable] / asset.envelope[usable]
    value = pchip.between(usable.astype(float), index, inside.astype(float)) * asset.envelope[inside]
    spread = float(np.quantile(np.abs(np.diff(index)), INTERVAL_LEVEL))
    near = np.minimum(inside - gap.first + 1, gap.last + 1 - inside)
    return value, spread * np.sqrt(near) * asset.envelope[inside]


def carried(asset: AssetSeries, candidate: Estimate, gap: Gap) -> tuple[Floats, Floats]:
    """Expected error over the envelope inside the gap, and its standard deviation, shape (gap,)."""
    e0, e1, to_left, to_right = _edges(asset, candidate, gap)
    inside = np.arange(gap.last - gap.first + 1) * asset.minutes / 60.0
    s = np.minimum((inside + to_left) / candidate.tau_hours, 300.0)
    r = np.minimum((inside[::-1] + to_right) / candidate.tau_hours, 300.0)
    a, b = np.exp(-s), np.exp(-r)
    both = 1.0 - (a * b) ** 2
    w0, w1 = a * (1 - b**2) / both, b * (1 - a**2) / both
    variance = (1 - a**2) * (1 - b**2) / both
    return w0 * e0 + w1 * e1, candidate.sigma * np.sqrt(np.maximum(variance, 0.0))


def half_width(asset: AssetSeries, candidate: Estimate, gap: Gap) -> Floats:
    """80 % half width of a candidate inside a gap, share of capacity, shape (gap,)."""
    _, spread = carried(asset, candidate, gap)
    return candidate.quantile * spread * asset.envelope[gap.first : gap.last + 1]


def _edges(asset: AssetSeries, candidate: Estimate, gap: Gap) -> tuple[float, float, float, float]:
    """Errors at the last measured daylight values on either side, and how many hours away they are."""
    reach = round(EDGE_HOURS * 60 / asset.minutes)
    before = np.arange(max(0, gap.first - reach), gap.first)
    after = np.arange(gap.last + 1, min(len(asset.share), gap.last + 1 + reach))
    left = before[np.isfinite(candidate.bias[before])][-1:]
    right = after[np.isfinite(candidate.bias[after])][:1]
    return (
        float(candidate.bias[left[0]]) if len(left) else 0.0,
        float(candidate.bias[right[0]]) if len(right) else 0.0,
        (gap.first - left[0]) * asset.minutes / 60.0 if len(left) else FAR_HOURS,
        (right[0] - gap.last) * asset.minutes / 60.0 if len(right) else FAR_HOURS,
    )
