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
from operations.reading import graphs as lines
from operations.reading.finding import Client, code_of
from operations.reading.graphs import Graph, keeps_unit
from operations.reading.metric_data import Ask, Refused, computed, values
from operations.reading.ringing import BEGINNING, ringing

_NO_BOARD = ("ResourceNotFound", "DashboardNotFoundError", "ResourceNotFoundException")
_ALARMS = 100
"""So many names DescribeAlarms takes in a call."""
_UNITS = {
    "Duration": "Milliseconds",
    "ExecutionTime": "Milliseconds",
    "Latency": "Milliseconds",
    "ApproximateAgeOfOldestMessage": "Seconds",
    "IncomingBytes": "Bytes",
    "EnergyAtRisk": "USD a day",
}
"""Of metrics that count nothing; CloudWatch does not have the last unit. GetMetricData tells no units."""


@dataclass(frozen=True)
class OfEnvironment:
    """The names of the platform's alarms of one environment, whichever there are.

    >>> "ona-detect-errors-dev" in OfEnvironment("dev"), "ona-detect-errors-prod" in OfEnvironment("dev")
    (True, False)
    >>> "theirs-dev" in OfEnvironment("dev")
    False
    """

    environment: str

    def __contains__(self, name: object) -> bool:
        return (
            isinstance(name, str) and name.startswith(BEGINNING) and name.endswith(f"-{self.environment}")
        )


class NoDashboard(Exception):
    """There is no dashboard of that name; the text says which there are."""


@dataclass(frozen=True)
class AlarmState:
    """An alarm as CloudWatch has it now. `since`: when it came into this state, UTC; `behind`: the alarm
    that is on and stands for it, as `ona alarms` counts; empty where it stands for itself."""

    name: str
    state: str
    since: datetime
    reason: str
    behind: str = ""


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
    span = (end - start).total_seconds()
    graphs = [
        one.of_span(span)
        for widget in body.get("widgets", [])
        if widget["type"] == "metric"
        for one in _graphs(widget["properties"], cloudwatch.meta.region_name, left_out)
    ]
    arns = [arn for widget in body.get("widgets", []) for arn in widget["properties"].get("alarms", [])]
    panels = _panels(cloudwatch, graphs, start, end, left_out)
    alarms = _behind(client, _alarms(cloudwatch, arns), OfEnvironment(name.rpartition("-")[2]), end)
    return Board(name, start, end, alarms, panels, left_out)


def _there(cloudwatch: Any) -> str:
    pages = cloudwatch.get_paginator("list_dashboards").paginate(DashboardNamePrefix=BEGINNING)
    names = sorted(entry["DashboardName"] for page in pages for entry in page.get("DashboardEntries", []))
    return f"there are {', '.join(names)}" if names else "there is none at all"


def _graphs(properties: dict[str, Any], region: str, left_out: list[str]) -> Iterator[Graph]:
    if properties.get("region", region) != region:
        left_out.append(f"{properties.get('title', '')}: it is of region {properties['region']}")
        return
    yield lines.graph(properties)


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


def _behind(
    client: Client, alarms: list[AlarmState], ours: OfEnvironment, now: datetime
) -> list[AlarmState]:
    """The alarms, each with the one that stands for it: one cause counts once, here and in `ona alarms`.
    What stands for others has their reason, and comes first."""
    if not any(alarm.state == "ALARM" for alarm in alarms):
        return alarms
    on = ringing(client, ours, now)
    stands = {part: one.name for one in on for part in (*one.parts, *one.behind)}
    reasons = {one.name: one.reason for one in on}
    told = [
        replace(alarm, behind=stands.get(alarm.name, ""), reason=reasons.get(alarm.name, alarm.reason))
        for alarm in alarms
    ]
    return sorted(told, key=lambda alarm: (alarm.state != "ALARM", bool(alarm.behind), alarm.name))


def _panels(
    cloudwatch: Any, graphs: Sequence[Graph], start: datetime, end: datetime, left_out: list[str]
) -> list[Panel]:
    """The graphs with their values. Those without expressions are asked for together, the others one by
    one: an expression such as SUM(METRICS()) is about its own graph."""
    plain = [ask for graph in graphs if not graph.formulas for ask in graph.asks.values()]
    found = iter(values(cloudwatch, plain, start, end))
    panels = []
    for graph in graphs:
        if not graph.formulas:
            own = {key: next(found) for key in graph.asks}
            series = [Series(line.name, own[line.id]) for line in graph.lines]
        else:
            series = _computed(cloudwatch, graph, start, end, left_out)
            if not series:
                continue  # nothing of it is drawn, or CloudWatch computes nothing of it, which is said
        asks = list(graph.asks.values())
        unit = _unit_of(graph)
        statistic = asks[-1].statistic if asks else ""
        periods = [ask.period_s for ask in asks] + [one.period_s for one in graph.formulas.values()]
        by = next(filter(None, periods), 300)
        told = ", ".join(part for part in (unit, f"{statistic} by {_long(by)}".strip()) if part)
        chart = Chart(graph.title, told, series, start.timestamp(), end.timestamp(), by, graph.limits)
        panels.append(Panel(chart, unit, statistic))
    return panels


def _computed(
    cloudwatch: Any, graph: Graph, start: datetime, end: datetime, left_out: list[str]
) -> list[Series]:
    """The series of a graph with expressions. What CloudWatch refuses is left out, and the metrics stay."""
    formulas = dict(graph.formulas)
    shown = [line.id for line in graph.lines]
    if not shown:
        return []
    try:
        found = computed(cloudwatch, graph.asks, formulas, shown, start, end)
    except Refused as error:
        names = ", ".join(line.name for line in graph.lines if line.id in formulas)
        left_out.append(f"{graph.title}: {names}: CloudWatch does not compute it: {error}")
        return [
            Series(line.name, values(cloudwatch, [graph.asks[line.id]], start, end)[0])
            for line in graph.lines
            if line.id in graph.asks
        ]
    series = []
    for line in graph.lines:
        own = found[line.id] or {"": []}
        if len(own) == 1:
            series.append(Series(line.name, next(iter(own.values()))))
        else:
            series += [Series(f"{line.name}: {label}", some) for label, some in own.items()]
    return series


def _unit_of(graph: Graph) -> str:
    """The unit of what is drawn; empty where that is not one, or nobody knows."""
    drawn = [line.id for line in graph.lines]
    others = [graph.formulas[key].text for key in drawn if key in graph.formulas]
    units = {_unit(ask) for ask in graph.asks.values()}
    if not others:
        units = {_unit(graph.asks[key]) for key in drawn[-1:]}
    known = len(units) == 1 and all(map(keeps_unit, others))
    return units.pop() if known else ""


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
