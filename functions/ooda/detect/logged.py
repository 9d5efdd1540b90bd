"""What event logs say of one asset's readings: which losses they explain, what they say of others. Pure.

What stops or limits a machine on purpose explains its loss: planned work, the operator, the grid, a limit,
the environment. A fault that was logged first is not explained by the stop that follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from ona.documents.assets import Asset
from ona.runtime.words import shortened
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import Indices, Track, runs
from ooda.documents.detections import NO_FAULT, Episode, EventClass, Evidence, IncidentKind, LoggedEvent
from ooda.documents.event_logs import StoredEvent
from ooda.event_logs.meaning import Meaning, meaning

EXPLAINS: dict[EventClass, IncidentKind] = {
    "planned": "operation",
    "operator": "operation",
    "environment": "operation",
    "grid": "curtailment",
    "curtailment": "curtailment",
}
"""The classes that explain a loss, and as what."""
HALF = 0.5
"""Share of a reading's interval that must lie in an event, so that the event is the reading's."""
LEAD_MINUTES = 30.0
"""An event that began so long before a loss may have begun it: a trip's own event is often gone at once."""
MOST_EVENTS = 5
"""Events that an episode or incident names (ours)."""
MOST_SAID = 2
"""Of these, so many stand among its evidence."""
LONGEST_SAID = 80
"""Characters of an event's text in a sentence."""
_HARMLESS = str.maketrans({'"': "'", "<": "‹", ">": "›"})
"""A log is a stranger's text: in a mail it is no tag, and in a chat no call of everybody."""
NO_POWER = 0.01
"""Share of capacity: a limit does not stop a machine."""


@dataclass(frozen=True)
class Logged:
    """The m events of one asset in order of time, with what they mean."""

    events: Sequence[tuple[StoredEvent, Meaning]] = ()

    @classmethod
    def of(cls, events: Iterable[StoredEvent], asset: Asset) -> Logged:
        """Events of an asset by its makers' codes, and by texts."""
        oem = tuple(sorted({part.oem for part in asset.components}))
        return cls([(e, meaning(e.code, e.text, e.category, e.severity, oem)) for e in events])

    @cached_property
    def spans(self) -> Floats:
        """From when to when each event lasted, minutes since 1970, (m, 2)."""
        pairs = [(_minutes(event.begins), _minutes(event.lasts_to)) for event, _ in self.events]
        return np.array(pairs, dtype=float).reshape(-1, 2)

    def of_class(self, *classes: EventClass) -> Floats:
        """The spans of the events of some classes."""
        chosen = [meant.event_class in classes for _, meant in self.events]
        return self.spans[np.array(chosen, dtype=bool)]

    def __bool__(self) -> bool:
        return bool(self.events)


NOTHING_LOGGED = Logged()
"""Of an asset without event logs."""


def _minutes(moment: datetime) -> float:
    return moment.astimezone(UTC).timestamp() / 60.0


def covered(spans: Floats, begin: Floats, end: Floats) -> Floats:
    """Minutes of each interval, (n,), that lie in any of the spans, (m, 2)."""
    if not len(spans):
        return np.zeros(len(begin))
    ordered = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    apart = np.append(True, ordered[1:, 0] > reach[:-1])
    first = ordered[apart, 0]
    last = reach[np.append(np.flatnonzero(apart)[1:] - 1, len(ordered) - 1)]
    total = np.concatenate(([0.0], np.cumsum(last - first)))
    edges = np.column_stack((first, last)).ravel()
    sums = np.column_stack((total[:-1], total[1:])).ravel()
    return np.asarray(np.interp(end, edges, sums) - np.interp(begin, edges, sums))


def _within(spans: Floats, track: Track) -> Mask:
    """Readings of which half lies in the spans, be their time the interval's end or its beginning."""
    at, step = track.sky.minutes, track.step
    before, after = covered(spans, at - step, at), covered(spans, at, at + step)
    return np.asarray(np.maximum(before, after) >= HALF * step)


def explained(log: Logged, track: Track, low: Mask) -> dict[IncidentKind, Mask]:
    """By kind the readings, (n,), whose loss the events of `log` explain; `low`: readings with a loss."""
    masks: dict[IncidentKind, Mask] = {}
    if not log:
        return masks
    faults = log.of_class("fault")
    in_fault = _within(faults, track)
    for kind in ("operation", "curtailment"):
        spans = log.of_class(*(name for name, of in EXPLAINS.items() if of == kind))
        mask = _with_edges(_within(spans, track), low)
        if kind == "curtailment":  # a limit stops no machine; a fault that was logged does
            limited = mask & ~_within(log.of_class("grid"), track)
            mask &= ~(limited & in_fault & (track.share <= NO_POWER))
        mask &= ~_opened_by_a_fault(mask, spans, faults, track, low)
        masks[kind] = mask & ~np.logical_or.reduce([np.zeros_like(mask), *masks.values()])
    return masks


def stopped_by_its_fault(log: Logged, track: Track, stop: Indices) -> bool:
    """Whether a fault that names a part of the machine was logged when a stop began, or lasts through half
    of it; then what other machines do meanwhile says nothing. A fault beside which it gave power is none
    that stopped it."""
    if not log.events:
        return False
    at, step = track.sky.minutes, track.step
    zero = stop[track.share[stop] <= NO_POWER]
    began = at[zero[0]] - step
    named = [meant.event_class == "fault" and bool(meant.cause) for _, meant in log.events]
    for span in log.spans[np.array(named, dtype=bool)]:
        gave = (at > span[0] + 2 * step) & (at < began - 2 * step) & (track.share > NO_POWER)
        at_once = began - 2 * step <= span[0] <= began + 2 * step
        lasting = span[0] < began and _within(span[None], track)[zero].mean() >= HALF
        if (at_once or lasting) and not gave.any():
            return True
    return False


