"""The plane of a site's modules, and the one that stands in for a roof that nobody described.

>>> unknown_roof(-26.2, 28.05)
Plane(latitude=-26.2, longitude=28.05, tilt=26.2, azimuth=0.0)
>>> described_or_assumed(52.5, 13.4, tilt=None, azimuth=None)
Plane(latitude=52.5, longitude=13.4, tilt=30.0, azimuth=180.0)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plane:
    """A fixed plane at a place: degrees north, east; tilt from horizontal, azimuth clockwise from north."""

    latitude: float
    longitude: float
    tilt: float
    azimuth: float


STEEPEST = 30.0
"""Degrees; an unknown roof is never taken to be steeper. Measured: see `unknown_roof`."""


def unknown_roof(latitude: float, longitude: float) -> Plane:
    """The plane of modules of which nobody said how they lie: towards the equator, tilted by the latitude,
    at most `STEEPEST`. Degrees.

    Of three rules (20°, the latitude up to 30°, up to 35°) this one errs least on five real plants: 8.88 %
    of capacity against 9.01 and 8.89 (`benchmarks/sky/unknown_roof.py`;
    `docs/decisions/0013-unknown-roof.md`).
    """
    return Plane(latitude, longitude, min(abs(latitude), STEEPEST), 0.0 if latitude < 0 else 180.0)


def described_or_assumed(
    latitude: float, longitude: float, *, tilt: float | None, azimuth: float | None
) -> Plane:
    """The plane that somebody described; what is None is taken from `unknown_roof`. Degrees."""
    assumed = unknown_roof(latitude, longitude)
    return Plane(
        latitude,
        longitude,
        assumed.tilt if tilt is None else tilt,
        assumed.azimuth if azimuth is None else azimuth,
    )
