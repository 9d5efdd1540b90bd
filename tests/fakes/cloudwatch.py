"""What CloudWatch makes of an alarm, minute by minute, and what SQS tells it of a queue: written from the
documentation, without a look at the templates.

Sources: Amazon CloudWatch User Guide, "Alarm evaluation" (periods, data points to alarm, missing data;
actions run when the state changes, and only then); Amazon SQS Developer Guide, "Available CloudWatch
metrics" (one value a minute; a queue is active while it holds messages and for six hours after a call;
`NumberOfMessagesSent` counts what SendMessage took, not what a redrive policy moved), and "Monitoring"
(values of a queue that becomes active again are up to 15 minutes late).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

HIDE_MINUTES = 1
"""So long a message that was received is hidden; `ona dlq list` hides it for 20 s, or more."""
ACTIVE_MINUTES = 6 * 60
"""So long after the last call an empty queue still tells its values."""

LATE_MINUTES = 15
"""So late the values of a queue come that becomes active again; the latest that AWS says."""

Series = dict[int, float]
"""Values of one metric by minute; a minute without a value is absent."""

_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda values: sum(values) / len(values),
}
_BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@dataclass
class Queue:
    """A queue that is told what happens in each minute, and keeps what SQS tells CloudWatch of it."""

    minute: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    """By name, the minute until which each is hidden."""
    metrics: dict[str, Series] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    """By minute, when CloudWatch has its values."""
    _sent: int = 0
    _called: int = -ACTIVE_MINUTES
    _woken: int = -ACTIVE_MINUTES

    def send(self, name: str) -> None:
        """SendMessage, by whoever writes a letter: a workflow, a rule, a timer, Lambda, a function."""
        self._call()
        self.messages[name] = self.minute
        self._sent += 1

    def look(self) -> None:
        """ReceiveMessage of all, without showing them at once again: the longest look."""
        self._call()
        self.messages = dict.fromkeys(self.messages, self.minute + HIDE_MINUTES)

    def delete(self, *names: str) -> None:
        """DeleteMessage, as a redrive and a removal do it."""
        self._call()
        for name in names:
            del self.messages[name]

    def until(self, minute: int) -> None:
        """Let time go on; each minute that ends gets its values."""
        while self.minute < minute:
            if self._active:
                self.known[self.minute] = max(self.minute, self._woken + LATE_MINUTES)
                visible = sum(hidden <= self.minute for hidden in self.messages.values())
                self._tell("NumberOfMessagesSent", self._sent)
                self._tell("ApproximateNumberOfMessagesVisible", visible)
            self._sent = 0
            self.minute += 1

    @property
    def _active(self) -> bool:
        return bool(self.messages) or self.minute - self._called < ACTIVE_MINUTES

    def _call(self) -> None:
        if not self._active:
            self._woken = self.minute
        self._called = self.minute

    def _tell(self, metric: str, value: float) -> None:
        self.metrics.setdefault(metric, {})[self.minute] = value


def states(
    alarm: Mapping[str, Any],
    values: Series,
    until: int,
    known: Mapping[int, int] | None = None,
    further: int = 0,
) -> list[str]:
    """The state at the end of each minute, from minute 0 on; the arguments are those of `rings`.

    `further`: so many periods before those of EvaluationPeriods stand in for missing ones.
    """
    state, told = "INSUFFICIENT_DATA", []
    here: Series = {}
    coming = sorted(((known or {}).get(at, at), at) for at in values)
    coming.reverse()
    for minute in range(until + 1):
        while coming and coming[-1][0] <= minute:
            at = coming.pop()[1]
            here[at] = values[at]
        state = _state(alarm, here, minute, state, further)
        told.append(state)
    return told


def rings(
    alarm: Mapping[str, Any], values: Series, until: int, known: Mapping[int, int] | None = None
) -> list[int]:
    """The minutes at whose end an alarm runs its actions; `until`: the last minute that is looked at.
    `known`: by minute, when its value comes; at once where it does not say.

    >>> alarm = {"Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum", "Threshold": 0,
    ...          "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}
    >>> rings(alarm, {3: 1.0, 4: 1.0, 9: 1.0}, 12)
    [3, 9]
    >>> rings({**alarm, "TreatMissingData": "ignore"}, {3: 1.0, 4: 1.0, 9: 1.0}, 12)
    [3]
    >>> rings(alarm, {3: 1.0}, 12, {3: 8}), rings({**alarm, "EvaluationPeriods": 6, "DatapointsToAlarm": 1},
    ...                                           {3: 1.0}, 12, {3: 8})
    ([], [8])
    """
    told = ["INSUFFICIENT_DATA", *states(alarm, values, until, known)]
    return [minute for minute in range(until + 1) if told[minute + 1] == "ALARM" != told[minute]]


def _state(alarm: Mapping[str, Any], values: Series, minute: int, before: str, further: int = 0) -> str:
    """The state at a minute's end."""
    length, count = int(alarm["Period"]) // 60, int(alarm["EvaluationPeriods"])
    wanted = int(alarm.get("DatapointsToAlarm") or count)
    breaches = _BREACHES[alarm["ComparisonOperator"]]
    treatment = alarm.get("TreatMissingData", "missing")
    points: list[bool | None] = []
    for place in range(count + further):
        end = minute + 1 - place * length
        found = _between(values, end - length, end)
        value = _STATISTICS[alarm["Statistic"]](found) if found else None
        points.append(None if value is None else breaches(value, float(alarm["Threshold"])))
    if all(point is None for point in points):
        return {"breaching": "ALARM", "notBreaching": "OK", "ignore": before}.get(
            treatment, "INSUFFICIENT_DATA"
        )
    if further:
        return _with_holes(points, count, wanted, treatment, before)
    filled = [treatment == "breaching" if point is None else point for point in points]
    return "ALARM" if sum(filled) >= wanted else "OK"


def _between(values: Series, begin: int, end: int) -> list[float]:
    """The values of the minutes from `begin` on and before `end`, whichever way is shorter."""
    if end - begin < len(values):
        return [values[at] for at in range(begin, end) if at in values]
    return [value for at, value in values.items() if begin <= at < end]


def _with_holes(points: list[bool | None], count: int, wanted: int, treatment: str, before: str) -> str:
    """The guide's rules where points are missing; the newest stands first, and one at least is there.

    The tables of "Configuring how CloudWatch alarms treat missing data", three of three and two of three:

    >>> bad, good, none = True, False, None
    >>> _with_holes([none, none, bad, none, none], 3, 3, "missing", "OK")
    'ALARM'
    >>> _with_holes([none, none, bad, none, good], 3, 2, "breaching", "OK")
    'ALARM'
    >>> _with_holes([none, none, bad, none, good], 3, 2, "missing", "ALARM")
    'OK'
    """
    real = [point for point in points if point is not None]
    if len(real) >= count:
        return "ALARM" if real[:count].count(True) >= wanted else "OK"
    holes = count - len(real)
    stand_ins = {"breaching": [True] * holes, "notBreaching": [False] * holes}.get(treatment, [])
    if (real + stand_ins).count(True) >= wanted:
        return "ALARM"
    oldest = max(place for place, point in enumerate(points) if point is not None)
    early = treatment in ("missing", "ignore") and all(real) and oldest + 1 >= wanted
    return ("ALARM" if treatment == "missing" else before) if early else "OK"
