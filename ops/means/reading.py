"""A day's usage of a deployed platform. In the embedded cloud it is read from logs, histories and counted
calls; in AWS from CloudWatch's metrics and from histories.

Durations in AWS are the metric `Duration`, which leaves the start of a sandbox out: cold starts cost a
little more than is told. The metrics are those that the services send by themselves (Lambda, DynamoDB, SQS,
API Gateway, S3, Logs); S3 sends no numbers of requests unless somebody pays for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from forecasting.layout import FORECAST
from local.cloud import ROOT
from ona.store import layout
from operations.config.prices import GIGABYTE, MEGABYTES, STANDING
from operations.reading import inventory, tables
from operations.reading.inventory import Inventory
from operations.reading.spending import QUEUE_CALLS
from operations.reading.standing import of_month, standing, stood
from operations.reading.window import Window
from ops import registry, roles
from ops.means import usage
from ops.means.usage import Counts, Usage, Use
from ops.target import OpsError, Target

SAMPLE = 50
"""So many executions of a workflow are read whole; their mean stands for the others (ours)."""


class NotThere(OpsError):
    """The platform was made after the day that is asked for."""


@dataclass(frozen=True)
class Function:
    """A deployed function: its folder's name and family, its name in the cloud, size and processor."""

    family: str
    name: str
    deployed: str
    memory_mb: int
    architecture: str
    log_group: str


def read(target: Target, day: date, now: datetime) -> Usage:
    """The usage of one day (UTC) until `now`, and what could not be measured.

    Raises NotThere for a day on which the platform was not there yet.
    """
    window, environment = Window.of(day, ZoneInfo("UTC")), target.outputs["Environment"]
    deployed = inventory.read(target.client, target.stack)
    if deployed.made is not None and window.end <= deployed.made:
        raise NotThere(
            f"{day}: the platform was made on {deployed.made.astimezone(UTC):%Y-%m-%d %H:%M} UTC; "
            "a day before it has no cost"
        )
    there = stood(window, deployed.made, now)
    found, metrics = functions(target), _Metrics(target.client("cloudwatch"), window)
    uses, share, unmeasured = [], {}, []
    for name, (moved, of_all) in _transitions(target, window).items():
        share[f"workflow {name}"] = of_all
        uses.append(Use(_family_of_workflow(name), f"workflow {name}", "states_transition", moved))
    if target.embedded:
        for function in found:
            billed, share[function.name] = _billed(target, function, window)
            uses += billed
        found_tables = tables.read(target.client("dynamodb"), deployed)
        provisioned = [name for name, parts in found_tables if not list(parts[0].requests())]
        uses += usage.call_uses(_ledger(target), target.stack, share, provisioned)
        unmeasured.append("log bytes: the embedded cloud does not count them")
    else:
        for function in found:
            uses += _measured(metrics, function)
        uses += _measured_services(target, deployed, metrics)
        unmeasured.append(
            "requests to S3, calls of SNS and EventBridge: AWS sends no metric of them by itself"
        )
    uses += _apis(target, deployed, metrics)
    uses.append(_arrivals(target, window))
    uses += _objects_stored(target, there)
    uses += [
        Use(STANDING, one.by, one.what, one.amount)
        for one in standing(target.client, deployed, environment, there)
    ]
    return Usage([use for use in uses if use.amount], _counts(target, window), unmeasured)


