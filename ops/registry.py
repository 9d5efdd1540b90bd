"""The asset registry of a target: read it, add to it, replace it. Every write is conditional.

A write names the version that was read (S3's `If-Match`, or `If-None-Match: *` for the first), so that of
two commands at once neither drops what the other wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

from ona.documents.assets import Asset, AssetRegistry
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted
from ona.store.layout import ASSETS, TELEMETRY
from ona.store.registry import entering, parse_registry
from ooda.layout import ASSET_HISTORY
from ops.target import OpsError, Target

_TRIES = 20
"""So often an addition is tried when another command was faster each time (ours)."""
_FASTER = ("PreconditionFailed", "ConditionalRequestConflict")
"""What S3 answers when the object is no longer the one that was read."""


@dataclass(frozen=True)
class Change:
    """What a new registry does to the one before it: ids of assets, in the order of their registry."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    mended: str = ""
    """Why the one before could not be read; empty when it could, or there was none."""


def read(target: Target) -> AssetRegistry | None:
    """The registry, or None when there is none yet. Raises OpsError for a wrong one."""
    try:
        return _stored(target)[0]
    except InvalidConfiguration as error:
        raise OpsError(str(error)) from error


def add(target: Target, wanted: AssetRegistry) -> int:
    """Add the assets that are not registered yet, and return how many; registered ones stay as they are.

    Raises OpsError for a wrong registry, and when others changed it at every try.
    """
    for _ in range(_TRIES):
        try:
            before, etag = _stored(target)
        except InvalidConfiguration as error:
            raise OpsError(str(error)) from error
        registered = before or AssetRegistry(assets=[])
        known = {asset.id for asset in registered.assets}
        fresh = [asset for asset in wanted.assets if asset.id not in known]
        if not fresh:
            return 0
        merged = AssetRegistry(assets=[*registered.assets, *fresh])
        if _write(target, merged.model_dump_json(indent=2, exclude_none=True).encode(), etag):
            return len(fresh)
    raise OpsError("others changed assets.json at every try; nothing was registered, try again")


def replace(target: Target, body: bytes, remove: int | None, again: str) -> Change:
    """Put a registry in the place of the one before, and return what that changed.

    It takes away no asset that has telemetry or incidents unless `remove` says how many assets go. `again`
    is the command that said this, for the message. Raises OpsError, InvalidConfiguration; nothing was put
    then.
    """
    after = entering(body, ASSETS)
    mended, etag = "", None
    try:
        before, etag = _stored(target)
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
            f"({_named(change.removed)}). "
            f"Telemetry or incidents exist of {_named(used)}; their next files would be refused. "
            f"Nothing was put. Add what is missing to the file; or, if it is meant: "
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

    That is an asset's history (its days and incidents), or telemetry of a site that no asset has any more.
    """
    s3, bucket = target.client("s3"), target.output_bucket
    stays = {asset.id for asset in after.assets}
    sites = {asset.site_id for asset in after.assets}

    def there(prefix: str) -> bool:
        return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"])

    def used(asset: Asset) -> bool:
        history = ASSET_HISTORY.build(site_id=asset.site_id, asset_id=asset.id)
        return there(history) or (
            asset.site_id not in sites and there(TELEMETRY.prefix(site_id=asset.site_id))
        )

    return [asset.id for asset in before.assets if asset.id not in stays and used(asset)]


def _stored(target: Target) -> tuple[AssetRegistry | None, str | None]:
    """The registry and its ETag; None and None when there is none. Raises InvalidConfiguration."""
    s3 = target.client("s3")
    try:
        answer = s3.get_object(Bucket=target.input_bucket, Key=ASSETS)
    except s3.exceptions.NoSuchKey:
        return None, None
    where = f"assets.json of {target.name}"
    return parse_registry(answer["Body"].read(), where), str(answer["ETag"])


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
        if (getattr(error, "response", None) or {}).get("Error", {}).get("Code") in _FASTER:
            return False
        raise
    return True


def _named(names: tuple[str, ...] | list[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
