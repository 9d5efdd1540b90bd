"""The site layer: what a whole site-day says of each machine's history, and of the plant. Pure.

Each machine's day is entered under the same files as before, so a history stays a function of its files.
Incidents that do not stand any more are kept as superseded, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from ona.runtime.words import counted
from ooda.config.detection import DetectionConfig
from ooda.detect import data_days
from ooda.detect.group import TOGETHER, event_id
from ooda.detect.incidents import incidents_of
from ooda.detect.machine_stops import STOPPED
from ooda.detect.plant_events import CAUSES
from ooda.documents.asset_history import (
    AssetHistory,
    HistoryDay,
    LearnedPlane,
    PlantStop,
    file_order,
)
from ooda.documents.detections import Episode, Incident, Supersession
from ooda.documents.site_days import GroupEvent, PlantEvent, SiteRecord

MOST_SUPERSEDED = 100
"""Superseded incidents that a history keeps, the latest (ours); each run's document has all of its own."""
DAY = timedelta(days=1)
AGAIN_DAYS = 2
"""Days: an event of the same cause that comes again within them goes on, as incidents do (ours)."""
CLOCK_DAYS, CLOCK_TIMES, CLOCK_WITHIN = 30, 3, timedelta(minutes=15)
"""Days looked back; of a stop that a clock does: on how many days, how far apart it began (ours)."""
MOST_OFF = 0.9
"""Share of the neighbours without power beside the best: with more of them nobody worked (ours)."""
STILL_MISSING = 0.5
"""Of a withdrawn incident's energy: from so much missing on nobody says that all was well (ours)."""
Seen = tuple[tuple[str, str, str, float], ...]
"""By which files a day stood when it was read."""


@dataclass(frozen=True)
class Run:
    """One run of the site layer. `machines`: so many came; `because`: a later fact, "" for none."""

    run: str
    now: datetime
    machines: int
    because: str
    rules: DetectionConfig
    threshold: float


@dataclass(frozen=True)
class MachineDays:
    """What a run says of one machine: its days, its part in events of the plant by day, and by which files
    each day stood. `filed`: whether its days are entered, with the planes that were learned; else they
    stand as their one file gave them."""

    days: Mapping[str, HistoryDay]
    plant: Mapping[str, list[PlantStop]]
    seen: Mapping[str, Seen]
    filed: bool
    planes: Mapping[str, LearnedPlane | None] = field(default_factory=dict)


def seen_of(history: AssetHistory, day: str) -> Seen:
    """By which files a day stands."""
    return tuple(
        (key, str(item.readings), ",".join(item.files), item.measured_kwh)
        for key, item in sorted(history.days.get(day, {}).items())
    )


def one_file(histories: Sequence[AssetHistory], days: Sequence[str]) -> bool:
    """Whether all machines' days came in one file: it was judged with all neighbours there."""
    items = [own for one in histories for day in days for own in one.days.get(day, {}).items()]
    return len({name for key, item in items for name in (key, *item.files)}) <= 1


# ------------------------------------------------------------------ the plant


def with_events(
    record: SiteRecord, found: Mapping[str, Sequence[GroupEvent]], days: Sequence[str]
) -> dict[str, list[PlantEvent]]:
    """The events of these days, and of the earlier ones that `found` has too and that were judged before,
    with their ids: one that comes again within `AGAIN_DAYS` keeps its id, and so does one that was judged
    again; a new one has the name that its machines' incidents have."""
    again = [day for day in sorted(found) if day in days or day in record.days]
    by_day = {day: list(item.events) for day, item in record.days.items() if day not in again}
    every: Mapping[str, Sequence[GroupEvent]] = {**by_day, **{day: found[day] for day in again}}
    result: dict[str, list[PlantEvent]] = {}
    for day in sorted({*again, *days}):
        stood = record.days[day].events if day in record.days else []
        own: list[PlantEvent] = []
        around = [one for other in every if 0 < _apart(other, day) <= CLOCK_DAYS for one in every[other]]
        for event in found.get(day, []):
            of_day = by_the_clock(event, around)
            before = [one for n in _days_before(day, AGAIN_DAYS) for one in by_day.get(n, [])]
            taken = {one.event_id for one in own}
            name = _known(of_day, before, stood, taken)
            name = name or _new(record.site_id, of_day, taken | {one.event_id for one in stood})
            own.append(PlantEvent(**dict(of_day), event_id=name, site_id=record.site_id, days=[day]))
        by_day[day] = result[day] = own
    return result


