"""CloudWatch: what DynamoDB measures of itself, as AWS/DynamoDB.

- ConsumedReadCapacityUnits and ConsumedWriteCapacityUnits, by table, and by table and index. A read costs a
  unit for each 4 KB, half of one where it need not be consistent. A write costs a unit for each KB, and for
  each index. A transaction costs twice. A query or scan costs what it reads, also what a filter leaves out.
- SuccessfulRequestLatency by table and operation, in milliseconds; so SystemErrors and ThrottledRequests.
- UserErrors by account; ConditionalCheckFailedRequests by table, which are no user errors.
- ReadThrottleEvents and WriteThrottleEvents by table. Tables of the embedded cloud take every load, so
  these stay empty.

Sources: Amazon DynamoDB Developer Guide, "DynamoDB metrics and dimensions" and "DynamoDB read and write
operations" (capacity unit consumption).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace

TABLES = "AWS/DynamoDB"
READ_BYTES = 4096
"""So much one read unit reads."""
READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
THROTTLES = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
CONDITION = "ConditionalCheckFailedException"
Json = dict[str, Any]
_evaluated: ContextVar[int | None] = ContextVar("evaluated", default=None)
"""Bytes that the query or scan at hand has read."""


def read_units(size: float, consistent: bool) -> float:
    """The units that reading so many bytes costs; nothing found costs as much as 4 KB.

    >>> read_units(100, True), read_units(100, False), read_units(4097, True), read_units(0, False)
    (1.0, 0.5, 2.0, 0.5)
    """
    return max(1, math.ceil(size / READ_BYTES)) * (1.0 if consistent else 0.5)


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
    return sorted({str(name).rsplit("/", 1)[-1] for name in named if name})


def error_of(status: int, body: Any) -> str:
    """The code of an answer that is an error, without its namespace; empty for others."""
    if status < 400:
        return ""
    try:
        return str(json.loads(body).get("__type", "")).rsplit("#", 1)[-1]
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
            kind = "Read" if action in READS else "Write"
            metrics.record(TABLES, "ThrottledRequests", own, 1, "Count")
            metrics.record(TABLES, f"{kind}ThrottleEvents", {"TableName": table}, 1, "Count")
        elif code == CONDITION:
            metrics.record(TABLES, "ConditionalCheckFailedRequests", {"TableName": table}, 1, "Count")
    if 400 <= status < 500 and not throttled and code != CONDITION:
        metrics.record(TABLES, "UserErrors", {}, 1, "Count")


def _consumed(kind: str, entries: Iterable[Json]) -> None:
    """Record entries of ConsumedCapacity, with their indexes; `kind`: Read or Write."""
    name = f"Consumed{kind}CapacityUnits"
    for entry in entries:
        own = {"TableName": str(entry["TableName"]).rsplit("/", 1)[-1]}
        indexes = entry.get("GlobalSecondaryIndexes") or {}
        there = {index: float(of["CapacityUnits"]) for index, of in indexes.items()}
        alone = float(entry["CapacityUnits"]) - sum(there.values())  # local indexes are the table's
        if alone > 0:
            metrics.record(TABLES, name, own, alone, "Count")
        for index, units in there.items():
            metrics.record(TABLES, name, {**own, "GlobalSecondaryIndexName": index}, units, "Count")


def _asked(data: Json) -> bool:
    return data.get("ReturnConsumedCapacity", "NONE") != "NONE"


def _one_item(dynamodb: Any) -> None:
    """Operations on one item, and queries and scans."""
    add = private(dynamodb, "_add_consumed_capacity")
    page, size_of = private(dynamodb, "_paginate_evaluated_items"), private(dynamodb, "_item_size_bytes")
    item_by_key, tables = private(dynamodb, "_get_item_by_key"), private(dynamodb, "_tables")

    def paged(items: Any, limit: Any, table: Any, index_name: Any = None) -> Any:
        answer = page(items, limit, table, index_name)
        _evaluated.set(sum(size_of(item) for item in answer[0]))
        return answer

    def added(result: Json, data: Json, table_name: str, write: bool = False, **more: Any) -> None:
        add(result, data, table_name, write=write, **more)
        there: Json = {}
        add(there, {**data, "ReturnConsumedCapacity": "INDEXES"}, table_name, write=write, **more)
        entry = there["ConsumedCapacity"]
        if not write:
            size = _evaluated.get()
            if size is None:  # GetItem: the item as it lies there, whatever is returned of it
                item = item_by_key(tables[table_name], data["Key"])
                size = size_of(item) if item else 0
            _evaluated.set(None)
            units = read_units(size, bool(data.get("ConsistentRead", False)))
            for index in (entry.get("GlobalSecondaryIndexes") or {}).values():
                index["CapacityUnits"] = units
            entry["CapacityUnits"] = units
        _consumed("Write" if write else "Read", [entry])

    replace(dynamodb, "_paginate_evaluated_items", paged)
    replace(dynamodb, "_add_consumed_capacity", added)


def _many_items(dynamodb: Any) -> None:
    """Batches and transactions: they are asked what they consumed, also where the caller does not ask."""

    def asking(original: Callable[[Json], Any], kind: str) -> Callable[[Json], Any]:
        def called(data: Json) -> Any:
            asked = _asked(data)
            status, headers, body = original(
                data if asked else {**data, "ReturnConsumedCapacity": "INDEXES"}
            )
            if status >= 400:
                return status, headers, body
            answer = json.loads(body)
            _consumed(kind, answer.get("ConsumedCapacity") or ())
            if not asked:
                answer.pop("ConsumedCapacity", None)
                body = json.dumps(answer).encode() if isinstance(body, bytes) else json.dumps(answer)
            return status, headers, body

        return called

    def got(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
        size_of = private(dynamodb, "_item_size_bytes")

        def called(data: Json) -> Any:
            status, headers, body = original(data)
            if status < 400:
                _consumed("Read", _batch(data, json.loads(body), size_of))
            return status, headers, body

        return called

    for name, kind in (
        ("_batch_write_item", "Write"),
        ("_transact_write_items", "Write"),
        ("_transact_get_items", "Read"),
    ):
        replace(dynamodb, name, asking(private(dynamodb, name), kind))
    replace(dynamodb, "_batch_get_item", got(private(dynamodb, "_batch_get_item")))


def _batch(data: Json, answer: Json, size_of: Callable[[Json], int]) -> list[Json]:
    """What BatchGetItem consumed of each table: each item is rounded up by itself, a missing one too."""
    left = answer.get("UnprocessedKeys") or {}
    found = []
    for table, wanted in (data.get("RequestItems") or {}).items():
        consistent = bool(wanted.get("ConsistentRead", False))
        items = (answer.get("Responses") or {}).get(table, [])
        asked = len(wanted.get("Keys", ())) - len((left.get(table) or {}).get("Keys", ()))
        units = sum(read_units(size_of(item), consistent) for item in items)
        units += read_units(0, consistent) * max(0, asked - len(items))
        found.append({"TableName": table, "CapacityUnits": units})
    return found


def install() -> None:
    """Apply the hooks, before limits and stores, which stand around them. Raises HookBroken."""
    from ministack.services import dynamodb

    _one_item(dynamodb)
    _many_items(dynamodb)
    handle = private(dynamodb, "handle_request")

    async def handled(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        begun = time.perf_counter()
        _evaluated.set(None)  # a query may have failed after it read
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
