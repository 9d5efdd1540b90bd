"""CloudWatch: what DynamoDB measures of itself, as AWS/DynamoDB.

- ConsumedReadCapacityUnits, ConsumedWriteCapacityUnits: by table, and by table and index (`table_units`).
- SuccessfulRequestLatency by table and operation, in milliseconds; so SystemErrors and ThrottledRequests. A
  batch is a throttled request where nothing of it was done, a transaction where one of its tables refused.
- UserErrors by account; ConditionalCheckFailedRequests by table, which are no user errors.
- ReadThrottleEvents and WriteThrottleEvents by table and index (`table_throttles`).

Source: Amazon DynamoDB Developer Guide, "DynamoDB metrics and dimensions".
"""

from __future__ import annotations

import json
import time
from typing import Any

from local.hooks import metrics, table_units
from local.hooks.base import private, replace
from local.hooks.table_units import TABLES, Json, table_of

READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
THROTTLES = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
THROTTLED = "ProvisionedThroughputExceeded"
"""Why a transaction was cancelled."""
CONDITION = "ConditionalCheckFailedException"


def tables_of(data: Json) -> list[str]:
    """The tables that a request names, each once.

    >>> tables_of({"TableName": "arn:aws:dynamodb:af-south-1:0:table/crews"})
    ['crews']
    >>> tables_of({"TransactItems": [{"Put": {"TableName": "b"}}, {"Get": {"TableName": "a"}}]})
    ['a', 'b']
    """
    named = [data.get("TableName"), *(data.get("RequestItems") or {})]
    for item in data.get("TransactItems") or ():
        named += [part.get("TableName") for part in item.values() if isinstance(part, dict)]
    return sorted({table_of(name) for name in named if name})


def error_of(status: int, body: Any) -> str:
    """The code of an answer that is an error, without its namespace; empty for others. A transaction that
    was cancelled for lack of units has the code of that.
    """
    if status < 400:
        return ""
    try:
        answer = json.loads(body)
        if any(reason.get("Code") == THROTTLED for reason in answer.get("CancellationReasons") or ()):
            return THROTTLES[0]
        return str(answer.get("__type", "")).rsplit("#", 1)[-1]
    except (ValueError, AttributeError):
        return ""


def measured(action: str, data: Json, status: int, body: Any, milliseconds: float) -> None:
    """Record what an answer says of the service."""
    code = error_of(status, body)
    throttled = code in THROTTLES
    for table in tables_of(data):
        own = {"TableName": table, "Operation": action}
        if status < 400:
            metrics.record(TABLES, "SuccessfulRequestLatency", own, milliseconds, "Milliseconds")
        elif status >= 500:
            metrics.record(TABLES, "SystemErrors", own, 1, "Count")
        elif throttled:
            metrics.record(TABLES, "ThrottledRequests", own, 1, "Count")
        elif code == CONDITION:
            metrics.record(TABLES, "ConditionalCheckFailedRequests", {"TableName": table}, 1, "Count")
    if 400 <= status < 500 and not throttled and code != CONDITION:
        metrics.record(TABLES, "UserErrors", {}, 1, "Count")


def install() -> None:
    """Apply the hooks, before limits and stores, which stand around them. Raises HookBroken."""
    from ministack.services import dynamodb

    table_units.install()
    handle = private(dynamodb, "handle_request")

    async def handled(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        begun = time.perf_counter()
        table_units.begins()
        answer = await handle(method, path, headers, body, query)
        if action in READS or action in WRITES:
            try:
                data = json.loads(body) if body else {}
            except ValueError:
                data = {}
            took = 1000 * (time.perf_counter() - begun)
            measured(action, data if isinstance(data, dict) else {}, int(answer[0]), answer[2], took)
        return answer

    replace(dynamodb, "handle_request", handled)
