"""Where the sun stands, and what a clear sky would give a plane: averages over each interval.

>>> noon = pd.DatetimeIndex(["2025-12-21T10:30Z"])
>>> sky = clear_sky(noon, Plane(-26.2, 28.05, tilt=26.0, azimuth=0.0), minutes=60.0)
>>> round(float(sky["elevation"].iloc[0])), round(float(sky["clear_ghi"].iloc[0]), -1)
(87, 1080.0)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.sky import almanac
from ona.sky.almanac import Floats
from ona.sky.plane import Plane

__all__ = ["Floats", "clear_sky", "on_plane", "split"]

ALBEDO = 0.2
"""Share of light that the ground throws back: grass and soil (pvlib's and PVWatts' default)."""
BEAM_LIMIT_W_M2 = 1050.0
"""W/m² that the beam of Erbs' split never passes: at low suns the split divides by almost nothing. Ours."""
SAMPLES = 6
"""Instants an interval at which the sun is looked at; an hour's average then errs by less than 1 %."""


def clear_sky(end: pd.DatetimeIndex, plane: Plane, minutes: float) -> pd.DataFrame:
    """Sun and clear-sky irradiance of the intervals that end at `end`, shape (n,), index `end`.

    Columns: `elevation`, `sun_azimuth` (degrees, mid-interval), `cos_zenith` (mean, ≥ 0), `aoi`
    (mean cosine of the angle of incidence, ≥ 0), `clear_ghi`, `clear_poa` (mean, W/m²).
    Sources: `almanac` (sun, and simplified Solis clear sky, Ineichen 2008, with aerosol depth 0.1 and
    1 cm of water); isotropic diffuse and ground reflection (Liu and Jordan 1963).
    """
    n = len(end)
    offsets = (np.arange(SAMPLES) + 0.5) / SAMPLES * minutes
    seconds = pd.DatetimeIndex(end).as_unit("us").asi8 / 1e6
    instants = (seconds[None, :] - 60.0 * offsets[:, None]).ravel()
    stands = almanac.sun_position(instants, plane.latitude, plane.longitude)
    zenith, up = 90.0 - stands.apparent, stands.apparent > 0.0
    sky = almanac.clear_irradiance(np.maximum(stands.apparent, 0.0))
    ghi, dni, dhi = (np.where(up, part, 0.0) for part in sky)
    incidence = almanac.cosine_of_incidence(plane.tilt, plane.azimuth, zenith, stands.azimuth)
    incidence = np.where(up, np.maximum(incidence, 0.0), 0.0)
    poa = on_plane(dni, dhi, ghi, incidence, plane.tilt)
    cos_zenith = np.maximum(np.cos(np.radians(zenith)), 0.0)

    def mean(values: Floats) -> Floats:
        return np.asarray(values.reshape(SAMPLES, n).mean(axis=0))

    noon = almanac.sun_position(seconds - 30.0 * minutes, plane.latitude, plane.longitude)
    return pd.DataFrame(
        {
            "elevation": noon.apparent,
            "sun_azimuth": noon.azimuth,
            "cos_zenith": mean(cos_zenith),
            "aoi": mean(incidence),
            "clear_ghi": mean(ghi),
            "clear_poa": mean(poa),
        },
        index=end,
    )


def on_plane(dni: Floats, dhi: Floats, ghi: Floats, incidence: Floats, tilt: float | Floats) -> Floats:
    """Plane-of-array irradiance (W/m², shape (n,)) from beam, diffuse and global (W/m²).

    `incidence`: cosine of the angle of incidence, ≥ 0; `tilt`: degrees, one or shape (n,). Isotropic sky
    and ground (Liu, Jordan, Solar Energy 7(2), 1963).
    """
    cosine = np.cos(np.radians(tilt))
    return np.asarray(dni * incidence + dhi * (1 + cosine) / 2 + ALBEDO * ghi * (1 - cosine) / 2)


def split(ghi: Floats, cos_zenith: Floats, day_of_year: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Beam and diffuse irradiance (W/m²) of a global one, by the clearness index.

    Source: Erbs, Klein, Duffie, Solar Energy 28(4), 1982 (`almanac.erbs`).
    """
    zenith = np.degrees(np.arccos(np.clip(cos_zenith, 0.0, 1.0)))
    beam, diffuse = almanac.erbs(np.asarray(ghi, dtype=float), zenith, day_of_year)
    dni = np.clip(np.nan_to_num(beam), 0.0, BEAM_LIMIT_W_M2)
    dhi = np.clip(np.nan_to_num(diffuse), 0.0, np.maximum(ghi, 0.0))
    return dni, dhi
