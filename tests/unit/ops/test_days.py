"""A day that a command is asked about: one that has begun, written as a day."""

from __future__ import annotations

from datetime import date

import pytest

from ops.cli.shared import day_of
from ops.target import OpsError

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize("text", ["2026-11-28", "2026-01-01", "2024-02-29"])
def test_a_day_that_has_begun_is_taken(text: str) -> None:
    assert day_of(text, TODAY).isoformat() == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-29", "has not begun; today is 2026-11-28"),
        ("9999-12-31", "has not begun|give a day"),
        ("2026-13-01", "give a day as YYYY-MM-DD"),
        ("2025-02-29", "give a day as YYYY-MM-DD"),
        ("0001-01-01", "give a day as YYYY-MM-DD"),
        ("tomorrow", "give a day as YYYY-MM-DD"),
        (" ", "give a day as YYYY-MM-DD"),
    ],
)
def test_another_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(OpsError, match=why):
        day_of(text, TODAY)
