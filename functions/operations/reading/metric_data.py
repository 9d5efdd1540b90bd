"""Values of metrics over time, by GetMetricData (Amazon CloudWatch API Reference)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from operations.reading.finding import code_of

_QUERIES = 500
"""So many queries GetMetricData takes in a call."""


@dataclass(frozen=True)
class Ask:
    """One statistic of one metric. `dimensions` are all that the metric has."""

    namespace: str
    metric: str
    dimensions: dict[str, str]
    statistic: str
    period_s: int


@dataclass(frozen=True)
class Formula:
    """An expression over other questions, by their ids; `period_s` is 0 where it takes theirs."""

    text: str
    period_s: int = 0


class Refused(Exception):
    """CloudWatch does not compute an expression; the text says why."""


Values = list[tuple[float, float]]
"""Beginnings of periods in seconds since 1970, each with its value, the oldest first."""


def values(
    cloudwatch: Any, asks: Sequence[Ask], start: datetime, end: datetime
) -> list[list[tuple[float, float]]]:
    """What each was from `start` to `end`, UTC: the beginning of a period in seconds since 1970, and its
    value, the oldest first. The period in which `start` lies is a whole one. Raises botocore's errors."""
    found: list[list[tuple[float, float]]] = [[] for _ in asks]
    pages = cloudwatch.get_paginator("get_metric_data")
    by_period: dict[int, list[int]] = {}
    for number, ask in enumerate(asks):
        by_period.setdefault(ask.period_s, []).append(number)
    for period_s, numbers in by_period.items():
        begin = datetime.fromtimestamp(start.timestamp() // period_s * period_s, UTC)
        for first in range(0, len(numbers), _QUERIES):
            queries = [_query(f"m{number}", asks[number]) for number in numbers[first : first + _QUERIES]]
            times = {"StartTime": begin, "EndTime": end, "ScanBy": "TimestampAscending"}
            for page in pages.paginate(MetricDataQueries=queries, **times):
                for result in page["MetricDataResults"]:
                    moments = [at.timestamp() for at in result["Timestamps"]]
                    found[int(result["Id"][1:])] += zip(moments, result["Values"], strict=True)
    return found


def computed(
    cloudwatch: Any,
    asks: Mapping[str, Ask],
    formulas: Mapping[str, Formula],
    shown: Sequence[str],
    start: datetime,
    end: datetime,
) -> dict[str, dict[str, Values]]:
    """The same of questions that expressions join: by id of `shown`, by CloudWatch's label, the values.

    All go in one call, for an expression sees no other (at most 500). One that searches brings a series a
    metric that it finds. Raises Refused for an expression that CloudWatch does not know, and botocore's
    other errors.
    """
    periods = [ask.period_s for ask in asks.values()] + [one.period_s for one in formulas.values()]
    longest = max(filter(None, periods), default=300)
    begin = datetime.fromtimestamp(start.timestamp() // longest * longest, UTC)
    queries = [_query(key, ask) for key, ask in asks.items()]
    queries += [
        {"Id": key, "Expression": one.text, **({"Period": one.period_s} if one.period_s else {})}
        for key, one in formulas.items()
    ]
    for query in queries:
        query["ReturnData"] = query["Id"] in shown
    found: dict[str, dict[str, Values]] = {key: {} for key in shown}
    pages = cloudwatch.get_paginator("get_metric_data")
    times = {"StartTime": begin, "EndTime": end, "ScanBy": "TimestampAscending"}
    try:
        for page in pages.paginate(MetricDataQueries=queries, **times):
            seen: Counter[tuple[str, str]] = Counter()
            for result in page["MetricDataResults"]:
                if result.get("StatusCode") in ("InternalError", "Forbidden"):
                    raise Refused(
                        "; ".join(one["Value"] for one in result.get("Messages", [])) or "no reason"
                    )
                key, label = result["Id"], result.get("Label", result["Id"])
                seen[key, label] += 1
                more = f" ({seen[key, label]})" if seen[key, label] > 1 else ""
                moments = [at.timestamp() for at in result["Timestamps"]]
                into = found[key].setdefault(label + more, [])
                into += zip(moments, result["Values"], strict=True)
    except Exception as error:
        if code_of(error) == "ValidationError":
            raise Refused(str(error).partition(": ")[2]) from error
        raise
    return found


def _query(name: str, ask: Ask) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in ask.dimensions.items()]
    of = {"Namespace": ask.namespace, "MetricName": ask.metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": of, "Period": ask.period_s, "Stat": ask.statistic}}
