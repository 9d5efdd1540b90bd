"""Incidents: episodes of one kind over days, as they follow from the days of an asset's history."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import pairwise

import numpy as np

from ona.documents.findings import IncidentState
from ona.runtime.identity import digest
from ona.runtime.words import counted
from ooda.config.detection import DetectionConfig
from ooda.detect import always_less, borne_out, data_days
from ooda.detect.asset_history import number_of, with_days
from ooda.detect.company import in_company
from ooda.detect.dull_days import dull_days
from ooda.detect.group import event_id
from ooda.detect.incident_signals import combined
from ooda.detect.lasting import ALARM, SMALL, Lasting, lasting
from ooda.detect.logged import of_incident
from ooda.detect.machine_stops import with_events_that_go_on
from ooda.detect.no_fault import SNOW_MM
from ooda.detect.severity import range_severity, severity
from ooda.detect.spoilt import trusted
from ooda.detect.sunny_days import levelled
from ooda.documents.asset_history import AssetHistory, HistoryDay, PlantStop, that_count
from ooda.documents.detections import (
    NO_FAULT,
    Episode,
    EpisodeWindow,
    Evidence,
    Incident,
    IncidentKind,
    Window,
)

JudgedDays = list[tuple[int, float]]
"""Days on which something could be judged (index, rising), with the highest power that was due, kW."""
HEALTHY_DAYS = 2
"""Good days after which an incident has ended."""
COMPARABLE = 0.9
"""Share of the power at which an asset failed: a day that promised less does not show that it is well."""
EXPLAINED = 0.7
"""Share of what a day missed: stretches that explain so much of it stand for the day."""
MOST_EPISODES = 400
"""Episodes that an incident lists: more than a year of one that comes every day."""
DAYS_BEFORE, LEAST_BEFORE = 8, 3
"""Days before an incident that tell a step from slow growth: looked at, and needed."""
MOST_LOSS = 0.98
"""Share of a day's expected energy. What is missing beyond it counts no more: its logarithm has no end."""


@dataclass(frozen=True)
class _Seen:
    """An episode, the index of its day, and the loss that lasts whose day it is, if it is one's."""

    day: int
    episode: Episode
    run: Lasting | None = None


def incidents_of(history: AssetHistory, config: DetectionConfig, threshold: float) -> list[Incident]:
    """All incidents of an asset, in order of time: episodes of one kind with less than `HEALTHY_DAYS` good
    days between them.

    Losses that last count from their first day (`lasting.py`); one that is only suspected is an incident
    apart. Days whose data are wrong (`AssetHistory.spoilt`) count for nothing, also where that was known
    only later, and neither do episodes that an event of the plant explains. `threshold`: the severity (0…1)
    from which an incident is actionable.
    """
    of_days = trusted(history)
    names = sorted(of_days)
    days = [_own(history.plant.get(day, []), that_count(of_days[day])) for day in names]
    run_of = _runs(names, days)
    believed, doubtful = _believed(days, run_of), set(history.spoilt.doubtful)
    by_kind: dict[tuple[IncidentKind, bool], list[_Seen]] = {}
    judged: JudgedDays = []
    for n, items in enumerate(days):
        if sum(item.judged_hours for item in items) > 0:
            judged.append((n, max(item.top_kw for item in items)))
        run = run_of.get(n)
        weak = [_beyond(item, run.usual, run.mean) for item in items] if run is not None else []
        whole = [episode for episode in weak if episode is not None]
        partial = [e for item in items for e in item.episodes if e.kind == "underperformance"]
        suspected = not believed.get(n, True) or (run is not None and not run.sure and not partial)
        suspected |= names[n] in doubtful
        if (suspected and whole) or sum(e.lost_kwh for e in partial) < EXPLAINED * sum(
            e.lost_kwh for e in whole
        ):
            partial = whole  # the whole day says more than the hours in which it was worst
        stops = [e for item in items for e in item.episodes if e.kind != "underperformance"]
        for episode in stops:
            by_kind.setdefault((episode.kind, False), []).append(_Seen(n, episode))
        by_kind.setdefault(("underperformance", suspected), []).extend(_Seen(n, e, run) for e in partial)
    made = _Incidents(days, judged, history, config, threshold)
    always = [
        _Seen(n, e) for n, items in enumerate(days) for item in items if (e := always_less.as_episode(item))
    ]
    if always:  # one incident, however often it was not sure for some days
        made.add("underperformance", always, suspected=True, always=True)
    for (kind, suspected), seen in sorted(by_kind.items()):
        for chain in _chains(sorted(seen, key=lambda item: item.episode.window.start), judged):
            made.add(kind, chain, suspected)
    return sorted(made.incidents, key=lambda incident: (incident.window.start, incident.kind))


