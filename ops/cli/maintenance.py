"""`ona maintenance`: maintenance windows of the platform, in which alerts are kept quiet."""

from __future__ import annotations

import getpass
from typing import Annotated, get_args

import typer
from rich.markup import escape

from ona.runtime.clock import iso, utc_now
from operations.config.alarms import Severity
from operations.config.maintenance import maintenance
from operations.layout import WINDOW
from ops import alerts, quiet_names
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.target import OpsError, resolve, use_configs

NAME = "maintenance"
app = typer.Typer(help="Maintenance windows of the platform: open, end, list.", no_args_is_help=True)


@app.command("start")
@errors_in_one_line
def maintenance_start(
    span: Annotated[str, typer.Option("--for", help="How long: 90m, 1.5h, 2h, 1d; 7d at most")],
    why: Annotated[str, typer.Option("--why", help="What is done; it stands beside each quiet alert")],
    only: Annotated[
        list[str], typer.Option("--only", help="A family, an alarm's kind or name; without it all")
    ] = [],  # noqa: B006
    always: Annotated[
        list[str], typer.Option("--always", help="A severity that is told all the same")
    ] = [],  # noqa: B006
    by: Annotated[str, typer.Option("--by", help="Who; without it the user of this machine")] = "",
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Keep alerts quiet from now on. What is still on at the end is told then."""
    known: dict[str, Severity] = {name: name for name in get_args(Severity)}
    for severity in always:
        if severity not in known:
            raise OpsError(f"--always {severity}: there are {', '.join(known)}")
    loud = [known[severity] for severity in always]
    use_configs()
    quiet = quiet_names.checked(only, environment)
    target = resolve(profile, environment)
    who = by or getpass.getuser()
    window = alerts.start_window(target, alerts.duration(span), quiet, loud, why, who)
    of = ", ".join(window.only) or "everything"
    number = window.key.removeprefix(WINDOW)
    console.print(f"window {number} until {iso(window.next_at)}: {escape(of)} is quiet", soft_wrap=True)
    console.print(f"end it before: ona maintenance end {number}")


@app.command("end")
@errors_in_one_line
def maintenance_end(
    name: Annotated[str, typer.Argument(help="The window's id; without it the only open one")] = "",
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """End a window before its time; what is still on is told within five minutes."""
    window = alerts.end_window(resolve(profile, environment), name, utc_now())
    console.print(f"window {window.key.removeprefix(WINDOW)} has ended", soft_wrap=True)


@app.command("list")
@errors_in_one_line
def maintenance_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """Windows that were opened by hand, and those of configs/operations/maintenance.yaml."""
    use_configs()
    now = utc_now()
    windows = alerts.log(resolve(profile, environment)).windows
    for window in windows:
        if window.ended_at or window.next_at <= now:
            state = f"ended {iso(window.ended_at or window.next_at)}"
        else:
            state = f"[yellow]until {iso(window.next_at)}[/yellow]"
        of = escape(", ".join(window.only) or "everything")
        number = window.key.removeprefix(WINDOW)
        console.print(
            f"{number}  {state}  {of}  {escape(window.why)} ({escape(window.by)})", soft_wrap=True
        )
    for recurring in maintenance().windows:
        zone = maintenance().zone
        days = f"{', '.join(recurring.days)} from {recurring.start:%H:%M} ({zone})"
        console.print(
            f"{recurring.name}  {days} for {recurring.hours:g} h  {recurring.why}",
            markup=False,
            soft_wrap=True,
        )
    if not windows and not maintenance().windows:
        console.print("no windows: ona maintenance start --for 2h --why …")
