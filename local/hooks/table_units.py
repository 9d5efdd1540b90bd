"""DynamoDB: the units that a call consumes, as the service counts them, and as it says them.

A read costs a unit for each 4 KB, half of one where it need not be consistent; what is not found costs as
4 KB. A write costs a unit for each KB, and for each index; a condition that does not hold costs what the
item costs that is there. A transaction costs twice. A query or scan costs what it reads, also what a filter
leaves out; of an index it reads what the index has. Each item of a batch is rounded up by itself.

What a call consumed goes to `consumed`: into the metrics, or to `planning`, which asks before it counts.
Not counted: PartiQL, which the platform does not speak.
Sources: Amazon DynamoDB Developer Guide, "DynamoDB read and write operations" (capacity unit consumption)
and "Condition expressions"; API Reference, ConsumedCapacity.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace

TABLES = "AWS/DynamoDB"
READ_BYTES = 4096
"""So much one read unit reads."""
Json = dict[str, Any]
Entries = list[tuple[str, Json]]
"""Read or Write, and an entry of ConsumedCapacity with its indexes."""
_evaluated: ContextVar[int | None] = ContextVar("evaluated", default=None)
"""Bytes that the query or scan at hand has read."""
_planned: ContextVar[Entries | None] = ContextVar("planned", default=None)


def read_units(size: float, consistent: bool) -> float:
    """The units that reading so many bytes costs; nothing found costs as much as 4 KB.

    >>> read_units(100, True), read_units(100, False), read_units(4097, True), read_units(0, False)
    (1.0, 0.5, 2.0, 0.5)
    """
    return max(1, math.ceil(size / READ_BYTES)) * (1.0 if consistent else 0.5)


def parts(entry: Json) -> dict[str | None, float]:
    """The units of an entry by global index; those of the table and its local indexes under None.

    >>> parts({"CapacityUnits": 3.0, "GlobalSecondaryIndexes": {"due": {"CapacityUnits": 1.0}}})
    {None: 2.0, 'due': 1.0}
    """
    indexes = entry.get("GlobalSecondaryIndexes") or {}
    there = {index: float(of["CapacityUnits"]) for index, of in indexes.items()}
    return {None: float(entry["CapacityUnits"]) - sum(there.values()), **there}


def table_of(name: Any) -> str:
    """A table's name, from its name or ARN."""
    return str(name).rsplit("/", 1)[-1]


@contextmanager
def planning() -> Iterator[Entries]:
    """What is consumed within is only gathered."""
    entries: Entries = []
    token = _planned.set(entries)
    try:
        yield entries
    finally:
        _planned.reset(token)


def consumed(kind: str, entries: Iterable[Json]) -> None:
    """Record entries of ConsumedCapacity, or gather them while a call is planned; `kind`: Read or Write."""
    planned = _planned.get()
    for entry in entries:
        if planned is not None:
            planned.append((kind, entry))
            continue
        own = {"TableName": table_of(entry["TableName"])}
        for index, units in parts(entry).items():
            where = {**own, "GlobalSecondaryIndexName": index} if index else own
            if units > 0:
                metrics.record(TABLES, f"Consumed{kind}CapacityUnits", where, units, "Count")


def begins() -> None:
    """A call begins: what an earlier one read, that failed afterwards, is not this one's."""
    _evaluated.set(None)


def told(entry: Json, data: Json) -> Json:
    """An entry as the caller asked for it: TOTAL has no indexes."""
    of = ("TableName", "CapacityUnits", "ReadCapacityUnits", "WriteCapacityUnits")
    return (
        entry
        if data.get("ReturnConsumedCapacity") == "INDEXES"
        else {k: entry[k] for k in of if k in entry}
    )


def _asks(data: Json) -> bool:
    return data.get("ReturnConsumedCapacity", "NONE") in ("TOTAL", "INDEXES")


def _one_item(dynamodb: Any) -> None:
    """Operations on one item, and queries and scans."""
    add, refuse = (
        private(dynamodb, "_add_consumed_capacity"),
        private(dynamodb, "_conditional_check_failed"),
    )
    page, size_of = private(dynamodb, "_paginate_evaluated_items"), private(dynamodb, "_item_size_bytes")
    item_by_key, tables = private(dynamodb, "_get_item_by_key"), private(dynamodb, "_tables")
    in_index = private(dynamodb, "_apply_index_projection")

    def paged(items: Any, limit: Any, table: Any, index_name: Any = None) -> Any:
        answer = page(items, limit, table, index_name)
        read = [in_index(item, table, index_name) for item in answer[0]] if index_name else answer[0]
        _evaluated.set(sum(size_of(item) for item in read))
        return answer

    def added(result: Json, data: Json, table_name: str, write: bool = False, **more: Any) -> None:
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
            read = [*(entry.get(f"{kind}SecondaryIndexes") or {} for kind in ("Global", "Local"))]
            for part in [index for kind in read for index in kind.values()] or [entry["Table"]]:
                part["CapacityUnits"] = units
            entry["CapacityUnits"] = units
        consumed("Write" if write else "Read", [entry])
        if _asks(data):
            result["ConsumedCapacity"] = told(entry, data)

    def refused(data: Json, old_item: Any, *rest: Any) -> Any:
        if data.get("TableName"):  # PartiQL has none
            there: Json = {}
            add(there, {"ReturnConsumedCapacity": "TOTAL"}, table_of(data["TableName"]), write=True,
                old_item=old_item, new_item=old_item)  # fmt: skip
            consumed("Write", [there["ConsumedCapacity"]])
        return refuse(data, old_item, *rest)

    replace(dynamodb, "_paginate_evaluated_items", paged)
    replace(dynamodb, "_add_consumed_capacity", added)
    replace(dynamodb, "_conditional_check_failed", refused)


