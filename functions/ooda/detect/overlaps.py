"""Files of one asset that overlap in time: which belong together, and their readings, each time once.

A time may stand in several files: the same export under two names, a correction, halves of a day with an
hour in common. Such files are judged as one file of all their readings. Of two readings of one time counts

1. the one that has power,
2. then the one with more measured values,
3. then the one of the shorter interval,
4. then the one whose file's key sorts later (without its ending, so that `x-v2.csv` comes after `x.csv`).

The rule looks at nothing but the files, so the order in which they come does not matter. Files that only
meet, or cut a day at midnight, do not overlap and are not touched.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ona.documents.assets import Location
from ona.documents.columns import NUMERIC
from ona.telemetry.intervals import minutes_of, usual_step
from ooda.detect.asset_history import name_of
from ooda.detect.sky import Floats, solar_days
from ooda.documents.asset_history import AssetHistory, HistoryDay, Stay, file_order

JITTER = 0.1
"""Share of an interval by which readings may overlap and still follow each other: clocks jitter."""
Others = dict[str, frozenset[str]]
"""Keys of files by solar day (`YYYY-MM-DD`)."""


def stays(frame: pd.DataFrame, location: Location | None) -> dict[str, Stay]:
    """First and last reading of each solar day of one asset's frame, and the usual interval."""
    minutes = minutes_of(frame["timestamp"])
    if not len(minutes):
        return {}
    day, step = solar_days(minutes, location), usual_step(minutes)
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    ends = np.append(first[1:], len(day)) - 1
    return {
        name_of(int(day[a])): Stay(float(minutes[a]), float(minutes[b]), step)
        for a, b in zip(first, ends, strict=True)
    }


def others_of(history: AssetHistory, key: str, own: Mapping[str, Stay]) -> Others:
    """For each solar day on which other files overlap with the file `key`, their keys.

    `own`: what the file gives. A file belongs to it that overlaps with it, or with one that does; and one
    that was judged with an earlier version of it. Days without such a file are left out.
    """
    found: Others = {}
    for day, by_file in history.days.items():
        mine = [_members(name, item) for name, item in by_file.items() if name == key or key in item.files]
        if day not in own and not mine:
            continue
        entries = [(_members(name, item), item.stay()) for name, item in by_file.items() if name != key]
        keys = set().union(*mine)
        reach = [own[day]] if day in own else []
        rest, growing = entries, True
        while growing:
            near = [
                (members, stay)
                for members, stay in rest
                if members & keys or (stay is not None and any(stay.overlaps(one) for one in reach))
            ]
            rest = [entry for entry in rest if entry not in near]
            keys |= {name for members, _ in near for name in members}
            reach += [stay for _, stay in near if stay is not None]
            growing = bool(near)
        if others := keys - {key}:
            found[day] = frozenset(others)
    return found


def _members(key: str, item: HistoryDay) -> set[str]:
    return {key, *item.files}


@dataclass(frozen=True)
class Joined:
    """One asset's readings of several files, each time once; by solar day the files that gave some, where
    there are others than the file itself."""

    frame: pd.DataFrame
    files: Others


def joined(
    key: str, parts: Mapping[str, pd.DataFrame], others: Others, location: Location | None
) -> Joined:
    """The readings of the file `key` with those of the others on the days on which they belong together.

    `parts`: the whole frames of one asset by file, `key` among them; a file that could not be read is not
    there. Other days of the file stay as they are.
    """
    steps = _steps(parts)
    chosen: list[pd.DataFrame] = []
    gave: dict[str, set[str]] = {}
    own_days: set[str] = set()
    for name, frame in parts.items():
        number = solar_days(minutes_of(frame["timestamp"]), location)
        names = {int(n): name_of(int(n)) for n in np.unique(number)}
        wanted = {n for n, day in names.items() if name == key or name in others.get(day, ())}
        if name == key:
            own_days = set(names.values())
        for n in wanted:
            gave.setdefault(names[n], set()).add(name)
        since = np.diff(minutes_of(frame["timestamp"]), prepend=-np.inf)
        whole = frame.assign(_step=steps[name], _interval=np.minimum(since, steps[name]), _file=name)
        chosen.append(whole[np.isin(number, list(wanted))])
    frame = _each_time_once(pd.concat(chosen, ignore_index=True))
    shared = {day for day in others if gave.get(day, set()) - {key}}
    alone = len(own_days - shared) > len(shared)  # a day of a backfill: the file's own interval stays
    frame = _at_one_step(frame, steps[key] if alone else float(frame["_step"].min()))
    frame = frame.drop(columns=["_step", "_interval", "_file"])
    return Joined(frame, {day: frozenset(gave[day]) for day in sorted(shared)})


