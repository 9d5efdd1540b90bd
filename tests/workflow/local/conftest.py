"""The fixture of the tests of the hooks."""

from __future__ import annotations

import pytest

from tests.fakes.lab import Lab
from tests.fakes.platform import Platform


@pytest.fixture
def deployed(_platform: Platform) -> Platform:
    """The platform with what earlier tests left in it; a test that asks for `platform` has it emptied."""
    _platform.settle()
    return _platform


@pytest.fixture
def lab(deployed: Platform) -> Lab:
    """What it tries lies beside the platform, whose orders and files it leaves as they are."""
    return Lab(deployed)
