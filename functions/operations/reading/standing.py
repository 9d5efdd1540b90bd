"""What costs while nothing runs: alarms, dashboards, custom metrics, warm executions, caches, tables, their
point-in-time recovery and the units of provisioned ones.

`ona cost`, the summary of a day and the alarms of the budget take it from here, so that they agree.
Everything counts as it is now, for the time that it stood: from when the platform was made, until now.
Prices by the month are paid by the hour of the month (Amazon CloudWatch pricing: alarms, dashboards and
metrics are prorated). An alarm is paid for each metric that it looks at. A custom metric is paid for the
hours in which something was measured.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ona.runtime.metric_table import DATA_QUALITY, DETECTION, PERFORMANCE, PLATFORM
from operations.config.prices import GIGABYTE, MEGABYTES
from operations.reading import tables
from operations.reading.finding import Client, code_of
from operations.reading.inventory import Inventory
from operations.reading.metric_data import Ask, values
from operations.reading.window import Window

NAMESPACES = (PLATFORM, DETECTION, PERFORMANCE, DATA_QUALITY)
"""Of the metrics that the platform sends itself."""
LIVE = "live"
_HOUR_S = 3600
_TRACKS = "TargetTracking-"
"""The alarms of a scaling policy begin so; they stand in no stack, and are paid for like any other."""
_WARM = ":ProvisionedConcurrency"


@dataclass(frozen=True)
class Standing:
    """So much of a price, by what stands."""

    by: str
    what: str
    amount: float


def stood(window: Window, made: datetime | None, now: datetime) -> Window:
    """The part of a window in which the platform stood; it is empty where it ends before it begins.

    >>> from datetime import UTC
    >>> day = Window(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))
    >>> stood(day, datetime(2026, 11, 27, 18, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)).hours
    6.0
    >>> stood(day, datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)).hours
    0.0
    """
    start = max(window.start, made or window.start)
    return Window(start, max(start, min(window.end, now)))


def of_month(window: Window) -> float:
    """Which part of its month a window is: what is priced by the month costs so much of it.

    >>> from datetime import UTC
    >>> of_month(Window(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)))
    0.1
    """
    days = calendar.monthrange(window.start.year, window.start.month)[1]
    return window.hours / 24 / days


def standing(client: Client, found: Inventory, environment: str, window: Window) -> Iterator[Standing]:
    """What stood in a window, which is as long as it stood. Raises botocore's errors."""
    share = of_month(window)
    if not share:
        return
    looked_at, composites = _alarms(client("cloudwatch"), found)
    yield Standing("alarms", "alarm_month", looked_at * share)
    yield Standing("composite alarms", "alarm_composite_month", composites * share)
    boards = len(found.of("AWS::CloudWatch::Dashboard"))
    yield Standing("dashboards", "dashboard_month", boards * share)
    hours = _metric_hours(client("cloudwatch"), environment, window)
    yield Standing("custom metrics", "metric_month", hours * share / window.hours)
    yield from _tables(client("dynamodb"), found, share, window.hours)
    yield from _warm(client("lambda"), found, window)
    yield from _caches(client("apigateway"), found, environment, window)


def metrics_of(alarm: Mapping[str, Any]) -> int:
    """How many metrics an alarm looks at: it is paid for each (Amazon CloudWatch pricing, "Alarms").

    >>> share = {"Metrics": [{"Expression": "a/b"}, {"MetricStat": {}}, {"MetricStat": {}}]}
    >>> metrics_of({"MetricName": "Errors"}), metrics_of(share)
    (1, 2)
    """
    return sum("MetricStat" in item for item in alarm.get("Metrics") or ()) or 1


