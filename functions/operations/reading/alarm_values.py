"""What an alarm looked at: the values of its metric by minute, of a sum of metrics by its periods.

Sources: Amazon CloudWatch User Guide, "Alarm evaluation" (a period of five minutes is looked at each
minute) and "Configuring how CloudWatch alarms treat missing data" (it looks back further than the
evaluation periods where data are missing).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operations.reading.metric_data import Ask, Formula, Values, computed, values

MINUTE_S = 60
FURTHER_BACK = 2
"""Periods that CloudWatch looks back beyond the evaluation periods; the guide says *more*, not how many.
Its tables look back two more."""
_BAD: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Measured:
    """`step_s`: seconds of one value; `label`: the metric, or what a sum is called; `points`: the oldest
    first."""

    step_s: int
    label: str
    points: Values


def measured(cloudwatch: Any, alarm: Mapping[str, Any], start: datetime, end: datetime) -> Measured:
    """What a metric alarm (as DescribeAlarms gives it) looked at, UTC. Raises botocore's errors."""
    if alarm.get("Metrics"):
        return Measured(period_s(alarm), *_summed(cloudwatch, alarm, start, end))
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
    name = str(alarm["MetricName"])
    ask = Ask(alarm["Namespace"], name, dimensions, _statistic(alarm), MINUTE_S)
    return Measured(MINUTE_S, name, values(cloudwatch, [ask], start, end)[0])


def counts(alarm: Mapping[str, Any]) -> bool:
    """Whether it counts what fails: five errors in five minutes are a part each, and none is well."""
    rises = str(alarm["ComparisonOperator"]).startswith("Greater")
    return not alarm.get("Metrics") and _statistic(alarm) in ("Sum", "SampleCount") and rises


def breaches(alarm: Mapping[str, Any]) -> Callable[[float], bool]:
    """Whether a value of one of its periods is bad."""
    bad, threshold = _BAD[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    return lambda value: bad(value, threshold)


def period_s(alarm: Mapping[str, Any]) -> int:
    """Seconds of one of an alarm's data points."""
    stats = [query["MetricStat"] for query in alarm.get("Metrics") or () if "MetricStat" in query]
    return int((stats[0] if stats else alarm)["Period"])


def looks_back_s(alarm: Mapping[str, Any]) -> int:
    """So far back an alarm looks, seconds."""
    return (int(alarm["EvaluationPeriods"]) + FURTHER_BACK) * period_s(alarm)


def _statistic(alarm: Mapping[str, Any]) -> str:
    return str(alarm.get("ExtendedStatistic") or alarm.get("Statistic"))


def _summed(
    cloudwatch: Any, alarm: Mapping[str, Any], start: datetime, now: datetime
) -> tuple[str, Values]:
    """What an expression over metrics was, and its label."""
    asks: dict[str, Ask] = {}
    formulas: dict[str, Formula] = {}
    told, label = "", "value"
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            dimensions = {one["Name"]: one["Value"] for one in stat["Metric"].get("Dimensions", [])}
            metric = stat["Metric"]
            ask = Ask(
                metric["Namespace"], metric["MetricName"], dimensions, stat["Stat"], int(stat["Period"])
            )
            asks[query["Id"]] = ask
        else:
            formulas[query["Id"]] = Formula(query["Expression"], int(query.get("Period") or 0))
        if query.get("ReturnData", True):
            told, label = query["Id"], str(query.get("Label") or "value")
    series = computed(cloudwatch, asks, formulas, [told], start, now)[told]
    return label, next(iter(series.values()), [])
