"""Commands that list say in words that there is nothing yet, and what comes next."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops import cli
from tests.fakes import on_moto
from tests.fakes.tables import create_table
from tests.unit.ops.test_every_command import COMMANDS

NEVER_EMPTY = {"flags list"}
LISTS = {name for name in COMMANDS if name.split()[-1] == "list"} - NEVER_EMPTY
LISTS |= {"executions", "orders", "status"}
NEXT = {
    "alerts list": "`ona alerts test`",
    "customers list": "`ona customers add`",
    "dlq list": "`ona status`",
    "executions": "`ona put`",
    "maintenance list": "ona maintenance start",
    "models list": "docs/forecasting.md",
    "orders": "`ona status`",
    "outbox list": "docs/delivery.md",
    "status": "`ona put`",
}
"""What each names as the next step."""


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A platform of which nobody has used anything."""
    modules = (
        import_module(f"{cli.__name__}.{found.name}") for found in pkgutil.iter_modules(cli.__path__)
    )
    commands = [module for module in modules if hasattr(module, "resolve")]
    with on_moto.platform(monkeypatch, tmp_path, commands) as target:
        create_table("customers", "id")
        target.outputs["CustomersTableName"] = "customers"
        create_table("alerts", "alert_id")
        target.outputs["AlertLogTableName"] = "alerts"
        yield


@pytest.mark.parametrize("name", sorted(LISTS))
def test_an_empty_list_says_so_and_names_the_next_step(nothing: None, name: str) -> None:
    done = CliRunner().invoke(cli.app, name.split(), env={"COLUMNS": "200"})
    assert done.exit_code == 0, (done.output, done.exception)
    assert any(line.startswith(("no ", "nothing ")) for line in done.output.splitlines()), done.output
    assert NEXT[name].strip("`") in done.output
    assert "┳" not in done.output or name == "status", "no table without rows"
