"""Events of a plant: what its machines have in common is no machine's fault. Pure.

It gathers, over the days of all machines of a site, their stops of a common cause (`shared_stops.py`) and
what each by itself told to be a curtailment or, by its log, an operation. What stops together or one after
the other is one event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ona.runtime.words import counted
from ooda.detect.asset_history import name_of, number_of
from ooda.detect.group import LEAST_TOGETHER, WITHOUT_GAP
from ooda.detect.judge import AssetVerdict
from ooda.detect.machine_stops import stops_of
from ooda.detect.shared_stops import Shared, labelled
from ooda.documents.asset_history import AssetHistory, HistoryDay, that_count
from ooda.documents.detections import Episode, IncidentKind, PlantCause, Window
from ooda.documents.site_days import GroupEvent

CAUSES: Mapping[IncidentKind, PlantCause] = {
    "site_outage": "grid",
    "operation": "operation",
    "curtailment": "curtailment",
}
"""Kinds of episodes that machines share, and the cause that the plant's event has."""
_SAID: Mapping[PlantCause, str] = {
    "grid": "stopped together",
    "operation": "were stopped by operation",
    "curtailment": "were held at a level",
}
DAYS_BEFORE = 12
"""Days before those of a run that are looked at again: a stop that has ended says more (ours)."""


class _Part(NamedTuple):
    """A machine's part of a day in an event, from the episode's first reading to `end`."""

    machine: str
    cause: PlantCause
    episode: Episode
    end: datetime
    ended: bool


def events_of(
    verdicts: Sequence[AssetVerdict], histories: Mapping[str, AssetHistory] | None = None
) -> dict[str, list[GroupEvent]]:
    """The events of a plant by solar day, in order of time. `verdicts`: one for each machine that came;
    `histories`: what is known of the machines' earlier days, of which the last ones are named again."""
    machines = {v.detection.asset_id: _days(v, (histories or {})) for v in verdicts}
    parts: dict[str, list[_Part]] = {day: [] for own in machines.values() for day in own}
    every = [stop for name, own in machines.items() for stop in stops_of(name, own)]
    for shared in labelled(every, len(machines)):
        for day, episode in shared.stop.parts:
            if episode.window.start <= shared.until:
                parts[day].append(_part(shared, episode))
    found: dict[str, list[GroupEvent]] = {}
    for day, own in sorted(parts.items()):
        items = {name: days[day] for name, days in machines.items() if day in days}
        gap = timedelta(minutes=WITHOUT_GAP * max(item.step_minutes for item in items.values()))
        turns = [part for part in own if part.cause == "operation"]
        groups = [*([turns] if turns else []), *_groups([p for p in own if p.cause == "grid"], gap)]
        for kind in ("operation", "curtailment"):
            told = [
                _Part(name, CAUSES[kind], e, e.window.end, e.signals.recovered)
                for name, item in items.items()
                for e in item.episodes
                if e.kind == kind and (e.events or kind == "curtailment")
            ]
            groups += [g for g in _groups(told, gap) if len({p.machine for p in g}) >= LEAST_TOGETHER]
        events = [_event(group, len(machines)) for group in groups]
        found[day] = sorted(events, key=lambda event: event.window.start)
    return found


def _part(shared: Shared, episode: Episode) -> _Part:
    stop = shared.stop
    last = episode is stop.parts[-1][1]
    ended = episode.signals.recovered or (last and stop.over) or shared.until < stop.end
    return _Part(stop.machine, shared.cause, episode, min(episode.window.end, shared.until), ended)


def _days(verdict: AssetVerdict, histories: Mapping[str, AssetHistory]) -> dict[str, HistoryDay]:
    """A machine's days: those that were judged now, and the last ones before."""
    history = histories.get(verdict.detection.asset_id)
    days: dict[str, HistoryDay] = {}
    if history is not None and verdict.days:
        oldest = name_of(number_of(min(verdict.days)) - DAYS_BEFORE)
        for day in (day for day in history.days if oldest <= day < min(verdict.days)):
            items = that_count(history.days[day])
            if len(items) == 1:
                days[day] = items[0]
            elif items:
                days[day] = _one_of(items)
    return days | dict(verdict.days)


def _one_of(items: Sequence[HistoryDay]) -> HistoryDay:
    """A day that came in several files, as one."""
    total = {
        name: sum(getattr(item, name) for item in items)
        for name in ("expected_kwh", "measured_kwh", "judged_hours")
    }
    return items[0].model_copy(update={**total, "episodes": [e for item in items for e in item.episodes]})


def _groups(parts: Sequence[_Part], gap: timedelta) -> list[list[_Part]]:
    """Parts in groups that overlap, or follow each other without more than a gap."""
    groups: list[list[_Part]] = []
    for part in sorted(parts, key=lambda one: (one.episode.window.start, one.machine)):
        if groups and part.episode.window.start <= max(one.end for one in groups[-1]) + gap:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _event(group: Sequence[_Part], of: int) -> GroupEvent:
    """One event of a day."""
    cause, machines = group[0].cause, sorted({part.machine for part in group})
    ended = all(part.ended for part in group)
    said = f"{len(machines)} of {counted(of, 'machine')} {_SAID[cause]}"
    if len(machines) == 1:
        said = f"1 of {counted(of, 'machine')} stood, by turns or as the last of several"
    return GroupEvent(
        cause=cause,
        window=Window(
            start=min(part.episode.window.start for part in group), end=max(part.end for part in group)
        ),
        machines=machines,
        stops={
            name: [Window(start=p.episode.window.start, end=p.end) for p in group if p.machine == name]
            for name in machines
        },
        lost_kwh=round(sum(_lost(part) for part in group), 3),
        ended=ended,
        statement=said if ended or cause == "curtailment" else f"{said}, and are not back yet",
    )


def _lost(part: _Part) -> float:
    """What an episode lost until its part ends, kWh."""
    window = part.episode.window
    whole = (window.end - window.start).total_seconds()
    return part.episode.lost_kwh * ((part.end - window.start).total_seconds() / whole if whole else 1.0)
