"""The fixture of the tests of the hooks."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import Platform
from tests.workflow.local.lab import Lab


@pytest.fixture
def lab(platform: Platform) -> Lab:
    return Lab(platform)
