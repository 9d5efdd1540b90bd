"""Day records: for each solar day of a case, the numbers and episodes that enter the asset history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ooda.detect import channels as channels_of
from ooda.detect import weather_signals
from ooda.detect.asset_history import KEEP_FORMS, KEEP_PROFILES, KEEP_SHAPES, channel_before, name_of
from ooda.detect.case import Case
from ooda.detect.channels import Channels, Usual
from ooda.detect.daily_loss import doubt_by_day, loss_by_day
from ooda.detect.episodes import episode_of, range_episode, weak_days
from ooda.detect.form import Forms, forms_of, missing_of
from ooda.detect.levels import Levels
from ooda.detect.no_fault import explained_by_log, recognised_all, site_wide
from ooda.detect.rolling import before_each, of_sound_days
from ooda.detect.sky import Floats, Mask, judged_light
from ooda.detect.stretches import Stretch, range_stretches, stretches
from ooda.detect.sunny_days import sunny
from ooda.detect.units import possible_power
from ooda.documents.asset_history import AssetHistory, DayMarks, HistoryDay, LevelOfDay, that_count
from ooda.documents.detections import Episode, Window

SOUND_LOSS = 0.04
"""Loss share of a day (0…1) from which on its channels are not taken for usual."""


def history_days(
    case: Case,
    history: AssetHistory,
    joint: Mapping[str, Collection[str]],
    marks: Sequence[DayMarks],
    *,
    provisional: bool,
) -> dict[str, HistoryDay]:
    """One record for each solar day of the case, by date (`YYYY-MM-DD`).

    Energy in kWh, power in kW, losses as shares of expected power. A day without a reading in enough light
    has no record. `history`: earlier days, from which the usual values of the channels come. `joint`: by
    date the files whose readings are the case's, where they are several. `marks`: of each of the days.
    `provisional`: neighbours are missing yet.
    """
    track, ref = case.track, case.ref
    days = track.days
    explained, by_log = explained_by_log(case)
    if explained.any():
        judged, lit = case.res.judged & ~explained, case.res.lit & ~explained
        case = replace(case, res=replace(case.res, judged=judged, lit=lit))
    res = case.res
    losses = recognised_all(case, stretches(case), _stood(history, case))
    losses += [stretch for stretch in site_wide(case) if not explained[stretch.members].any()]
    losses += by_log
    apart = explained.copy()
    for stretch in losses:
        if stretch.kind != "underperformance":
            apart[stretch.members] = True
    sun = sunny(case, apart)
    daily = loss_by_day(case, apart, sun)
    at_work = channels_of.working(case)
    ambient, ac_dc = channels_of.air(case), channels_of.efficiency(case)
    warmth, cell = channels_of.warmth(case, at_work, ambient), channels_of.cells(case, ambient)
    volts, at_point = channels_of.module_volts(case), channels_of.at_point(case)
    at_point &= volts > 0
    due = ref.expected / track.capacity
    cold = channels_of.cold(volts, cell, due)
    with np.errstate(invalid="ignore"):
        dim, bright = (
            days.median(cold, at_point & part) for part in (due < channels_of.LOW, due >= channels_of.HIGH)
        )
    of_days = {
        "volts": days.median(volts, at_point),
        "efficiency": days.median(ac_dc, np.isfinite(ac_dc)),
        "warmth_c": days.median(warmth, at_work),
        "cell_c": days.median(cell, at_point),
        "due": days.median(due, at_point),
        "sag": bright / dim - 1.0,
    }
    first_day = int(days.number[0]) if len(days) else 0
    usual = _usual(history, first_day, of_days, daily)
    channels = Channels(
        warmth, ac_dc, cell, volts, cold, at_point, usual, weather_signals.by_day(case.weather)
    )
    light = judged_light(track.sky, track.asset, case.config.filtering)
    lit = days.count(light) > 0
    missing = missing_of(case, res.judged & ~apart)
    forms = forms_of(case, history, missing, daily)
    episodes = _episodes(case, losses, channels, forms)
    weak = weak_days(case, daily, apart, channels, forms, sun)
    levels = _levels(case)
    profiles, lights = _by_slot(case.told.profile), _by_slot(case.told.irradiance)
    spreads, of_slots = _by_slot(res.of_days.by_kind, 4), _by_slot(missing, keep=KEEP_FORMS)
    columns = {
        "expected_kwh": _numbers(days.sum(ref.expected, light) * track.hours, 2),
        "measured_kwh": _numbers(days.sum(possible_power(track)) * track.hours, 2),
        "judged_hours": _numbers(days.count(res.judged) * track.hours, 2),
        "top_kw": _numbers(np.nan_to_num(days.highest(ref.expected, res.judged)), 2),
        "loss": _numbers(daily),
        "fleet_loss": _numbers(ref.fleet_loss) if ref.fleet_loss is not None else [None] * len(days),
        "company": _numbers(ref.company) if ref.company is not None else [None] * len(days),
        "beside": _numbers(ref.standing.level) if ref.standing is not None else [None] * len(days),
        "short": _numbers(ref.standing.short) if ref.standing is not None else [None] * len(days),
        "volts": _numbers(of_days["volts"], 1),
        "efficiency": _numbers(of_days["efficiency"]),
        "warmth_c": _numbers(of_days["warmth_c"], 1),
        "cell_c": _numbers(of_days["cell_c"], 1),
        "due": _numbers(of_days["due"], 3),
        "sag": _numbers(of_days["sag"]),
        "doubt": _numbers(doubt_by_day(case, sun)),
        "memory": _numbers(res.of_days.memory, 3),
        "shift": _numbers(res.of_days.shift, 3),
    }
    begins, ends = (
        track.times.iloc[rows].dt.to_pydatetime().tolist()
        for rows in (days.first, np.append(days.first[1:], len(track)) - 1)
    )
    return {
        name_of(number): HistoryDay(
            basis=ref.basis,
            levels={driver: rows[n] for driver, rows in levels.items()},
            episodes=episodes.get(number, []),
            weak=weak.get(number),
            readings=Window(start=begins[n], end=ends[n]),
            step_minutes=track.step,
            files=sorted(joint.get(name_of(number), ())),
            marks=marks[n],
            provisional=provisional,
            profile=profiles[n],
            irradiance=lights[n],
            alone=bool(ref.alone or case.told.unlike[n] or case.told.turned[n]),
            spreads=spreads[n],
            missing=of_slots[n],
            **{name: values[n] for name, values in columns.items()},
        )
        for n, number in enumerate(days.number.tolist())
        if lit[n]  # the night's end of a file says nothing of its solar day
    }


def _stood(history: AssetHistory, case: Case) -> bool:
    """Whether the asset's last judged day before the file ended in a stop that is a fault."""
    first_day = name_of(int(case.track.days.number[0])) if len(case.track.days) else ""
    for day in sorted((day for day in history.days if day < first_day), reverse=True):
        items = that_count(history.days[day])
        if any(item.judged_hours > 0 for item in items):
            return any(e.kind == "outage" and not e.signals.recovered for i in items for e in i.episodes)
    return False