def _own(stops: Sequence[PlantStop], items: list[HistoryDay]) -> list[HistoryDay]:
    """What counts of a day, without the episodes that an event of the plant explains."""
    if not stops:
        return items
    return [
        item.model_copy(
            update={"episodes": [e for e in item.episodes if not any(s.explains(e) for s in stops)]}
        )
        for item in items
    ]


def _runs(names: Sequence[str], days: Sequence[Sequence[HistoryDay]]) -> dict[int, Lasting]:
    """The loss that lasts which a day belongs to, by the day's index.

    `days`: for each day what its files gave. A day's loss is that beyond what all of its site lost.
    """
    rows = []
    for n, items in enumerate(days):
        told = [item for item in items if item.loss is not None]
        total = sum([item.expected_kwh for item in told])
        if total > 0:
            log_loss = sum([_log_loss(item) * item.expected_kwh for item in told]) / total
            single = all(item.alone for item in told)
            by_clear_sky = all(item.basis == "clear_sky" for item in told)
            beyond = [item.company - (item.fleet_loss or 0.0) for item in told if item.company is not None]
            with_it = max(beyond, default=math.nan)
            unknown = max(item.doubt for item in told)
            of_day = log_loss, total, single, by_clear_sky, unknown, with_it, _snowed(told)
            rows.append((n, number_of(names[n]), *of_day))
    if not rows:
        return {}
    index, number, x, due, alone, haze, doubt, company, snow = map(np.array, zip(*rows, strict=True))
    level = levelled(x, doubt, haze.astype(bool) & (doubt > 0.0))
    known = np.isfinite(level.x)
    columns = (number, alone, haze, snow, doubt, index, company)
    number, alone, haze, snow, doubt, index, company = (column[known] for column in columns)
    rest = doubt, level.sd[known], level.unsure[known]
    runs = in_company(lasting(level.x[known], due[known], number, alone, haze, snow, *rest), company)
    return {int(index[day]): run for run in runs for day in range(run.first, run.last + 1)}


def _believed(days: Sequence[Sequence[HistoryDay]], run_of: dict[int, Lasting]) -> dict[int, bool]:
    """Of a turbine's days with a partial loss (index): whether that is borne out. Runs that are sure
    enough for what bears them out are made so in `run_of`."""
    if not any(item.basis == "wind" for items in days for item in items):
        return {}
    turbine, losses = borne_out.Turbine(days), borne_out.groups(run_of, days)
    ill = np.unique(np.concatenate([*losses, np.empty(0, dtype=np.int64)]))
    out = {}
    for inside in losses:
        least = turbine.says(inside, ill)
        for n in inside.tolist():
            out[n] = least is not None
            if n in run_of and least == SMALL:
                run_of[n] = replace(run_of[n], sure=run_of[n].small)
    return out


def _snowed(items: Sequence[HistoryDay]) -> bool:
    """Whether snow may lie on the modules on a day."""
    fallen = (item.weak.signals.snow_mm for item in items if item.weak is not None)
    return any((mm or 0.0) >= SNOW_MM for mm in fallen)


def _log_loss(item: HistoryDay) -> float:
    """A day's log loss, log(due / came), beyond that of the site's other assets."""
    loss = min(item.loss or 0.0, MOST_LOSS)
    return -math.log1p(-loss) - (item.fleet_loss or 0.0)


