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

from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidConfiguration, InvalidTelemetry, ObjectMissing
from ona.store.layout import ASSETS
from ona.store.s3 import NOT_JSON, read_bytes


def parse_registry(body: bytes, where: str) -> AssetRegistry:
    """The registry in a JSON file. `where` names the file in errors.

    Raises InvalidConfiguration when it is no JSON, has a wrong key or value, or names an asset twice.
    """
    try:
        document = json.loads(body)
    except NOT_JSON as error:
        raise InvalidConfiguration(f"{where} is not JSON: {error}") from error
    return AssetRegistry.parse(document, where)


def read_registry(bucket: str) -> AssetRegistry:
    """The registry in `assets.json` of the input bucket.

    Raises InvalidTelemetry (`no_asset_registry`, with its remedy) when there is none: without capacities no
    file can be accepted. Raises InvalidConfiguration when it is wrong, DependencyBusy.
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
    return parse_registry(body, where)
