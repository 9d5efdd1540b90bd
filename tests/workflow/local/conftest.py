"""The fixture of the tests of the hooks."""

from __future__ import annotations

import pytest

from tests.fakes.lab import Lab
from tests.fakes.platform import Platform


@pytest.fixture
def lab(_platform: Platform) -> Lab:
    """What it tries lies beside the platform, whose orders and files it leaves as they are.

    A test that asks for `platform` too has it emptied: half a second.
    """
    _platform.settle()
    return Lab(_platform)
