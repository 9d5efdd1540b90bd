"""The dashboards: an overview, one a family, and one of what is paid for. Pure.

All of it is made from the stacks, so a new family has its dashboard on its first day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from local.packaging import Template
from ona.runtime.metric_table import METRICS, Metric
from operations.config.prices import Kind
from ops.watch.alarms import Alarm
from ops.watch.read import Watched, family_of
from ops.watch.widgets import Graph, Line, Widget, body, check, placed

PAGE = "docs/operations/dashboards.md"
_ALARM = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
_MACHINE = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
_OWN = ("overview", "cost")
"""Names of dashboards that are no family's."""
_VALUES: dict[str, Sequence[str]] = {
    "RiskCategory": ("critical", "major", "minor", "negligible"),
    "HorizonHours": ("24",),
    "Kind": get_args(Kind),
}
"""The values of further dimensions. A metric by customer is on no dashboard: their number has no bound."""
_EVERYWHERE = "every function"
_STATISTIC = {"Count": "Sum", "Percent": "Average", "Milliseconds": "p95", "None": "Maximum"}
"""What is drawn of a metric that no alarm looks at, by its unit."""
_BELOW = ("LessThanThreshold", "LessThanOrEqualToThreshold")
_HOUR_S, _DAY_S = 3600, 86_400
_MONEY = ("EstimatedCostUsd", "EstimatedCostOfKindUsd", "EstimatedCostMonthUsd", "BudgetUsedPercent")
"""What stands on the dashboard of cost, a value a day."""
_CHOSEN = ("DetectionLatency", "ForecastAccuracy", "EnergyAtRisk", "DataCompleteness")
"""What the overview shows of the platform's own metrics: the guide's three, and how whole the data were."""


@dataclass(frozen=True)
class Dashboard:
    """One dashboard: `about` is a family, `overview` or `cost`."""

    about: str
    widgets: list[Widget]

    @property
    def name(self) -> str:
        """The deployed name; `{environment}` stands for the environment."""
        return f"ona-{self.about}-{{environment}}"

    @property
    def logical(self) -> str:
        """The logical id."""
        return f"Watch{''.join(part.capitalize() for part in self.about.split('_'))}Dashboard"

    @property
    def properties(self) -> dict[str, Any]:
        """CloudFormation's properties. Raises ValueError where CloudWatch would take no such dashboard."""
        check(self.about, self.widgets)
        return {
            "DashboardName": {"Fn::Sub": _full(self.about)},
            "DashboardBody": {"Fn::Sub": body(self.widgets)},
        }


def all_dashboards(
    templates: dict[str, Template], things: Iterable[Watched], alarms: Sequence[Alarm]
) -> list[Dashboard]:
    """The overview, one a family by name, and cost. Raises ValueError for a family with a name of those."""
    seen, tables = list(things), list(_tables(templates))
    families = sorted({thing.family for thing in seen} | {family for family, _ in tables})
    if taken := set(families) & set(_OWN):
        raise ValueError(f"a family cannot be called {taken.pop()}: a dashboard that is no family's is")
    every = [_overview(_Parts(seen, tables), alarms)]
    for family in families:
        parts = _Parts(
            [thing for thing in seen if thing.family == family], [t for t in tables if t[0] == family]
        )
        every.append(_of_family(family, parts, [alarm for alarm in alarms if alarm.family == family]))
    return [*every, _cost(_Parts(seen, tables), alarms, families)]


def _tables(templates: dict[str, Template]) -> Iterator[tuple[str, str]]:
    """The family and the name of each table, with its parameters as substitutions."""
    for stack, template in templates.items():
        for item in template["Resources"].values():
            if item["Type"] == "AWS::DynamoDB::Table":
                name = item["Properties"]["TableName"]
                yield family_of(stack, template), name["Fn::Sub"] if isinstance(name, dict) else name


@dataclass(frozen=True)
class _Parts:
    """What there is, and the graphs of AWS's own metrics of it."""

    things: list[Watched]
    tables: list[tuple[str, str]]

    def names(self, *kinds: str) -> list[str]:
        return [thing.about for thing in self.things if thing.kind in kinds]

    def functions(self, title: str, metric: str, statistic: str = "Sum", period_s: int = 300) -> Graph:
        lines = [
            ["AWS/Lambda", metric, "FunctionName", _full(n), _label(n)] for n in self.names("function")
        ]
        return Graph(f"Functions: {title}", statistic, lines, period_s)

    def workflows(self, title: str, metric: str, statistic: str = "Sum", period_s: int = 300) -> Graph:
        names = self.names("workflow")
        lines = [["AWS/States", metric, "StateMachineArn", _MACHINE + _full(n), _label(n)] for n in names]
        return Graph(f"Workflows: {title}", statistic, lines, period_s)

    def queues(self, title: str, metric: str, statistic: str = "Maximum", period_s: int = 300) -> Graph:
        names = self.names("queue", "letters")
        lines = [["AWS/SQS", metric, "QueueName", _full(n), _label(n)] for n in names]
        return Graph(f"Queues: {title}", statistic, lines, period_s)

    def apis(self, title: str, metric: str, statistic: str = "Sum", period_s: int = 300) -> Graph:
        stage = ["Stage", "${Environment}"]
        lines = [
            ["AWS/ApiGateway", metric, "ApiName", _full(n), *stage, _label(n)] for n in self.names("api")
        ]
        return Graph(f"APIs: {title}", statistic, lines, period_s)

    def of_tables(self, title: str, metric: str, period_s: int = 300) -> Graph:
        names = [name for _, name in self.tables]
        lines = [["AWS/DynamoDB", metric, "TableName", n, _label(n.partition("}-")[2] or n)] for n in names]
        return Graph(f"Tables: {title}", "Sum", lines, period_s)