def _apart(one: str, other: str) -> int:
    """Days between two dates."""
    return abs((date.fromisoformat(one) - date.fromisoformat(other)).days)


def _days_before(day: str, count: int) -> list[str]:
    """The dates of so many days before one, the latest first."""
    return [(date.fromisoformat(day) - timedelta(days=n)).isoformat() for n in range(1, count + 1)]


def by_the_clock(event: GroupEvent, around: Sequence[GroupEvent]) -> GroupEvent:
    """The same event, as operation where it is the grid's so far and a clock does it: most of its machines
    stopped and came back on `CLOCK_TIMES` days at the same time. Three stops of a day's ten hours begin
    within a quarter of an hour of each other by chance on one occasion of four hundred."""

    def alike(one: GroupEvent) -> bool:
        apart = abs((one.window.start - event.window.start) % DAY - DAY / 2)  # half a day: the same time
        shared = set(one.machines) & set(event.machines)
        return (
            one.cause in ("grid", "operation")
            and one.ended
            and DAY / 2 - apart <= CLOCK_WITHIN
            and len(shared) > len(event.machines) / 2
        )

    times = 1 + sum(map(alike, around))
    if event.cause != "grid" or not event.ended or times < CLOCK_TIMES:
        return event
    said = f"{event.statement}, on {counted(times, 'day')} at the same time: switched by a clock"
    return event.model_copy(update={"cause": "operation", "statement": said})


def _known(
    event: GroupEvent, before: Sequence[PlantEvent], stood: Sequence[PlantEvent], taken: Collection[str]
) -> str:
    """The id of the same event, of the days before or as the day was judged before; "" for a new one."""
    same = [one for one in before if one.cause == event.cause]
    same += [
        one
        for one in stood
        if one.cause == event.cause
        and one.window.start <= event.window.end
        and one.window.end >= event.window.start
    ]
    return next((one.event_id for one in same if one.event_id not in taken), "")


def _new(site_id: str, event: GroupEvent, taken: Collection[str]) -> str:
    (kind,) = [kind for kind, cause in CAUSES.items() if cause == event.cause]
    names = (event_id(site_id, kind, event.window.start, n) for n in count())
    return next(name for name in names if name not in taken)


def stops_of(events: Mapping[str, Sequence[PlantEvent]], asset_id: str) -> dict[str, list[PlantStop]]:
    """A machine's part in the events of the plant, by day."""
    return {
        day: [
            PlantStop(event_id=event.event_id, window=window, cause=event.cause)
            for event in own
            if asset_id in event.machines
            for window in event.stops.get(asset_id) or [event.window]
        ]
        for day, own in events.items()
    }


# ------------------------------------------------------------------ a machine


def entered(
    history: AssetHistory, machine: MachineDays, run: Run, events: Mapping[str, PlantEvent]
) -> AssetHistory:
    """A machine's history with what a run says of it. A day for which other files stand by now than the run
    had seen stays: its file marked it again. `events`: those of the plant, by id."""
    days, plant = dict(history.days), dict(history.plant)
    for day, item in machine.days.items():
        by_file = days.get(day)
        if by_file is None or seen_of(history, day) != machine.seen.get(day):
            continue
        if machine.filed:
            files = {name for key, own in by_file.items() for name in (key, *own.files)}
            last = max(files, key=file_order)
            days[day] = {last: item.model_copy(update={"files": sorted(files - {last}, key=file_order)})}
        else:
            days[day] = {k: own.model_copy(update={"provisional": False}) for k, own in by_file.items()}
        plant[day] = machine.plant.get(day, [])
    plant |= {day: stops for day, stops in machine.plant.items() if day not in machine.days}
    for day in (day for day in machine.plant if day in days):
        days[day] = {k: _as_it_is(own, plant.get(day, [])) for k, own in days[day].items()}
    plant = {day: stops for day, stops in sorted(plant.items()) if stops and day in days}
    planes = machine.planes if machine.filed else {}
    merged = data_days.marked(history.model_copy(update={"days": days, "plant": plant, **planes}))
    standing = incidents_of(merged, run.rules, run.threshold)
    names = {incident.incident_id for incident in standing}
    gone = [
        _superseded(incident, standing, merged, run, events)
        for incident in history.incidents
        if incident.incident_id not in names
    ]
    return merged.model_copy(
        update={"incidents": standing, "superseded": [*history.superseded, *gone][-MOST_SUPERSEDED:]}
    )


