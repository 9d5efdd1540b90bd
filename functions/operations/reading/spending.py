"""What a stretch of time cost by list prices, from the metrics that AWS's services send by themselves.

It is an estimate. Not in it: requests to S3 and what lies there, messages of SNS and EventBridge, starts of
sandboxes. `ona cost` reads more, and takes longer. What stands is the same in both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ona.documents.base import Document
from operations.config.prices import GIGABYTE, MEGABYTES, STANDING, Prices, kind_of
from operations.reading import inventory, tables
from operations.reading.finding import Client
from operations.reading.inventory import Inventory
from operations.reading.metric_data import Ask, values
from operations.reading.standing import standing, stood
from operations.reading.window import Window

HOUR_S = 3600
TRANSITIONS = 8
"""State transitions of an execution: what 71 of 78 of the loop had (measured on 2026-11-28)."""
QUEUE_CALLS = (
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
    "NumberOfEmptyReceives",
)
"""Metrics of AWS/SQS that together are its requests; a batch counts once a message: an upper bound."""


class Spent(Document):
    """USD by list prices. `prices`: the day of the list."""

    usd: float
    by_family: dict[str, float]
    by_kind: dict[str, float]
    region: str
    prices: date


@dataclass(frozen=True)
class _Metered:
    """A metric whose sum, times `each`, is an amount of the price `what`."""

    family: str
    what: str
    each: float
    namespace: str
    metric: str
    dimensions: dict[str, str]
    statistic: str = "Sum"


def spent(
    client: Client, root: str, environment: str, window: Window, now: datetime, prices: Prices, region: str
) -> Spent:
    """What the platform below `root` cost in a window, until `now`.

    Raises NotDeployed, InvalidConfiguration where a price is missing, and botocore's errors.
    """
    found = inventory.read(client, root)
    metered = [*_functions(client, found), *_workflows(found), *_apis(client, found, environment)]
    metered += [*_tables(client, found), *_queues(found), *_logs(found)]
    asks = [Ask(one.namespace, one.metric, one.dimensions, one.statistic, HOUR_S) for one in metered]
    since, until = window.start.timestamp(), window.end.timestamp()
    families: dict[str, float] = defaultdict(float)
    kinds: dict[str, float] = defaultdict(float)

    def add(family: str, what: str, amount: float) -> None:
        usd = amount * prices.of(region, what).usd
        families[family] += usd
        kinds[kind_of(what)] += usd

    for metric, series in zip(
        metered, values(client("cloudwatch"), asks, window.start, window.end), strict=True
    ):
        used = sum(value for at, value in series if since <= at < until)
        add(metric.family, metric.what, metric.each * used)
    for one in standing(client, found, environment, stood(window, found.made, now)):
        add(STANDING, one.what, one.amount)
    return Spent(
        usd=round(sum(families.values()), 6),
        by_family=_rounded(families),
        by_kind=_rounded(kinds),
        region=region,
        prices=prices.day,
    )


_FAMILIES = {"forecast_training": "forecasting", "deployment": "operations"}
"""Families of stacks whose names do not say them."""


def family_of(stack: str, root: str) -> str:
    """The family of a nested stack: its logical name in AWS, its own in the embedded cloud.

    >>> family_of("ona-platform-dev-OperationsRoutines-1QX", "ona-platform-dev")
    'operations'
    >>> family_of("ona-platform-dev-forecast-training", "ona-platform-dev"), family_of("a", "a")
    ('forecasting', 'foundation')
    """
    rest = stack.removeprefix(root).strip("-")
    name = rest.replace("-", "_") if rest[:1].islower() else rest.split("-")[0]
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return "operations" if snake.startswith("operations_") else _FAMILIES.get(snake, snake) or "foundation"


def _functions(client: Client, found: Inventory) -> Iterator[_Metered]:
    functions = client("lambda")
    for name in found.of("AWS::Lambda::Function"):
        told: dict[str, Any] = functions.get_function_configuration(FunctionName=name)
        processor = (told.get("Architectures") or ["x86_64"])[0]
        seconds = int(told["MemorySize"]) / MEGABYTES / 1000
        family, dimensions = family_of(found.stack_of[name], found.root), {"FunctionName": name}
        yield _Metered(family, "lambda_request", 1, "AWS/Lambda", "Invocations", dimensions)
        price = f"lambda_{processor}_gb_second"
        yield _Metered(family, price, seconds, "AWS/Lambda", "Duration", dimensions)


def _workflows(found: Inventory) -> Iterator[_Metered]:
    for arn in found.of("AWS::StepFunctions::StateMachine"):
        family, dimensions = family_of(found.stack_of[arn], found.root), {"StateMachineArn": arn}
        yield _Metered(
            family, "states_transition", TRANSITIONS, "AWS/States", "ExecutionsStarted", dimensions
        )


def _apis(client: Client, found: Inventory, environment: str) -> Iterator[_Metered]:
    gateway = client("apigateway")
    for api in found.of("AWS::ApiGateway::RestApi"):
        name = gateway.get_rest_api(restApiId=api)["name"]
        family = family_of(found.stack_of[api], found.root)
        dimensions = {"ApiName": name, "Stage": environment}
        yield _Metered(family, "api_request", 1, "AWS/ApiGateway", "Count", dimensions, "SampleCount")


def _tables(client: Client, found: Inventory) -> Iterator[_Metered]:
    for name, parts in tables.read(client("dynamodb"), found):
        family = family_of(found.stack_of[name], found.root)
        for part in parts:
            for price, metric in part.requests():
                yield _Metered(family, price, 1, "AWS/DynamoDB", metric, part.dimensions)


def _queues(found: Inventory) -> Iterator[_Metered]:
    for url in found.of("AWS::SQS::Queue"):
        family, name = family_of(found.stack_of[url], found.root), url.rsplit("/", 1)[-1]
        for metric in QUEUE_CALLS:
            yield _Metered(family, "sqs_request", 1, "AWS/SQS", metric, {"QueueName": name})


def _logs(found: Inventory) -> Iterator[_Metered]:
    for name in found.of("AWS::Logs::LogGroup"):
        family = family_of(found.stack_of[name], found.root)
        yield _Metered(
            family, "logs_gb_in", 1 / GIGABYTE, "AWS/Logs", "IncomingBytes", {"LogGroupName": name}
        )


def _rounded(sums: dict[str, float]) -> dict[str, float]:
    return {name: round(usd, 6) for name, usd in sorted(sums.items(), key=lambda item: -item[1])}
