"""Limits of S3 and DynamoDB that ministack does not enforce."""

from __future__ import annotations

import json
import re
from typing import Any

from defusedxml.ElementTree import ParseError, fromstring

from local.hooks.base import private, replace
from local.limits import stores
from local.limits.refusal import Refusal, guard, utf8
from local.limits.values import (
    DYNAMODB_BATCH_GET_BYTES,
    DYNAMODB_EXPRESSION_OPERATORS,
    DYNAMODB_EXPRESSION_VALUE_BYTES,
    DYNAMODB_IN_OPERANDS,
    S3_DELETE_KEYS,
    S3_KEY_BYTES,
    S3_METADATA_BYTES,
    S3_MINIMUM_PART_BYTES,
    S3_SINGLE_PUT_BYTES,
)

_METADATA = "x-amz-meta-"
_EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "UpdateExpression",
    "ProjectionExpression",
)
_OPERATORS = re.compile(
    r"<>|<=|>=|[=<>+\-]|\b(?:AND|OR|NOT|BETWEEN|IN)\b"
    r"|\b(?:attribute_(?:not_)?exists|attribute_type|begins_with|contains|size|if_not_exists|list_append)\s*\(",
    re.IGNORECASE,
)
_IN = re.compile(r"\bIN\s*\(([^)]*)\)", re.IGNORECASE)


def object_key(_bucket: str, key: str, *_: Any, **__: Any) -> Refusal | None:
    """A key's length in bytes as UTF-8.

    >>> object_key("b", "ü" * 512), object_key("b", "ü" * 513).code
    (None, 'KeyTooLongError')
    """
    if utf8(key) <= S3_KEY_BYTES:
        return None
    extra = {"Size": str(utf8(key)), "MaxSizeAllowed": str(S3_KEY_BYTES)}
    return Refusal("KeyTooLongError", "Your key is too long", 400, extra)


def metadata_bytes(headers: dict[str, str]) -> int:
    """Size of user metadata: the bytes of every name and value.

    >>> metadata_bytes({"x-amz-meta-a": "bc", "content-type": "text/csv"})
    3
    """
    return sum(
        utf8(name[len(_METADATA) :]) + utf8(str(value))
        for name, value in headers.items()
        if name.lower().startswith(_METADATA)
    )


def written(bucket: str, key: str, *rest: Any, **__: Any) -> Refusal | None:
    """What all writes of an object check: the key, the metadata, the size of a single PUT."""
    if refusal := object_key(bucket, key):
        return refusal
    headers: dict[str, str] = next((value for value in reversed(rest) if isinstance(value, dict)), {})
    size = metadata_bytes(headers)
    if size > S3_METADATA_BYTES:
        extra = {"Size": str(size), "MaxSizeAllowed": str(S3_METADATA_BYTES)}
        message = "Your metadata headers exceed the maximum allowed metadata size"
        return Refusal("MetadataTooLarge", message, 400, extra)
    return single_put(headers)


