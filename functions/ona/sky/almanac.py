"""Where the sun stands, and what a clear sky lets through, in NumPy alone.

The formulas are those of pvlib's `ephemeris`, `simplified_solis` and `erbs`, which the tests compare with.
pvlib itself takes a third of a second to be imported, and 26 MiB of libraries that nothing here uses.

>>> sun_position(np.array([1766313000.0]), -26.2, 28.05).apparent.round(1).tolist()  # 2025-12-21T10:30Z
[83.9]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_S = 86400.0
JULIAN_CENTURY_DAYS = 36525.0
EPOCH_1900_DAYS = 25567.5
"""Days from 1899-12-31T12:00, from which the almanac counts, to 1970-01-01T00:00 UTC."""
ABERRATION_DEG = 20.0 / 3600.0
REFRACTION = 283.0 / (273.0 + 12.0) / 3600.0
"""Refraction at 12 °C and sea level, degrees an arc second."""
EXTRA_W_M2 = 1364.0
"""Irradiance above the atmosphere that simplified Solis takes (Ineichen 2008)."""
AEROSOL = 0.1
"""Aerosol optical depth at 700 nm; beside it, one centimetre of water and the pressure at sea level."""
SOLAR_CONSTANT = 1366.1
"""W/m² at the mean distance of the sun, for Erbs' clearness index (pvlib's default)."""


class Position(NamedTuple):
    """Where the sun stands, degrees: its elevation, the apparent one with refraction, its azimuth clockwise
    from north."""

    elevation: Floats
    apparent: Floats
    azimuth: Floats


def sun_position(seconds: Floats, latitude: float, longitude: float) -> Position:
    """Where the sun stands at instants (s since 1970, UTC).

    Source: the Astronomical Almanac's low-precision sun with refraction, as in pvlib `ephemeris`.
    """
    days = np.floor(seconds / DAY_S) + EPOCH_1900_DAYS
    part = seconds / DAY_S - np.floor(seconds / DAY_S)
    century = days / JULIAN_CENTURY_DAYS
    sidereal = 6 / 24.0 + 38 / 1440.0 + (45.836 + 8640184.542 * century + 0.0929 * century**2) / DAY_S
    sidereal = 360.0 * (sidereal - np.floor(sidereal))
    local = np.mod(360.0 + np.mod(sidereal + 360.0 * 1.0027379093 * part, 360.0) + longitude, 360.0)
    right_ascension, declination = _equatorial(days + part)
    hour_angle = np.radians(local - right_ascension)
    phi = np.radians(latitude)
    azimuth = np.degrees(
        np.arctan2(
            -np.sin(hour_angle), np.cos(phi) * np.tan(declination) - np.sin(phi) * np.cos(hour_angle)
        )
    )
    height = np.cos(phi) * np.cos(declination) * np.cos(hour_angle) + np.sin(phi) * np.sin(declination)
    elevation = np.degrees(np.arcsin(height))
    azimuth = np.where(azimuth < 0, azimuth + 360.0, azimuth)
    return Position(elevation, elevation + _refraction(elevation), azimuth)


def _equatorial(day: Floats) -> tuple[Floats, Floats]:
    """Right ascension (degrees) and declination (radians) of the sun at days since 1899-12-31T12:00."""
    t = day / JULIAN_CENTURY_DAYS
    obliquity = np.radians(23.452294 - 0.0130125 * t - 1.64e-06 * t**2 + 5.03e-07 * t**3)
    perigee = 281.22083 + 4.70684e-05 * day + 0.000453 * t**2 + 3e-06 * t**3
    anomaly = np.mod(358.47583 + 0.985600267 * day - 0.00015 * t**2 - 3e-06 * t**3, 360.0)
    eccentricity = 0.01675104 - 4.18e-05 * t - 1.26e-07 * t**2
    eccentric, before = anomaly, np.zeros_like(anomaly)
    while eccentric.size and np.max(np.abs(eccentric - before)) > 1e-4:  # Kepler's equation
        before = eccentric
        eccentric = anomaly + np.degrees(eccentricity) * np.sin(np.radians(before))
    stretch = ((1 + eccentricity) / (1 - eccentricity)) ** 0.5
    true = 2 * np.mod(np.degrees(np.arctan(stretch * np.tan(np.radians(eccentric) / 2.0))), 360.0)
    longitude = np.radians(np.mod(perigee + true, 360.0) - ABERRATION_DEG)
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    return np.degrees(np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))), declination


def _refraction(elevation: Floats) -> Floats:
    """How much higher than it is the sun seems, degrees."""
    tangent = np.tan(np.radians(elevation))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        high = 58.1 / tangent - 0.07 / tangent**3 + 8.6e-05 / tangent**5
        below = -20.774 / tangent
    low = 1735.0 + elevation * (-518.2 + elevation * (103.4 + elevation * (-12.79 + elevation * 0.711)))
    bands = [
        (elevation > 5) & (elevation <= 85),
        (elevation > -0.575) & (elevation <= 5),
        (elevation > -1) & (elevation <= -0.575),
    ]
    return np.asarray(np.select(bands, [high, low, below], 0.0) * REFRACTION)


def clear_irradiance(elevation: Floats) -> tuple[Floats, Floats, Floats]:
    """Global, beam and diffuse irradiance (W/m²) of a clear sky at apparent elevations (degrees, ≥ 0).

    Simplified Solis (Ineichen, Solar Energy 82(8), 2008) at `AEROSOL`, 1 cm of water and sea level, where
    the logarithms of water and pressure vanish.
    """
    a = AEROSOL
    top = EXTRA_W_M2 * (0.12 * a**2 + 0.97 * a + 1.08)
    beam = (1.82 * a + 0.33, -0.7565 * a**2 + 0.5057 * a + 0.4557)
    whole = (1.24 * a + 0.27, -0.3079 * a**2 + 0.2846 * a + 0.3798)
    scattered = (
        (-0.21 + 11.6) * a**4
        + (0.27 - 20.7) * a**3
        + (-0.134 + 15.5) * a**2
        + (0.0554 - 5.71) * a
        + (0.0057 + 2.94),
        -0.337 * a**2 + 0.63 * a + 0.116,
    )
    sine = np.maximum(1e-30, np.sin(np.radians(elevation)))
    dni, ghi, dhi = (top * np.exp(-depth / sine**bend) for depth, bend in (beam, whole, scattered))
    return np.asarray(ghi * sine), np.asarray(dni), np.asarray(dhi)


def cosine_of_incidence(tilt: float, azimuth: float, zenith: Floats, sun_azimuth: Floats) -> Floats:
    """Cosine of the angle between sun and a plane's normal, −1…1; all angles in degrees."""
    lean, high = np.radians(tilt), np.radians(zenith)
    across = np.cos(np.radians(sun_azimuth - azimuth))
    cosine = np.cos(lean) * np.cos(high) + np.sin(lean) * np.sin(high) * across
    return np.asarray(np.clip(cosine, -1.0, 1.0))


