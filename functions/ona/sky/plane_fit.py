"""Tilt and azimuth of a solar site that nobody wrote down: the plane under which its output makes sense."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.sky import sun
from ona.sky.irradiance import MIN_CLEAR, plane_irradiance
from ona.sky.plane import Plane, unknown_roof
from ona.sky.sun import Floats

TILTS = range(0, 61, 10)
"""Degrees of the coarse search; steeper roofs are reached by the fine one."""
AZIMUTHS = range(0, 360, 30)
"""Degrees of the coarse search, clockwise from north."""
MIN_HOURS = 200
"""Hours of daylight that a fit needs: about three weeks. Ours."""
CLIPPED = 0.97
"""Power above this share of the greatest is taken to be clipped by the inverter: it says nothing of the
plane. Ours."""


def fit(
    weather: pd.DataFrame, share: pd.Series, latitude: float, longitude: float, minutes: float = 60.0
) -> tuple[Plane, float]:
    """The plane whose irradiance explains measured power best, and the share of variance it explains.

    `weather`: a weather frame whose rows are `minutes` apart; `share`: power over capacity on the same
    index. Power is taken to be proportional to plane-of-array irradiance while unclipped; a coarse search
    (10° by 30°), then a fine one around the best (3° by 9°, then 1.5° by 4.5°). Fewer than 200 usable
    hours: the plane of an unknown roof, and 0.
    """
    towards_equator = unknown_roof(latitude, longitude)
    end = pd.DatetimeIndex(weather.index)
    power = share.reindex(weather.index).to_numpy(dtype=float)
    flat = sun.clear_sky(end, towards_equator, minutes)
    usable = (
        (flat["clear_ghi"].to_numpy() > MIN_CLEAR)
        & ~np.isnan(power)
        & ~np.isnan(weather["ghi_w_m2"].to_numpy(dtype=float))
        & (power < CLIPPED * np.nanmax(power, initial=0.0))
    )
    if usable.sum() < MIN_HOURS or np.nanvar(power[usable]) == 0:
        return towards_equator, 0.0
    part, power = weather[usable], power[usable]
    base = flat[usable]
    zenith = np.degrees(np.arccos(np.clip(base["cos_zenith"].to_numpy(), 0.0, 1.0)))
    azimuth = base["sun_azimuth"].to_numpy()

    def explained(tilt: float, towards: float) -> float:
        plane = Plane(latitude, longitude, tilt, towards % 360.0)
        cosine = _incidence(zenith, azimuth, plane)
        poa = plane_irradiance(part, base.assign(aoi=cosine), plane)
        gain = float(poa @ power) / max(float(poa @ poa), 1e-9)
        return 1.0 - float(((power - gain * poa) ** 2).mean()) / float(power.var())

    grid = [(explained(t, a), float(t), float(a)) for t in TILTS for a in (AZIMUTHS if t else (0,))]
    best = max(grid)
    for step in (6.0, 3.0):
        around = [
            (min(max(best[1] + dt * step / 2, 0.0), 90.0), best[2] + da * step * 1.5)
            for dt in (-1, 0, 1)
            for da in (-1, 0, 1)
        ]
        best = max([best, *((explained(t, a), t, a) for t, a in around)])
    return Plane(latitude, longitude, best[1], best[2] % 360.0), best[0]


def _incidence(zenith: Floats, azimuth: Floats, plane: Plane) -> Floats:
    """Cosine of the angle of incidence, ≥ 0, of mid-interval suns (degrees)."""
    z, t = np.radians(zenith), np.radians(plane.tilt)
    turn = np.radians(azimuth - plane.azimuth)
    return np.asarray(np.maximum(np.cos(t) * np.cos(z) + np.sin(t) * np.sin(z) * np.cos(turn), 0.0))