def _alarms(cloudwatch: Any, found: Inventory) -> tuple[int, int]:
    """Metrics that the platform's alarms look at, and its composite alarms."""
    ours = {*found.of("AWS::CloudWatch::Alarm"), *found.of("AWS::CloudWatch::CompositeAlarm")}
    scaled = (*found.of("AWS::DynamoDB::Table"), *found.of("AWS::Lambda::Function"))
    kinds = ["MetricAlarm", "CompositeAlarm"]
    looked_at = composites = 0
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=kinds):
        composites += sum(alarm["AlarmName"] in ours for alarm in page.get("CompositeAlarms", []))
        for alarm in page.get("MetricAlarms", []):
            name = str(alarm["AlarmName"])
            tracks = name.startswith(_TRACKS) and any(
                f"{sign}{one}{end}" in name
                for one in scaled
                for sign, end in (("table/", "-"), ("table/", "/"), ("function:", ":"))
            )
            looked_at += metrics_of(alarm) if name in ours or tracks else 0
    return looked_at, composites


def _metric_hours(cloudwatch: Any, environment: str, window: Window) -> float:
    """Hours in which each of the platform's own metrics was sent, added up."""
    asks = []
    for namespace in NAMESPACES:
        for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace):
            for metric in page["Metrics"]:
                given = {item["Name"]: item["Value"] for item in metric.get("Dimensions", [])}
                if given.get("environment") == environment:
                    asks.append(Ask(namespace, metric["MetricName"], given, "SampleCount", _HOUR_S))
    if not asks:
        return 0.0
    since = window.start.timestamp() // _HOUR_S * _HOUR_S
    sent = values(cloudwatch, asks, window.start, window.end)
    hours = sum(at >= since and value > 0 for series in sent for at, value in series)
    return min(float(hours), len(asks) * window.hours)


def _tables(dynamodb: Any, found: Inventory, share: float, hours: float) -> Iterator[Standing]:
    for name, parts in tables.read(dynamodb, found):
        stored = sum(part.stored_bytes for part in parts)
        yield Standing(name, "dynamodb_gb_month", stored / GIGABYTE * share)
        if _recovers(
            dynamodb, name
        ):  # by the table without its global indexes (AWS, "Point-in-time backups")
            recovered = parts[0].stored_bytes / GIGABYTE * share
            yield Standing(f"{name}, recovery", "dynamodb_pitr_gb_month", recovered)
        for part in parts:
            for what, units in part.units():
                yield Standing(f"{name}, units", what, units * hours)


def _recovers(dynamodb: Any, table: str) -> bool:
    """Whether a table can be brought back to any second of the last 35 days."""
    told = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = told.get("PointInTimeRecoveryDescription") or {}
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")


def _warm(functions: Any, found: Inventory, window: Window) -> Iterator[Standing]:
    """Executions that are kept warm, used or not. A function that is scaled stands in its target's id."""
    seconds = window.hours * _HOUR_S
    for target in found.of("AWS::ApplicationAutoScaling::ScalableTarget"):
        resource, _, dimension = target.partition("|")
        if _WARM not in dimension or not resource.startswith("function:"):
            continue
        name, _, alias = resource.removeprefix("function:").partition(":")
        try:
            kept = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=alias or LIVE)
        except Exception as error:
            if code_of(error) != "ProvisionedConcurrencyConfigNotFoundException":
                raise
            continue
        told = functions.get_function_configuration(FunctionName=name)
        number = int(kept.get("AllocatedProvisionedConcurrentExecutions", 0))
        processor = (told.get("Architectures") or ["x86_64"])[0]
        amount = number * int(told["MemorySize"]) / MEGABYTES * seconds
        yield Standing(f"{name}, kept warm", f"lambda_{processor}_provisioned_gb_second", amount)


def _caches(gateway: Any, found: Inventory, environment: str, window: Window) -> Iterator[Standing]:
    for api in found.of("AWS::ApiGateway::RestApi"):
        try:
            stage = gateway.get_stage(restApiId=api, stageName=environment)
        except Exception as error:
            if code_of(error) != "NotFoundException":
                raise
            continue
        if stage.get("cacheClusterEnabled"):
            size = str(stage["cacheClusterSize"]).replace(".", "_")
            yield Standing(f"cache of {api}", f"api_cache_{size}_gb_hour", window.hours)
