"""A deployed dashboard, as CloudWatch has it: the body, the values of its graphs, the states of its alarms.

Source: Amazon CloudWatch User Guide, "Dashboard body structure and syntax"; API reference of GetDashboard,
GetMetricData and DescribeAlarms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ona.runtime.metric_table import METRICS
from operations.drawing.charts import Chart, Series
from operations.reading.finding import Client, code_of
from operations.reading.metric_data import Ask, values

_NO_BOARD = ("ResourceNotFound", "DashboardNotFoundError", "ResourceNotFoundException")
_ALARMS = 100
"""So many names DescribeAlarms takes in a call."""
_POINTS = 288
"""No graph has more values than this: a longer time is read by longer periods (ours)."""
_ROUND_S = (300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_UNITS = {
    "Duration": "Milliseconds",
    "ExecutionTime": "Milliseconds",
    "Latency": "Milliseconds",
    "ApproximateAgeOfOldestMessage": "Seconds",
    "IncomingBytes": "Bytes",
    "EnergyAtRisk": "USD a day",
}
"""Of metrics that count nothing; CloudWatch does not have the last unit. GetMetricData tells no units."""


class NoDashboard(Exception):
    """There is no dashboard of that name; the text says which there are."""


@dataclass(frozen=True)
class AlarmState:
    """An alarm as CloudWatch has it now. `since`: when it came into this state, UTC."""

    name: str
    state: str
    since: datetime
    reason: str


@dataclass(frozen=True)
class Panel:
    """A graph with its values. `unit` and `statistic` say what one value is."""

    chart: Chart
    unit: str
    statistic: str

    @property
    def title(self) -> str:
        """What it shows."""
        return self.chart.title

    @property
    def seen(self) -> list[Series]:
        """The series that have values."""
        return [series for series in self.chart.series if series.values]

    @property
    def silent(self) -> list[str]:
        """The names of the others."""
        return [series.name for series in self.chart.series if not series.values]


@dataclass(frozen=True)
class Board:
    """A dashboard. `left_out`: what it has and this reading does not, in words."""

    name: str
    start: datetime
    end: datetime
    alarms: list[AlarmState]
    panels: list[Panel]
    left_out: list[str]


def read(client: Client, name: str, start: datetime, end: datetime) -> Board:
    """A dashboard with the values from `start` to `end`, UTC. Raises NoDashboard, and botocore's errors."""
    cloudwatch = client("cloudwatch")
    try:
        body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    except Exception as error:
        if code_of(error) in _NO_BOARD:
            raise NoDashboard(f"there is no dashboard {name}; {_there(cloudwatch)}") from error
        raise
    left_out: list[str] = []
    graphs = [
        graph
        for widget in body.get("widgets", [])
        if widget["type"] == "metric"
        for graph in _graphs(widget["properties"], cloudwatch.meta.region_name, left_out)
    ]
    arns = [arn for widget in body.get("widgets", []) for arn in widget["properties"].get("alarms", [])]
    return Board(
        name, start, end, _alarms(cloudwatch, arns), _panels(cloudwatch, graphs, start, end), left_out
    )


def _there(cloudwatch: Any) -> str:
    pages = cloudwatch.get_paginator("list_dashboards").paginate(DashboardNamePrefix="ona-")
    names = sorted(entry["DashboardName"] for page in pages for entry in page.get("DashboardEntries", []))
    return f"there are {', '.join(names)}" if names else "there is none at all"


@dataclass(frozen=True)
class _Graph:
    title: str
    names: list[str]
    asks: list[Ask]
    limits: list[tuple[str, float]]


