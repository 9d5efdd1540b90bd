"""Reading the asset registry, `assets.json` of the input bucket."""

from __future__ import annotations

from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.store.layout import ASSETS
from ona.store.s3 import (
    read_json,
)


def read_registry(bucket: str) -> AssetRegistry:
    """`assets.json` of the input bucket. Raises ObjectMissing, DependencyBusy, InvalidConfiguration."""
    return AssetRegistry.parse(read_json(S3Pointer(bucket=bucket, key=ASSETS)))