def _steps(parts: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Each file's usual interval, minutes; of a file with one reading the shortest of the others."""
    steps = {name: usual_step(minutes_of(own["timestamp"])) for name, own in parts.items() if len(own) > 1}
    shortest = min(steps.values(), default=usual_step(np.empty(0)))
    return {name: steps.get(name, shortest) for name in parts}


def _each_time_once(frame: pd.DataFrame) -> pd.DataFrame:
    """Of readings whose intervals overlap the first by the rule of this module, in order of time."""
    values = frame[[name for name in NUMERIC if name in frame]]
    order = {name: n for n, name in enumerate(sorted(set(frame["_file"]), key=file_order))}
    ranked = pd.DataFrame(
        {
            "power": frame["power_kw"].notna(),
            "measured": values.notna().sum(axis=1),
            "interval": -frame["_step"],
            "file": frame["_file"].map(order),
        }
    ).sort_values(["power", "measured", "interval", "file"], ascending=False, kind="stable")
    frame = frame.loc[ranked.index].drop_duplicates("timestamp", keep="first")
    minutes, steps = minutes_of(frame["timestamp"]), frame["_interval"].to_numpy(dtype=float)
    if _overlap(minutes, steps):
        frame = frame[_accepted(minutes, steps)]
    return frame.sort_values("timestamp", ignore_index=True)


def _overlap(minutes: Floats, steps: Floats) -> bool:
    """Whether any two intervals overlap; a reading's time is the end of its interval."""
    rows = np.argsort(minutes, kind="stable")
    begin = minutes[rows] - (1.0 - JITTER) * steps[rows]
    return bool((begin[1:] < minutes[rows][:-1]).any())


def _accepted(minutes: Floats, steps: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which readings count, in the order of their rank: each whose interval is still free."""
    taken: list[tuple[float, float]] = []
    accepted = np.zeros(len(minutes), dtype=bool)
    for n, (end, step) in enumerate(zip(minutes.tolist(), steps.tolist(), strict=True)):
        place = bisect_left(taken, (end, 0.0))
        slack = JITTER * step
        after_ok = place == len(taken) or taken[place][0] - taken[place][1] >= end - slack
        before_ok = place == 0 or taken[place - 1][0] <= end - step + slack
        if before_ok and after_ok:
            insort(taken, (end, step))
            accepted[n] = True
    return accepted


def _at_one_step(frame: pd.DataFrame, step: float) -> pd.DataFrame:
    """Readings of several intervals at one, minutes, so that each stands for as long as it was measured.

    A longer interval is held over the shorter ones in it; shorter ones are averaged over the longer.
    """
    if (frame["_step"] == step).all():
        return frame
    minutes = minutes_of(frame["timestamp"])
    steps = frame["_step"].to_numpy(dtype=float)
    as_they_are = frame[steps == step]
    phase = float(minutes[steps == step][0] % step) if len(as_they_are) else 0.0
    last = np.floor((minutes - phase) / step + 1e-9)
    first = np.floor((minutes - steps - phase) / step + 1e-9) + 1
    held = np.where(steps > step, last - first + 1, 1).astype(int).clip(0)
    rows = np.repeat(np.arange(len(frame)), held)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(held) - held, held)
    end = np.ceil((minutes[rows] - phase) / step - 1e-9)
    grid = np.where(steps[rows] > step, first[rows] + within, end)
    times = np.where(steps[rows] == step, minutes[rows], grid * step + phase)
    values = frame.iloc[rows].assign(
        timestamp=pd.DatetimeIndex((times * 60e6).round().astype(np.int64), dtype="datetime64[us, UTC]")
    )
    shorter = values[steps[rows] < step]
    columns = [name for name in NUMERIC if name in frame]
    means = shorter.groupby("timestamp", as_index=False)[columns].mean()
    every = pd.concat([values[steps[rows] >= step], means], ignore_index=True)
    return every.drop_duplicates("timestamp").sort_values("timestamp", ignore_index=True)
