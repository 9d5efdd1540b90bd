"""What a deployment would change is known without deploying."""

from __future__ import annotations

import pytest

from local import drift
from ops.doctor import Level, Subject, configuration
from ops.target import TEMPLATE
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def test_what_was_just_deployed_is_current(platform: Platform) -> None:
    assert drift.behind(platform.target.client, TEMPLATE, platform.target.stack) == {}


def test_other_contents_are_named_stack_by_stack(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "digest", lambda _template, parameters: f"other {len(parameters)}")
    found = drift.behind(platform.target.client, TEMPLATE, platform.target.stack)
    assert found is not None
    assert f"{platform.target.stack}-ooda" in found
    assert set(found.values()) == {"differs from this checkout"}


def test_nothing_deployed_is_not_the_same_as_current(platform: Platform) -> None:
    assert drift.behind(platform.target.client, TEMPLATE, "ona-platform-none") is None


def test_the_doctor_reads_the_configuration_that_is_deployed(platform: Platform) -> None:
    [found] = configuration.examine(Subject(None, None, platform.target))
    assert found.level is Level.GOOD, found
    files = len(list((ROOT / "configs").rglob("*.yaml")))
    assert found.what == f"what is deployed can be read, and its files agree: {files} files"
