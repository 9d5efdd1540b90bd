"""What docs/operations/symptoms/letters-arrive.md shows: a file of an asset that nobody registered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ona.documents.assets import AssetRegistry
from ops import ingest
from tests.builders.assets import make_asset
from tests.builders.scenes import on, purge
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform


@contextmanager
def quarantined(platform: Platform) -> Iterator[None]:
    """The file is rejected; its execution ends well, and only the letter's alarm is on."""
    platform.reset()
    platform.put_and_wait(sunny_day("INV-999"), asset="INV-999")
    with on(platform, "ooda-dead-letters"):
        yield


@contextmanager
def registered(platform: Platform) -> Iterator[None]:
    """The letter still lies there; somebody has added the asset to assets.json."""
    ingest.put_registry(platform.target, AssetRegistry(assets=[make_asset("INV-999")]))
    try:
        yield
    finally:
        purge(platform)
