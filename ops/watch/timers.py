"""Timers: how often each goes off, and which alarm sees that one did not. Pure.

A timer that is off, or was taken away, fails nowhere: nothing happens. So each is compared with another
timer: where that one went off as it should and this one did not, it is missed. After a first deployment,
and while everything stands still (`ona stop`), no timer goes off, and none is missed.

Of rules EventBridge counts the calls by name. Of schedules EventBridge Scheduler counts by group only; what
they start is counted instead. Sources: Amazon EventBridge User Guide, "Monitoring Amazon EventBridge";
EventBridge Scheduler User Guide, "Monitoring with Amazon CloudWatch".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from operations.config.alarms import Measured, Rule

RULES, SCHEDULES = "Schedule", "ScheduleV2"
"""Types of events in SAM: a rule of EventBridge, a schedule of EventBridge Scheduler."""
_DAY_S, _HOUR_S = 86_400, 3_600
_UNITS = {"minute": 60, "hour": _HOUR_S, "day": _DAY_S}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_LEAST_S = 900
"""An alarm looks back a quarter of an hour at least, and over three times of a timer (ours)."""
_ENOUGH = 0.8
"""Of the times that the other timer should have gone off in that time (ours)."""
_RUNS = {
    "rule": ("AWS/Events", "Invocations"),
    "workflow": ("AWS/States", "ExecutionsStarted"),
    "function": ("AWS/Lambda", "Invocations"),
}


def every_s(expression: str) -> int:
    """Seconds from one time to the next; 0 for a timer that goes off less than once a day.

    >>> [every_s(text) for text in ("rate(1 minute)", "rate(2 hours)", "cron(*/5 * * * ? *)")]
    [60, 7200, 300]
    >>> [every_s(text) for text in ("cron(35 * * * ? *)", "cron(30 2 * * ? *)", "cron(0 8 ? * MON *)")]
    [3600, 86400, 0]
    >>> every_s("cron(0,30 6,18 * * ? *)")
    86400
    """
    if rate := _RATE.fullmatch(expression):
        return int(rate[1]) * _UNITS[rate[2]]
    cron = _CRON.fullmatch(expression)
    if cron is None or not {cron[3], cron[4], cron[5], cron[6]} <= {"*", "?"}:
        return 0
    if cron[2] != "*":
        return _DAY_S
    step = cron[1].removeprefix("*/")
    if cron[1] == "*":
        return 60
    return int(step) * 60 if cron[1].startswith("*/") else _HOUR_S


def looked_at_s(every: int) -> int:
    """So long a timer may be silent: three times, a day and a quarter for one of each day."""
    return every + every // 4 if every >= _DAY_S else max(_LEAST_S, 3 * every)


def timers_of(logical: str, item: dict[str, Any]) -> Iterator[tuple[str, str, Any, int]]:
    """A function's or workflow's timers: logical id, what is counted (`rule`, or the kind of what they
    start), the rule's name (None where what they start is counted), seconds between two times."""
    kind = "workflow" if item["Type"].endswith("StateMachine") else "function"
    events = item.get("Properties", {}).get("Events", {})
    for event, given in events.items():
        if given["Type"] == RULES and (every := every_s(given["Properties"]["Schedule"])):
            yield f"{logical}{event}", "rule", given["Properties"].get("Name"), every
    schedules = [
        every_s(given["Properties"]["ScheduleExpression"])
        for given in events.values()
        if given["Type"] == SCHEDULES
    ]
    if any(schedules):
        yield f"{logical}Timers", kind, None, min(every for every in schedules if every)


def rule_for(rule: Rule, about: str, counted: str, every: int, beats: Sequence[tuple[str, int]]) -> Rule:
    """The rule as it holds for one timer. `beats`: the timers that it may be compared with, each with its
    seconds; the first that is another one is taken. Raises ValueError where there is none."""
    other, other_s = next(((name, each) for name, each in beats if name != about), ("", 0))
    if not other or rule.math is None:
        raise ValueError(f"{about}: no other timer to compare it with; name one under `beats`")
    period = looked_at_s(every)
    namespace, metric = _RUNS[counted]
    beat = {"RuleName": f"ona-{other}-${{Environment}}"}
    metrics = {
        "runs": Measured(namespace=namespace, name=metric, statistic="Sum", period_s=period),
        "beats": Measured(
            namespace="AWS/Events", name="Invocations", statistic="Sum", period_s=period, dimensions=beat
        ),
    }
    expression = rule.math.expression.replace("enough", str(max(1, int(_ENOUGH * period / other_s))))
    return rule.model_copy(
        update={"math": rule.math.model_copy(update={"expression": expression, "metrics": metrics})}
    )
