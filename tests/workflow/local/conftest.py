"""The fixture of the tests of the hooks."""

from __future__ import annotations

import pytest

from tests.fakes.lab import Lab
from tests.fakes.platform import Platform


@pytest.fixture
def lab(platform: Platform) -> Lab:
    return Lab(platform)
