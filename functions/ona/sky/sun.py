"""Where the sun stands, and what a clear sky would give a plane: averages over each interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALBEDO = 0.2
SAMPLES = 6
"""Instants an interval at which the sun is looked at; an hour's average then errs by less than 1 %."""


@dataclass(frozen=True)
class Plane:
    """A fixed plane at a place: degrees north, east; tilt from horizontal, azimuth clockwise from north."""

    latitude: float
    longitude: float
    tilt: float
    azimuth: float


def interval_minutes(end: pd.DatetimeIndex) -> float:
    """The usual step of an index, minutes; 60 for fewer than two instants."""
    if len(end) < 2:
        return 60.0
    steps = np.diff(end.asi8.astype(np.int64)) * _to_minutes(end)
    return float(np.median(steps[steps > 0])) if (steps > 0).any() else 60.0


def _to_minutes(index: pd.DatetimeIndex) -> float:
    return {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[index.unit] / 60.0


def clear_sky(end: pd.DatetimeIndex, plane: Plane, minutes: float) -> pd.DataFrame:
    """Sun and clear-sky irradiance of the intervals that end at `end`, shape (n,), index `end`.

    Columns: `elevation`, `sun_azimuth` (degrees, mid-interval), `cos_zenith` (mean, ≥ 0), `aoi`
    (mean cosine of the angle of incidence, ≥ 0), `clear_ghi`, `clear_poa` (mean, W/m²).
    Sources: pvlib `ephemeris`; simplified Solis clear sky (Ineichen 2008) with aerosol depth 0.1 and
    1 cm of water; isotropic diffuse and ground reflection (Liu and Jordan 1963).
    """
    from pvlib.clearsky import simplified_solis
    from pvlib.irradiance import aoi_projection
    from pvlib.solarposition import ephemeris

    n = len(end)
    offsets = (np.arange(SAMPLES) + 0.5) / SAMPLES * minutes
    instants = _stack(end, offsets)
    sun = ephemeris(instants, plane.latitude, plane.longitude)
    elevation = sun["apparent_elevation"].to_numpy()
    zenith, azimuth = 90.0 - elevation, sun["azimuth"].to_numpy()
    sky = simplified_solis(np.maximum(elevation, 0.0), aod700=0.1, precipitable_water=1.0)
    up = elevation > 0.0
    ghi, dni, dhi = (np.where(up, np.nan_to_num(sky[name]), 0.0) for name in ("ghi", "dni", "dhi"))
    incidence = np.where(
        up, np.maximum(aoi_projection(plane.tilt, plane.azimuth, zenith, azimuth), 0.0), 0.0
    )
    poa = on_plane(dni, dhi, ghi, incidence, plane.tilt)
    cos_zenith = np.maximum(np.cos(np.radians(zenith)), 0.0)

    def mean(values: Floats) -> Floats:
        return np.asarray(values.reshape(SAMPLES, n).mean(axis=0))

    middle = _stack(end, np.array([minutes / 2]))
    noon = ephemeris(middle, plane.latitude, plane.longitude)
    return pd.DataFrame(
        {
            "elevation": noon["apparent_elevation"].to_numpy(),
            "sun_azimuth": noon["azimuth"].to_numpy(),
            "cos_zenith": mean(cos_zenith),
            "aoi": mean(incidence),
            "clear_ghi": mean(ghi),
            "clear_poa": mean(poa),
        },
        index=end,
    )


def _stack(end: pd.DatetimeIndex, offsets: Floats) -> pd.DatetimeIndex:
    """The instants `offsets` minutes before each end, one offset after the other."""
    shifted = [(end - pd.Timedelta(minutes=float(offset))).to_series() for offset in offsets]
    return pd.DatetimeIndex(pd.concat(shifted))


def on_plane(dni: Floats, dhi: Floats, ghi: Floats, incidence: Floats, tilt: float) -> Floats:
    """Plane-of-array irradiance, W/m², from beam, diffuse and global, isotropic sky."""
    cosine = np.cos(np.radians(tilt))
    return np.asarray(dni * incidence + dhi * (1 + cosine) / 2 + ALBEDO * ghi * (1 - cosine) / 2)


def split(ghi: Floats, cos_zenith: Floats, day_of_year: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Beam and diffuse irradiance (W/m²) of a global one, by the clearness index.

    Source: Erbs, Klein, Duffie, Solar Energy 28(4), 1982, as in pvlib; beam is kept below 1 050 W/m².
    """
    from pvlib.irradiance import erbs

    zenith = np.degrees(np.arccos(np.clip(cos_zenith, 0.0, 1.0)))
    parts = erbs(ghi, zenith, day_of_year)
    dni = np.clip(np.nan_to_num(np.asarray(parts["dni"], dtype=float)), 0.0, 1050.0)
    dhi = np.clip(np.nan_to_num(np.asarray(parts["dhi"], dtype=float)), 0.0, np.maximum(ghi, 0.0))
    return dni, dhi
