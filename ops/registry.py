"""The asset registry of a target: read it, add to it, replace it. Every write is conditional.

A write names the version that was read (S3's `If-Match`, or `If-None-Match: *` for the first), so that of
two commands at once neither drops what the other wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from forecasting.layout import SITE
from ona.documents.assets import Asset, AssetRegistry
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted, listed
from ona.store.layout import ASSET_HISTORY, ASSETS, TELEMETRY
from ona.store.registry import accepted, entering
from ona.store.s3 import WRITTEN_BY_OTHERS
from ona.store.unreadable import Unreadable
from ops.target import OpsError, Target

_TRIES = 20
"""So often an addition is tried when another command was faster each time (ours)."""
_MOST_NAMED = 10
"""So many assets are named in one sentence (ours)."""
_MOST_LINES = 50
"""So many entries that cannot be used are named (ours)."""


@dataclass(frozen=True)
class Change:
    """What a new registry does to the one before it: ids of assets, in the order of their registry."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    mended: str = ""
    """Why the one before, or an entry of it, could not be read; empty when it could, or there was none."""


@dataclass(frozen=True)
class Stored:
    """The registry that lies there: its entries as they are written, the assets that they are, those that
    are none any more (a rule came later), and its ETag; None for no registry."""

    entries: list[Any]
    registry: AssetRegistry | None
    bad: list[Unreadable]
    etag: str | None


def read(target: Target) -> AssetRegistry | None:
    """The registry without its entries that break a rule of today, or None when there is none yet. Raises
    OpsError for a wrong one."""
    return stored(target).registry


def stored(target: Target) -> Stored:
    """What lies there. Raises OpsError for a wrong one."""
    try:
        return _stored(target)
    except InvalidConfiguration as error:
        raise OpsError(str(error)) from error


def left_out(bad: list[Unreadable]) -> list[str]:
    """What a person is told of entries that break a rule of today: a line each, then how to mend them."""
    if not bad:
        return []
    return [
        f"{counted(len(bad), 'entry')} of assets.json cannot be used, and all others work on:",
        *(f"    {entry.where}: {entry.why}" for entry in bad[:_MOST_LINES]),
        *([f"    … and {len(bad) - _MOST_LINES} more"] if len(bad) > _MOST_LINES else []),
        "files of these machines go to quarantine: correct the entries, put the file again "
        "(`ona put assets.json`), then `ona dlq redrive`",
    ]


def add(target: Target, wanted: AssetRegistry) -> int:
    """Add the assets that are not registered yet, and return how many; registered ones stay as they are.

    Raises OpsError for a wrong registry, and when others changed it at every try.
    """
    for _ in range(_TRIES):
        before = stored(target)
        known = {entry.get("id") for entry in before.entries if isinstance(entry, dict)}
        fresh = [asset for asset in wanted.assets if asset.id not in known]
        if not fresh:
            return 0
        kept = [*before.entries, *(asset.model_dump(mode="json", exclude_none=True) for asset in fresh)]
        if _write(target, json.dumps({"assets": kept}, indent=2).encode(), before.etag):
            return len(fresh)
    raise OpsError("others changed assets.json at every try; nothing was registered, try again")


def replace(target: Target, body: bytes, remove: int | None, again: str) -> Change:
    """Put a registry in the place of the one before, and return what that changed.

    It takes away no asset that has telemetry or incidents unless `remove` says how many assets go. `again`
    is the command that said this, for the message. Raises OpsError, InvalidConfiguration; nothing was put
    then.
    """
    after = entering(body, ASSETS)
    mended = ""
    try:
        found = _stored(target)
        before, etag = found.registry, found.etag
        mended = "; ".join(f"{entry.where}: {entry.why}" for entry in found.bad)
    except InvalidConfiguration as error:
        before, etag, mended = None, _etag(target), str(error)
    change = change_of(before or AssetRegistry(assets=[]), after, mended)
    gone = len(change.removed)
    if remove is not None and remove != gone:
        raise OpsError(f"--remove-assets {remove}, but this file removes {gone}; nothing was put")
    used = in_use(target, before, after) if before and gone and remove is None else []
    if used:
        raise OpsError(
            f"this file would remove {counted(gone, 'asset')}, registered in assets.json "
            f"({listed(change.removed, _MOST_NAMED)}). "
            f"Telemetry or incidents exist of {listed(used, _MOST_NAMED)}; "
            "their next files would be refused. Nothing was put. "
            "Add what is missing to the file; or, if it is meant: "
            f"`{again} --remove-assets {gone}`"
        )
    if not _write(target, body, etag):
        raise OpsError("another command changed assets.json at this moment; nothing was put, put it again")
    return change


def change_of(before: AssetRegistry, after: AssetRegistry, mended: str = "") -> Change:
    """What differs between two registries.

    >>> one, two = ({"id": name, "capacity_kw": 10} for name in ("A", "B"))
    >>> before, after = AssetRegistry.parse({"assets": [one, two]}), AssetRegistry.parse({"assets": [two]})
    >>> change_of(before, after)
    Change(added=(), changed=(), removed=('A',), mended='')
    """
    old = {asset.id: asset for asset in before.assets}
    new = {asset.id: asset for asset in after.assets}
    return Change(
        added=tuple(name for name in new if name not in old),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        removed=tuple(name for name in old if name not in new),
        mended=mended,
    )


def in_use(target: Target, before: AssetRegistry, after: AssetRegistry) -> list[str]:
    """The assets that leave the registry and of which the platform keeps something.

    That is an asset's history (its days and incidents), its place in a site that forecasts are made of, or
    telemetry of a site that no asset has any more.
    """
    s3, bucket = target.client("s3"), target.output_bucket
    stays = {asset.id for asset in after.assets}
    sites = {asset.site_id for asset in after.assets}

    def there(prefix: str) -> bool:
        return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"])

    @cache
    def forecast(customer_id: str, site_id: str) -> set[str]:
        """The assets of a site as the newest upload for forecasting found it."""
        try:
            key = SITE.build(customer_id=customer_id, site_id=site_id)
            found = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            return set(found["assets"])
        except (s3.exceptions.NoSuchKey, ValueError, KeyError, TypeError):
            return set()

    def used(asset: Asset) -> bool:
        if asset.id in forecast(asset.customer_id, asset.site_id):
            return True
        history = ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id)
        return there(history) or (
            asset.site_id not in sites and there(TELEMETRY.prefix(site_id=asset.site_id))
        )

    return [asset.id for asset in before.assets if asset.id not in stays and used(asset)]


def _stored(target: Target) -> Stored:
    """What lies there. Raises InvalidConfiguration for what is no registry."""
    s3 = target.client("s3")
    try:
        answer = s3.get_object(Bucket=target.input_bucket, Key=ASSETS)
    except s3.exceptions.NoSuchKey:
        return Stored([], None, [], None)
    body, bad = answer["Body"].read(), list[Unreadable]()
    registry = accepted(body, f"assets.json of {target.name}", bad)
    return Stored(json.loads(body)["assets"], registry, bad, str(answer["ETag"]))


def _etag(target: Target) -> str:
    return str(target.client("s3").head_object(Bucket=target.input_bucket, Key=ASSETS)["ETag"])


def _write(target: Target, body: bytes, etag: str | None) -> bool:
    """Write the registry in the place of the version that was read; False when another was faster."""
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        target.client("s3").put_object(
            Bucket=target.input_bucket, Key=ASSETS, Body=body, ContentType="application/json", **condition
        )
    except Exception as error:
        if (getattr(error, "response", None) or {}).get("Error", {}).get("Code") in WRITTEN_BY_OTHERS:
            return False
        raise
    return True
