"""Every option of every command, given empty: an error that says so, and nothing done.

The options are those that the parser knows, so that a new one is covered on its first day.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cli
from tests.unit.ops.test_every_command import COMMANDS, arguments

OPTIONS = [
    (name, opt)
    for name, command in sorted(COMMANDS.items())
    for parameter in command.params
    if parameter.param_type_name == "option" and not parameter.is_flag
    for opt in parameter.opts
]
PATHS = [
    (name, parameter)
    for name, command in sorted(COMMANDS.items())
    for parameter in command.params
    if parameter.param_type_name == "argument"
    and parameter.type_descriptor.annotation in (Path, list[Path])
]


def run(words: list[str], tmp_path: Path) -> Any:
    home = {"ONA_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    result = CliRunner().invoke(cli.app, words, env=home)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert "Traceback" not in result.output
    assert not (tmp_path / "home").exists(), "nothing was done"
    return result


def test_all_options_are_tried() -> None:
    assert {"--profile", "--env", "--port", "--source", "--data", "-e", "--parameter"} <= {
        opt for _, opt in OPTIONS
    }
    assert len(OPTIONS) > 40


@pytest.mark.parametrize(("name", "opt"), OPTIONS, ids=lambda value: str(value))
def test_an_option_that_is_given_empty_is_an_error_that_says_so(
    name: str, opt: str, tmp_path: Path
) -> None:
    file = tmp_path / "event.json"
    file.write_text("{}")
    forms = [[f"{opt}="], [opt, ""], [opt, " "]] if opt.startswith("--") else [[opt, ""], [opt, " "]]
    for form in forms:
        result = run([*name.split(), *arguments(name, file), *form], tmp_path)
        assert result.exit_code == 2, (form, result.output)
        said = " ".join(result.output.replace("│", " ").split())
        assert "it is empty: leave it out for what it is by default, or give a value." in said, said
        assert opt in said


@pytest.mark.parametrize(("name", "parameter"), PATHS, ids=lambda value: getattr(value, "name", value))
def test_a_path_that_is_given_empty_is_not_the_current_folder(
    name: str, parameter: Any, tmp_path: Path
) -> None:
    result = run([*name.split(), ""], tmp_path)
    assert result.exit_code == 2
    assert "it is empty: give a value." in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    "words",
    [
        ["deploy", "check", "--parameter", "AlertEmail="],
        ["deploy", "check", "-p", "AlertEmail="],
        ["deploy", "import", "-p", "AlertEmail=", "."],
        ["models", "list"],
    ],
)
def test_an_option_with_an_empty_part_or_none_at_all_is_taken(words: list[str], tmp_path: Path) -> None:
    """Distractor: a parameter may be empty, and what is left out has its default."""
    assert "it is empty" not in run(words, tmp_path).output
