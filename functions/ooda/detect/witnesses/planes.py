"""Planes: what of the sky's light falls on the modules of an asset, or on a sensor.

Light has two unknowns at each instant: what comes from the direction of the sun (the beam, and the bright
ring about it), and what comes from all the sky. A plane sees a sum of both:

    irradiance = horizontal beam · r_b + diffuse · r_d

>>> noon = Sun.of(np.array([60.0]), np.array([180.0]))
>>> beam, diffuse = seen_by(Lie(0.0, 180.0), noon)  # a flat plane sees what falls on the ground
>>> beam.round(2).tolist(), diffuse.round(2).tolist()
([0.99], [1.0])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ona.documents.assets import Asset
from ona.sky.plane import unknown_roof
from ooda.detect.sky import Floats, Mask, Sky

ALBEDO = 0.2
"""Share of light that the ground throws back: pvlib's and PVWatts' default."""
GLASS = 0.05
"""ASHRAE's incidence modifier b0 of glass: 1 − b0 · (1/cos − 1). Source: Souka and Safwat 1966."""
LEAST_SINE = 0.01
"""Of the sun's elevation; below it everything is dark."""
MOST_TURN = 8.0
"""The most that a plane sees of the beam against flat ground; at lower suns the quotient says nothing."""
SUN_KW_M2 = 1.361
"""kW/m² of the sun outside the air."""
EXTINCTION = 0.057
"""Of Haurwitz' clear sky: 1 098 W/m² · sin h · exp(−0.057 / sin h), h the sun's elevation (1945)."""
MIDDLE_ROUNDS, SAME_NORMAL = 20, 0.05
"""Rounds of the search for a middle; radians (3°) within which planes count by their square."""
ROW_COVER, MOST_ROTATION = 0.35, 55.0
"""Of trackers: module width over row distance, and how far they turn, degrees. Assumed: usual ones."""


@dataclass(frozen=True)
class Sun:
    """The sun at n instants, each array (n,): sine of its elevation, azimuth (radians from north), clear
    sky's and extraterrestrial horizontal irradiance, kW/m². `known` is false where the site has no place:
    the light is then one number, and each plane sees it all."""

    sine: Floats
    azimuth: Floats
    clear: Floats
    outside: Floats
    known: bool = True

    @classmethod
    def of(cls, elevation: Floats, azimuth: Floats, extinction: float = EXTINCTION) -> Sun:
        """From elevation and azimuth, degrees."""
        sine = np.maximum(np.sin(np.radians(elevation)), LEAST_SINE)
        clear = 1.098 * sine * np.exp(-extinction / sine)
        return cls(sine, np.radians(azimuth), clear, SUN_KW_M2 * sine)

    @classmethod
    def over(cls, sky: Sky, placed: bool) -> Sun:
        """Of a site's instants; `placed`: whether it is light of the sun at a known place that counts."""
        if placed:
            return cls.of(sky.elevation, sky.azimuth)
        ones = np.ones(len(sky.minutes))
        return cls(ones, ones, ones, SUN_KW_M2 * ones, False)

    def at(self, rows: slice | Mask) -> Sun:
        """The same at some of the instants."""
        return Sun(self.sine[rows], self.azimuth[rows], self.clear[rows], self.outside[rows], self.known)


@dataclass(frozen=True)
class Lie:
    """How modules or a sensor lie: tilt from horizontal and azimuth from north, degrees; `follows` the sun
    about a north-south axis, or by both axes. `dome`: a flat sensor's, which loses nothing at low sun as
    glass does."""

    tilt: float
    azimuth: float
    follows: str = "fixed"
    dome: bool = False

    @classmethod
    def usual(cls, asset: Asset) -> Lie:
        """As the registry has it; what it does not say, as an unknown roof lies (degrees)."""
        place = asset.location
        roof = unknown_roof(place.latitude, place.longitude) if place else None
        tilt = asset.tilt if asset.tilt is not None else roof.tilt if roof else 0.0
        azimuth = asset.azimuth if asset.azimuth is not None else roof.azimuth if roof else 180.0
        return cls(tilt, azimuth, asset.tracking)


def apart(one: Lie, other: Lie) -> float:
    """Degrees between the normals of two planes; a right angle where one moves and the other does not.

    >>> round(apart(Lie(30.0, 90.0), Lie(30.0, 270.0)))
    60
    """
    if one.follows != other.follows:
        return 90.0
    a, b, turn = map(np.radians, (one.tilt, other.tilt, one.azimuth - other.azimuth))
    cosine = np.cos(a) * np.cos(b) + np.sin(a) * np.sin(b) * np.cos(turn)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def normal_of(lie: Lie) -> Floats:
    """East, north and up of a plane's normal, (3,)."""
    tilt, turn = np.radians(lie.tilt), np.radians(lie.azimuth)
    return np.array([np.sin(tilt) * np.sin(turn), np.sin(tilt) * np.cos(turn), np.cos(tilt)])


def tangents(lie: Lie) -> Floats:
    """Two directions in which a normal can move: steeper, and clockwise; (2, 3)."""
    tilt, turn = np.radians(lie.tilt), np.radians(lie.azimuth)
    steeper = [np.cos(tilt) * np.sin(turn), np.cos(tilt) * np.cos(turn), -np.sin(tilt)]
    return np.array([steeper, [np.cos(turn), -np.sin(turn), 0.0]])