def _graphs(properties: dict[str, Any], region: str, left_out: list[str]) -> Iterator[_Graph]:
    title = str(properties.get("title", ""))
    if properties.get("region", region) != region:
        left_out.append(f"{title}: it is of region {properties['region']}")
        return
    names: list[str] = []
    asks: list[Ask] = []
    above: list[str] = []
    for line in properties.get("metrics", []):
        rendered = line[-1] if isinstance(line[-1], dict) else {}
        if "expression" in rendered:
            left_out.append(f"{title}: {rendered.get('label', rendered['expression'])}: sums are not read")
            continue
        above = words(line[:-1] if rendered else line, above)
        namespace, metric, *pairs = above
        names.append(str(rendered.get("label") or (pairs[-1] if pairs else metric)))
        statistic = str(rendered.get("stat") or properties.get("stat") or "Average")
        by = int(rendered.get("period") or properties.get("period") or 300)
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        asks.append(Ask(namespace, metric, dimensions, statistic, by))
    across = (properties.get("annotations") or {}).get("horizontal", [])
    yield _Graph(title, names, asks, [(item.get("label", ""), float(item["value"])) for item in across])


def words(line: Sequence[str], above: Sequence[str]) -> list[str]:
    """A metric written out: `.` stands for what stands there in the line above, `...` for several of these.

    >>> words([".", "Errors", ".", "."], ["AWS/Lambda", "Duration", "FunctionName", "a"])
    ['AWS/Lambda', 'Errors', 'FunctionName', 'a']
    >>> words(["...", "b"], ["AWS/Lambda", "Duration", "FunctionName", "a"])
    ['AWS/Lambda', 'Duration', 'FunctionName', 'b']
    """
    whole: list[str] = []
    for number, word in enumerate(line):
        if word == "...":
            whole += above[len(whole) : len(above) - (len(line) - number - 1)]
        else:
            whole.append(above[len(whole)] if word == "." else word)
    return whole


def _alarms(cloudwatch: Any, arns: Sequence[str]) -> list[AlarmState]:
    """The alarms of a dashboard: those that are on first, then by name. One that is gone is left out."""
    names = [arn.partition(":alarm:")[2] for arn in arns]
    found = []
    pages = cloudwatch.get_paginator("describe_alarms")
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answers = (
        answer
        for first in range(0, len(names), _ALARMS)
        for answer in pages.paginate(AlarmNames=names[first : first + _ALARMS], AlarmTypes=kinds)
    )
    for answer in answers:
        for alarm in [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]:
            since = alarm["StateUpdatedTimestamp"]
            reason = str(alarm.get("StateReason", ""))
            found.append(AlarmState(alarm["AlarmName"], alarm["StateValue"], since, reason))
    return sorted(found, key=lambda alarm: (alarm.state != "ALARM", alarm.name))


def period(wanted_s: int, span_s: float) -> int:
    """The period of a graph, seconds: the one that it asks for, or a longer round one.

    >>> period(300, 3 * 3600), period(300, 7 * 86_400), period(3600, 600), period(60, 86_400)
    (300, 3600, 3600, 300)
    """
    return next((p for p in (wanted_s, *_ROUND_S) if p >= max(wanted_s, span_s / _POINTS)), _ROUND_S[-1])


def _panels(cloudwatch: Any, graphs: Sequence[_Graph], start: datetime, end: datetime) -> list[Panel]:
    span = (end - start).total_seconds()
    asks = [replace(ask, period_s=period(ask.period_s, span)) for graph in graphs for ask in graph.asks]
    found = iter(zip(asks, values(cloudwatch, asks, start, end), strict=True))
    panels = []
    for graph in graphs:
        series, unit, statistic, by = [], "", "", 300
        for name, (ask, own) in zip(graph.names, found, strict=False):
            series.append(Series(name, own))
            unit, statistic, by = _unit(ask), ask.statistic, ask.period_s
        told = ", ".join(part for part in (unit, f"{statistic} by {_long(by)}") if part)
        chart = Chart(graph.title, told, series, start.timestamp(), end.timestamp(), by, graph.limits)
        panels.append(Panel(chart, unit, statistic))
    return panels


def _unit(metric: Ask) -> str:
    if metric.statistic == "SampleCount":
        return "Count"
    if metric.namespace.startswith("Ona/"):
        unit = METRICS[metric.metric].unit if metric.metric in METRICS else ""
        return _UNITS.get(metric.metric, "") if unit == "None" else unit
    return _UNITS.get(metric.metric, "Count")


def _long(seconds: int) -> str:
    """A period in words.

    >>> _long(300), _long(3600), _long(5400)
    ('5 min', '1 h', '90 min')
    """
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"