def _beyond(item: HistoryDay, usual: float, mean: float) -> Episode | None:
    """The day as an episode, with what it lost beyond the usual log loss, and beyond the others'. Of a day
    that the weather service's sun tells of: what the whole loss's `mean` takes of it."""
    if item.weak is None:
        return None
    if item.basis == "clear_sky" and item.doubt > 0.0 and item.readings is not None:
        lost = round(item.measured_kwh * math.expm1(mean), 3)
        due = round(item.measured_kwh + lost, 3)
        own = {"window": item.readings, "hours": item.judged_hours, "expected_kwh": due}
        return item.weak.model_copy(update={**own, "lost_kwh": lost, "spells": []})
    nothing = 1.0 - math.exp(-usual - (item.fleet_loss or 0.0))
    lost = max(0.0, item.weak.lost_kwh - nothing * item.expected_kwh)
    share = lost / item.weak.lost_kwh if item.weak.lost_kwh > 0 else 0.0
    parts = [p.model_copy(update={"lost_kwh": round(share * p.lost_kwh, 3)}) for p in item.weak.spells]
    return item.weak.model_copy(update={"lost_kwh": round(lost, 3), "spells": parts})


def _spells(episode: Episode, suspected: bool) -> list[EpisodeWindow]:
    """When an episode was there; of one that is only suspected nothing is booked."""
    whole = EpisodeWindow(window=episode.window, hours=episode.hours, lost_kwh=episode.lost_kwh)
    parts = episode.spells or [whole]
    return [part.model_copy(update={"lost_kwh": 0.0}) for part in parts] if suspected else parts


def _chains(seen: list[_Seen], judged: JudgedDays) -> Iterable[list[_Seen]]:
    """Episodes of one kind, in order, cut where the asset was well for `HEALTHY_DAYS` and no loss lasts."""
    chain: list[_Seen] = []
    for item in seen:
        goes_on = bool(chain) and item.run is not None and item.run == chain[-1].run
        if chain and not goes_on and _good_days(judged, chain[-1], before=item.day) >= HEALTHY_DAYS:
            yield chain
            chain = []
        chain.append(item)
    if chain:
        yield chain


def _good_days(judged: JudgedDays, last: _Seen, before: int | None = None) -> int:
    """Days since an episode on which the asset was well: judged, and at the power at which it had failed
    (a limit of 40 % is not gone because the sky was dull)."""
    episode = last.episode
    due = COMPARABLE * episode.expected_kwh / episode.hours if episode.hours else 0.0
    begin = bisect_right(judged, (last.day, math.inf))
    return sum(top >= due and (before is None or day < before) for day, top in judged[begin:])


def _state(kind: IncidentKind, last: _Seen, judged: JudgedDays) -> IncidentState:
    good = _good_days(judged, last)
    if good >= HEALTHY_DAYS:
        return "closed"
    stopped = kind in ("outage", "site_outage", "over_temperature", "over_voltage") or kind in NO_FAULT
    if good or (stopped and last.episode.signals.recovered):
        return "recovering"
    return "open"


