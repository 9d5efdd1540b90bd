"""`ona stop` and `ona resume`: nothing new begins, and later all that came meanwhile is done."""

from __future__ import annotations

import getpass
from datetime import UTC
from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.words import counted
from operations.config.emergency import emergency
from operations.reading.stops import Stop
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.emergency import documents, doors, drain, holding, rules, running, turn
from ops.target import OpsError, Target, resolve, use_configs

app = typer.Typer()
_NOW_S = 10.0
"""Seconds to wait for executions that were stopped to have ended (ours)."""
_RUNS_ON = 2
"""Exit status of a stop after which something still runs."""


@app.command("stop")
@errors_in_one_line
def stop_command(
    why: Annotated[str, typer.Option(help="the reason; everybody who looks reads it")] = "",
    by: Annotated[str, typer.Option(help="who stops it; without it the user of this machine")] = "",
    now: Annotated[bool, typer.Option("--now", help="stop what runs, too; a resume takes it up")] = False,
    silent: Annotated[
        bool, typer.Option("--silent", help="stop deliveries to people and alerts, too")
    ] = False,
    open_apis: Annotated[bool, typer.Option("--open", help="leave the APIs open")] = False,
    hard: Annotated[
        bool, typer.Option("--hard", help="close the APIs by their limits (429), not by maintenance mode")
    ] = False,
    patience: Annotated[
        int | None, typer.Option(min=0, help="seconds to wait for what runs; configured: 300")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="only say whether it is stopped")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Let nothing new begin: events wait, timers are off, the APIs are closed. What runs ends.

    Exits with 0 when nothing runs any more, with 2 when something still does.
    """
    use_configs()
    target = resolve(profile, environment)
    if show:
        _show(target)
        return
    if not why:
        raise OpsError("say why: --why 'a bad release'; whoever finds the platform stopped will ask")
    by = by or user()
    goes_on, holds = {} if silent else emergency().goes_on, rules.deployed(target)
    machines = running.machines_of(holds, goes_on)
    with turn.taken(target, "stop", by):
        _print(holding.hold(target, why, by, silent, close=hard and not open_apis, tell=_tell))
        if not (hard or open_apis):
            _close(target, why, by)
        for name in sorted(set(goes_on) & rules.names_of(holds)):
            console.print(f"goes on: {escape(name)} ({escape(goes_on[name])})", soft_wrap=True)
        if now:
            stopped = running.stop_all(target, running.running(target, machines), why)
            console.print(f"{counted(stopped, 'execution')} stopped in the middle")
    seconds = emergency().patience_s if patience is None else patience
    left = running.wait(target, machines, _NOW_S if now else seconds, _tell)
    for item in left:
        since = f"{item.started.astimezone(UTC):%H:%M:%S} UTC"
        text = f"still runs: {item.name} of {rules.named(item.machine)}, since {since}"
        console.print(escape(text), soft_wrap=True)
    if left:
        console.print("stop them with `ona stop --now`, or wait; go on with `ona resume`")
        raise typer.Exit(_RUNS_ON)
    console.print("nothing runs any more; go on with `ona resume`")


@app.command("resume")
@errors_in_one_line
def resume_command(profile: Profile = None, environment: Environment = "dev") -> None:
    """Go on after `ona stop`: all that came meanwhile is done, nothing twice. May be given again."""
    use_configs()
    target = resolve(profile, environment)
    with turn.taken(target, "resume", user()):
        stop = documents.current(target)
        if stop is None:
            console.print("the platform is not stopped; looking for events that wait all the same")
        if stop is not None and stop.flag:
            doors.maintenance(target, False, f"the end of stop {stop.stop_id}", user())
            console.print("maintenance mode is off: the APIs answer again, all of them within 30 s")
        progress = holding.release(target, _tell, user())
    came = counted(progress.came, "event")
    if progress.came or stop is not None:
        console.print(
            f"{came} came meanwhile: {progress.started} started, {progress.repeated} had begun already, "
            "none was started twice",
            soft_wrap=True,
        )
    for text in progress.left:
        console.print(f"[red]left in the queue[/red]: {escape(text)}", soft_wrap=True)
    if progress.left:
        raise typer.Exit(1)
    console.print("the platform runs; what becomes of the files: `ona status`")


def _close(target: Target, why: str, by: str) -> None:
    """Close the APIs by maintenance mode; who turned it on before the stop turns it off."""
    if not doors.in_maintenance(target):
        kept = documents.newest(target)
        if kept is not None:
            kept.write(flag=True)
        doors.maintenance(target, True, why, by)
    console.print("maintenance mode is on: the APIs answer 503, all of them within 30 s")


def _tell(text: str) -> None:
    console.print(escape(text), soft_wrap=True)


def user() -> str:
    """Who gives the command, by the machine's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _print(stop: Stop) -> None:
    first = stop.reasons[0]
    console.print(
        f"[bold]stopped[/bold] since {first.at:%Y-%m-%d %H:%M} UTC (stop {stop.stop_id}): "
        f"{counted(len(stop.rules), 'rule')} of events wait, "
        f"{counted(len(stop.timers), 'timer')} off",
        soft_wrap=True,
    )
    for reason in stop.reasons:
        text = f"by {reason.by} at {reason.at:%H:%M} UTC: {reason.why}"
        console.print(f"    {escape(text)}", soft_wrap=True)


def _show(target: Target) -> None:
    stop = documents.current(target)
    waiting = drain.waiting(target, rules.queue_of(rules.deployed(target)))
    if stop is None:
        console.print("the platform is not stopped")
    else:
        _print(stop)
        if stop.state != "stopped":
            command = "resume" if stop.state == "resuming" else "stop"
            console.print(f"the last `ona {command}` did not end: give it again")
    verb = "waits" if waiting == 1 else "wait"
    if stop is not None or waiting:
        console.print(f"{counted(waiting, 'event')} {verb} in the holding queue")
