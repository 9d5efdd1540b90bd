"""The performance report: how much was done, how fast, how well, and how that was in the time before.

It has what the administration guide's performance report has (each function's calls, errors, error rate and
mean duration; detection latency and forecast accuracy), read from what is deployed and what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ona.runtime.metric_table import (
    DATA_COMPLETENESS,
    DETECTION_LATENCY,
    ENERGY_AT_RISK,
    FORECAST_ACCURACY,
    Metric,
)
from operations.drawing.charts import Chart, Series
from operations.reading import inventory
from operations.reading.finding import Client
from operations.reading.metric_data import Ask, values

KIND = "performance"
HOUR_S = 3600
_OURS: tuple[tuple[Metric, str, str, list[dict[str, str]]], ...] = (
    (DETECTION_LATENCY, "Average", "Milliseconds", [{}]),
    (FORECAST_ACCURACY, "Average", "Percent", [{"HorizonHours": "24"}]),
    (DATA_COMPLETENESS, "Average", "Percent", [{}]),
    (
        ENERGY_AT_RISK,
        "Maximum",
        "USD a day",
        [{"RiskCategory": value} for value in ("critical", "major", "minor", "negligible")],
    ),
)
"""The platform's own metrics, with a statistic of each hour, its unit, and further dimensions."""
Values = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Work:
    """What a function, workflow or API did in some hours. Times in ms; None where nothing was measured."""

    calls: float = 0.0
    failed: float = 0.0
    mean_ms: float | None = None
    worst_p95_ms: float | None = None
    """The p95 of the hour in which it was highest."""

    @property
    def failed_percent(self) -> float | None:
        """How many of 100 failed."""
        return 100.0 * self.failed / self.calls if self.calls else None


@dataclass(frozen=True)
class Row:
    """A thing's work in the hours of the report, and in as many before."""

    name: str
    now: Work
    before: Work

    @property
    def slower_percent(self) -> float | None:
        """How much longer a call takes than before, on the mean; None where one of both is not known."""
        if not self.now.mean_ms or not self.before.mean_ms:
            return None
        return 100.0 * (self.now.mean_ms / self.before.mean_ms - 1.0)


@dataclass(frozen=True)
class Measured:
    """One of the platform's own figures: its mean over the hours that have one, now and before."""

    name: str
    unit: str
    mean: float | None
    mean_before: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class Performance:
    """The report. Of workflows `failed` are those that failed, timed out or were stopped."""

    platform: str
    start: datetime
    end: datetime
    functions: list[Row]
    workflows: list[Row]
    apis: list[Row]
    measured: list[Measured]
    charts: list[Chart]


@dataclass(frozen=True)
class _Kind:
    """How AWS measures one kind of thing: calls, what failed, and how long it took."""

    namespace: str
    calls: tuple[str, str]
    failed: tuple[str, ...]
    time: str


_FUNCTION = _Kind("AWS/Lambda", ("Invocations", "Sum"), ("Errors",), "Duration")
_WORKFLOW = _Kind(
    "AWS/States",
    ("ExecutionsStarted", "Sum"),
    ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"),
    "ExecutionTime",
)
_API = _Kind("AWS/ApiGateway", ("Count", "SampleCount"), ("5XXError",), "Latency")


def performance(client: Client, root: str, environment: str, now: datetime, hours: int) -> Performance:
    """The report on `hours` hours, that of `now` (UTC) included.

    Raises NotDeployed, and botocore's errors.
    """
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(hours=hours)
    found, cloudwatch = inventory.read(client, root), client("cloudwatch")
    functions = {name: {"FunctionName": name} for name in found.of("AWS::Lambda::Function")}
    workflows = {
        arn.rpartition(":")[2]: {"StateMachineArn": arn}
        for arn in found.of("AWS::StepFunctions::StateMachine")
    }
    gateway = client("apigateway")
    names = [gateway.get_rest_api(restApiId=one)["name"] for one in found.of("AWS::ApiGateway::RestApi")]
    apis = {name: {"ApiName": name, "Stage": environment} for name in names}
    rows: dict[str, list[Row]] = {}
    charts: list[Chart] = []
    for title, kind, things in (
        ("Functions", _FUNCTION, functions),
        ("Workflows", _WORKFLOW, workflows),
        ("APIs", _API, apis),
    ):
        rows[title], drawn = _rows(cloudwatch, title, kind, things, start, end)
        charts += drawn
    measured, drawn = _measured(cloudwatch, environment, start, end)
    return Performance(
        root, start, end, rows["Functions"], rows["Workflows"], rows["APIs"], measured, [*charts, *drawn]
    )