def functions(target: Target) -> list[Function]:
    """The platform's functions by their folders under functions/; one that is not deployed is left out."""
    client = target.client("lambda")
    deployed = {
        str(item["FunctionName"]): item
        for page in client.get_paginator("list_functions").paginate()
        for item in page["Functions"]
    }
    found = []
    for path in sorted((ROOT / "functions").glob("*/*/handler.py")):
        name = target.function(path.parent.name)
        if item := deployed.get(name):
            group = (item.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
            architecture = (item.get("Architectures") or ["x86_64"])[0]
            family = path.parent.parent.name
            found.append(
                Function(family, path.parent.name, name, int(item["MemorySize"]), architecture, group)
            )
    return found


def _billed(target: Target, function: Function, window: Window) -> tuple[list[Use], float]:
    """What the function's REPORT lines say of the day, and which part of all its invocations that is."""
    pages = target.client("logs").get_paginator("filter_log_events")
    today, everything = [], 0
    for page in pages.paginate(logGroupName=function.log_group):
        for event in page["events"]:
            if report := usage.report_of(event["message"]):
                everything += 1
                if window.holds(datetime.fromtimestamp(event["timestamp"] / 1000, UTC)):
                    today.append(report)
    uses = usage.lambda_uses(function.family, function.name, function.architecture, today)
    return uses, len(today) / everything if everything else 0.0


def _transitions(target: Target, window: Window) -> dict[str, tuple[float, float]]:
    """State transitions of the day by workflow, and which part of all its executions ran on it."""
    states = target.client("stepfunctions")
    told = {}
    for name, machine in target.machines.items():
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        items = [item for page in pages for item in page["executions"]]
        today = [item["executionArn"] for item in items if window.holds(item["startDate"])]
        read_whole = today[:: max(len(today) // SAMPLE, 1)]
        moved = sum(usage.transitions(_events(states, arn)) for arn in read_whole)
        told[name] = (
            moved / len(read_whole) * len(today) if read_whole else 0.0,
            len(today) / len(items) if items else 0.0,
        )
    return told


def _events(states: Any, execution: str) -> Iterator[dict[str, Any]]:
    """The history of an execution, and those of the executions that its distributed maps started."""
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    started_maps = False
    for page in pages:
        for event in page["events"]:
            started_maps = started_maps or event["type"] == "MapRunStarted"
            yield event
    if started_maps:
        for run in states.list_map_runs(executionArn=execution)["mapRuns"]:
            for page in states.get_paginator("list_executions").paginate(mapRunArn=run["mapRunArn"]):
                for item in page["executions"]:
                    yield from _events(states, item["executionArn"])


def _family_of_workflow(name: str) -> str:
    found = sorted((ROOT / "statemachines").glob(f"*/{name}.asl.yaml"))
    return found[0].parent.name if found else "unknown"


def _ledger(target: Target) -> list[tuple[str, str, str, int]]:
    """The calls that the embedded cloud counted by role since its home was made, without the rights that it
    judged beside a call."""
    path = Path(target.embedded.home) / roles.FILE if target.embedded else None
    if path is None or not path.exists():
        return []
    stored = json.loads(path.read_text())
    beside = {(who, what, where): int(times) for who, what, where, times in stored.get("beside", [])}
    return [
        (who, what, where, int(times) - beside.get((who, what, where), 0))
        for who, what, where, times in stored["allowed"]
    ]


class _Metrics:
    """CloudWatch's sums of one day."""

    def __init__(self, cloudwatch: Any, window: Window) -> None:
        self._cloudwatch, self._window = cloudwatch, window

    def value(self, namespace: str, name: str, statistic: str = "Sum", **dimensions: str) -> float:
        """The day's value; 0 where nothing was sent."""
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=self._window.start,
            EndTime=self._window.end,
            Period=86400,
            Statistics=[statistic],
        )
        return sum(point[statistic] for point in answer["Datapoints"])


def _measured(metrics: _Metrics, function: Function) -> list[Use]:
    requests = metrics.value("AWS/Lambda", "Invocations", FunctionName=function.deployed)
    ran_ms = metrics.value("AWS/Lambda", "Duration", FunctionName=function.deployed)
    gb_seconds = ran_ms / 1000 * function.memory_mb / MEGABYTES
    logged = metrics.value("AWS/Logs", "IncomingBytes", LogGroupName=function.log_group)
    by = (function.family, function.name)
    return [
        Use(*by, "lambda_request", requests),
        Use(*by, f"lambda_{function.architecture}_gb_second", gb_seconds),
        Use(*by, "logs_gb_in", logged / GIGABYTE),
    ]


def _apis(target: Target, deployed: Inventory, metrics: _Metrics) -> list[Use]:
    """Requests to each API: the metric Count, which the embedded cloud has too."""
    gateway, stage = target.client("apigateway"), target.outputs["Environment"]
    uses = []
    for api in deployed.of("AWS::ApiGateway::RestApi"):
        name = gateway.get_rest_api(restApiId=api)["name"]
        asked = metrics.value("AWS/ApiGateway", "Count", "SampleCount", ApiName=name, Stage=stage)
        uses.append(Use("apis", name, "api_request", asked))
    return uses


def _measured_services(target: Target, deployed: Inventory, metrics: _Metrics) -> list[Use]:
    uses = []
    for table, parts in tables.read(target.client("dynamodb"), deployed):
        for part in parts:
            for what, metric in part.requests():
                units = metrics.value("AWS/DynamoDB", metric, **part.dimensions)
                uses.append(Use("tables", table, what, units))
    for queue in deployed.of("AWS::SQS::Queue"):
        name = queue.rsplit("/", 1)[-1]
        calls = sum(metrics.value("AWS/SQS", kind, QueueName=name) for kind in QUEUE_CALLS)
        uses.append(Use("queues", name, "sqs_request", calls))
    return uses


def _arrivals(target: Target, window: Window) -> Use:
    """The events that the input bucket sends of what was put into it: AWS bills what a bucket sends to
    EventBridge like one's own events (Amazon EventBridge pricing, "opt-in data events"). What was replaced
    or deleted since is not seen."""
    came = sum(window.holds(changed) for _, _, changed in _objects(target, target.input_bucket, ""))
    return Use("ooda", "input bucket", "events_event", came)


def _objects_stored(target: Target, window: Window) -> Iterator[Use]:
    """What lies in the buckets, as it is now, older versions too: they are paid for like the newest."""
    for bucket in (target.input_bucket, target.output_bucket):
        pages = target.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        stored = sum(int(item["Size"]) for page in pages for item in page.get("Versions", []))
        yield Use(STANDING, bucket, "s3_gb_month", stored / GIGABYTE * of_month(window))


def _objects(target: Target, bucket: str, prefix: str) -> Iterator[tuple[str, int, datetime]]:
    """Key, size in bytes and last change of each object."""
    pages = target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for item in page.get("Contents", []):
            yield item["Key"], int(item["Size"]), item["LastModified"]


def _counts(target: Target, window: Window) -> Counts:
    """What came and what was made on the day: files by the time of their put, the others by their keys; and
    the assets that are registered now."""
    files = sum(
        window.holds(changed) and layout.OBSERVATION.parse(key) is not None
        for key, _, changed in _objects(target, target.input_bucket, layout.OBSERVATION.prefix())
    )

    def made(shape: layout.KeyShape) -> int:
        prefix = shape.prefix(day=window.start.date())
        return sum(1 for key, _, _ in _objects(target, target.output_bucket, prefix) if shape.parse(key))

    registered = registry.read(target)
    assets = len(registered.assets) if registered else 0
    return Counts(files, assets, made(layout.WORK_ORDER), made(FORECAST))
