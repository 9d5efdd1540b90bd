"""`ona restart`: start again what hangs, or what failed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.words import counted
from ops import explain
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.cli.stop import user
from ops.emergency import restart, rules, running
from ops.target import OpsError, Target, resolve, use_configs

app = typer.Typer()
HANGING = "hanging"


@app.command("restart")
@errors_in_one_line
def restart_command(
    execution: Annotated[str, typer.Argument(help="name, its beginning, or ARN; or: hanging")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be restarted")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Start an execution again that failed or hangs, or all that hang."""
    use_configs()
    target = resolve(profile, environment)
    if execution != HANGING:
        arn = explain.find(target, execution)
        if dry_run:
            console.print(f"would be restarted: {escape(arn.rpartition(':')[2])}", soft_wrap=True)
            return
        _restart(target, arn)
        return
    found = restart.hanging(target, running.machines_of(rules.deployed(target), []))
    for item in found:
        what = f"{item.running.name} of {rules.named(item.running.machine)}"
        still = f"nothing happened for {item.still_s:.0f} s, more than {item.limit_s:.0f} s"
        console.print(f"hangs: {escape(what)}: {still}", soft_wrap=True)
    if not found:
        console.print("nothing hangs")
        return
    if dry_run:
        console.print("nothing was restarted: --dry-run")
        return
    if not yes and not sys.stdin.isatty():
        raise OpsError("nothing was restarted: give --yes, since nobody can be asked here")
    if not yes and not typer.confirm("restart them?"):
        console.print("nothing was restarted")
        return
    for item in found:
        _restart(target, item.running.arn)
    console.print(f"{counted(len(found), 'execution')} restarted")


def _restart(target: Target, arn: str) -> None:
    started = restart.restart(target, arn, f"restarted by {user()}")
    old, new = arn.rpartition(":")[2], started.rpartition(":")[2]
    how = "goes on where it ended" if old == new else f"started anew as {new}"
    console.print(f"{escape(old)}: {how}", soft_wrap=True)
