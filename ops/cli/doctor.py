"""`ona doctor`: is this home sound, and does what it holds fit together?"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from local import cloud
from local import home as homes
from ona.runtime.words import counted
from ops import doctor
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.target import embedded, resolve

app = typer.Typer()
_MARKS = {
    doctor.Level.GOOD: "[green]✓[/green]",
    doctor.Level.NOTE: "[yellow]![/yellow]",
    doctor.Level.MENDED: "[green]mended[/green]",
    doctor.Level.PROBLEM: "[red]✗[/red]",
}


@app.command(name="doctor")
@errors_in_one_line
def doctor_command(
    repair: Annotated[bool, typer.Option("--repair", help="mend what is certain; list the rest")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Check this home and what is deployed in it; exits with 1 when something is wrong."""
    problems = 0
    for check, findings in doctor.examine(_subject(profile, environment, repair)):
        for finding in findings:
            problems += finding.level is doctor.Level.PROBLEM
            console.print(f"{_MARKS[finding.level]} {check.title}: {escape(finding.what)}", soft_wrap=True)
            if finding.where:
                console.print(f"    where: {escape(finding.where)}", soft_wrap=True, highlight=False)
            if finding.mend:
                console.print(f"    mend:  {escape(finding.mend)}", soft_wrap=True, highlight=False)
    if problems:
        console.print(f"[red]{counted(problems, 'problem')}[/red]")
        raise typer.Exit(1)
    console.print("[green]sound[/green]")


def _subject(profile: str | None, environment: str, repair: bool) -> doctor.Subject:
    if profile:
        return doctor.Subject(None, None, resolve(profile, environment), environment, repair)
    home = homes.resolved(None)
    try:
        homes.check(home)
        running = cloud.running(home)
    except cloud.CloudError:  # the check of the home says why
        running = None
    answers = running is not None and running.healthy()
    target = embedded(running, environment) if running is not None and answers else None
    return doctor.Subject(home, running, target, environment, repair)
