"""A wrong clock: the day on which an asset's power began to come and go early, or late, by the sun.

Each day says when power began, against sunrise, and when it ended, against sunset. A clock that moves moves
both, and by the same. Dull weather, snow and a horizon move them towards each other; a shadow in the
morning, or a late start, moves one of them. So the middle of the two is looked at for change-points, and
days count as shifted where both ends lie apart from those of the right days beside them. Which these are is
seen by the sun: there is no power in the dark.

An array that faces east or west is early or late by itself, by as much as the weather lets it. Neighbours
show a clock's shift where it is one machine's (`clock_beside.py`).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ona.documents.assets import Asset, Location
from ona.sky.plane import described_or_assumed
from ooda.detect.change_point import Step, change_points, noise_of
from ooda.detect.sky import DAY_MINUTES, Floats, Ints
from ooda.detect.track import Track

AT_WORK = 0.01
"""Share of capacity (0…1) from which power has begun: the first light, so that clouds matter little."""
READINGS, LEAST_OF_DAY = 4, 0.5
"""Readings at work, and the share of daylight that they must span (at most all of it and two intervals)."""
LEAST_MINUTES, LEAST_STEPS, LEAST_NOISES = 25.0, 0.6, 2.0
"""The smallest change that is one: minutes, intervals between readings, and noises of the days. Clear weeks
bring an array that faces east or west to work earlier, or later, by up to 25 minutes."""
LEAST_BESIDE = 15.0
"""Minutes beside the neighbours: clouds take some to cross a site, gusts to cross a wind farm."""
LEAST_DAYS, SURE, KNOWN_DAYS = 2, 75.0, 5
"""Days that a shift is seen on, at least; minutes times the root of the days from which it is none of the
weather's; and days that are enough to know that their clock is right."""
FRONT_DAYS = 4
"""Days of a turbine's shift, at least: a front passes it before the others, on two days running as well."""
NOISE_MINUTES, NOISE_STEPS = 3.0, 0.15
"""Minutes, and intervals, by which the middle of days is never trusted to differ less."""
TAKES_PART = 0.4
"""Share of a change that each end must have moved."""
OUTER, REACH = 0.8, 20
"""Quantile of the ends that is compared beside their median, and its counterpart of the begins, in so many
days: weather takes first and last light from a machine on many days, and gives it none before sunrise."""
IN_THE_DARK = 10.0
"""Minutes after sunset (or before sunrise) from which power is impossible, beside half an interval: a
reading may be stamped with the begin of its interval or with its end."""
NO_LESS = 25.0
"""Minutes by which the middle must be off where no change-point shows when that began: an array that faces
east or west is early or late by less."""
DIFFUSE = 0.125
"""Share of a clear noon's irradiance that is diffuse (Haurwitz, Erbs: 0.1 to 0.15)."""
HORIZON_DEG = -0.833
"""Elevation of the sun's centre at sunrise: refraction and half its disc."""


def ends_of_days(track: Track) -> tuple[Floats, Floats]:
    """When power began and ended on each of D days, minutes after sunrise and after sunset, (D,); NaN where
    the readings do not show it: no place, a file that begins by day, a gap."""
    days, place = track.days, track.asset.location
    begins, ends = np.full(len(days), np.nan), np.full(len(days), np.nan)
    if track.asset.is_wind or place is None or len(track) < 2:
        return begins, ends
    with np.errstate(invalid="ignore"):
        works = track.share > AT_WORK
    if not works.any():
        return begins, ends
    minutes, share = track.sky.minutes, np.nan_to_num(track.share)
    rows = np.flatnonzero(works)
    at = track.days.row[rows]
    first = np.full(len(days), -1)
    first[at[::-1]] = rows[::-1]
    last = np.full(len(days), -1)
    last[at] = rows
    some = np.flatnonzero(first >= 0)
    rise, set_ = sun_times(days.number[some], place)
    begin = _crossing(minutes, share, first[some], -1, track.step)
    end = _crossing(minutes, share, last[some], 1, track.step)
    with np.errstate(invalid="ignore"):
        width = (end - begin - 2.0 * track.step) / (set_ - rise)
        whole = (days.count(works)[some] >= READINGS) & (width <= 1.0)
        whole &= (end - begin) / (set_ - rise) >= LEAST_OF_DAY
    begins[some] = np.where(whole, begin - rise, np.nan)
    ends[some] = np.where(whole, end - set_, np.nan)
    return begins, ends


