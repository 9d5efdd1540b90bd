"""Values of metrics over time, by GetMetricData (Amazon CloudWatch API Reference)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
            queries = [_query(number, asks[number]) for number in numbers[first : first + _QUERIES]]
            times = {"StartTime": begin, "EndTime": end, "ScanBy": "TimestampAscending"}
            for page in pages.paginate(MetricDataQueries=queries, **times):
                for result in page["MetricDataResults"]:
                    moments = [at.timestamp() for at in result["Timestamps"]]
                    found[int(result["Id"][1:])] += zip(moments, result["Values"], strict=True)
    return found


def _query(number: int, ask: Ask) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in ask.dimensions.items()]
    of = {"Namespace": ask.namespace, "MetricName": ask.metric, "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": of, "Period": ask.period_s, "Stat": ask.statistic}}
