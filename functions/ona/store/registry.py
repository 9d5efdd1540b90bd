"""Reading the asset registry, `assets.json`: the one way from its bytes to its model.

>>> registry = parse_registry(b'{"assets": [{"id": "INV-001", "capacity_kw": 100}]}', "assets.json")
>>> registry.capacity_kw("INV-001")
100.0
>>> parse_registry(b'{"assets": [', "assets.json")
Traceback (most recent call last):
...
ona.runtime.errors.InvalidConfiguration: assets.json is not JSON: Expecting value: line 1 column 13 ...
"""

from __future__ import annotations

import json
from functools import lru_cache

from ona.documents.assets import ASSET_ID_LETTERS, Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.clock import is_zone
from ona.runtime.errors import InvalidConfiguration, InvalidTelemetry, ObjectMissing
from ona.runtime.words import shortened
from ona.store.layout import ASSETS
from ona.store.s3 import NOT_JSON, read_bytes
from ona.store.unreadable import Unreadable, note, readable

MOST_NAMED = 5
"""So many assets are named in one error."""


def parse_registry(body: bytes, where: str) -> AssetRegistry:
    """The registry in a JSON file. `where` names the file in errors.

    Raises InvalidConfiguration when it is no JSON, has a wrong key or value, or names an asset twice; with
    the ids of the assets whose entries are wrong.
    """
    try:
        document = json.loads(body)
    except NOT_JSON as error:
        raise InvalidConfiguration(f"{where} is not JSON: {error}") from error
    return AssetRegistry.parse(document, where)


def accepted(body: bytes, where: str, bad: list[Unreadable]) -> AssetRegistry:
    """The registry in a file that was taken before: a rule that came later must not stop every site.

    An entry that breaks a rule of today is put into `bad`, with its number and id, and is no asset. Raises
    InvalidConfiguration as `parse_registry` for what is no registry, and where no entry is left.
    """
    try:
        return parse_registry(body, where)
    except InvalidConfiguration as error:
        refused = error
    try:
        document = json.loads(body)
        entries = document["assets"]
        if set(document) != {"assets"} or not isinstance(entries, list):
            raise refused
    except (*NOT_JSON, TypeError, KeyError):
        raise refused from None
    named = ((f"{where}, asset {_named(number, entry)}", entry) for number, entry in enumerate(entries, 1))
    assets = readable(named, lambda entry: Asset.read(entry, "the entry"), bad)
    if not assets:
        raise refused
    return AssetRegistry.parse({"assets": [asset.model_dump() for asset in assets]}, where)


def _named(number: int, entry: object) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return f"{number} ({shortened(name, ASSET_ID_LETTERS)})" if isinstance(name, str) else f"{number}"


def entering(body: bytes, where: str) -> AssetRegistry:
    """The registry in a file that is to be put. It must be `parse_registry`'s, and what is put now may be
    held to more than what was put before: a rule that came later must not stop every site.

    Raises InvalidConfiguration.
    """
    registry = parse_registry(body, where)
    wrong = [asset for asset in registry.assets if not _knows_its_zone(asset)]
    if wrong:
        named = ", ".join(f"{asset.id}: {asset.timezone!r}" for asset in wrong[:MOST_NAMED])
        rest = f", and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        raise InvalidConfiguration(
            f"{where}: timezone is no IANA time zone, like Africa/Johannesburg: {named}{rest}"
        )
    return registry


def _knows_its_zone(asset: Asset) -> bool:
    return asset.timezone is None or is_zone(asset.timezone)


def read_registry(bucket: str) -> AssetRegistry:
    """The registry in `assets.json` of the input bucket.

    An entry that breaks a rule which came later is left out, and the log names it (`accepted`). Raises
    InvalidTelemetry (`no_asset_registry`, with its remedy) when there is none: without capacities no file
    can be accepted. Raises InvalidConfiguration when it is wrong, DependencyBusy.
    """
    where = f"s3://{bucket}/{ASSETS}"
    try:
        body = read_bytes(S3Pointer(bucket=bucket, key=ASSETS))
    except ObjectMissing as error:
        raise InvalidTelemetry(
            "no_asset_registry",
            "the input bucket has no assets.json, so no machine's capacity is known",
            where=where,
            remedy="put assets.json, then `./ona dlq redrive`",
        ) from error
    registry, bad = _read_before(body, where)
    for entry in bad:
        note(entry.where, entry.why)
    return registry


@lru_cache(maxsize=1)
def _read_before(body: bytes, where: str) -> tuple[AssetRegistry, tuple[Unreadable, ...]]:
    """The registry in these bytes, and the entries that were left out. A warm function reads the same bytes
    again and again: to make a model of 5 000 assets costs more than all else that an order needs."""
    bad: list[Unreadable] = []
    return accepted(body, where, bad), tuple(bad)
