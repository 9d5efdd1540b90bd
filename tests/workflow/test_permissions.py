"""Least privilege, measured: after all workflow tests each permission was used, or its need is known.

These tests come last in their folder, and count what the tests before them did.
"""

from __future__ import annotations

import os
import time

import pytest

from local.hooks.roles_ledger import SAVE_SECONDS
from ops import roles
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

FAMILIES = sorted(
    path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and path.name != "ona"
)
"""Every family; one without a folder of workflow tests, as delivery, is used by the tests of the others."""


def test_each_reason_is_of_a_permission_of_the_stack(platform: Platform) -> None:
    permissions = roles.report(platform.target).permissions
    covered = {item.reason for item in permissions if item.reason is not None}
    assert set(roles.REASONS) == covered


def test_what_nothing_used_has_a_known_need(platform: Platform, request: pytest.FixtureRequest) -> None:
    ran = {item.path for item in request.session.items}
    wanted = {path for name in FAMILIES for path in (ROOT / "tests/workflow" / name).glob("test_*.py")}
    shared = "PYTEST_XDIST_WORKER" in os.environ  # each process has a cloud of its own, with its own counts
    if shared or not wanted <= ran or request.config.getoption("keyword"):
        pytest.skip("only after all of tests/workflow in one process: python -m pytest tests/workflow")
    time.sleep(2 * SAVE_SECONDS)
    unused = [item for item in roles.report(platform.target).unused if item.reason is None]
    assert [f"{item.role} {item.sid} {item.action} {item.resource}" for item in unused] == []
