"""Shared by all tests: the environment that handlers expect, and an asset registry.

What tests build their inputs with is in `tests/builders/`.
"""

from __future__ import annotations

import os
from functools import cache

import pytest
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

from tests.paths import ROOT

os.environ.update(
    OMP_NUM_THREADS="1",  # two processes of tests on two cores: more threads would wait for each other
    OPENBLAS_NUM_THREADS="1",
    ONA_CONFIG_DIR=str(ROOT / "configs"),
    ONA_ENVIRONMENT="dev",
    API_ID="api-by-key",
    IAM_API_ID="api-by-signature",
    AWS_DEFAULT_REGION="af-south-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    POWERTOOLS_TRACE_DISABLED="1",
    POWERTOOLS_METRICS_NAMESPACE="Ona/Platform",
    POWERTOOLS_SERVICE_NAME="test",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "ONA_CALLED_AS"):
    os.environ.pop(name, None)

settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")  # no test asserts a time: machines are shared
# a command's tree is made once a process, as in a shell, and not once a call: that is 0.2 CPU seconds
typer.testing._get_command = cache(typer.main.get_command)

from ona.documents.assets import AssetRegistry
from tests.builders.assets import make_registry


@pytest.fixture
def registry() -> AssetRegistry:
    return make_registry()
