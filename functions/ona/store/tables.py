"""DynamoDB access in plain Python values; floats travel as decimals and come back as floats.

The JSON boundary of the tables: here items are plain dictionaries; `ona.store.items` makes models of them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

from ona.runtime.aws import client, is_busy, is_throttled, translate
from ona.runtime.errors import DependencyBusy, TableThrottled
from ona.runtime.words import counted


class _Deserializer(TypeDeserializer):  # type: ignore[misc]
    """boto3's, but for numbers: boto3 counts the zeros of 1E+120, which DynamoDB writes out, and refuses.
    Whatever DynamoDB keeps is read here, so that one item stops no scan; its model says what it may be.
    Bytes become `bytes`: the text of boto3's `Binary` cannot be made, not even for a log."""

    def _deserialize_n(self, value: str) -> Decimal:
        return Decimal(value)


UNPROCESSED_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""So long is waited at most before the unread keys of a batch are asked for again (ours); DynamoDB's API
reference recommends waits that double, and part of each is chance."""
_SERIALIZER, _DESERIALIZER = TypeSerializer(), _Deserializer()


def _decimals(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: _decimals(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_decimals(item) for item in value]
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, set):
        return {_numbers(item) for item in value}
    return value.value if isinstance(value, Binary) else value


@dataclass(frozen=True)
class Write:
    """One write of a transaction. `kind` and `arguments` are those of boto3's `transact_write_items`."""

    kind: Literal["Put", "Update", "Delete", "ConditionCheck"]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Assignment:
    """An update expression, with the names and values that stand in it."""

    expression: str
    names: dict[str, str]
    values: dict[str, Any]


def assignment(
    sets: Mapping[str, Any],
    *,
    removes: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
    appends: Mapping[str, list[Any]] | None = None,
) -> Assignment:
    """The update that sets attributes, removes others, sets `defaults` only where there is nothing yet, and
    puts `appends` behind lists.

    >>> assignment({"lane": "send"}, removes=["last_error"], defaults={"attempts": 0}).expression
    'SET #lane = :lane, #attempts = if_not_exists(#attempts, :attempts) REMOVE #last_error'
    """
    defaults, appends, removes = defaults or {}, appends or {}, list(removes)
    parts = [f"#{name} = :{name}" for name in sets]
    parts += [f"#{name} = if_not_exists(#{name}, :{name})" for name in defaults]
    parts += [f"#{name} = list_append(#{name}, :{name})" for name in appends]
    clauses = [f"SET {', '.join(parts)}"] if parts else []
    clauses += [f"REMOVE {', '.join(f'#{name}' for name in removes)}"] if removes else []
    values = {**sets, **defaults, **appends}
    return Assignment(
        " ".join(clauses),
        {f"#{name}": name for name in (*values, *removes)},
        {f":{name}": value for name, value in values.items()},
    )


def to_item(document: dict[str, Any]) -> dict[str, Any]:
    """A document in DynamoDB's wire form."""
    return {key: _SERIALIZER.serialize(_decimals(value)) for key, value in document.items()}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    """A wire item as a document."""
    return {key: _numbers(_DESERIALIZER.deserialize(value)) for key, value in item.items()}


def get(table: str, key: dict[str, str]) -> dict[str, Any] | None:
    """One item, read consistently; None when there is none. Raises DependencyBusy."""
    try:
        answer = client("dynamodb").get_item(TableName=table, Key=to_item(key), ConsistentRead=True)
    except Exception as error:
        raise translate(error, f"table {table}") from error
    return from_item(answer["Item"]) if "Item" in answer else None


def get_many(table: str, keys: list[dict[str, str]], *, consistent: bool = False) -> list[dict[str, Any]]:
    """Those of at most 100 items that exist, in no order. `consistent`: with what was written a moment ago.
    What DynamoDB had no units for is asked again, later each time. Raises DependencyBusy."""
    left: Any = {table: {"Keys": [to_item(key) for key in keys], "ConsistentRead": consistent}}
    items: list[dict[str, Any]] = []
    try:
        for wait in (*UNPROCESSED_S, None):
            answer = client("dynamodb").batch_get_item(RequestItems=left)
            items += [from_item(item) for item in answer["Responses"].get(table, [])]
            left = answer.get("UnprocessedKeys") or {}
            if not left:
                return items
            if wait is not None:
                time.sleep(random.uniform(wait / 2, wait))
    except Exception as error:
        raise translate(error, f"table {table}") from error
    unread = counted(len(left[table]["Keys"]), "key")
    raise TableThrottled(f"table {table}: {unread} of {len(keys)} not read")


def query(
    table: str, index: str, name: str, value: str, also: tuple[str, str] | None = None
) -> list[dict[str, Any]]:
    """All items of an index with one key; `also`: name and value of its sort key. Raises DependencyBusy."""
    condition, names, values = "#key = :value", {"#key": name}, {":value": value}
    if also is not None:
        condition += " AND #also = :also"
        names["#also"], values[":also"] = also
    pages = client("dynamodb").get_paginator("query")
    try:
        return [
            from_item(item)
            for page in pages.paginate(
                TableName=table,
                IndexName=index,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(values),
            )
            for item in page["Items"]
        ]
    except Exception as error:
        raise translate(error, f"table {table} index {index}") from error