def _rows(
    cloudwatch: object,
    title: str,
    kind: _Kind,
    things: dict[str, dict[str, str]],
    start: datetime,
    end: datetime,
) -> tuple[list[Row], list[Chart]]:
    """A row a thing, the busiest first, and the graphs of those that did something."""
    wanted = [kind.calls, *((name, "Sum") for name in kind.failed)]
    wanted += [(kind.time, statistic) for statistic in ("Sum", "SampleCount", "p95")]
    asks = [
        Ask(kind.namespace, metric, dimensions, statistic, HOUR_S)
        for dimensions in things.values()
        for metric, statistic in wanted
    ]
    got = values(cloudwatch, asks, start - (end - start), end)
    rows, calls, times = [], [], []
    for number, name in enumerate(things):
        own = got[number * len(wanted) : (number + 1) * len(wanted)]
        since, until = start.timestamp(), end.timestamp()
        now = work(own, since, until)
        rows.append(Row(name, now, work(own, since - (until - since), since)))
        if now.calls:
            calls.append(Series(name, _within(own[0], since, until)))
            times.append(Series(name, _within(own[-1], since, until)))
    charts = [
        Chart(f"{title}: calls", "Count by 1 h", calls, start.timestamp(), end.timestamp(), HOUR_S),
        Chart(f"{title}: duration", "ms, p95 by 1 h", times, start.timestamp(), end.timestamp(), HOUR_S),
    ]
    return sorted(rows, key=lambda row: (-row.now.calls, row.name)), charts


def work(own: Sequence[Values], since: float, until: float) -> Work:
    """A thing's work from its series: calls, what failed (several), time's sum, its count, its p95.

    >>> work([[(0, 4.0)], [(0, 1.0)], [(0, 800.0)], [(0, 4.0)], [(0, 350.0)]], 0, 3600)
    Work(calls=4.0, failed=1.0, mean_ms=200.0, worst_p95_ms=350.0)
    """
    calls, *failed, total, count, p95 = ([value for _, value in _within(one, since, until)] for one in own)
    mean = sum(total) / sum(count) if sum(count) else None
    return Work(sum(calls), sum(map(sum, failed)), mean, max(p95, default=None))


def _within(series: Values, since: float, until: float) -> list[tuple[float, float]]:
    return [(at, value) for at, value in series if since <= at < until]


def _measured(
    cloudwatch: object, environment: str, start: datetime, end: datetime
) -> tuple[list[Measured], list[Chart]]:
    found, charts = [], []
    since, until = start.timestamp(), end.timestamp()
    for metric, statistic, unit, sets in _OURS:
        common = {"environment": environment, "service": metric.services[0]}
        asks = [
            Ask(metric.namespaces[0], metric.name, {**common, **more}, statistic, HOUR_S) for more in sets
        ]
        lines = []
        for more, own in zip(sets, values(cloudwatch, asks, start - (end - start), end), strict=True):
            name = ", ".join([metric.name, *more.values()])
            now = [value for _, value in _within(own, since, until)]
            before = [value for _, value in _within(own, since - (until - since), since)]
            found.append(
                Measured(
                    name, unit, _mean(now), _mean(before), min(now, default=None), max(now, default=None)
                )
            )
            lines.append(Series(name, _within(own, since, until)))
        charts.append(Chart(metric.name, f"{unit}, {statistic} by 1 h", lines, since, until, HOUR_S))
    return found, charts


def _mean(found: Sequence[float]) -> float | None:
    return sum(found) / len(found) if found else None
