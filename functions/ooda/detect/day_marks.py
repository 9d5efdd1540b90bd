"""Marks: a few numbers of each day that say whether clock, unit and sensor are still what they were.

The asset history keeps them, so that a file of one day is seen beside the days before it, and a
change-point is found on the same date whether the days come one by one or all at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ooda.detect.asset_history import number_of
from ooda.detect.clock import ends_of_days, noon_in_plane
from ooda.detect.levels import NEAR_CAPACITY_SHARE
from ooda.detect.peers import BRIGHT, sun_driver
from ooda.detect.rolling import FIRST_DAYS
from ooda.detect.sky import Floats, Ints, Mask
from ooda.detect.track import Track
from ooda.detect.witnesses.telling import Told
from ooda.documents.asset_history import AssetHistory, DayMarks, HistoryDay, that_count

LEAST = 3
"""Readings that a ratio of a day is made of, at least (hourly data have few)."""
BEAM = 0.6
"""Of the clear sky's light: below it clouds leave little of the beam, and a sensor that lies otherwise than
the modules stands to their power as it never does under a clear sky."""
APART = 0.75
"""Of what the sensor sees of the clear sky: where all witnesses together say less, machines of another unit
pull them down, and the sensor alone says how bright it is."""
NEIGHBOURS_AT_WORK = 0.1
"""Share of capacity. Where neighbours give less, the ratio to them is noise."""
DC_AT_WORK = 0.02
"""Share of capacity that AC or DC power has, where one is compared with the other."""
RATED_M_S, WINDY_M_S = 11.5, 6.0
"""m/s. Wind in which turbines reach their nameplate, usually 10 to 13; and in which all turn."""
FRESH_M_S = 5.0
"""m/s. In less wind what two places measure has little in common."""
FLAT, FLAT_M_S, FLAT_READINGS, FLAT_LEAST = 0.02, 1.5, 4, 0.3
"""Power is flat where so many of a day's readings lie within 2 % of capacity of its highest though the wind
among them differs by so much: on the slope below rated power that is a fifth of it. Below the last, a share
of capacity, the slope itself is flat. Of 49 days of La Haute Borne that have such a top, 45 lie within 2 %
of each other."""
NOON = (18, 29)
"""Solar half hours of the quiet hours, 9:00 to 15:00: away from horizons."""
QUIET = 0.04
"""A clear-sky index moves less than this from reading to reading under a quiet sky."""
CLEAR_PART = 0.4
"""Share of the hours about noon that are quiet on a day that is clear."""
CLEAR_POWER = 0.3
"""Share of capacity over 1 000 W/m² of the clear sky: with less it is not clear, however quiet."""

SMOOTH, CLEAR_FORM, SHOULDER = 0.02, 0.5, 0.9
"""A clear day by its form, in any unit: a clear-sky index leaves the line between its neighbours by less
than this part of it, in such a share of the hours about noon. Its level is taken below this part of the
day's highest power: an inverter at its limit has a flat top."""


@dataclass(frozen=True)
class Table:
    """The marks of D days in order, arrays of shape (D,), NaN where a day says nothing; `step`, minutes."""

    number: Ints
    step: Floats
    begins: Floats
    ends: Floats
    late: Floats
    of_sun: Floats
    of_neighbours: Floats
    of_wind: Floats
    of_dc: Floats
    wind_of_others: Floats
    wind_of_service: Floats
    rated: Floats
    sensor_of_machines: Floats
    sensor_of_clear: Floats
    power_of_clear: Floats
    clear_by_form: Floats
    most_of_clear: Floats
    season: Floats

    def __len__(self) -> int:
        return len(self.number)


NAMES = tuple(field.name for field in fields(Table))[2:]
"""The marks."""


