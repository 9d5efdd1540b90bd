"""What DynamoDB and S3 refuse beyond their sizes: a table's keys, filters on keys, parts, life cycles.

Sources: API references of CreateTable, Query, CompleteMultipartUpload and
PutBucketLifecycleConfiguration; S3 user guide, "Transitioning objects" (30 days before STANDARD_IA).
"""

from __future__ import annotations

import re
from typing import Any

from defusedxml.ElementTree import ParseError, fromstring

from local.limits.refusal import Refusal, guard

_INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
_LEAST_DAYS = 30


def table(properties: dict[str, Any]) -> Refusal | None:
    """CreateTable and AWS::DynamoDB::Table: the attributes that are declared are those of the keys.

    >>> keys = {"KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}]}
    >>> table({**keys, "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}]})
    >>> table({**keys, "AttributeDefinitions": []}).code
    'ValidationException'
    """
    declared = {item["AttributeName"] for item in properties.get("AttributeDefinitions") or []}
    indexes = [
        *(properties.get("GlobalSecondaryIndexes") or []),
        *(properties.get("LocalSecondaryIndexes") or []),
    ]
    schemas = [properties.get("KeySchema") or [], *(item.get("KeySchema") or [] for item in indexes)]
    used = {item["AttributeName"] for schema in schemas for item in schema}
    if declared == used:
        return None
    text = (
        "One or more parameter values were invalid: Some AttributeDefinitions are not used"
        if declared - used
        else "One or more parameter values were invalid: Some index key attributes are not defined in "
        "AttributeDefinitions"
    )
    return Refusal(
        "ValidationException", f"{text}. Keys: {sorted(used)}, AttributeDefinitions: {sorted(declared)}"
    )


def filtered(data: dict[str, Any]) -> Refusal | None:
    """Query: a filter looks at attributes that are no key of what is read."""
    from ministack.services import dynamodb

    text = str(data.get("FilterExpression") or "")
    there = dynamodb._tables.get(str(data.get("TableName", "")).rsplit("/", 1)[-1]) if text else None
    if not there:
        return None
    indexes = [*(there.get("GlobalSecondaryIndexes") or []), *(there.get("LocalSecondaryIndexes") or [])]
    schema = next(
        (item["KeySchema"] for item in indexes if item.get("IndexName") == data.get("IndexName")),
        there.get("KeySchema") or [],
    )
    names = data.get("ExpressionAttributeNames") or {}
    words = {names.get(word, word) for word in re.findall(r"(?<![:\w.])#?[A-Za-z_]\w*", text)}
    for key in [item["AttributeName"] for item in schema]:
        if key in words:
            return Refusal(
                "ValidationException",
                "Filter Expression can only contain non-primary key attributes: "
                f"Primary key attribute: {key}",
            )
    return None


def bucket(properties: dict[str, Any]) -> Refusal | None:
    """AWS::S3::Bucket: rules of its life cycle that S3 refuses."""
    for rule in (properties.get("LifecycleConfiguration") or {}).get("Rules") or []:
        moves = [*(rule.get("Transitions") or []), *([rule["Transition"]] if "Transition" in rule else [])]
        days = [(int(move.get("TransitionInDays") or 0), str(move.get("StorageClass"))) for move in moves]
        expires = int(rule["ExpirationInDays"]) if rule.get("ExpirationInDays") else None
        if text := _moves([move for move in days if move[0]], expires):
            return Refusal("InvalidArgument", text)
    return None


def _moves(moves: list[tuple[int, str]], expires: int | None) -> str:
    """What is wrong with an object's moves (days, storage class) and its end.

    >>> _moves([(30, "STANDARD_IA"), (90, "GLACIER")], 365)
    ''
    """
    for days, storage in moves:
        if storage in _INFREQUENT and days < _LEAST_DAYS:
            return (
                f"'Days' in Transition action must be greater than or equal to {_LEAST_DAYS} for "
                f"storageClass '{storage}'"
            )
    if expires is not None and moves and expires <= max(days for days, _ in moves):
        return "'Days' in the Expiration action must be greater than 'Days' in the Transition action"
    return ""


def completed(_bucket: str, _key: str, body: bytes, *_: Any, **__: Any) -> Refusal | None:
    """CompleteMultipartUpload: at least one part, in ascending order."""
    try:
        parts = [item for item in fromstring(body).iter() if item.tag.rsplit("}", 1)[-1] == "PartNumber"]
        numbers = [int(item.text or 0) for item in parts]
    except (ParseError, ValueError):
        return None  # ministack says what is wrong with it
    if not numbers:
        text = "The XML you provided was not well-formed or did not validate against our published schema"
        return Refusal("MalformedXML", text)
    if numbers != sorted(set(numbers)):
        text = (
            "The list of parts was not in ascending order. The parts list must be specified in order by "
            "part number."
        )
        return Refusal("InvalidPartOrder", text)
    return None


def install() -> None:
    """Apply the checks."""
    from ministack.services import dynamodb

    guard(dynamodb, "_query", filtered)
