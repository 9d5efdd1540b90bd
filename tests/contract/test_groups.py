"""Tests of one group run in one process: they share a cloud that takes half a minute to make."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("shown")
def test_the_runner_knows_the_groups_of_tests(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process runs all: there is nothing to keep together")
    assert request.node.nodeid.endswith("@shown"), "pytest-xdist does not know this pytest"
