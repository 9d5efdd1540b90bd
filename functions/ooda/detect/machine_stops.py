"""A machine's stops over nights, and which of a site's begin or end together. Pure.

A stop goes from its first reading without power to the last. One that nobody saw begin began in the night;
one whose machine gives power on the next morning came back in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ooda.documents.asset_history import AssetHistory, HistoryDay, that_count
from ooda.documents.detections import Episode, Signals

STOPPED = ("outage", "site_outage", "operation")
"""Kinds of episodes that are stops; those under snow are some where nothing came (`ALL`)."""
ALL = 0.9
"""Share of a stop's readings without power."""
FROM_DAWN = 0.5
"""Of `Signals.from_dawn`: a stop that began in the night."""
NOTHING = 0.02
"""Of what was due on a day: a machine that gave no more stood still on it."""
BLURRED, MOST_BESIDE = timedelta(hours=4), 12
"""How far apart stops may seem to begin that did so together, where little was due; groups looked at."""
MINUTES_A_DAY = 600.0
"""Of light, in which a machine may stop (ours)."""
NIGHT = timedelta(hours=18)
"""The longest night."""


@dataclass(frozen=True, eq=False)
class Stop:
    """A machine's stop, UTC. `begin`, `end`: first and last reading without power; `step`: minutes between
    readings. `from_night`: nobody saw it begin; `to_night`: it had come back by the next morning. `over`:
    it came back. `parts`: its episodes by day."""

    machine: str
    begin: datetime
    end: datetime
    step: float
    from_night: bool = False
    to_night: bool = False
    over: bool = True
    signals: Signals | None = None
    parts: tuple[tuple[str, Episode], ...] = field(default=())

    @property
    def day(self) -> str:
        """The solar day on which it began."""
        return self.parts[0][0] if self.parts else f"{self.begin:%Y-%m-%d}"

    @property
    def within(self) -> timedelta:
        """What is at once: a reading, and a little for clocks."""
        return timedelta(minutes=self.step + 5.0)

    def begins_with(self, other: Stop) -> bool:
        """Whether both begin at once, or in the same night."""
        if self.from_night != other.from_night:
            return False
        apart = timedelta(hours=5) if self.from_night else max(self.within, other.within)
        return abs(self.begin - other.begin) <= apart

    def ends_with(self, other: Stop) -> bool:
        """Whether both came back at once by day, and stood together for most of the time."""
        if not (self.over and other.over) or self.to_night or other.to_night:
            return False
        at_once = abs(self.end - other.end) <= max(self.within, other.within)
        return at_once and abs(self.begin - other.begin) <= BLURRED and self.during(other) >= 0.2

    def followed_by(self, other: Stop) -> bool:
        """Whether the other stops when this one comes back."""
        if not self.over or self.to_night != other.from_night:
            return False
        if self.to_night:
            return timedelta(0) < other.begin - self.end < NIGHT
        return abs(other.begin - self.end) <= max(self.within, other.within)

    def during(self, other: Stop) -> float:
        """Share of the other's time in which this one stands."""
        both = min(self.end, other.end) - max(self.begin, other.begin)
        return max(0.0, both / max(other.end - other.begin, timedelta(minutes=other.step)))


def stops_of(machine: str, days: Mapping[str, HistoryDay]) -> list[Stop]:
    """A machine's stops, over nights, in order of time; those that a log explains or names are none."""
    found: list[Stop] = []
    stands = False
    for day in sorted(day for day, item in days.items() if item.judged_hours > 0):
        item = days[day]
        episodes = sorted(item.episodes, key=lambda one: one.window.start)
        own = [e for e in episodes if _is_stop(e) and not e.events]
        nothing = item.measured_kwh <= NOTHING * item.expected_kwh
        if stands and not nothing and not (own and own[0].signals.from_dawn >= FROM_DAWN):
            found[-1], stands = replace(found[-1], over=True, to_night=True), False
        for episode in own:
            part, over = (day, episode), episode.signals.recovered
            if stands:
                parts = (*found[-1].parts, part)
                found[-1] = replace(found[-1], end=episode.window.end, over=over, parts=parts)
            else:
                night, step = episode.signals.from_dawn >= FROM_DAWN, max(item.step_minutes, 1.0)
                ends = (episode.window.start, episode.window.end)
                found.append(Stop(machine, *ends, step, night, False, over, episode.signals, (part,)))
            stands = not over
    return found


def _is_stop(episode: Episode) -> bool:
    return episode.kind in STOPPED or (episode.kind == "snow" and episode.signals.zero_share >= ALL)


def groups(stops: Iterable[Stop]) -> list[list[Stop]]:
    """Stops that begin together, or within hours of each other and end together, each machine once, in
    order of time."""
    found: list[list[Stop]] = []
    for stop in sorted(stops, key=lambda one: (one.begin, one.machine)):
        for last in reversed(found[-MOST_BESIDE:]):
            if stop.machine not in {one.machine for one in last} and (
                stop.begins_with(last[-1]) or any(stop.ends_with(one) for one in last)
            ):
                last.append(stop)
                break
        else:
            found.append([stop])
    return found


# ------------------------------------------------------------------ the next morning


def with_events_that_go_on(history: AssetHistory, days: Iterable[str]) -> AssetHistory:
    """The history in which an event of the plant, in which a machine stood until the evening, explains that
    it stands on the next morning too: the site layer judges the new `days` when they are whole."""
    plant = dict(history.plant)
    judged = [day for day, items in history.days.items() if any(i.judged_hours > 0 for i in items.values())]
    for day in sorted(set(days) - plant.keys()):
        before = max((name for name in judged if name < day), default="")
        last, first = _stops_on(history, before)[-1:], _stops_on(history, day)[:1]
        if not last or not first or last[0].signals.recovered or first[0].signals.from_dawn < FROM_DAWN:
            continue
        explains = [stop for stop in plant.get(before, []) if stop.explains(last[0])]
        if explains:
            plant[day] = [explains[-1].model_copy(update={"window": first[0].window})]
    return history.model_copy(update={"plant": plant})


def _stops_on(history: AssetHistory, day: str) -> list[Episode]:
    """A day's stops, in order of time."""
    items = that_count(history.days[day]) if day in history.days else []
    stops = [e for item in items for e in item.episodes if e.kind in STOPPED]
    return sorted(stops, key=lambda one: one.window.start)
