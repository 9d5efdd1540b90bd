"""An asset history that nobody can read costs its asset neither the file nor the next one.

The output bucket keeps versions. The newest earlier version that can be read takes the damaged one's place
when the file's days are written; where there is none, the history begins anew with this file. The damaged
object stays in the bucket as an earlier version until it expires (docs/operations/retention.md).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidInput, InvalidPayload
from ona.store.held import Held
from ona.store.layout import ASSET_HISTORY
from ona.store.s3 import NOT_JSON, list_keys, read_bytes, read_bytes_tagged, versions_of
from ona.store.unreadable import note
from ooda.detect.asset_history import empty
from ooda.documents.asset_history import AssetHistory

LEAST_LISTED = 3
"""Histories for which a listing of the site's is asked first (ours): a listing costs as much as a read."""
A_PAGE = 1_000
"""Entries of a listing's page; of a site with more machines the first page is listed."""
MOST_VERSIONS = 20
"""Earlier versions that are tried; each file of an asset makes one (ours)."""


@dataclass(frozen=True)
class Read:
    """An asset's history as it could be read. `etag`: of the object that lies there, "" for none;
    `damaged`: what is said of it where it could not be read, else empty."""

    history: AssetHistory
    etag: str
    damaged: str = ""


def read_beside(bucket: str, assets: Sequence[Asset]) -> dict[str, AssetHistory]:
    """The histories of some assets of one site, by id, where no more than reading is meant.

    One that has not changed is not read again. Raises DependencyBusy.
    """
    if len(assets) < LEAST_LISTED:
        return {asset.id: read_history(bucket, asset).history for asset in assets}
    tags = {}
    keys = {ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id): asset for asset in assets}
    for entry in islice(list_keys(bucket, ASSET_HISTORY.prefix(site_id=assets[0].site_id)), A_PAGE):
        tags[entry["Key"]] = entry["ETag"]
    listed = len(tags) < A_PAGE
    result = {}
    for key, asset in keys.items():
        if key in tags:
            kept = _held.read(f"s3://{bucket}/{key}", (tags[key], asset.id), partial(_kept, bucket, asset))
            result[asset.id] = kept.read.history
        else:
            result[asset.id] = empty(asset) if listed else read_history(bucket, asset).history
    return result


@dataclass(frozen=True)
class _Kept:
    read: Read
    size: int


def _kept(bucket: str, asset: Asset) -> tuple[_Kept, Hashable]:
    """A history as it is read now, with its stamp; a damaged one has none: it is told of each time."""
    read, size = _read(bucket, asset)
    return _Kept(read, size), "" if read.damaged or not read.etag else (read.etag, asset.id)


_held: Held[_Kept] = Held(most=4 << 20, size=lambda kept: kept.size)
"""Histories that have not changed; 4 MiB of JSON (ours)."""


def read_history(bucket: str, asset: Asset) -> Read:
    """An asset's history; an empty one before its first file. Raises DependencyBusy."""
    return _read(bucket, asset)[0]


def _read(bucket: str, asset: Asset) -> tuple[Read, int]:
    """An asset's history and the bytes of its object."""
    key = ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id)
    body, etag = read_bytes_tagged(S3Pointer(bucket=bucket, key=key))
    if not etag:
        return Read(empty(asset), ""), 0
    try:
        return Read(_history(body, key, asset), etag), len(body)
    except InvalidInput as error:
        note(f"s3://{bucket}/{key}", error)
    earlier = _earlier(bucket, key, asset)
    instead = "an earlier version of it was used" if earlier else "it begins anew with this file"
    why = f"its history s3://{bucket}/{key} cannot be read: {instead}"
    return Read(earlier or empty(asset), etag, why), len(body)


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