def measure(
    track: Track, told: Told, late: Floats, lit: Mask, winds: tuple[Floats, Floats] | None = None
) -> Table:
    """The marks of a track's days. `told`: what the site's witnesses tell of it; `late`: minutes beside the
    neighbours' clocks, (D,); `lit`: readings in which the asset should produce, (n,); `winds`: the other
    turbines' wind and the weather service's, m/s, (n,) each."""
    days, share = track.days, track.share
    begins, ends = ends_of_days(track)
    raw = _as_measured(track)
    sun = sun_driver(raw, track.temperature)
    with np.errstate(invalid="ignore", divide="ignore"):
        at_work = lit & (share > 0.0)
        free = at_work & (share < NEAR_CAPACITY_SHARE)
        beam = told.index >= BEAM
        beam |= (track.clearness >= BEAM) & (told.index < APART * track.clearness)
        noon = _about_noon(track)
        by_sun = _median(track, share / sun, free & (sun > BRIGHT) & beam & noon)
        by_peers = _median(track, share / told.usual, at_work & (told.usual > NEIGHBOURS_AT_WORK))
        seen = lit & (told.as_sensor > BRIGHT) & beam
        seen &= track.asset.is_described or told.plane.days >= FIRST_DAYS
        by_machines = _median(track, raw / 1000.0 / told.as_sensor, seen)
        dc = track.dc_power / track.capacity
        busy = at_work & (np.maximum(share, dc) > DC_AT_WORK) & (dc > 0.0)
        by_dc = _median(track, track.power / track.dc_power, busy)
        curve = np.minimum((track.wind / RATED_M_S) ** 3, 1.0)
        by_wind = _median(track, share / curve, at_work & (track.wind > WINDY_M_S))
        nothing = np.full(len(track), np.nan)
        by_others, by_service = (
            _median(track, track.wind / speed, at_work & (speed > FRESH_M_S))
            for speed in winds or (nothing, nothing)
        )
    if not track.asset.is_wind:
        by_wind = np.full(len(days), np.nan)
    sensor, power = _under_clear_sky(track, raw, lit)
    step = np.full(len(days), track.step)
    season = noon_in_plane(days.number, track.asset)
    return Table(
        days.number, step, begins, ends, late, by_sun, by_peers, by_wind, by_dc, by_others, by_service,
        _rated(track), by_machines, sensor, power, *_by_form(track, lit), season,
    )  # fmt: skip


def _as_measured(track: Track) -> Floats:
    """Irradiance as the sensor gave it: a plane that is fitted one day must not look like a change."""
    if not np.isfinite(track.sky.clear_ghi).any():
        return track.irradiance
    return np.asarray(track.clearness * np.maximum(track.sky.clear_ghi, 20.0))


def _about_noon(track: Track) -> Mask:
    return np.asarray((track.sky.slot >= NOON[0]) & (track.sky.slot <= NOON[1]))


def _median(track: Track, ratio: Floats, where: Mask) -> Floats:
    middle = track.days.median(ratio, where & np.isfinite(ratio))
    return np.where(track.days.count(where) >= LEAST, middle, np.nan)


def _rated(track: Track) -> Floats:
    """The power at which each day's readings were flat though the wind was not, (D,), a share of capacity.

    That is rated power, or what limits it. An anemometer that errs does not move it.
    """
    days, out = track.days, np.full(len(track.days), np.nan)
    if not track.asset.is_wind:
        return out
    known = np.isfinite(track.share) & np.isfinite(track.wind)
    top = days.highest(track.share, known)
    with np.errstate(invalid="ignore"):
        flat = known & (track.share >= top[days.row] - FLAT) & (top[days.row] > FLAT_LEAST)
    wide = days.highest(track.wind, flat) + days.highest(-track.wind, flat)
    enough = (days.count(flat) >= FLAT_READINGS) & (np.nan_to_num(wide) >= FLAT_M_S)
    out[enough] = days.median(track.share, flat)[enough]
    return out