def moved(lie: Lie, by: Floats) -> Lie:
    """A plane whose normal is moved by some radians east, north and up, (3,)."""
    east, north, up = normal_of(lie) + by
    tilt = float(np.degrees(np.arctan2(np.hypot(east, north), up)))
    return Lie(tilt, float(np.degrees(np.arctan2(east, north)) % 360.0), lie.follows)


def middle_of(lies: Sequence[Lie]) -> Lie:
    """The plane to which some planes are nearest in sum (the geometric median of the normals, by
    Weiszfeld's rounds): a few that are far off do not move it.

    >>> middle_of([Lie(20.0, 180.0), Lie(22.0, 180.0), Lie(60.0, 90.0)]).tilt < 30.0
    True
    """
    if len(lies) == 1:
        return lies[0]
    normals = np.array([normal_of(lie) for lie in lies])
    middle = normals.mean(axis=0)
    for _ in range(MIDDLE_ROUNDS):
        weight = 1.0 / np.maximum(np.linalg.norm(normals - middle, axis=1), SAME_NORMAL)
        middle = weight @ normals / weight.sum()
    return moved(lies[0], middle - normal_of(lies[0]))


def rotation(sun: Sun) -> Floats:
    """Where trackers with a north-south axis turn to, radians, east positive, (n,); rows keep out of each
    other's shadow (backtracking: Lorenzo et al., Prog. Photovolt. 19, 2011)."""
    level = np.sqrt(np.maximum(1.0 - sun.sine**2, 0.0))
    ideal = np.arctan2(level * np.sin(sun.azimuth), sun.sine)
    free = np.cos(ideal) / ROW_COVER
    back = np.where(free < 1.0, np.arccos(np.clip(free, -1.0, 1.0)), 0.0)
    most = np.radians(MOST_ROTATION)
    return np.clip(ideal - np.sign(ideal) * back, -most, most)


def seen_by(lie: Lie, sun: Sun) -> tuple[Floats, Floats]:
    """What a plane sees of a horizontal beam of 1, and of a diffuse light of 1; each (n,), ground light
    included."""
    if not sun.known:
        return np.ones(len(sun.sine)), np.ones(len(sun.sine))
    if lie.follows == "dual_axis":
        return _parts(np.ones(len(sun.sine)), sun.sine, sun)
    if lie.follows == "single_axis":
        turn, east = rotation(sun), np.sqrt(np.maximum(1.0 - sun.sine**2, 0.0)) * np.sin(sun.azimuth)
        cosine = np.maximum(east * np.sin(turn) + sun.sine * np.cos(turn), 0.0)
        return _parts(cosine, np.cos(turn), sun)
    if lie.dome:
        return np.ones(len(sun.sine)), np.ones(len(sun.sine))
    return seen_by_fixed(np.float64(lie.tilt), np.float64(lie.azimuth), sun)


def seen_by_fixed(tilt: Any, azimuth: Any, sun: Sun) -> tuple[Floats, Floats]:
    """The same for fixed planes, degrees: numbers, or columns (P, 1) for P planes at once, (P, n)."""
    level = np.sqrt(np.maximum(1.0 - sun.sine**2, 0.0))
    upright = np.cos(np.radians(tilt))
    across = level * np.cos(sun.azimuth - np.radians(azimuth)) * np.sin(np.radians(tilt))
    return _parts(np.maximum(sun.sine * upright + across, 0.0), upright, sun)


def _parts(cosine: Floats, upright: Any, sun: Sun) -> tuple[Floats, Floats]:
    """`cosine`: of the angle between the sun and the plane's normal; `upright`: of the tilt."""
    glass = np.clip(1.0 - GLASS * (1.0 / np.maximum(cosine, 0.1) - 1.0), 0.0, 1.0)
    direct = np.minimum(cosine / np.maximum(sun.sine, 0.05), MOST_TURN) * glass
    view = (1.0 + upright) / 2.0
    ground = ALBEDO * (1.0 - view)
    return direct + ground, np.broadcast_to(view + ground, direct.shape)


def usual_diffuse(sun: Sun, index: Floats) -> Floats:
    """The share of diffuse light that is usual at a clear-sky index, (n,), without the bright ring about
    the sun, which counts as beam.

    Erbs' split (Solar Energy 28(4), 1982) of the clearness index that does not sink with the sun (Perez and
    others, Solar Energy 45(2), 1990: a low clear sky is not a dull one); Hay and Davies' anisotropy index
    (1980).
    """
    lowered = 1.031 * np.exp(-1.4 / (0.9 + 9.4 * sun.sine)) + 0.1
    kt = np.clip(index * sun.clear / sun.outside / lowered, 0.0, 1.2)
    cloudy = 0.9511 + kt * (-0.1604 + kt * (4.388 + kt * (-16.638 + kt * 12.336)))
    share = np.where(kt <= 0.22, 1.0 - 0.09 * kt, np.where(kt <= 0.8, cloudy, 0.165))
    ring = np.clip(kt * (1.0 - share), 0.0, 1.0)
    return np.asarray(share * (1.0 - ring))