def erbs(ghi: Floats, zenith: Floats, day_of_year: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Beam and diffuse irradiance (W/m²) of a global one, by the clearness index; zenith in degrees.

    Source: Erbs, Klein, Duffie, Solar Energy 28(4), 1982, eq. 1; the sun's distance by Spencer 1971.
    """
    angle = 2.0 * np.pi / 365.0 * (np.asarray(day_of_year) - 1)
    distance = (
        1.00011
        + 0.034221 * np.cos(angle)
        + 0.00128 * np.sin(angle)
        + 0.000719 * np.cos(2 * angle)
        + 7.7e-05 * np.sin(2 * angle)
    )
    cosine = np.cos(np.radians(zenith))
    clearness = np.clip(ghi / (SOLAR_CONSTANT * distance * np.maximum(cosine, 0.065)), 0.0, 1.0)
    cloudy = 0.9511 - 0.1604 * clearness + 4.388 * clearness**2 - 16.638 * clearness**3
    cloudy = cloudy + 12.336 * clearness**4
    share = np.where((clearness > 0.22) & (clearness <= 0.8), cloudy, 1.0 - 0.09 * clearness)
    dhi = np.where(clearness > 0.8, 0.165, share) * ghi
    with np.errstate(divide="ignore", invalid="ignore"):
        dni = (ghi - dhi) / cosine
    bad = (zenith > 87.0) | (ghi < 0) | (dni < 0)
    return np.where(bad, 0.0, dni), np.where(bad, ghi, dhi)
