"""`ona roles`: what each role may do, how often it did it, what nothing used, and what was refused."""

from __future__ import annotations

from itertools import groupby

import typer
from rich.markup import escape

from ona.runtime.words import counted
from ops import roles
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.target import resolve

app = typer.Typer()


@app.command("roles")
@errors_in_one_line
def show(profile: Profile = None, environment: Environment = "dev") -> None:
    """Each role's permissions and their uses since the home was made; what nothing used; refusals."""
    found = roles.report(resolve(profile, environment))
    for role, permissions in groupby(found.permissions, key=lambda item: item.role):
        console.print(f"[bold]{escape(role)}[/bold]", soft_wrap=True)
        for item in permissions:
            uses = (
                "[dim]not seen here[/dim]"
                if item.unseen
                else counted(item.used, "use")
                if item.used
                else "[yellow]unused[/]"
            )
            console.print(f"  {uses}  {escape(item.action)}  {escape(item.resource)}", soft_wrap=True)
    unknown = sum(item.reason is None for item in found.unused)
    console.print(
        f"[bold]{counted(len(found.unused), 'permission')} that nothing used[/bold], "
        f"{unknown} of them without a known need"
    )
    for item in sorted(found.unused, key=lambda item: item.reason is not None):
        where = f"{item.role} {item.sid}".strip()
        console.print(
            f"  {escape(item.action)}  {escape(item.resource)}  ({escape(where)})", soft_wrap=True
        )
        if item.reason is not None:
            by = "AWS itself: " if item.reason.by_aws else "needed for: "
            console.print(f"    [dim]{by}{escape(item.reason.why)}[/dim]", soft_wrap=True)
    console.print(f"[bold]{sum(item.times for item in found.refusals)} refused[/bold]")
    for refusal in found.refusals:
        text = f"{refusal.who}  {refusal.action}  {refusal.resource}"
        console.print(f"  [red]{refusal.times}[/red]  {escape(text)}", soft_wrap=True)
    speed = "" if found.median_ms is None else f", median {found.median_ms} ms a check"
    console.print(f"{counted(found.calls, 'call')} checked since the home was made{speed}")