def single_put(headers: dict[str, str]) -> Refusal | None:
    """An upload in one piece, by what its header says."""
    size = int(headers.get("x-amz-decoded-content-length") or headers.get("content-length") or 0)
    if size <= S3_SINGLE_PUT_BYTES:
        return None
    extra = {"ProposedSize": str(size), "MaxSizeAllowed": str(S3_SINGLE_PUT_BYTES)}
    return Refusal("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400, extra)


def _names(body: bytes, name: str) -> list[Any]:
    try:
        root = fromstring(body)
    except (ParseError, ValueError):
        return []  # the handler answers that
    return [node for node in root.iter() if node.tag.rsplit("}", 1)[-1] == name]


def deleted(_bucket: str, body: bytes, *_: Any, **__: Any) -> Refusal | None:
    """DeleteObjects: so many keys at most."""
    if len(_names(body, "Object")) <= S3_DELETE_KEYS:
        return None
    return Refusal(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def parts(_bucket: str, _key: str, body: bytes, query: dict[str, Any], *_: Any) -> Refusal | None:
    """CompleteMultipartUpload: every part but the last has 5 MiB at least."""
    from ministack.services import s3

    upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"))
    numbers = sorted(int(str(node.text)) for node in _names(body, "PartNumber"))
    if upload is None:
        return None
    for number in numbers[:-1]:
        part = upload["parts"].get(number)
        if part is not None and part["size"] < S3_MINIMUM_PART_BYTES:
            return Refusal(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                400,
                {
                    "ETag": str(part["etag"]).strip('"'),
                    "MinSizeAllowed": str(S3_MINIMUM_PART_BYTES),
                    "PartNumber": str(number),
                    "ProposedSize": str(part["size"]),
                },
            )
    return None


def expressions(data: dict[str, Any], *_: Any) -> Refusal | None:
    """DynamoDB: operands of IN, operators and functions of an expression, values of all expressions.

    >>> ids = ",".join(f":v{n}" for n in range(101))
    >>> expressions({"FilterExpression": f"a IN ({ids})"}).code
    'ValidationException'
    >>> expressions({"FilterExpression": f"a IN ({ids.removesuffix(',:v100')})"})
    """
    for name in _EXPRESSIONS:
        text = str(data.get(name) or "")
        for operands in _IN.findall(text):
            if (count := operands.count(",") + 1) > DYNAMODB_IN_OPERANDS:
                return Refusal(
                    "ValidationException",
                    f"Invalid {name}: The IN operator is provided with too many operands; "
                    f"number of operands: {count}",
                )
        operators = len(_OPERATORS.findall(text))
        if operators > DYNAMODB_EXPRESSION_OPERATORS:
            return Refusal(
                "ValidationException",
                f"Invalid {name}: The expression contains too many operators; operator count: {operators}",
            )
    values = data.get("ExpressionAttributeValues")
    if values and len(json.dumps(values).encode()) > DYNAMODB_EXPRESSION_VALUE_BYTES:
        return Refusal(
            "ValidationException",
            "ExpressionAttributeValues exceeds max size: the values of an expression have 2 MB at most",
        )
    return None


def install() -> None:
    """Apply the limits."""
    from ministack.services import dynamodb, s3

    def xml(refusal: Refusal) -> Any:
        return s3._error(refusal.code, refusal.message, refusal.status, extra=refusal.extra)

    for handler in ("_put_object", "_copy_object", "_create_multipart_upload"):
        guard(s3, handler, written, xml)
    for handler in ("_get_object", "_head_object"):
        guard(s3, handler, object_key, xml)
    guard(s3, "_delete_objects", deleted, xml)
    guard(s3, "_complete_multipart_upload", parts, xml)
    guard(s3, "_complete_multipart_upload", stores.completed, xml)
    for handler in ("_put_item", "_update_item", "_delete_item", "_query", "_scan"):
        guard(dynamodb, handler, expressions)
    _batch_get(dynamodb)


def _batch_get(dynamodb: Any) -> None:
    """BatchGetItem returns 16 MB at most; the keys of the rest are `UnprocessedKeys`."""
    from ministack.core.responses import json_response

    get = private(dynamodb, "_batch_get_item")

    def batch_get_item(data: dict[str, Any]) -> Any:
        answer = get(data)
        if answer[0] != 200 or len(answer[2]) <= DYNAMODB_BATCH_GET_BYTES:
            return answer
        found = json.loads(answer[2])
        room = DYNAMODB_BATCH_GET_BYTES
        for table, items in found["Responses"].items():
            kept = []
            for item in items:
                room -= dynamodb._item_size_bytes(item)
                if room >= 0:
                    kept.append(item)
            if len(kept) < len(items):
                request = data["RequestItems"][table]
                names = list(request["Keys"][0])
                late = [{name: item[name] for name in names} for item in items[len(kept) :]]
                found["UnprocessedKeys"][table] = {**request, "Keys": late}
                found["Responses"][table] = kept
        return json_response(found)

    replace(dynamodb, "_batch_get_item", batch_get_item)