@dataclass
class _Incidents:
    """The incidents of one asset as they are made. `judged`, `days`: as `incidents_of` reads them."""

    days: Sequence[Sequence[HistoryDay]]
    judged: JudgedDays
    history: AssetHistory
    config: DetectionConfig
    threshold: float

    def __post_init__(self) -> None:
        self.incidents: list[Incident] = []

    def add(self, kind: IncidentKind, chain: list[_Seen], suspected: bool, always: bool = False) -> None:
        """Make an incident of the episodes of a chain. Of one that is only suspected no energy is lost.
        `always`: whether it is what a machine never gave beside its neighbours."""
        episodes = [item.episode for item in chain]
        lost, due, hours = (
            sum(getattr(episode, name) for episode in episodes)
            for name in ("lost_kwh", "expected_kwh", "hours")
        )
        hidden, of_hidden = self._hidden(chain) if not suspected else ([], 0.0)
        lost += sum(part.lost_kwh for part in hidden)
        due, hours = due + of_hidden, hours + sum(part.hours for part in hidden)
        shares = self._shares(chain)
        confidence = 1.0 - min(1.0 - episode.confidence for episode in episodes) * 0.7 ** (len(shares) - 1)
        state = _state(kind, chain[-1], self.judged)
        score = severity(
            max(0.0, lost / due) if due > 0 else 0.0,
            max(episode.hours for episode in episodes),
            self.config.algorithms.severity,
            days_lost=sum(shares.values()),
            confidence=confidence,
        )
        if kind in ("over_temperature", "over_voltage"):
            ranges = self.config.parameters
            limits = ranges.temperature if kind == "over_temperature" else ranges.voltage
            top = max(
                item.value for episode in episodes for item in episode.evidence if item.detector == "range"
            )
            score = range_severity(top, limits.normal_range_max, limits.critical_threshold)
        window = Window(start=episodes[0].window.start, end=max(e.window.end for e in episodes))
        actionable = score >= self.threshold and kind not in NO_FAULT and state != "closed"
        self.incidents.append(
            Incident(
                incident_id=self._always(window) if always else self._identity(kind, window, suspected),
                asset_id=self.history.asset_id,
                kind=kind,
                event=self._event(kind, window),
                state=state,
                suspected=suspected,
                window=window,
                episodes=sorted(
                    [*hidden, *(part for e in episodes for part in _spells(e, suspected))],
                    key=lambda part: part.window.start,
                )[-MOST_EPISODES:],
                duration_hours=round(hours, 3),
                days=len(shares),
                expected_power_kw=round(due / hours, 3) if hours else 0.0,
                measured_power_kw=round((due - lost) / hours, 3) if hours else 0.0,
                deviation_kw=round(lost / hours, 3) if hours else 0.0,
                deviation_percent=round(100 * lost / due, 2) if due > 0 else 0.0,
                lost_energy_kwh=0.0 if suspected else round(lost, 3),
                recent_loss_share=round(shares[chain[-1].day], 4),
                severity=score,
                confidence=round(min(confidence, 1.0), 3),
                actionable=bool(actionable and not suspected),
                signals=combined(
                    episodes,
                    shares,
                    self._before(chain[0].day),
                    {item.day: item.episode.signals.rain_mm for item in reversed(chain)},
                ),
                evidence=_evidence(chain, shares, suspected),
                events=of_incident(episodes),
                provisional=any(item.provisional for item in self.days[chain[-1].day]),
            )
        )

    def _hidden(self, chain: list[_Seen]) -> tuple[list[EpisodeWindow], float]:
        """The dull days within the losses that last, and their energy due, kWh (`dull_days.py`)."""
        parts: list[EpisodeWindow] = []
        due = 0.0
        for one, other in pairwise(chain):
            if one.run is not None and other.run == one.run:
                more, owed = dull_days(self.days[one.day + 1 : other.day], one.run.mean)
                parts, due = parts + more, due + owed
        return parts, due

    def _shares(self, chain: list[_Seen]) -> dict[int, float]:
        """Of each day of a chain the share of its expected energy that was lost, by the day's index."""
        lost: dict[int, float] = {}
        for item in chain:
            lost[item.day] = lost.get(item.day, 0.0) + item.episode.lost_kwh
        due = {n: sum(item.expected_kwh for item in self.days[n]) for n in lost}
        return {n: min(1.0, lost[n] / due[n]) if due[n] > 0 else 0.0 for n in lost}

    def _before(self, first: int) -> float | None:
        """The mean loss share of the days before an incident; None with fewer than `LEAST_BEFORE`.

        The last one is left out: the fault may have begun on it.
        """
        losses = [
            item.loss - -math.expm1(-(item.fleet_loss or 0.0))
            for items in self.days[max(0, first - DAYS_BEFORE) : max(0, first - 1)]
            for item in items
            if item.loss is not None
        ]
        return sum(losses) / len(losses) if len(losses) >= LEAST_BEFORE else None

    def _event(self, kind: str, window: Window) -> str:
        """The site's event that several machines share, by its kind and first day; none for a fault."""
        if kind not in ("site_outage", "operation"):
            return ""
        return event_id(self.history.site_id, kind, window.start)

    def _always(self, window: Window) -> str:
        """The id of what the asset never gave: it keeps the one that it has, whenever it began."""
        own = digest(self.history.asset_id, "always less", length=10)
        had = (one.incident_id for one in self.history.incidents if one.incident_id.endswith(own))
        return next(had, f"inc-{window.start.astimezone(UTC):%Y%m%d}-{own}")

    def _identity(self, kind: str, window: Window, suspected: bool) -> str:
        """The id that the incident has already, whatever a late file adds in front of it; else a new one.

        What was suspected keeps its id when it becomes sure.
        """
        always = digest(self.history.asset_id, "always less", length=10)
        taken = {incident.incident_id for incident in self.incidents}
        before = sorted(
            self.history.incidents, key=lambda item: (item.suspected != suspected, item.window.start)
        )
        for earlier in before:
            apart = earlier.window.start > window.end or earlier.window.end < window.start
            if (
                earlier.kind == kind
                and not apart
                and earlier.incident_id not in taken
                and not earlier.incident_id.endswith(always)
            ):
                return earlier.incident_id
        start, parts = window.start.astimezone(UTC), [self.history.asset_id, kind]
        gone = {
            one.incident_id for one in self.history.superseded
        }  # one that came back is another incident
        while True:  # one that began here before may have its id elsewhere now
            parts.append(start.isoformat())
            new = f"inc-{start:%Y%m%d}-{digest(*parts, length=10)}"
            if new not in taken | gone:
                return new


