"""Objects in S3: the only module of the functions that calls S3.

A function here raises ObjectMissing for an object that does not exist, unless its docstring says otherwise,
and DependencyBusy where S3 is throttled or down, also where its docstring does not repeat it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, TypedDict

from botocore.exceptions import ClientError

from ona.documents.base import S3Pointer
from ona.runtime.aws import client, translate
from ona.runtime.errors import InvalidConfiguration, ObjectMissing

PIECE_BYTES = 1 << 20
"""Bytes of a piece when an object is streamed (ours)."""
NOT_JSON = (ValueError, RecursionError)
"""What `json.loads` raises for text that is no JSON, and for thousands of brackets."""


WRITTEN_BY_OTHERS = ("PreconditionFailed", "ConditionalRequestConflict")
"""Error codes of a conditional write when somebody else wrote the object, or writes it just now (S3 User
Guide, "How to prevent object overwrites with conditional writes": 412, 409)."""
_OTHERWISE_BY_THEN = (*WRITTEN_BY_OTHERS, "NoSuchKey")
"""The same, and when somebody else deleted it (404)."""


class Entry(TypedDict):
    """An object in a listing, with the names that S3 gives its fields. `Size`: bytes."""

    Key: str
    ETag: str
    LastModified: datetime
    Size: int


def _request(pointer: S3Pointer) -> dict[str, str]:
    """The parameters of a call that name an object."""
    request = {"Bucket": pointer.bucket, "Key": pointer.key}
    if pointer.version_id:
        request["VersionId"] = pointer.version_id
    return request


def size_of(pointer: S3Pointer) -> int:
    """The size of an object in bytes. Raises ObjectMissing, DependencyBusy."""
    try:
        return int(client("s3").head_object(**_request(pointer))["ContentLength"])
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def read_bytes(pointer: S3Pointer) -> bytes:
    """The whole object. Raises ObjectMissing, DependencyBusy."""
    try:
        body: bytes = client("s3").get_object(**_request(pointer))["Body"].read()
        return body
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def read_beginning(pointer: S3Pointer, size: int) -> tuple[bytes, datetime | None]:
    """The first `size` bytes of an object, less where it has less; and when it came, to the second, UTC.

    None for an object without bytes. Raises ObjectMissing, DependencyBusy.
    """
    try:
        answer = client("s3").get_object(**_request(pointer), Range=f"bytes=0-{size - 1}")
        with closing(answer["Body"]) as body:
            return bytes(body.read(size)), answer.get("LastModified")
    except Exception as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") == "InvalidRange":
            return b"", None  # an empty object has no first byte
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def stream(pointer: S3Pointer, start: int = 0, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """An object's bytes from offset `start` on, in pieces of about `size` bytes, as they come."""
    try:
        part = {"Range": f"bytes={start}-"} if start else {}
        answer = client("s3").get_object(**_request(pointer), **part)
        ahead = 0 if "ContentRange" in answer else start  # the embedded cloud sends versions whole
        for piece in answer["Body"].iter_chunks(size):
            if len(piece) > ahead:
                yield piece[ahead:]
            ahead = max(0, ahead - len(piece))
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def read_json(pointer: S3Pointer) -> Any:
    """The JSON in an object. Raises ObjectMissing, DependencyBusy, InvalidConfiguration for other text."""
    return parsed(read_bytes(pointer), pointer)


def parsed(body: bytes, pointer: S3Pointer) -> Any:
    """The JSON in the bytes of an object. Raises InvalidConfiguration for other text, naming the object."""
    try:
        return json.loads(body)
    except NOT_JSON as error:
        raise InvalidConfiguration(f"s3://{pointer.bucket}/{pointer.key} is not JSON: {error}") from error


def read_json_tagged(pointer: S3Pointer) -> tuple[Any, str]:
    """The JSON in an object, and its ETag for `write_json_if`; (None, "") where there is no object.

    Raises DependencyBusy, InvalidConfiguration for other text.
    """
    try:
        answer = client("s3").get_object(**_request(pointer))
        return json.loads(answer["Body"].read()), str(answer["ETag"])
    except NOT_JSON as error:
        raise InvalidConfiguration(f"s3://{pointer.bucket}/{pointer.key} is not JSON: {error}") from error
    except Exception as error:
        problem = translate(error, f"s3://{pointer.bucket}/{pointer.key}")
        if isinstance(problem, ObjectMissing):
            return None, ""
        raise problem from error