def _episodes(
    case: Case, losses: list[Stretch], channels: Channels, forms: Forms
) -> dict[int, list[Episode]]:
    """Episodes by solar day (days since 1970): first losses, then channels outside their limits."""
    by_day: dict[int, list[Episode]] = {}
    for stretch in losses:
        episode = episode_of(case, stretch, channels, forms)
        if episode is not None:
            by_day.setdefault(stretch.day, []).append(episode)
    for violation in range_stretches(case):
        by_day.setdefault(violation.stretch.day, []).append(range_episode(case, violation, channels))
    return by_day


def _levels(case: Case) -> dict[str, list[LevelOfDay]]:
    """Gain, spread and shape of each day, by driver (`levels.py` explains these words)."""
    spread = _numbers(case.res.of_day)
    return {name: _levels_of_days(levels, spread) for name, levels in case.ref.by_driver.items()}


def _levels_of_days(levels: Levels, spread: list[float | None]) -> list[LevelOfDay]:
    d = len(levels.gain)
    gains = _numbers(levels.gain)
    shapes = _rows(levels.shape[-KEEP_SHAPES:], 3)
    shapes = [[]] * (d - len(shapes)) + shapes
    return [LevelOfDay(gain=gains[n], spread=spread[n], shape=shapes[n]) for n in range(d)]


def _by_slot(rows: Floats, digits: int = 3, keep: int = KEEP_PROFILES) -> list[list[float | None]]:
    """Rows of a day each; of the last days only, as older ones teach nothing."""
    recent = _rows(rows[-keep:], digits)
    return [[] for _ in range(len(rows) - len(recent))] + recent


def _rows(rows: Floats, digits: int) -> list[list[float | None]]:
    """Each row as `_numbers` has it; an empty one for a row without any."""
    some: Mask = np.asarray(np.isfinite(rows).any(axis=1))
    return [row if some[n] else [] for n, row in enumerate(_listed(rows, digits))]


def _numbers(values: NDArray[np.floating[Any]], digits: int = 4) -> list[float | None]:
    """The values rounded to so many digits; None in place of NaN and infinity."""
    return cast("list[float | None]", _listed(values, digits))


def _listed(values: NDArray[np.floating[Any]], digits: int) -> list[Any]:
    rounded = np.round(values, digits)
    unknown = ~np.isfinite(rounded)
    if not unknown.any():
        return rounded.tolist()
    plain = rounded.astype(object)
    plain[unknown] = None
    return plain.tolist()


def _usual(history: AssetHistory, first_day: int, of_days: dict[str, Floats], daily: Floats) -> list[Usual]:
    """The usual values of the channels for each of the D days: the median of the 30 sound days before it.
    `daily`: the loss share of each day, (D,)."""
    columns = []
    for name, own in of_days.items():
        earlier = channel_before(history, first_day, name, most_loss=SOUND_LOSS)
        before = np.array(earlier[::-1], dtype=float)
        sound = of_sound_days(before, own, ~(daily >= SOUND_LOSS))
        if not np.isfinite(sound).any():  # it was never sound
            before = np.array(channel_before(history, first_day, name)[::-1], dtype=float)
            sound = before_each(before, own)
        columns.append(sound)
    return [Usual(*row) for row in zip(*(_numbers(c, 6) for c in columns), strict=True)]