def _many_items(dynamodb: Any) -> None:
    """Batches and transactions: they are asked what they consumed, also where the caller does not ask."""
    tables, size_of = private(dynamodb, "_tables"), private(dynamodb, "_item_size_bytes")
    item_by_key = private(dynamodb, "_get_item_by_key")

    def writing(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
        def called(data: Json) -> Any:
            known = data.get("ReturnConsumedCapacity", "NONE") in ("NONE", "TOTAL", "INDEXES")
            status, headers, body = original(
                {**data, "ReturnConsumedCapacity": "INDEXES"} if known else data
            )
            if status >= 400:
                return status, headers, body
            answer = json.loads(body)
            entries = answer.pop("ConsumedCapacity", [])
            for entry in entries:  # a transaction that is sent once more with its token is a read
                consumed("Read" if "ReadCapacityUnits" in entry else "Write", [entry])
            if _asks(data):
                answer["ConsumedCapacity"] = [told(entry, data) for entry in entries]
            return status, headers, _written(answer)

        return called

    def reading(original: Callable[[Json], Any], keys_of: Callable[[Json, Json], Any]) -> Any:
        def called(data: Json) -> Any:
            status, headers, body = original(data)
            if status >= 400:
                return status, headers, body
            answer, twice = json.loads(body), keys_of is _of_transaction
            units: dict[str, float] = {}
            for table, key, consistent in keys_of(data, answer):
                item = item_by_key(tables[table_of(table)], key)
                cost = read_units(size_of(item) if item else 0, consistent) * (2 if twice else 1)
                units[table] = units.get(table, 0.0) + cost
            entries = [_read_entry(table, cost, twice) for table, cost in units.items()]
            consumed("Read", entries)
            if _asks(data):
                answer["ConsumedCapacity"] = [told(entry, data) for entry in entries]
            return status, headers, _written(answer)

        return called

    for name in ("_batch_write_item", "_transact_write_items"):
        replace(dynamodb, name, writing(private(dynamodb, name)))
    for name, keys_of in (("_batch_get_item", _of_batch), ("_transact_get_items", _of_transaction)):
        replace(dynamodb, name, reading(private(dynamodb, name), keys_of))


def _of_batch(data: Json, answer: Json) -> Iterator[tuple[str, Json, bool]]:
    """Table, key and consistency of what BatchGetItem read."""
    left = answer.get("UnprocessedKeys") or {}
    for table, wanted in data["RequestItems"].items():
        for key in wanted.get("Keys", ()):
            if key not in (left.get(table) or {}).get("Keys", ()):
                yield table, key, bool(wanted.get("ConsistentRead", False))


def _of_transaction(data: Json, _answer: Json) -> Iterator[tuple[str, Json, bool]]:
    """The same of TransactGetItems, whose reads are all consistent."""
    for item in data["TransactItems"]:
        yield item["Get"]["TableName"], item["Get"]["Key"], True


def each_read(data: Json) -> list[Json]:
    """What each key of a BatchGetItem costs, as an entry, in the request's order."""
    from ministack.services import dynamodb

    tables, size_of = private(dynamodb, "_tables"), private(dynamodb, "_item_size_bytes")
    item_by_key = private(dynamodb, "_get_item_by_key")
    entries = []
    for table, key, consistent in _of_batch(data, {}):
        item = item_by_key(tables[table_of(table)], key)
        entries.append(_read_entry(table, read_units(size_of(item) if item else 0, consistent), False))
    return entries


def _read_entry(table: str, units: float, transaction: bool) -> Json:
    own = {"CapacityUnits": units, **({"ReadCapacityUnits": units} if transaction else {})}
    return {"TableName": table, **own, "Table": own}


def _written(answer: Json) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


def install() -> None:
    """Apply the hooks. Raises HookBroken."""
    from ministack.services import dynamodb

    _one_item(dynamodb)
    _many_items(dynamodb)
