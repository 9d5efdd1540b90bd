"""Filling gaps: zero at night, by shape when short, else by the candidate with the least expected error.

Measured values are never changed. `estimates` makes the candidates, `bridge` carries their errors through
a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.interpolation_service import bridge, estimates, gaps
from forecasting.interpolation_service.estimates import AssetSeries, Estimate, Learner
from forecasting.interpolation_service.gaps import Gap
from forecasting.model import features
from forecasting.model.features import Site
from forecasting.model.hourly import Grid
from ona.sky import sun
from ona.sky.irradiance import DARK_W_M2
from ona.sky.sun import Floats

ENVELOPE_FLOOR = 0.02
"""The envelope never falls below this share of capacity by day: errors near sunrise stay finite."""
GOOD_PEERS = 0.10
"""Other assets whose errors spread less than this, relative to the clear sky, need no second opinion."""


@dataclass(frozen=True)
class Filled:
    """One asset's series: power (kW), and for each value the 80 % half width (kW) and how it came about.

    `method` is `measured` for measured values, whose half width is zero.
    """

    power_kw: Floats
    half_width_kw: Floats
    method: NDArray[np.object_]


@dataclass(frozen=True)
class Result:
    """All assets of a site, and the gaps with the method that filled each."""

    assets: dict[str, Filled]
    gaps: list[tuple[Gap, str]]


def fill(
    grid: Grid,
    capacities: dict[str, float],
    site: Site,
    weather: pd.DataFrame | None,
    learner: Learner,
) -> Result:
    """Fill every gap of a site's assets.

    `capacities`: kW by asset; `weather`: a weather frame on the same grid, or None. Raises nothing for odd
    data: what cannot be estimated in any way is left NaN with method `unfilled`.
    """
    end = pd.DatetimeIndex(grid.power.index)
    lit, envelope = _sky(end, site, grid.minutes)
    shares = grid.power.div(pd.Series(capacities), axis=1)
    has_weather = weather is not None and len(weather.columns) > 0
    inputs = features.build(weather, site, grid.minutes) if weather is not None and has_weather else None
    all_gaps = gaps.find(grid.power, grid.reported, lit, grid.minutes)
    assets: dict[str, Filled] = {}
    methods: list[tuple[Gap, str]] = []
    for asset_id in map(str, grid.power.columns):
        share = shares[asset_id].to_numpy(dtype=float)
        others = shares.drop(columns=asset_id)
        series = AssetSeries(share, others, lit, envelope, inputs, grid.minutes, learner)
        work = _Filling(series)
        for gap in (gap for gap in all_gaps if gap.asset_id == asset_id):
            methods.append((gap, work.fill(gap)))
        capacity = capacities[asset_id]
        measured = grid.power[asset_id].to_numpy()
        assets[asset_id] = Filled(
            np.where(work.methods == "measured", measured, work.filled * capacity),
            work.widths * capacity,
            work.methods,
        )
    return Result(assets, methods)


def _sky(end: pd.DatetimeIndex, site: Site, minutes: float) -> tuple[NDArray[np.bool_], Floats]:
    """Whether the sun is up, and what a clear sky could give (share of capacity), shape (n,) each."""
    if site.kind == "wind":
        return np.ones(len(end), dtype=bool), np.ones(len(end))
    clear = sun.clear_sky(end, site.plane, minutes)["clear_poa"].to_numpy()
    lit = clear > DARK_W_M2
    return lit, np.where(lit, np.maximum(clear / 1000.0, ENVELOPE_FLOOR), 0.0)


class _Filling:
    """One asset while it is filled: shares, half widths and methods; candidates are made when the first
    gap wants them."""

    def __init__(self, asset: AssetSeries) -> None:
        self.asset = asset
        self.filled = asset.share.copy()
        self.widths = np.zeros(len(asset.share))
        self.methods: NDArray[np.object_] = np.full(len(asset.share), "measured", object)

    @cached_property
    def _peers(self) -> Estimate | None:
        return estimates.from_peers(self.asset)

    @cached_property
    def _weather(self) -> Estimate | None:
        return estimates.from_weather(self.asset)

    @cached_property
    def _usual_day(self) -> Estimate:
        return estimates.from_usual_day(self.asset)

    def fill(self, gap: Gap) -> str:
        """Fill one gap; returns the method of its daylight."""
        asset, where = self.asset, slice(gap.first, gap.last + 1)
        lit = asset.lit[where]
        self.filled[where][~lit] = 0.0
        self.methods[where] = np.where(lit, "unfilled", "night")
        if not lit.any():
            return "night"
        usable = [c for c in self._candidates(gap) if np.isfinite(c.values[where][lit]).all()]
        best = min(usable, key=lambda c: self._expected_error(c, gap), default=None)
        shape = bridge.by_shape(asset, gap) if gap.length == "short" else None
        if shape is not None and (best is None or shape[1].sum() <= self._expected_error(best, gap)):
            method, (value, width) = "shape", shape
        elif best is not None:
            error, _ = bridge.carried(asset, best, gap)
            value = best.values[where] + error * asset.envelope[where]
            method, width = best.method, bridge.half_width(asset, best, gap)
        else:
            return "unfilled"
        self.filled[where] = np.where(lit, np.clip(value, 0.0, 1.0), 0.0)
        self.widths[where] = np.where(lit, width, 0.0)
        self.methods[where] = np.where(lit, method, "night")
        return method

    def _candidates(self, gap: Gap) -> list[Estimate]:
        """Other assets, weather, the usual day, as far as the data allow. Learning from the weather costs
        seconds an asset: it is spared where the other assets agree and saw the whole gap."""
        peers, where = self._peers, slice(gap.first, gap.last + 1)
        saw_all = peers is not None and np.isfinite(peers.values[where][self.asset.lit[where]]).all()
        if peers is not None and saw_all and peers.sigma < GOOD_PEERS:
            return [peers]
        every = [peers, self._weather, self._usual_day]
        return [candidate for candidate in every if candidate is not None]

    def _expected_error(self, candidate: Estimate, gap: Gap) -> float:
        return float(bridge.half_width(self.asset, candidate, gap).sum())
