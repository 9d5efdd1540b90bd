"""What Application Auto Scaling can change here: provisioned concurrency, units of tables and indexes.

Each resource says whether it is there, what it has, what it uses, and takes another capacity. A change goes
through the service's own call, so that the service's limits hold.
Source: Application Auto Scaling API Reference, RegisterScalableTarget (`ResourceId`, `ScalableDimension`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from local import scaling
from local.hooks import own_services
from local.hooks.base import private

Json = dict[str, Any]
PROVISIONED = "lambda:function:ProvisionedConcurrency"
_FUNCTION = re.compile(r"function:([A-Za-z0-9_-]+):([A-Za-z0-9_$-]+)")
_TABLE = re.compile(r"table/([A-Za-z0-9_.-]+)(?:/index/([A-Za-z0-9_.-]+))?")
_UNITS = re.compile(r"dynamodb:(table|index):(Read|Write)CapacityUnits")
UNSUPPORTED = "Unsupported service namespace, resource type or scalable dimension"


class Refused(own_services.Refused):
    """What Application Auto Scaling answers instead of doing it."""

    def __init__(self, message: str, code: str = "ValidationException") -> None:
        super().__init__(code, message)


@dataclass(frozen=True)
class Metric:
    """What a capacity is judged by: a metric, how it becomes a number, and what of the capacity it is."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    per_unit: float | None
    """The metric's value when one unit of capacity is fully used; None for a share of all units."""


@dataclass(frozen=True)
class Concurrency:
    """Provisioned concurrency of an alias or version."""

    function: str
    qualifier: str
    least = 0
    tracking = scaling.LAMBDA
    predefined = "LambdaProvisionedConcurrencyUtilization"
    targets = (0.1, 0.9)
    """A policy's TargetValue lies between, both included."""
    share = 1.0
    """The TargetValue of a capacity that is wholly used."""
    words = "provisioned concurrency"
    service = "lambda"

    def exists(self) -> None:
        """Raises Refused for a function, version or alias that is not there."""
        from ministack.services import lambda_svc

        record = private(lambda_svc, "_functions").get(self.function)
        known = {**record["aliases"], **record["versions"]} if record else {}
        if self.qualifier not in known or self.qualifier == "$LATEST":
            raise Refused(f"Lambda function or alias not found: {self.function}:{self.qualifier}")

    def capacity(self) -> int | None:
        """What is provisioned; None where nothing is, so that nothing can be scaled."""
        from ministack.services import lambda_svc

        record = private(lambda_svc, "_functions").get(self.function) or {}
        found = record.get("provisioned_concurrency", {}).get(self.qualifier)
        return int(found["RequestedProvisionedConcurrentExecutions"]) if found else None

    def change(self, capacity: int) -> None:
        """Provision so much. Raises Refused with Lambda's message."""
        from ministack.services import lambda_svc

        put = private(lambda_svc, "_put_provisioned_concurrency")
        _checked(put(self.function, self.qualifier, {"ProvisionedConcurrentExecutions": capacity}))

    def metric(self) -> Metric:
        """Lambda says a share from 0 to 1."""
        where = (("FunctionName", self.function), ("Resource", f"{self.function}:{self.qualifier}"))
        return Metric("AWS/Lambda", "ProvisionedConcurrencyUtilization", where, "Average", None)


@dataclass(frozen=True)
class Units:
    """Read or write units of a table or an index."""

    table: str
    index: str | None
    kind: str
    """Read or Write."""
    least = 1
    tracking = scaling.DYNAMODB
    targets = (20.0, 90.0)
    share = 100.0
    service = "dynamodb"

    @property
    def predefined(self) -> str:
        """The predefined metric that a policy may name."""
        return f"DynamoDB{self.kind}CapacityUtilization"

    @property
    def words(self) -> str:
        """What an activity calls it."""
        return {"Read": "read capacity units", "Write": "write capacity units"}[self.kind]

    def _record(self) -> Json | None:
        from ministack.services import dynamodb

        table = private(dynamodb, "_tables").get(self.table)
        if table is None or self.index is None:
            return table
        indexes = table.get("GlobalSecondaryIndexes") or []
        return next((item for item in indexes if item["IndexName"] == self.index), None)

    def _by_request(self) -> bool:
        from ministack.services import dynamodb

        table = private(dynamodb, "_tables").get(self.table) or {}
        return bool((table.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST")

    def exists(self) -> None:
        """Raises Refused for what is not there, or is paid by request."""
        if self._record() is None:
            what = f"table/{self.table}" + (f"/index/{self.index}" if self.index else "")
            raise Refused(f"DynamoDB table or index does not exist: {what}")
        if self._by_request():
            raise Refused(
                "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
                "WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )

    def capacity(self) -> int | None:
        """Units a second; None for a table that is not there, or is paid by request."""
        record = self._record() or {}
        if self._by_request():  # one that CloudFormation made has units all the same
            return None
        return int((record.get("ProvisionedThroughput") or {}).get(f"{self.kind}CapacityUnits", 0)) or None

    def change(self, capacity: int) -> None:
        """Have so many units. Raises Refused with DynamoDB's message."""
        from ministack.services import dynamodb

        now = (self._record() or {}).get("ProvisionedThroughput") or {}
        units = {name: int(now.get(name, 1)) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
        given = {"ProvisionedThroughput": {**units, f"{self.kind}CapacityUnits": capacity}}
        asked: Json = {"TableName": self.table, **given}
        if self.index:
            update = {"Update": {"IndexName": self.index, **given}}
            asked = {"TableName": self.table, "GlobalSecondaryIndexUpdates": [update]}
        _checked(private(dynamodb, "_update_table")(asked))

    def metric(self) -> Metric:
        """DynamoDB says units of a minute."""
        index = (("GlobalSecondaryIndexName", self.index),) if self.index else ()
        where = (*index, ("TableName", self.table))
        return Metric("AWS/DynamoDB", f"Consumed{self.kind}CapacityUnits", where, "Sum", 60.0)


Resource = Concurrency | Units


def resource(namespace: str, resource_id: str, dimension: str) -> Resource:
    """What a target names. Raises Refused where the three do not fit, or are not known here.

    >>> resource("dynamodb", "table/orders/index/due", "dynamodb:index:ReadCapacityUnits")
    Units(table='orders', index='due', kind='Read')
    >>> resource("lambda", "function:f:live", "lambda:function:ProvisionedConcurrency")
    Concurrency(function='f', qualifier='live')
    """
    function, table, units = (
        _FUNCTION.fullmatch(resource_id),
        _TABLE.fullmatch(resource_id),
        _UNITS.fullmatch(dimension),
    )
    if namespace == "lambda" and dimension == PROVISIONED and function:
        return Concurrency(function[1], function[2])
    if namespace == "dynamodb" and table and units and (units[1] == "index") == bool(table[2]):
        return Units(table[1], table[2], units[2])
    raise Refused(UNSUPPORTED)


def _checked(answer: Any) -> None:
    """Raises Refused where a service answered with an error."""
    status, _, body = answer
    if status >= 400:
        raise Refused(str(json.loads(body or b"{}").get("message") or body))