def _evidence(chain: list[_Seen], shares: dict[int, float], suspected: bool) -> list[Evidence]:
    """The evidence of its costliest episode, on how many days it was seen, and how sure a loss that lasts
    is."""
    evidence = list(max((item.episode for item in chain), key=lambda episode: episode.lost_kwh).evidence)
    lost = sum(item.episode.lost_kwh for item in chain)
    run = chain[-1].run
    if run is not None:
        evidence.append(
            Evidence(
                detector="likelihood_ratio",
                statement=f"{-math.expm1(-run.mean):.1%} a day for {counted(run.days, 'day')}"
                + (f", about {lost:.0f} kWh: suspected, not booked" if suspected else ""),
                value=round(run.ratio, 2),
                limit=round(ALARM, 2),
            )
        )
    elif suspected:
        said = f"on {counted(len(shares), 'day')}, about {lost:.0f} kWh: suspected, not booked"
        evidence.append(Evidence(detector="history", statement=said, value=len(shares), limit=1))
    if len(shares) > 1 and not suspected:
        evidence.append(
            Evidence(
                detector="history",
                statement=f"seen on {counted(len(shares), 'day')}, {lost:.0f} kWh so far",
                value=len(shares),
                limit=1,
            )
        )
    return evidence


def updated(
    history: AssetHistory,
    key: str,
    days: dict[str, HistoryDay],
    config: DetectionConfig,
    threshold: float,
) -> AssetHistory:
    """An asset's history with the days that the file `key` gives, and the incidents that follow."""
    merged = data_days.marked(with_days(history, key, days))
    incidents = incidents_of(with_events_that_go_on(merged, days), config, threshold)
    return merged.model_copy(update={"incidents": incidents})


def of_file(before: AssetHistory, after: AssetHistory, window: Window) -> list[Incident]:
    """The incidents that a file has part in: those within its window, and those whose state it changed."""
    states = {incident.incident_id: incident.state for incident in before.incidents}
    return [
        incident
        for incident in after.incidents
        if (incident.window.start <= window.end and incident.window.end >= window.start)
        or states.get(incident.incident_id, incident.state) != incident.state
    ]