def _overview(parts: _Parts, alarms: Sequence[Alarm]) -> Dashboard:
    graphs = [
        parts.workflows("executions that failed", "ExecutionsFailed"),
        parts.functions("errors", "Errors"),
        parts.queues("messages that wait", "ApproximateNumberOfMessagesVisible"),
        parts.workflows("executions started", "ExecutionsStarted"),
        parts.functions("calls", "Invocations"),
        parts.functions("duration", "Duration", "p95"),
        parts.apis("server errors", "5XXError"),
        *(_measured(METRICS[name], parts.names("function"), alarms) for name in _CHOSEN),
    ]
    return _dashboard("overview", "All families: what is wrong, and what is done.", alarms, graphs)


def _of_family(family: str, parts: _Parts, alarms: Sequence[Alarm]) -> Dashboard:
    graphs = [
        parts.workflows("executions started", "ExecutionsStarted"),
        parts.workflows("executions that failed", "ExecutionsFailed"),
        parts.workflows("executions that timed out", "ExecutionsTimedOut"),
        parts.workflows("duration", "ExecutionTime", "p95"),
        parts.functions("calls", "Invocations"),
        parts.functions("errors", "Errors"),
        parts.functions("refused calls", "Throttles"),
        parts.functions("duration", "Duration", "p95"),
        parts.queues("messages that wait", "ApproximateNumberOfMessagesVisible"),
        parts.queues("age of the oldest message", "ApproximateAgeOfOldestMessage"),
        parts.queues("messages that came", "NumberOfMessagesSent", "Sum"),
        parts.apis("requests", "Count", "SampleCount"),
        parts.apis("refusals", "4XXError"),
        parts.apis("server errors", "5XXError"),
        parts.apis("latency", "Latency", "p95"),
        parts.of_tables("read units", "ConsumedReadCapacityUnits"),
        parts.of_tables("write units", "ConsumedWriteCapacityUnits"),
        parts.of_tables("refused reads", "ReadThrottleEvents"),
        parts.of_tables("refused writes", "WriteThrottleEvents"),
        *(
            _measured(metric, parts.names("function"), alarms)
            for name, metric in METRICS.items()
            if name not in _MONEY
        ),
    ]
    return _dashboard(family, f"The family {family}.", alarms, graphs)


def _cost(parts: _Parts, alarms: Sequence[Alarm], families: Sequence[str]) -> Dashboard:
    names, values = parts.names("function"), {**_VALUES, "Family": ("all", *families, "standing")}
    logs: list[Line] = [
        ["AWS/Logs", "IncomingBytes", "LogGroupName", f"/aws/lambda/{_full(name)}", _label(name)]
        for name in parts.names("function")
    ]
    graphs = [
        parts.functions("time that they ran", "Duration", period_s=_HOUR_S),
        parts.functions("calls", "Invocations", period_s=_HOUR_S),
        parts.workflows("executions started", "ExecutionsStarted", period_s=_HOUR_S),
        parts.of_tables("read units", "ConsumedReadCapacityUnits", _HOUR_S),
        parts.of_tables("write units", "ConsumedWriteCapacityUnits", _HOUR_S),
        parts.queues("messages that came", "NumberOfMessagesSent", "Sum", _HOUR_S),
        parts.apis("requests", "Count", "SampleCount", _HOUR_S),
        Graph("Logs: bytes that came", "Sum", logs, _HOUR_S),
        *(_measured(METRICS[name], names, alarms, values, _DAY_S) for name in _MONEY),
    ]
    return _dashboard("cost", "What is paid for, by the hour; its cost, by the day.", [], graphs)


def _dashboard(about: str, text: str, alarms: Sequence[Alarm], graphs: Iterable[Graph]) -> Dashboard:
    written = f"{text} Written by `make watch` from the stacks; what is changed here is lost. See {PAGE}."
    return Dashboard(about, placed(written, [_ALARM + _full(alarm.about) for alarm in alarms], graphs))


def _measured(
    metric: Metric,
    functions: Sequence[str],
    alarms: Sequence[Alarm],
    values: Mapping[str, Sequence[str]] = _VALUES,
    period_s: int = 300,
) -> Graph:
    """The graph of a metric of our own, with the thresholds of its alarms across."""
    services = functions if metric.services == (_EVERYWHERE,) else metric.services
    lines: list[Line] = []
    for service in services:
        if service in functions:
            for further, name in _further(metric, service, values):
                common = ["environment", "${Environment}", "service", service]
                # the first namespace only: in a second one the same values stand again
                lines.append([metric.namespaces[0], metric.name, *common, *further, _label(name)])
    of = [alarm.properties for alarm in alarms if alarm.properties.get("MetricName") == metric.name]
    statistic = of[0].get("Statistic") if of else None
    limits = {_limit(alarm): float(alarm["Threshold"]) for alarm in of}
    return Graph(metric.name, statistic or _STATISTIC[metric.unit], lines, period_s, limits=limits)


def _limit(alarm: dict[str, Any]) -> str:
    side = "below" if alarm["ComparisonOperator"] in _BELOW else "above"
    return f"alarm {side} {alarm['Threshold']}"


def _further(
    metric: Metric, service: str, values: Mapping[str, Sequence[str]]
) -> Iterator[tuple[list[str], str]]:
    """A metric's further dimensions with their values, and what that line is called."""
    for names in metric.dimensions:
        if not names:
            yield [], service
        elif names == ("FunctionName",):
            yield ["FunctionName", _full(service)], service
        elif len(names) == 1 and names[0] in values:
            for value in values[names[0]]:
                yield [names[0], value], f"{names[0]} {value}"


def _full(name: str) -> str:
    return f"ona-{name}-${{Environment}}"


def _label(name: str) -> dict[str, str]:
    return {"label": name}
