"""The state of a metric alarm.

Source: Amazon CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat
missing data":

- An alarm whose periods are a minute or longer is looked at each minute. At the end of minute 6 a period of
  five minutes is minutes 2 to 6.
- CloudWatch looks back further than `EvaluationPeriods`. How far is not said; the guide's own tables look
  back five for three, so two more here. Where there are enough data points among them, the newest count,
  and missing ones are passed over.
- Where there are too few, the missing ones are filled by `TreatMissingData`. With `missing` and `ignore`
  nothing is filled: the alarm goes on when all that is there is bad and the oldest of it is as old as
  `DatapointsToAlarm`; `ignore` keeps the state then.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.alarms.expressions import Values, evaluated

MINUTE_S = 60
FURTHER_BACK = 2
"""Periods that are looked at beyond `EvaluationPeriods`."""
OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
_BAD: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_IN_WORDS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True)
class Metric:
    """One metric, and how a period of it becomes one number."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    """Sorted. Another set of dimensions is another metric."""
    statistic: str
    period_s: int


Series = Callable[[Metric, float, int], Values]
"""(metric, end, count) → the values of the last `count` periods before `end` (seconds since 1970), the
oldest first; None where a period has none."""


@dataclass(frozen=True)
class Verdict:
    """What an alarm's state is, and why."""

    state: str
    reason: str
    points: tuple[float, ...] = ()
    """The data points that were looked at, the oldest first."""
    since: float | None = None
    """When the period of the oldest of them began, seconds since 1970; None without one."""


def verdict(alarm: Mapping[str, Any], series: Series, now: float, before: str) -> Verdict:
    """The state at `now` (seconds since 1970) of an alarm as DescribeAlarms gives it; `before`: until now.

    Raises BadExpression for a sum that is not known here.
    """
    count = int(alarm["EvaluationPeriods"])
    end = now // MINUTE_S * MINUTE_S
    values = list(reversed(_values(alarm, series, end, count + FURTHER_BACK)))
    found = judged(alarm, values, before)
    ages = [age for age, value in enumerate(values) if value is not None][:count]
    return replace(found, since=end - (ages[-1] + 1) * period_of(alarm)) if ages else found


def judged(alarm: Mapping[str, Any], values: Values, before: str) -> Verdict:
    """The state by the values of the periods, the newest first.

    >>> alarm = {"EvaluationPeriods": 3, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
    >>> judged(alarm, [None, None, 1.0, None, None], "OK").state
    'ALARM'
    >>> judged({**alarm, "TreatMissingData": "notBreaching"}, [None, None, 1.0, None, None], "OK").state
    'OK'
    """
    count = int(alarm["EvaluationPeriods"])
    wanted = int(alarm.get("DatapointsToAlarm") or count)
    bad = _BAD[alarm["ComparisonOperator"]]
    there = [(age, value) for age, value in enumerate(values) if value is not None][:count]
    points = tuple(value for _, value in reversed(there))
    crossed = [bad(value, float(alarm["Threshold"])) for _, value in there]
    treatment = alarm.get("TreatMissingData") or "missing"
    missing = count - len(there)
    state = OK
    if not there:
        state = {"breaching": ALARM, "notBreaching": OK, "ignore": before}.get(treatment, INSUFFICIENT)
    elif sum(crossed) + (missing if treatment == "breaching" else 0) >= wanted:
        state = ALARM
    elif missing and treatment in ("missing", "ignore") and all(crossed) and there[-1][0] + 1 >= wanted:
        state = ALARM if treatment == "missing" else before
    return Verdict(state, _reason(alarm, state, points, sum(crossed), wanted), points)


def _values(alarm: Mapping[str, Any], series: Series, end: float, count: int) -> Values:
    """The values of the last periods, the oldest first: of one metric, or of a sum."""
    if not alarm.get("Metrics"):
        return series(metric_of(alarm), end, count)
    known: dict[str, Values] = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            known[query["Id"]] = series(metric_of(query["MetricStat"]), end, count)
    told = next(query for query in alarm["Metrics"] if query.get("ReturnData", True))
    return evaluated(told["Expression"], known) if "Expression" in told else known[told["Id"]]


def period_of(alarm: Mapping[str, Any]) -> int:
    """Seconds of one data point; of a sum, those of its first metric: they are the same in all."""
    stats = [query["MetricStat"] for query in alarm.get("Metrics") or () if "MetricStat" in query]
    return int((stats[0] if stats else alarm)["Period"])


def metric_of(part: Mapping[str, Any]) -> Metric:
    """The metric of an alarm, or of a MetricStat."""
    inner = part.get("Metric", part)
    pairs = sorted((item["Name"], item["Value"]) for item in inner.get("Dimensions") or [])
    statistic = part.get("Stat") or part.get("ExtendedStatistic") or part.get("Statistic") or "Average"
    return Metric(inner["Namespace"], inner["MetricName"], tuple(pairs), statistic, int(part["Period"]))


def _reason(
    alarm: Mapping[str, Any], state: str, points: tuple[float, ...], crossed: int, wanted: int
) -> str:
    """Why, in words like CloudWatch's; its own words are not documented, and change."""
    if not points:
        return (
            f"no data in the periods that were looked at (EvaluationPeriods: {alarm['EvaluationPeriods']})"
        )
    shown = ", ".join(f"{value:g}" for value in points)
    than = _IN_WORDS[alarm["ComparisonOperator"]]
    said = "Threshold Crossed" if state == ALARM else "Threshold not crossed"
    return (
        f"{said}: of the last data points [{shown}] {than} the threshold "
        f"({float(alarm['Threshold']):g}): {crossed}; needed for the state ALARM: {wanted}"
    )