def write_json_if(bucket: str, key: str, document: Any, etag: str) -> bool:
    """Write a document only if the object still has this ETag, or, with "", only if there is none yet.

    Returns False when somebody else has written it meanwhile: read it again. Raises DependencyBusy.
    """
    body = json.dumps(document, indent=2, allow_nan=False).encode()
    return write_bytes_if(bucket, key, body, "application/json", etag) is not None


def read_bytes_tagged(pointer: S3Pointer) -> tuple[bytes, str]:
    """An object and its ETag for `write_bytes_if`; (b"", "") where there is no object.

    Raises DependencyBusy.
    """
    try:
        answer = client("s3").get_object(**_request(pointer))
        return answer["Body"].read(), str(answer["ETag"])
    except Exception as error:
        known = translate(error, f"s3://{pointer.bucket}/{pointer.key}")
        if isinstance(known, ObjectMissing):
            return b"", ""
        raise known from error


def write_bytes_if(bucket: str, key: str, body: bytes, content_type: str, etag: str) -> S3Pointer | None:
    """Write an object only if it still has this ETag, or, with "", only if there is none yet.

    None when somebody else has written or deleted it meanwhile: read it again. Raises DependencyBusy.
    """
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        answer = client("s3").put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type, **condition
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _OTHERWISE_BY_THEN:
            return None
        raise translate(error, f"s3://{bucket}/{key}") from error
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{key}") from error
    return S3Pointer(bucket=bucket, key=key, version_id=answer.get("VersionId") or "")


def list_folders(bucket: str, prefix: str) -> Iterator[str]:
    """The folders in a folder, in order, each as the prefix of its objects' keys. `prefix`: ends in "/"."""
    pages = client("s3").get_paginator("list_objects_v2")
    try:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            yield from (str(item["Prefix"]) for item in page.get("CommonPrefixes", []))
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{prefix}") from error


def versions_of(bucket: str, key: str) -> list[str]:
    """The ids of an object's versions, the newest first; none in a bucket without versions."""
    try:
        answer = client("s3").list_object_versions(Bucket=bucket, Prefix=key)
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{key}") from error
    found = [item for item in answer.get("Versions", []) if item["Key"] == key]
    found.sort(key=lambda item: item["LastModified"], reverse=True)
    return [str(item["VersionId"]) for item in found if item.get("VersionId") not in (None, "null")]


def write_bytes(bucket: str, key: str, body: bytes, content_type: str) -> S3Pointer:
    """Write one object and return its pointer; readers see the old or the new object, never half of one."""
    try:
        answer = client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{key}") from error
    return S3Pointer(bucket=bucket, key=key, version_id=answer.get("VersionId") or "")


def write_json(bucket: str, key: str, document: Any) -> S3Pointer:
    """Write a document as JSON and return its pointer. Raises ValueError for NaN and infinity."""
    body = json.dumps(document, indent=2, sort_keys=False, allow_nan=False).encode()
    return write_bytes(bucket, key, body, "application/json")


def presigned_put(bucket: str, key: str, *, content_type: str, size: int | None, seconds: int) -> str:
    """An address where anybody may PUT this object once, for so many seconds.

    The upload must have this content type, `If-None-Match: *` and, where `size` (bytes) is given, exactly
    so many bytes: these headers are signed. S3 answers 412 where the object is there already (Amazon S3
    User Guide, "How to prevent object overwrites with conditional writes"). The function's own credentials
    sign the address; S3 is not called.
    """
    limits: dict[str, Any] = {"ContentType": content_type, "IfNoneMatch": "*"}
    if size is not None:
        limits["ContentLength"] = size
    url: str = client("s3").generate_presigned_url(
        "put_object", Params={"Bucket": bucket, "Key": key, **limits}, ExpiresIn=seconds, HttpMethod="PUT"
    )
    return url


def list_keys(bucket: str, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
    """All objects whose key begins with a prefix, in order of key, as boto3's `Contents` entries.

    With `start_after` only those whose key comes behind it.
    """
    pages = client("s3").get_paginator("list_objects_v2")
    try:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after):
            yield from page.get("Contents", [])
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{prefix}") from error
