"""`ona validate`, `demo`: is the project sound, and does it do its work from end to end?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ops import validate
from ops.cli.shared import console, errors_in_one_line, notes
from ops.target import OpsError, use_configs

app = typer.Typer()


@app.command(name="validate")
@errors_in_one_line
def validate_command(
    assets: Annotated[
        Path | None, typer.Option(help="check this assets.json, and nothing of the project")
    ] = None,
) -> None:
    """Check configuration, state machines and template; exits with 1 when something is wrong.

    What is being checked is told on stderr: the templates take a minute or more.
    """
    say = notes().print
    checks: list[tuple[str, Callable[[], list[str]]]] = [
        ("configs", validate.configurations),
        ("state machines", validate.state_machines),
        ("template", lambda: validate.template(say)),
    ]
    if assets is not None:
        checks = [(str(assets), lambda: validate.assets_file(assets))]
    failed = False
    for name, check in checks:
        say(f"checking {escape(name)} …", soft_wrap=True)
        problems = check()
        failed |= bool(problems)
        console.print(f"{'[red]✗[/red]' if problems else '[green]✓[/green]'} {name}")
        for problem in problems:
            console.print(f"    {escape(problem)}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command()
@errors_in_one_line
def demo(
    source: Annotated[str | None, typer.Option(help="source profile of your own files")] = None,
    data: Annotated[Path | None, typer.Option(help="folder with your own files")] = None,
    keep: Annotated[bool, typer.Option(help="leave the embedded cloud running")] = False,
) -> None:
    """Run the loop end to end and write the report."""
    from ops.demo import run

    use_configs()
    if bool(source) != bool(data):
        raise OpsError(
            "SOURCE and DATA belong together, for example "
            "make demo SOURCE=solar_plant_india DATA=../shared/data/solar_plant_india"
        )
    validate.require_configurations("make demo")
    if not run.main(console, source=source, data=data, keep=keep):
        raise typer.Exit(1)