def _crossing(minutes: Floats, share: Floats, at: Ints, way: int, step: float) -> Floats:
    """When power passed `AT_WORK` beside some readings, in a straight line to the reading before (`way` -1)
    or after (1) them. Where that is far away (a logger that sleeps at night) half an interval beside them,
    or NaN where power is there already: what came before was not heard."""
    beside = np.clip(at + way, 0, len(minutes) - 1)
    there = (beside != at) & (np.abs(minutes[beside] - minutes[at]) <= 1.5 * step)
    part = (share[at] - AT_WORK) / np.maximum(share[at] - share[beside], 1e-9)
    asleep = np.where(share[at] < 10 * AT_WORK, minutes[at] + way * step / 2.0, np.nan)
    return np.asarray(np.where(there, minutes[at] + way * step * np.clip(part, 0.0, 1.0), asleep))


def noon_in_plane(day: Ints, asset: Asset) -> Floats:
    """Clear-sky irradiance at noon in the plane of the modules over that on the flat, (D,).

    An unknown roof faces the equator (`unknown_roof`); a tracker lies flat at noon.
    """
    place = asset.location
    if place is None or asset.is_wind:
        return np.full(len(day), np.nan)
    if asset.tracking == "single_axis":
        return np.ones(len(day))
    plane = described_or_assumed(place.latitude, place.longitude, tilt=asset.tilt, azimuth=asset.azimuth)
    zenith = np.radians(place.latitude) - declination_of(day)  # above 0: the sun stands in the south
    towards = -math.cos(math.radians(plane.azimuth))  # 1 where the plane faces south
    tilt = math.radians(plane.tilt)
    beam = np.cos(zenith) * math.cos(tilt) + np.sin(zenith) * math.sin(tilt) * towards
    flat = np.maximum(np.cos(zenith), 0.05)
    return np.asarray((1.0 - DIFFUSE) * np.maximum(beam, 0.0) / flat + DIFFUSE)


def declination_of(day: Ints) -> Floats:
    """The sun's declination on days since 1970, radians, (D,): Spencer's series (1971)."""
    angle = 2.0 * math.pi * ((day % 365.2425) / 365.2425)
    return np.asarray(
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle) - 0.006758 * np.cos(2 * angle)
        + 0.000907 * np.sin(2 * angle) - 0.002697 * np.cos(3 * angle) + 0.00148 * np.sin(3 * angle)
    )  # fmt: skip


def sun_times(day: Ints, place: Location) -> tuple[Floats, Floats]:
    """Sunrise and sunset of solar days, minutes since 1970 UTC, (D,); NaN where the sun does neither.

    Declination and equation of time by Spencer (1971), to about a minute.
    """
    angle = 2.0 * math.pi * ((day % 365.2425) / 365.2425)
    declination = declination_of(day)
    equation = 229.18 * (
        0.000075 + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle) - 0.014615 * np.cos(2 * angle)
        - 0.040849 * np.sin(2 * angle)
    )  # fmt: skip
    latitude = math.radians(place.latitude)
    cosine = (math.sin(math.radians(HORIZON_DEG)) - math.sin(latitude) * np.sin(declination)) / (
        math.cos(latitude) * np.cos(declination)
    )
    half = 4.0 * np.degrees(np.arccos(np.where(np.abs(cosine) <= 1.0, cosine, np.nan)))
    noon = day * float(DAY_MINUTES) + DAY_MINUTES / 2.0 - 4.0 * place.longitude - equation
    return noon - half, noon + half


def shift_by_day(
    begins: Floats, ends: Floats, lags: Floats, step: float, *, by_wind: bool = False
) -> Floats:
    """By how many minutes the clock makes each of D days late (early: below 0), (D,); 0 where it is right.

    `begins`, `ends`: as `ends_of_days` gives them; `lags`: late beside the neighbours (`clock_beside.py`);
    NaN where unknown: a day that says nothing is like the days before it. `step`: minutes between readings.
    """
    beside = _by_neighbours(lags, step, FRONT_DAYS if by_wind else LEAST_DAYS)
    return np.where(beside != 0.0, beside, _by_ends(begins, ends, step))


