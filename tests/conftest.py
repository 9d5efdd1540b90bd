"""Shared by all tests: the environment that handlers expect, and the root of the checkout.

What tests build their inputs with is in `tests/builders/`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ.update(
    ONA_CONFIG_DIR=str(ROOT / "configs"),
    ONA_ENVIRONMENT="dev",
    AWS_DEFAULT_REGION="af-south-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    POWERTOOLS_TRACE_DISABLED="1",
    POWERTOOLS_METRICS_NAMESPACE="Ona/Platform",
    POWERTOOLS_SERVICE_NAME="test",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

from ona.documents.assets import AssetRegistry
from tests.builders.assets import SITE, make_asset, make_registry
from tests.builders.real_data import shared_data
from tests.builders.telemetry import DAY, NOW, sunny_day, to_csv

# tests that were not moved yet import these from here
__all__ = [
    "DAY",
    "NOW",
    "ROOT",
    "SITE",
    "make_asset",
    "make_registry",
    "shared_data",
    "sunny_day",
    "to_csv",
]


@pytest.fixture
def registry() -> AssetRegistry:
    return make_registry()