def page(
    table: str, index: str, name: str, value: str, limit: int, after: dict[str, Any] | None
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """One page of an index's items with one key, the last first, and the key that the next begins after.

    Raises DependencyBusy.
    """
    start: dict[str, Any] = {"ExclusiveStartKey": to_item(after)} if after else {}
    try:
        answer = client("dynamodb").query(
            TableName=table,
            IndexName=index,
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": name},
            ExpressionAttributeValues=to_item({":value": value}),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
    except Exception as error:
        raise translate(error, f"table {table} index {index}") from error
    last = answer.get("LastEvaluatedKey")
    return [from_item(item) for item in answer["Items"]], from_item(last) if last else None


def until(
    table: str, index: str, key: tuple[str, str], upto: tuple[str, str], most: int
) -> list[dict[str, Any]]:
    """The first items of an index with one key whose range key is not above a value. Raises
    DependencyBusy."""
    pages = client("dynamodb").get_paginator("query")
    items: list[dict[str, Any]] = []
    try:
        for page in pages.paginate(
            TableName=table,
            IndexName=index,
            KeyConditionExpression="#key = :key AND #upto <= :upto",
            ExpressionAttributeNames={"#key": key[0], "#upto": upto[0]},
            ExpressionAttributeValues=to_item({":key": key[1], ":upto": upto[1]}),
        ):
            items += [from_item(item) for item in page["Items"]]
            if len(items) >= most:
                break
    except Exception as error:
        raise translate(error, f"table {table} index {index}") from error
    return items[:most]


def scan(table: str, without: tuple[str, str] | None = None) -> list[dict[str, Any]]:
    """Every item of a small table, read consistently. `without`: a key attribute and the beginning of those
    keys that are passed over. Raises DependencyBusy."""
    pages = client("dynamodb").get_paginator("scan")
    chosen: dict[str, Any] = {}
    if without:
        chosen["FilterExpression"] = "NOT begins_with(#key, :beginning)"
        chosen["ExpressionAttributeNames"] = {"#key": without[0]}
        chosen["ExpressionAttributeValues"] = to_item({":beginning": without[1]})
    try:
        return [
            from_item(item)
            for page in pages.paginate(TableName=table, ConsistentRead=True, **chosen)
            for item in page["Items"]
        ]
    except Exception as error:
        raise translate(error, f"table {table}") from error


def put(table: str, document: dict[str, Any]) -> None:
    """Write one item whole. Raises DependencyBusy."""
    try:
        client("dynamodb").put_item(TableName=table, Item=to_item(document))
    except Exception as error:
        raise translate(error, f"table {table}") from error


def update(
    table: str,
    key: dict[str, str],
    expression: str,
    values: dict[str, Any],
    *,
    names: dict[str, str] | None = None,
    condition: str | None = None,
) -> bool:
    """Update one item; False when the condition does not hold. Raises DependencyBusy."""
    arguments: dict[str, Any] = {
        "TableName": table,
        "Key": to_item(key),
        "UpdateExpression": expression,
        "ExpressionAttributeValues": to_item(values),
    }
    if condition:
        arguments["ConditionExpression"] = condition
    if names:
        arguments["ExpressionAttributeNames"] = names
    return update_if(Write("Update", arguments))


def update_if(write: Write) -> bool:
    """Make an update alone, as it would be made in a transaction; False when its condition does not hold.

    Raises DependencyBusy.
    """
    try:
        client("dynamodb").update_item(**write.arguments)
    except Exception as error:
        if refused(error):
            return False
        raise translate(error, f"table {write.arguments['TableName']}") from error
    return True


def transact(writes: Sequence[Write]) -> bool:
    """All writes or none; False when a condition fails or another transaction is faster.

    Raises DependencyBusy.
    """
    items = [{write.kind: dict(write.arguments)} for write in writes]
    try:
        client("dynamodb").transact_write_items(TransactItems=items)
    except Exception as error:
        reasons = _reasons(error)
        if _code(error) == "TransactionCanceledException":
            if not reasons or reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
                return False
            if any(is_throttled(reason) for reason in reasons):
                raise TableThrottled(f"transaction: {', '.join(sorted(reasons))}") from error
            if any(is_busy(reason) for reason in reasons):
                raise DependencyBusy(f"transaction: {', '.join(sorted(reasons))}") from error
        raise translate(error, "transaction") from error
    return True


def _reasons(error: Exception) -> set[str]:
    """Why a transaction was cancelled, its items without an error left out (DynamoDB API Reference,
    TransactWriteItems, "Cancellation reason codes")."""
    response = getattr(error, "response", None) or {}
    return {item.get("Code") for item in response.get("CancellationReasons", [])} - {None, "None", "NONE"}


def refused(error: Exception) -> bool:
    """Whether DynamoDB answered that the item is not as the condition of a single write wants it."""
    return _code(error) == "ConditionalCheckFailedException"


def _code(error: Exception) -> str | None:
    """The code of an error of DynamoDB."""
    return (getattr(error, "response", None) or {}).get("Error", {}).get("Code")
