"""The commands of `ona`: each group is there, and our own errors are one line."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from ops import cli
from ops.cli.shared import errors_in_one_line
from ops.target import OpsError

COMMANDS = {
    "": "up down env status put history executions explain invoke orders roles validate demo doctor",
    "customers": "add list revoke",
    "dlq": "list redrive",
    "models": "backtest list rollback",
    "outbox": "list redrive",
}


@pytest.mark.parametrize("group", COMMANDS)
def test_every_group_and_its_commands_are_looked_up(group: str) -> None:
    top = typer.main.get_command(cli.app)
    commands = top if not group else top.commands[group]  # type: ignore[attr-defined]
    assert set(COMMANDS[group].split()) <= set(commands.commands)  # type: ignore[attr-defined]


def test_an_error_of_ours_is_one_line_and_exit_status_1() -> None:
    app = typer.Typer()

    @app.command()
    @errors_in_one_line
    def fail() -> None:
        raise OpsError("the embedded cloud does not run; start it with `ona up`")

    result = CliRunner().invoke(app, [])
    assert result.exit_code == 1
    assert result.output.strip() == "the embedded cloud does not run; start it with `ona up`"
