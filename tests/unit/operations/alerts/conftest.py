"""A night on call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.alerts import Night, night


@pytest.fixture
def on_call(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    with night(monkeypatch) as made:
        yield made
