"""An asset history that nobody can read costs its asset neither the file nor the next one.

The output bucket keeps versions. The newest earlier version that can be read takes the damaged one's place
when the file's days are written; where there is none, the history begins anew with this file. The damaged
object stays in the bucket as an earlier version until it expires (docs/operations/retention.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidInput, InvalidPayload
from ona.store.layout import ASSET_HISTORY
from ona.store.s3 import NOT_JSON, read_bytes, read_bytes_tagged, versions_of
from ona.store.unreadable import note
from ooda.detect.asset_history import empty
from ooda.documents.asset_history import AssetHistory

MOST_VERSIONS = 20
"""Earlier versions that are tried; each file of an asset makes one (ours)."""


@dataclass(frozen=True)
class Read:
    """An asset's history as it could be read. `etag`: of the object that lies there, "" for none;
    `damaged`: what is said of it where it could not be read, else empty."""

    history: AssetHistory
    etag: str
    damaged: str = ""


def read_history(bucket: str, asset: Asset) -> Read:
    """An asset's history; an empty one before its first file. Raises DependencyBusy."""
    key = ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id)
    body, etag = read_bytes_tagged(S3Pointer(bucket=bucket, key=key))
    if not etag:
        return Read(empty(asset), "")
    try:
        return Read(_history(body, key, asset), etag)
    except InvalidInput as error:
        note(f"s3://{bucket}/{key}", error)
    earlier = _earlier(bucket, key, asset)
    instead = "an earlier version of it was used" if earlier else "it begins anew with this file"
    return Read(earlier or empty(asset), etag, f"its history s3://{bucket}/{key} cannot be read: {instead}")


def _earlier(bucket: str, key: str, asset: Asset) -> AssetHistory | None:
    """The newest version of an object that is the asset's history; None where there is none."""
    for version_id in versions_of(bucket, key)[:MOST_VERSIONS]:
        try:
            return _history(
                read_bytes(S3Pointer(bucket=bucket, key=key, version_id=version_id)), key, asset
            )
        except InvalidInput:
            continue
    return None


def _history(body: bytes, key: str, asset: Asset) -> AssetHistory:
    """The history in an object. Raises InvalidPayload for any other content, and for another asset's."""
    try:
        document = json.loads(body)
    except NOT_JSON as error:
        raise InvalidPayload(f"{key} is not JSON: {error}") from error
    history: AssetHistory = AssetHistory.read(document, key)
    if history.asset_id != asset.id:
        raise InvalidPayload(f"{key} is the history of {history.asset_id}")
    return history
