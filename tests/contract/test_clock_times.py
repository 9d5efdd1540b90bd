"""Clock times for people name their zone: whatever function writes one says UTC, or uses a named zone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

PLACES = ("functions", "ops")
MACHINES = ("systems/servicenow.py",)
"""What writes a field of another system, whose form and zone are that system's."""
FILES = sorted(
    path for place in PLACES for path in (ROOT / place).rglob("*.py") if not str(path).endswith(MACHINES)
)


def _writes_clock(node: ast.AST) -> bool:
    """Whether an f-string holds a clock time for people; `T%H` is of an ISO time, for machines."""
    if not isinstance(node, ast.FormattedValue) or node.format_spec is None:
        return False
    spec = ast.unparse(node.format_spec)
    return "%H:%M" in spec and "T%H" not in spec


def _without_zone(source: str) -> Iterator[int]:
    """Lines of functions that write a clock time and name no zone."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        text = ast.unparse(function)
        for node in ast.walk(function):
            if _writes_clock(node) and not (" UTC" in text or "(UTC)" in text or "zone" in text):
                yield node.lineno  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_clock_time_names_its_zone(path: Path) -> None:
    assert list(_without_zone(path.read_text("utf-8"))) == []


def test_one_without_is_found() -> None:
    bare = 'def f(at):\n    return f"late since {at:%d %B %H:%M}"\n'
    assert list(_without_zone(bare)) == [2]
    for sound in (bare.replace("%M}", "%M} UTC"), bare.replace("{at:%d %B ", "{at:%Y-%m-%dT")):
        assert list(_without_zone(sound)) == []