def _by_neighbours(lags: Floats, step: float, least_days: int) -> Floats:
    """The shift of each day beside the neighbours: they say what is right, so no day before is needed."""
    least = max(LEAST_BESIDE, LEAST_STEPS * step)
    out = np.zeros(len(lags))
    for part in _parts(lags, change_points(lags, least=least, noise=NOISE_MINUTES)):
        late = float(np.nanmedian(lags[part]))
        if abs(late) >= least and np.isfinite(lags[part]).sum() >= least_days:
            out[part] = late
    return out


def _by_ends(begins: Floats, ends: Floats, step: float) -> Floats:
    """The shift of each day by the begin and the end of power: beside the right days next to it."""
    middle = (begins + ends) / 2.0
    out = np.zeros(len(middle))
    noise = max(NOISE_MINUTES, NOISE_STEPS * step)
    least = max(LEAST_MINUTES, LEAST_STEPS * step, LEAST_NOISES * noise_of(middle, noise))
    parts = _parts(middle, change_points(middle, least=least / 2.0, noise=noise))
    by_sun = [_by_sun(begins[part], ends[part], step) for part in parts]
    days = [int(np.isfinite(middle[part]).sum()) for part in parts]
    first = next((n for n, shift in enumerate(by_sun) if shift == 0.0 and days[n] >= KNOWN_DAYS), None)
    if first is None:
        first = next((n for n, shift in enumerate(by_sun) if shift == 0.0), None)
    if first is None:
        for part, shift in zip(parts, by_sun, strict=True):
            out[part] = shift
        return out
    for order in (range(first + 1, len(parts)), range(first - 1, -1, -1)):
        right = parts[first]
        for n in order:
            shift = _apart(begins, ends, right, parts[n])
            sure = days[n] >= LEAST_DAYS and abs(shift) * math.sqrt(days[n]) >= SURE
            if abs(shift) >= least and sure:
                out[parts[n]] = shift
            elif days[n] >= KNOWN_DAYS:
                right = parts[n]
    return out


def _parts(values: Floats, steps: list[Step]) -> list[slice]:
    """The days between steps; none where nothing is known."""
    if not np.isfinite(values).any():
        return []
    bounds = [0, *(step.day for step in steps), len(values)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def _apart(begins: Floats, ends: Floats, right: slice, part: slice) -> float:
    """How much later days begin and end than the right ones beside them; 0 where not both ends moved."""
    before = right.stop <= part.start
    near = slice(-REACH, None) if before else slice(REACH)
    far = slice(REACH) if before else slice(-REACH, None)
    moved = {
        (n, q): _moved(edge[right][near], edge[part][far], q)
        for n, edge in enumerate((begins, ends))
        for q in (0.5, OUTER if n else 1.0 - OUTER)
    }
    shift = (moved[0, 0.5] + moved[1, 0.5]) / 2.0
    return shift if shift and all(own / shift >= TAKES_PART for own in moved.values()) else 0.0


def _moved(before: Floats, after: Floats, quantile: float) -> float:
    """How much a quantile of one end of the days moved."""
    if not (np.isfinite(before).any() and np.isfinite(after).any()):
        return 0.0
    return float(np.nanquantile(after, quantile) - np.nanquantile(before, quantile))


def _by_sun(begins: Floats, ends: Floats, step: float) -> float:
    """The shift of days of one clock, minutes, where it gives power in the dark; else 0."""
    if not (np.isfinite(begins) & np.isfinite(ends)).any():
        return 0.0
    begin, end = float(np.nanmedian(begins)), float(np.nanmedian(ends))
    middle, dark = (begin + end) / 2.0, IN_THE_DARK + step / 2.0
    late, early = begin > 0.0 and end >= dark, end < 0.0 and begin <= -dark
    return middle if (late or early) and abs(middle) >= max(NO_LESS, 0.6 * step) else 0.0