def _under_clear_sky(track: Track, raw: Floats, lit: Mask) -> tuple[Floats, Floats]:
    """Irradiance and power over the clear sky's in quiet hours about noon, (D,).

    Irradiance over the clear sky's on the flat, power over that in the modules' plane, as far as known.
    """
    nothing = np.full(len(track.days), np.nan)
    if track.asset.is_wind or not np.isfinite(track.sky.clear_ghi).any() or len(track) < LEAST:
        return nothing, nothing
    noon = lit & _about_noon(track)
    with np.errstate(invalid="ignore", divide="ignore"):
        clear = track.sky.clear_ghi / 1000.0
        by_power, by_sensor = track.share / clear, raw / 1000.0 / clear
        still = noon & (_still(by_power) | _still(by_sensor))
        clear_days = track.days.count(still) >= CLEAR_PART * track.days.count(noon)
        quiet = still & clear_days[track.days.row]
        free = (track.share > 0.0) & (track.share < NEAR_CAPACITY_SHARE)
        plane = noon_in_plane(track.days.number, track.asset)
        return _median(track, by_sensor, quiet), _median(track, by_power, quiet & free) / plane


def _by_form(track: Track, lit: Mask) -> tuple[Floats, Floats]:
    """Power over the clear sky's in the modules' plane, whatever its unit: on days that are clear by their
    form, off the flat top of an inverter at its limit; and at its highest on any day, (D,) each."""
    if track.asset.is_wind or not np.isfinite(track.sky.clear_ghi).any() or len(track) < LEAST:
        return np.full(len(track.days), np.nan), np.full(len(track.days), np.nan)
    noon = lit & _about_noon(track) & (track.share > 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = track.share / (track.sky.clear_ghi / 1000.0)
        smooth = noon & _smooth(index)
        top = track.days.highest(track.share, noon)
        clear = track.days.count(smooth) >= CLEAR_FORM * track.days.count(lit & _about_noon(track))
        shoulders = smooth & clear[track.days.row] & (track.share < SHOULDER * top[track.days.row])
        plane = noon_in_plane(track.days.number, track.asset)
        return _median(track, index, shoulders) / plane, track.days.highest(index, noon) / plane


def _smooth(index: Floats) -> Mask:
    """Where an index lies on the line between the readings before and after, in any unit."""
    before, after = np.roll(index, 1), np.roll(index, -1)
    return np.asarray(np.abs(before + after - 2.0 * index) < SMOOTH * index)


def _still(index: Floats) -> Mask:
    """Where an index hardly moves from the reading before and to the one after."""
    change = np.abs(np.diff(index, prepend=index[:1])) / np.maximum(index, 0.05)
    return np.asarray((change < QUIET) & (np.append(change[1:], np.inf) < QUIET) & (index > CLEAR_POWER))


def marks_of(own: Table) -> list[DayMarks]:
    """The marks of each of a file's days, rounded, as the history keeps them."""
    rounded = {
        name: np.round(values, 4).tolist()
        for name in NAMES
        if np.isfinite(values := getattr(own, name)).any()
    }
    return [
        DayMarks(**{name: v for name, of in rounded.items() if math.isfinite(v := of[n])})
        for n in range(len(own))
    ]


def of_history(days: Mapping[str, Mapping[str, HistoryDay]]) -> Table:
    """The marks of the days of a history, oldest first: of a day in several parts the first that has some.

    A day without marks is not in the table.
    """
    rows: list[tuple[int, float, DayMarks]] = []
    for name in sorted(days):
        marked = [item for item in that_count(days[name]) if item.marks is not None]
        if marked and marked[0].marks is not None:
            rows.append((number_of(name), marked[0].step_minutes, marked[0].marks))
    return _table(rows)


def _table(rows: Sequence[tuple[int, float, DayMarks]]) -> Table:
    number = np.array([row[0] for row in rows], dtype=np.int64)
    step = np.array([row[1] for row in rows], dtype=float)
    columns = {
        name: np.array([getattr(row[2], name) for row in rows], dtype=float)  # None is NaN
        for name in NAMES
    }
    return Table(number, step, **columns)


def joined(history: AssetHistory, own: Table) -> Table:
    """The marks of a history's days and of a file's; the file's own days count as it gives them."""
    mine = set(own.number.tolist())
    other = {day: items for day, items in history.days.items() if number_of(day) not in mine}
    before = of_history(other)
    order = np.argsort(np.concatenate((before.number, own.number)), kind="stable")
    return Table(
        *(
            np.concatenate((getattr(before, field.name), getattr(own, field.name)))[order]
            for field in fields(Table)
        )
    )
