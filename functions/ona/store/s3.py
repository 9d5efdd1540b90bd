"""S3 access. The only module that talks to S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ona.documents.base import S3Pointer
from ona.runtime.aws import client, translate
from ona.runtime.errors import InvalidConfiguration


def _where(pointer: S3Pointer) -> dict[str, str]:
    where = {"Bucket": pointer.bucket, "Key": pointer.key}
    if pointer.version_id:
        where["VersionId"] = pointer.version_id
    return where


def size_of(pointer: S3Pointer) -> int:
    """Bytes of an object. Raises ObjectMissing, DependencyBusy."""
    try:
        return int(client("s3").head_object(**_where(pointer))["ContentLength"])
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def read_bytes(pointer: S3Pointer) -> bytes:
    """The whole object. Raises ObjectMissing, DependencyBusy."""
    try:
        body: bytes = client("s3").get_object(**_where(pointer))["Body"].read()
        return body
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def stream(pointer: S3Pointer, start: int = 0, size: int = 1 << 20) -> Iterator[bytes]:
    """An object's bytes from `start` on, in pieces, as they come. Raises ObjectMissing, DependencyBusy."""
    try:
        part = {"Range": f"bytes={start}-"} if start else {}
        answer = client("s3").get_object(**_where(pointer), **part)
        ahead = 0 if "ContentRange" in answer else start  # the embedded cloud sends versions whole
        for piece in answer["Body"].iter_chunks(size):
            if len(piece) > ahead:
                yield piece[ahead:]
            ahead = max(0, ahead - len(piece))
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def read_json(pointer: S3Pointer) -> Any:
    """A JSON object. Raises ObjectMissing, DependencyBusy, InvalidConfiguration when it is no JSON."""
    try:
        return json.loads(read_bytes(pointer))
    except ValueError as error:
        raise InvalidConfiguration(f"s3://{pointer.bucket}/{pointer.key} is not JSON: {error}") from error


def read_json_tagged(pointer: S3Pointer) -> tuple[Any, str]:
    """A JSON object and its ETag. Raises as `read_json`."""
    try:
        answer = client("s3").get_object(**_where(pointer))
        return json.loads(answer["Body"].read()), str(answer["ETag"])
    except ValueError as error:
        raise InvalidConfiguration(f"s3://{pointer.bucket}/{pointer.key} is not JSON: {error}") from error
    except Exception as error:
        raise translate(error, f"s3://{pointer.bucket}/{pointer.key}") from error


def write_json_if(bucket: str, key: str, document: Any, etag: str) -> bool:
    """Write a document only over the version with this ETag, or ("") only where there is none yet.

    False when the object is another one by now. Raises DependencyBusy.
    """
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = json.dumps(document, indent=2, allow_nan=False).encode()
    try:
        client("s3").put_object(
            Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in (
            "PreconditionFailed",
            "ConditionalRequestConflict",
        ):
            return False
        raise translate(error, f"s3://{bucket}/{key}") from error
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{key}") from error
    return True


def write_bytes(bucket: str, key: str, body: bytes, content_type: str) -> S3Pointer:
    """Write one object whole (S3 never shows half an object). Raises DependencyBusy."""
    try:
        answer = client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{key}") from error
    return S3Pointer(bucket=bucket, key=key, version_id=answer.get("VersionId") or "")


def write_json(bucket: str, key: str, document: Any) -> S3Pointer:
    """Write a document as JSON. NaN and infinity are refused: they are not JSON."""
    body = json.dumps(document, indent=2, sort_keys=False, allow_nan=False).encode()
    return write_bytes(bucket, key, body, "application/json")


def presigned_put(bucket: str, key: str, *, content_type: str, size: int | None, seconds: int) -> str:
    """An address that takes one PUT of this object, type and (when given) exact size, for so long.

    No request is made: the caller's own credentials sign it.
    """
    limits: dict[str, Any] = {"ContentType": content_type, **({"ContentLength": size} if size else {})}
    url: str = client("s3").generate_presigned_url(
        "put_object", Params={"Bucket": bucket, "Key": key, **limits}, ExpiresIn=seconds, HttpMethod="PUT"
    )
    return url


def list_keys(bucket: str, prefix: str, *, start_after: str = "") -> Iterator[dict[str, Any]]:
    """All objects below a prefix, in key order, as boto3's `Contents` entries."""
    pages = client("s3").get_paginator("list_objects_v2")
    try:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after):
            yield from page.get("Contents", [])
    except Exception as error:
        raise translate(error, f"s3://{bucket}/{prefix}") from error
