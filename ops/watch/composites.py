"""Composite alarms: one rings for several alarms of a thing, and is quiet behind a cause. Pure.

A cause (a function that fails) and its symptoms (the workflow that failed, the letter that it wrote) go on
at different times, and off at different times. `settle_s` and `lasts_s` tell whoever listens how far apart.
`settle_s` after a symptom went on he tells of it, if none of its causes was on meanwhile or in `lasts_s`
before. Where one was, he tells of it when it is still on and its causes have been off for `lasts_s`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from operations.config.alarms import AlarmRules, Grouped, Severity
from ops.watch.alarms import Alarm, pascal, runbook
from ops.watch.read import Watched
from ops.watch.relations import Key, key

_SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
"""The highest first."""
_TOPIC = [{"Ref": "AlertsTopic"}]
FURTHER_BACK = 2
"""Periods that CloudWatch looks back beyond EvaluationPeriods; source: see `local/alarms/evaluate.py`."""


def grouped(
    alarms: list[Alarm], things: Iterable[Watched], needed: Mapping[Key, frozenset[Key]], rules: AlarmRules
) -> list[Alarm]:
    """All alarms: those given, each with the composite alarm that rings for it, and the composite ones.

    Raises ValueError for a name that two alarms have.
    """
    made: dict[tuple[str, Key], Alarm] = {}
    told_by: dict[str, str] = {}
    by_name = {alarm.name: alarm for alarm in alarms}
    seen = list(things)
    for name, group in rules.composites.items():
        for thing in seen:
            parts = [
                alarm
                for kind in group.rings_for
                for alarm in alarms
                if (alarm.kind, alarm.of) == (kind, thing.about) and thing.kind == group.of
                if alarm.generated and alarm.name not in told_by
            ]
            if not parts:
                continue
            near = {key(thing), *needed[key(thing)]}
            near |= {("function", other) for other in rules.besides.get(thing.about, ())}
            causes = [
                made[cause, other]
                for cause in group.behind
                for other in sorted(near)
                if (cause, other) in made
            ]
            if len(parts) == 1 and not causes:
                continue  # it rings by itself as well
            alarm = _composite(name, group, thing, parts, causes)
            if alarm.name in by_name:
                raise ValueError(f"two alarms would be named {alarm.name}")
            made[name, key(thing)] = by_name[alarm.name] = alarm
            told_by |= {part.name: alarm.name for part in parts}
    single = [replace(alarm, told_by=told_by.get(alarm.name)) for alarm in alarms]
    every = [_heard(alarm, rules.fallback) for alarm in [*single, *made.values()]]
    return sorted(every, key=lambda alarm: alarm.name.lower())


def _heard(alarm: Alarm, fallback: list[str]) -> Alarm:
    """The alarm, with the topic as its action where it rings and tells of what tells."""
    if alarm.generated and alarm.told_by is None and alarm.of in fallback:
        return replace(alarm, properties={**alarm.properties, "AlarmActions": _TOPIC})
    return alarm


def _composite(kind: str, group: Grouped, thing: Watched, parts: list[Alarm], causes: list[Alarm]) -> Alarm:
    about = group.name.format(about=thing.about)
    severity = min((part.severity for part in parts), key=_SEVERITIES.index)
    text = group.what.format(about=thing.about)
    properties: dict[str, Any] = {
        "AlarmName": {"Fn::Sub": f"ona-{about}-${{Environment}}"},
        "AlarmDescription": f"{text[0].upper() if not group.what.startswith('{') else text[0]}{text[1:]}. "
        f"{runbook(parts[0].page)}",
        "AlarmRule": {"Fn::Sub": rule(parts, causes)},
    }
    return Alarm(
        logical=f"Watch{pascal(about)}",
        about=about,
        kind=kind,
        of=thing.about,
        family=parts[0].family,
        severity=severity,
        page=parts[0].page,
        properties=properties,
        causes=tuple(cause.name for cause in causes),
        children=tuple(part.name for part in parts),
        settle_s=group.settle_s if causes else 0,
        lasts_s=max(_stays_s(part) for part in parts) if causes else 0,
    )


def rule(parts: Iterable[Alarm], causes: Iterable[Alarm]) -> str:
    """CloudWatch's AlarmRule; each alarm stands as a reference, so that it is made before.

    >>> from types import SimpleNamespace as A
    >>> rule([A(logical="Failed"), A(logical="Late")], [A(logical="Cause")])
    '(ALARM("${Failed}") OR ALARM("${Late}")) AND NOT (ALARM("${Cause}"))'
    """
    on = " OR ".join(f'ALARM("${{{part.logical}}}")' for part in parts)
    off = " OR ".join(f'ALARM("${{{cause.logical}}}")' for cause in causes)
    return f"({on}) AND NOT ({off})" if off else on


def _period_s(alarm: Alarm) -> int:
    given = alarm.properties
    first = next(
        (query["MetricStat"] for query in given.get("Metrics", ()) if "MetricStat" in query), given
    )
    return int(first["Period"])


def _stays_s(alarm: Alarm) -> int:
    """So long after the last bad value an alarm may stay on."""
    return int((alarm.properties["EvaluationPeriods"] + FURTHER_BACK) * _period_s(alarm))
