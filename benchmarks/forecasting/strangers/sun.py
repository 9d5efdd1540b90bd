"""Sun, clear sky and the split of global irradiance, from other sources than the platform's.

Sun: the PSA algorithm (Blanco-Muriel and others, Solar Energy 70(5), 2001). Clear sky: ESRA (Rigollier,
Bauer, Wald, Solar Energy 68(1), 2000). Split: Boland, Ridley, Brown (Renewable Energy 33(4), 2008).
Directions are clockwise from north; radians inside, degrees where a name says so.

>>> up, azimuth = position(np.array([1734782400.0]), 0.0, 0.0)  # 2024-12-21T12:00Z on the equator
>>> round(float(np.degrees(up[0]))), round(float(np.degrees(azimuth[0])))
(67, 181)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
J2000_S = 946_728_000.0
"""2000-01-01T12:00Z, seconds since 1970."""
DAY_S = 86_400.0
CONSTANT_W_M2 = 1_367.0
"""The extraterrestrial normal irradiance of ESRA."""


def position(seconds: Floats, latitude: float, longitude: float) -> tuple[Floats, Floats]:
    """Elevation and azimuth of the sun (radians, shape (n,)) at moments (seconds since 1970 UTC)."""
    days = (seconds - J2000_S) / DAY_S
    hour = (seconds % DAY_S) / 3600.0
    omega = 2.1429 - 0.0010394594 * days
    mean_long = 4.8950630 + 0.017202791698 * days
    anomaly = 6.2400600 + 0.0172019699 * days
    ecliptic = (
        mean_long
        + 0.03341607 * np.sin(anomaly)
        + 0.00034894 * np.sin(2 * anomaly)
        - 0.0001134
        - 0.0000203 * np.sin(omega)
    )
    oblique = 0.4090928 - 6.2140e-9 * days + 0.0000396 * np.cos(omega)
    ascension = np.arctan2(np.cos(oblique) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(oblique) * np.sin(ecliptic))
    sidereal = 6.6974243242 + 0.0657098283 * days + hour
    angle = np.radians(sidereal * 15.0 + longitude) - ascension
    phi = np.radians(latitude)
    sine = np.cos(phi) * np.cos(angle) * np.cos(declination) + np.sin(declination) * np.sin(phi)
    azimuth = np.arctan2(
        -np.sin(angle), np.tan(declination) * np.cos(phi) - np.sin(phi) * np.cos(angle)
    ) % (2 * np.pi)
    return np.arcsin(np.clip(sine, -1.0, 1.0)), azimuth


def day_of_year(seconds: Floats) -> Floats:
    """Days since the year began, near enough for what goes round once a year."""
    return (seconds / DAY_S) % 365.2425


def clear_sky(
    seconds: Floats, elevation: Floats, turbidity: Floats, altitude_m: float
) -> tuple[Floats, Floats, Floats]:
    """Beam on a plane facing the sun, diffuse and global on level ground (W/m²), by Linke turbidity."""
    up = np.maximum(elevation, 0.0)
    degrees = np.degrees(up)
    outside = CONSTANT_W_M2 * (1.0 + 0.034 * np.cos(2 * np.pi * (day_of_year(seconds) - 2.0) / 365.2425))
    mass = np.exp(-altitude_m / 8434.5) / (np.sin(up) + 0.50572 * (degrees + 6.07995) ** -1.6364)
    low = 1.0 / (6.62960 + 1.75130 * mass - 0.12020 * mass**2 + 0.00650 * mass**3 - 0.00013 * mass**4)
    depth = np.where(mass > 20.0, 1.0 / (10.4 + 0.718 * mass), low)
    beam = outside * np.exp(-0.8662 * turbidity * mass * depth)
    zenith = np.maximum(-0.015843 + 0.030543 * turbidity + 0.0003797 * turbidity**2, 1e-3)
    first = np.maximum(0.26463 - 0.061581 * turbidity + 0.0031408 * turbidity**2, 0.0022 / zenith)
    second = 2.0402 + 0.018945 * turbidity - 0.011161 * turbidity**2
    third = -1.3025 + 0.039231 * turbidity + 0.0085079 * turbidity**2
    spread = first + second * np.sin(up) + third * np.sin(up) ** 2
    lit = elevation > 0.0
    beam = np.where(lit, beam, 0.0)
    diffuse = np.where(lit, np.maximum(outside * zenith * spread, 0.0), 0.0)
    return beam, diffuse, beam * np.sin(up) + diffuse


def split(ghi: Floats, elevation: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Beam facing the sun and diffuse (W/m²) of a global irradiance, by the clearness index."""
    outside = CONSTANT_W_M2 * (1.0 + 0.034 * np.cos(2 * np.pi * (day_of_year(seconds) - 2.0) / 365.2425))
    sine = np.sin(np.maximum(elevation, 0.0))
    clearness = np.clip(ghi / np.maximum(outside * sine, 1e-6), 0.0, 1.0)
    diffuse = ghi / (1.0 + np.exp(-5.0033 + 8.6025 * clearness))
    beam = np.where(sine > 0.03, (ghi - diffuse) / np.maximum(sine, 0.03), 0.0)
    return np.clip(beam, 0.0, 1100.0), np.where(beam > 0, diffuse, ghi)
