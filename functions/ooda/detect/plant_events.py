"""Events of a plant: what its machines have in common is no machine's fault. Pure.

It gathers, over the verdicts of all machines of a site, the episodes that each by itself told to be a stop
of the site or of its operator (`group.py`). What stops together or one after the other is one event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from ona.runtime.words import counted
from ooda.detect.group import LEAST_TOGETHER, WITHOUT_GAP
from ooda.detect.judge import AssetVerdict
from ooda.documents.asset_history import EXPLAINED_BY, HistoryDay
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
STILL = 0.5
"""Share of a day's judged hours in which a machine stands that never came back (ours)."""
Stops = list[tuple[str, Episode]]
"""Episodes, each with the machine that it is of."""


def events_of(
    verdicts: Sequence[AssetVerdict], before: Mapping[str, Sequence[GroupEvent]] | None = None
) -> dict[str, list[GroupEvent]]:
    """The events of a plant by solar day, in order of time. `verdicts`: one for each machine that came;
    `before`: what earlier days were found to be."""
    by_day: dict[str, list[GroupEvent]] = {}
    for day in sorted({day for verdict in verdicts for day in verdict.days}):
        items = [(v.detection.asset_id, v.days[day]) for v in verdicts if day in v.days]
        gap = timedelta(minutes=WITHOUT_GAP * max(item.step_minutes for _, item in items))
        stops = [(name, e) for name, item in items for e in item.episodes if e.kind in CAUSES]
        yesterday = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
        stops += _still(items, by_day.get(yesterday) or (before or {}).get(yesterday, ()))
        held = [pair for pair in stops if pair[1].kind == "curtailment"]
        stopped = [pair for pair in stops if pair[1].kind != "curtailment"]
        groups = [*_groups(held, gap), *_groups(stopped, gap)]
        found = [_event(group, len(verdicts)) for group in groups if len(dict(group)) >= LEAST_TOGETHER]
        by_day[day] = sorted(found, key=lambda event: event.window.start)
    return by_day


def _still(items: Sequence[tuple[str, HistoryDay]], before: Sequence[GroupEvent]) -> Stops:
    """Stops of machines that an event of the day before had stopped together, and that never came back:
    nothing new befell them."""
    stood = {
        name for event in before if event.cause == "grid" and not event.ended for name in event.machines
    }
    still: Stops = []
    for name, item in items:
        stops = [e for e in item.episodes if e.kind == "outage"] if name in stood else []
        if stops and sum(e.hours for e in stops) >= STILL * item.judged_hours:
            still += [(name, e.model_copy(update={"kind": "site_outage"})) for e in stops]
    return still if len(dict(still)) >= LEAST_TOGETHER else []


def _groups(stops: Stops, gap: timedelta) -> list[Stops]:
    """Stops in groups that overlap, or follow each other without more than a gap."""
    groups: list[Stops] = []
    for name, episode in sorted(stops, key=lambda pair: (pair[1].window.start, pair[0])):
        if groups and episode.window.start <= max(one.window.end for _, one in groups[-1]) + gap:
            groups[-1].append((name, episode))
        else:
            groups.append([(name, episode)])
    return groups


def _event(group: Stops, of: int) -> GroupEvent:
    """One event; its cause is that of most of its time."""
    hours = {kind: sum(e.hours for _, e in group if e.kind == kind) for kind in CAUSES}
    cause = CAUSES[max(hours, key=lambda kind: hours[kind])]
    group = [pair for pair in group if pair[1].kind in EXPLAINED_BY[cause]]
    machines = sorted({name for name, _ in group})
    return GroupEvent(
        cause=cause,
        window=Window(
            start=min(episode.window.start for _, episode in group),
            end=max(episode.window.end for _, episode in group),
        ),
        machines=machines,
        lost_kwh=round(sum(episode.lost_kwh for _, episode in group), 3),
        ended=all(episode.signals.recovered for _, episode in group),
        statement=f"{len(machines)} of {counted(of, 'machine')} {_SAID[cause]}",
    )