def _as_it_is(item: HistoryDay, stops: Sequence[PlantStop]) -> HistoryDay:
    """A day on which the stops that no event of the plant has are the machine's own, where others worked
    meanwhile: what its file said of them beside the neighbours was a first guess."""
    episodes = [e if any(stop.explains(e) for stop in stops) else _own(e) for e in item.episodes]
    return item.model_copy(update={"episodes": episodes}) if episodes != item.episodes else item


def _own(episode: Episode) -> Episode:
    beside = episode.signals.neighbours_off
    if episode.kind not in STOPPED or episode.events or beside is None or beside >= MOST_OFF:
        return episode
    if episode.kind == "outage" and beside < TOGETHER:
        return episode
    signals = episode.signals.model_copy(update={"neighbours_off": None, "neighbours_in_turn": None})
    return episode.model_copy(update={"kind": "outage", "signals": signals})


def of_run(history: AssetHistory, run: str) -> list[Incident]:
    """The incidents that a run superseded; also one that broke off before it could say so."""
    return [one for one in history.superseded if one.superseded is not None and one.superseded.run == run]


def _superseded(
    incident: Incident,
    standing: Sequence[Incident],
    history: AssetHistory,
    run: Run,
    events: Mapping[str, PlantEvent],
) -> Incident:
    window = incident.window
    stops = [
        stop
        for own in history.plant.values()
        for stop in own
        if stop.window.start <= window.end and stop.window.end >= window.start
    ]
    instead = next(
        (one for one in standing if one.window.start <= window.end and one.window.end >= window.start), None
    )
    event = events.get(stops[0].event_id) if stops else None
    again = f"judged again beside {counted(run.machines - 1, 'machine')} of the site"
    again += f", because {run.because}" if run.because else ""
    if stops:
        said = event.statement if event else "an event of the plant"
        why = Supersession(
            reason="merged",
            statement=f"one event of the plant in the place of one incident a machine: {said}",
            event_id=stops[0].event_id,
            run=run.run,
            at=run.now,
        )
    elif instead is not None:
        why = Supersession(
            reason="judged_again",
            statement=f"{again}: told again as {instead.kind.replace('_', ' ')} ({instead.incident_id})",
            run=run.run,
            at=run.now,
        )
    else:
        why = Supersession(
            reason="withdrawn", statement=f"{again}: {_left(incident, history)}", run=run.run, at=run.now
        )
    return incident.model_copy(update={"state": "superseded", "actionable": False, "superseded": why})


def _left(incident: Incident, history: AssetHistory) -> str:
    """What is left of an incident for which nothing stands any more, in words: energy that is still missing
    on its days was set aside, or is explained otherwise."""
    window = incident.window
    items = [
        item
        for own in history.days.values()
        for item in own.values()
        if item.readings and item.readings.start <= window.end and item.readings.end >= window.start
    ]
    missing = sum(max(0.0, item.expected_kwh - item.measured_kwh) for item in items)
    if missing < STILL_MISSING * incident.lost_energy_kwh or incident.lost_energy_kwh <= 0.0:
        return "nothing was wrong"
    return "the energy is still missing, but its readings are set aside or the loss is not its own"


def new_faults(before: AssetHistory, after: AssetHistory, days: Sequence[str]) -> list[Incident]:
    """Actionable incidents that touch these days, and that were none before."""
    known = {incident.incident_id for incident in before.incidents if incident.actionable}
    first, last = min(days), max(days)
    return [
        incident
        for incident in after.incidents
        if incident.actionable
        and incident.incident_id not in known
        and f"{incident.window.start - timedelta(days=1):%Y-%m-%d}" <= last
        and f"{incident.window.end + timedelta(days=1):%Y-%m-%d}" >= first
    ]