def _with_edges(mask: Mask, low: Mask) -> Mask:
    """The readings with one before and one after where these are low: a machine stops and starts slowly."""
    near = np.zeros_like(mask)
    near[:-1] |= mask[1:]
    near[1:] |= mask[:-1]
    return mask | (near & low)


def _opened_by_a_fault(mask: Mask, spans: Floats, faults: Floats, track: Track, low: Mask) -> Mask:
    """Readings inside faults that were logged when the loss began, before anything that explains it.

    A warning that stood for days before the loss has not begun it.
    """
    opened = np.zeros_like(mask)
    if not len(faults) or not (mask & low).any():
        return opened
    at, step = track.sky.minutes, track.step
    for start, end in runs(low):
        if not mask[start:end].any():
            continue
        began = at[start] - step
        near = faults[(faults[:, 0] >= began - 2 * step) & (faults[:, 0] <= at[start] + step)]
        if not len(near):
            continue
        others = spans[(spans[:, 0] <= at[end - 1]) & (spans[:, 1] >= began)]
        if len(others) and others[:, 0].min() <= near[:, 0].min():
            continue
        opened[start:end] |= _within(near, track)[start:end]
    return opened


# ------------------------------------------------------------------ what is said of an episode


def events_of(log: Logged, track: Track, members: Indices, kind: IncidentKind) -> list[LoggedEvent]:
    """What a log says of some readings, entries of one code as one, the most telling ones first."""
    if not log or not len(members):
        return []
    first, last = track.sky.minutes[members[0]] - track.step, track.sky.minutes[members[-1]]
    spans = log.spans
    overlap = np.minimum(spans[:, 1], last) - np.maximum(spans[:, 0], first)
    beginning = (spans[:, 0] >= first - max(LEAD_MINUTES, 2 * track.step)) & (spans[:, 0] <= last)
    groups: dict[tuple[str, str, str], list[int]] = {}
    for n in np.flatnonzero((overlap > 0) | beginning).tolist():
        event, meant = log.events[n]
        if meant.event_class != "information" or not meant.known:
            groups.setdefault((meant.event_class, event.code, event.text), []).append(n)
    said = []
    for rows in groups.values():
        event, meant = log.events[rows[0]]
        inside = float(covered(spans[rows], np.array([first]), np.array([last]))[0])
        said.append(
            LoggedEvent(
                event_class=meant.event_class,
                code=event.code,
                text=event.text,
                cause=meant.cause,
                start=min(log.events[n][0].begins for n in rows),
                end=max(log.events[n][0].lasts_to for n in rows),
                share=round(min(1.0, inside / max(last - first, 1e-9)), 3),
                entries=len(rows),
            )
        )
    return _most_telling(said, kind)


def of_incident(episodes: Sequence[Episode]) -> list[LoggedEvent]:
    """The events of an incident's episodes, those of one code as one; shares by the episodes' hours."""
    hours = sum(episode.hours for episode in episodes) or 1.0
    groups: dict[tuple[str, str, str], list[tuple[LoggedEvent, float]]] = {}
    for episode in episodes:
        for event in episode.events:
            name = (event.event_class, event.code, event.text)
            groups.setdefault(name, []).append((event, episode.hours))
    said = [
        own[-1][0].model_copy(
            update={
                "start": min(event.start for event, _ in own),
                "end": max(event.end for event, _ in own),
                "share": round(min(1.0, sum(event.share * length for event, length in own) / hours), 3),
                "entries": sum(event.entries for event, _ in own),
            }
        )
        for own in groups.values()
    ]
    return _most_telling(said, episodes[-1].kind) if said else []


def _most_telling(said: list[LoggedEvent], kind: IncidentKind) -> list[LoggedEvent]:
    def order(event: LoggedEvent) -> tuple[int, float, datetime, str, str]:
        wanted = event.event_class in EXPLAINS if kind in NO_FAULT else event.event_class == "fault"
        rank = 0 if wanted else 2 if event.event_class == "information" else 1
        return rank, -event.share, event.start, event.code, event.text

    return sorted(said, key=order)[:MOST_EVENTS]


def evidence_of(events: Sequence[LoggedEvent]) -> list[Evidence]:
    """The events that mean something as evidence, in words."""
    return [
        Evidence(
            detector="event_log",
            statement=_sentence(event),
            value=round(100 * event.share, 1),
            limit=0.0,
        )
        for event in [event for event in events if event.event_class != "information"][:MOST_SAID]
    ]


def _sentence(event: LoggedEvent) -> str:
    """One event in words.

    >>> from datetime import timedelta
    >>> ten = datetime(2025, 1, 15, 10, tzinfo=UTC)
    >>> _sentence(LoggedEvent(event_class="fault", code="309", text="Pitch fault", start=ten,
    ...                       end=ten + timedelta(hours=2), share=0.5))
    'event log: fault 309 "Pitch fault", 15 Jan 10:00 to 15 Jan 12:00 UTC, 50% of its time'
    """
    text = shortened(event.text.translate(_HARMLESS), LONGEST_SAID)
    code = event.code.translate(_HARMLESS)
    named = " ".join(part for part in (event.event_class, code, f'"{text}"' if text else "") if part)
    start, end = (f"{moment.astimezone(UTC):%d %b %H:%M}" for moment in (event.start, event.end))
    return f"event log: {named}, {start} to {end} UTC, {event.share:.0%} of its time"
