"""What `ona reprocess` refuses: days that have not begun or in the wrong order, assets nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import accounting, cli, registry
from ops.cli import reprocess
from ops.emergency import reprocess as work
from tests.builders.assets import make_registry

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform with six registered assets and no file."""
    monkeypatch.setattr(reprocess, "resolve", lambda *_: None)
    monkeypatch.setattr(reprocess, "utc_now", lambda: NOW)
    monkeypatch.setattr(accounting, "read", lambda _: SimpleNamespace(files=[]))
    monkeypatch.setattr(registry, "read", lambda _: make_registry())
    monkeypatch.setattr(work, "of_asset", lambda *_: [])
    monkeypatch.setattr(work, "planned", lambda *_: SimpleNamespace(goes_on=None, files=[]))


def run(*words: str) -> tuple[int, str]:
    done: Any = CliRunner().invoke(cli.app, ["reprocess", *words, "--dry-run"], env={"COLUMNS": "200"})
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("asset", "INV-001", "--month", "2099-01"),
            "2099-01-01: that day has not begun; today is 2026-11-28",
        ),
        (("asset", "INV-001", "--month", "2026-12"), "has not begun"),
        (("asset", "INV-001", "--month", "0001-01"), "1970 to 2999"),
        (("asset", "INV-001", "--from", "2026-11-05", "--to", "2026-11-01"), "is before --from"),
        (("asset", "INV-01", "--month", "2025-06"), "no such asset is registered"),
        (("asset", "INV-01", "--month", "2025-06"), "INV-001"),
        (("range", "--from", "2099-01-01", "--to", "2099-02-01"), "has not come"),
        (("range", "--from", "0001-01-01", "--to", "2026-01-01"), "1970 to 2999"),
    ],
)
def test_absurd_input_is_refused_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    code, output = run(*words)
    assert (code, said in output) == (1, True), output


@pytest.mark.parametrize(
    "words",
    [
        ("asset", "INV-001", "--month", "2026-11"),  # it has begun
        ("asset", "INV-001", "--from", "2026-11-28", "--to", "2026-11-28"),
        ("range", "--from", "2026-11-27", "--to", "2026-12-01"),
    ],
)
def test_distractor_a_time_that_has_begun_is_taken(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = run(*words)
    assert (code, "nothing to do" in output) == (0, True), output
