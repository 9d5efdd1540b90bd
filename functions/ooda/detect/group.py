"""The group layer: what machines of one site have in common is an event of the plant, no machine's fault.

Pure. It works on the verdicts of all machines of a site over some days. As it stands it gathers the
episodes that Detect itself called a stop of the site; a method for stops in rotation and groups takes its
place.
"""

from __future__ import annotations

from collections.abc import Sequence

from ona.runtime.words import counted
from ooda.detect.judge import AssetVerdict
from ooda.documents.detections import Episode, Window
from ooda.documents.site_days import GroupEvent

LEAST_MACHINES, LEAST_SHARE = 2, 0.3
"""Machines, and share of the site's, that stop together in an event of the plant."""


def events_of(verdicts: Sequence[AssetVerdict]) -> dict[str, list[GroupEvent]]:
    """The events of a plant by solar day, in order of time. `verdicts`: one for each machine that came."""
    stopped: dict[str, list[tuple[str, Episode]]] = {}
    for verdict in verdicts:
        for day, item in verdict.days.items():
            stopped.setdefault(day, []).extend(
                (verdict.detection.asset_id, one) for one in item.episodes if one.kind == "site_outage"
            )
    least = max(LEAST_MACHINES, LEAST_SHARE * len(verdicts))
    return {
        day: [_event(group, len(verdicts)) for group in _together(own) if len(dict(group)) >= least]
        for day, own in sorted(stopped.items())
    }


def _together(episodes: list[tuple[str, Episode]]) -> list[list[tuple[str, Episode]]]:
    """Episodes in groups whose times overlap."""
    groups: list[list[tuple[str, Episode]]] = []
    for name, episode in sorted(episodes, key=lambda pair: (pair[1].window.start, pair[0])):
        if groups and episode.window.start <= max(one.window.end for _, one in groups[-1]):
            groups[-1].append((name, episode))
        else:
            groups.append([(name, episode)])
    return groups


def _event(group: list[tuple[str, Episode]], of: int) -> GroupEvent:
    machines = sorted({name for name, _ in group})
    return GroupEvent(
        cause="grid",
        window=Window(
            start=min(episode.window.start for _, episode in group),
            end=max(episode.window.end for _, episode in group),
        ),
        machines=machines,
        lost_kwh=round(sum(episode.lost_kwh for _, episode in group), 3),
        ended=all(episode.signals.recovered for _, episode in group),
        statement=f"{len(machines)} of {counted(of, 'machine')} stopped together",
    )
