"""`ona alerts`: what rings, who was told, taking it on, closing it, trying it out."""

from __future__ import annotations

import getpass
import json
from typing import Annotated, get_args

import typer
from rich.markup import escape

from ona.runtime.clock import iso
from ona.runtime.words import counted, listed
from ona.store.unreadable import Unreadable
from operations.alerting.documents import Alert
from operations.alerting.wording import short
from operations.config.alarms import Severity
from operations.config.alerting import alerting
from ops import alerts, refused
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, print_unreadable
from ops.target import OpsError, resolve, use_configs

NAME = "alerts"
app = typer.Typer(help="Alerts: look, take on, close, try out.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="An alert's id, or its alarm's name: ona alerts list")]
By = Annotated[str, typer.Option("--by", help="Who does it; without it the user of this machine")]
_FILES_NAMED = 3
_COLOURS = {"open": "red", "acknowledged": "yellow", "suppressed": "cyan", "resolved": "green"}
_SHOWN = {"suppressed": "not told"}
"""States in other words than the log's: nobody silenced it, it waits, or another alert tells of it."""
ME = getpass.getuser


def _line(alert: Alert) -> str:
    shown = _SHOWN.get(alert.status, alert.status)
    status = f"[{_COLOURS[alert.status]}]{shown}[/]"
    times = "" if alert.count == 1 else f", {counted(alert.count, 'time')}"
    who = f", {alert.acknowledged_by} has it" if alert.acknowledged_by and not alert.resolved_at else ""
    return (
        f"{short(alert.key)}  {status}  {alert.severity}  {escape(alert.name)}  "
        f"since {iso(alert.opened_at)}{times}{escape(who)}"
    )


@app.command("list")
@errors_in_one_line
def alerts_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """What is open, taken on, or kept quiet; the newest first."""
    bad: list[Unreadable] = []
    target = resolve(profile, environment)
    log = alerts.log(target, bad)
    shown = [alert for alert in log.alerts if everything or alert.status != "resolved"]
    if as_json:
        typer.echo(json.dumps({"alerts": [alert.item() for alert in shown]}, indent=1))
        return
    for alert in shown:
        console.print(_line(alert), soft_wrap=True)
        if alert.status == "suppressed":
            until = f", looked at again {iso(alert.next_at)}" if alert.next_at else ""
            console.print(
                f"    [dim]quiet: {escape(str(alert.suppressed_by))}{until}[/dim]", soft_wrap=True
            )
        if alert.unheard:
            console.print("    [red]nobody could be told[/red]: ona alerts show", soft_wrap=True)
    over = len(log.alerts) - len(shown)
    hidden = f"; {over} more that are over: --all" if over else ""
    if shown or hidden:
        console.print(f"{counted(len(shown), 'alert')}{hidden}")
    else:
        console.print("no alerts: `ona alarms` says what is on, `ona alerts test` tries who is told")
    found = refused.still(target, (one.key for one in log.rejected))
    if found.keys:
        names = escape(listed(found.keys, _FILES_NAMED))
        console.print(f"{counted(len(found.keys), 'refused file')}: {names}; ona status", soft_wrap=True)
    if found.older:
        console.print(
            f"{counted(found.older, 'older refusal')} not looked at (only the newest {refused.MOST} are): "
            "ona status",
            soft_wrap=True,
        )
    print_unreadable(bad)


@app.command("show")
@errors_in_one_line
def alerts_show(name: Id, profile: Profile = None, environment: Environment = "dev") -> None:
    """One alert: why, since when, who was told where and what became of it, what to read."""
    target = resolve(profile, environment)
    alert = alerts.find(target, name)
    console.print(_line(alert), soft_wrap=True)
    console.print(f"  {escape(alert.reason)}", soft_wrap=True)
    if alert.page:
        console.print(f"  what to do: docs/operations/symptoms/{alert.page}.md", soft_wrap=True)
    if alert.correlation_id:
        console.print(f"  correlation id: {escape(alert.correlation_id)}", soft_wrap=True)
    for telling in alert.told:
        told = escape(alerts.outcome(target, telling))
        level = f"level {telling.level}  " if telling.action == "trigger" else ""
        console.print(f"  {telling.action}  {level}{escape(telling.place)}  {told}", soft_wrap=True)
    if alert.suppressed_by and alert.status == "suppressed":
        console.print(f"  quiet: {escape(alert.suppressed_by)}", soft_wrap=True)
    if alert.next_at and alert.lane and alert.status == "open":
        console.print(f"  next level {iso(alert.next_at)}, unless somebody acknowledges", soft_wrap=True)


@app.command("ack")
@errors_in_one_line
def alerts_ack(name: Id, by: By = "", profile: Profile = None, environment: Environment = "dev") -> None:
    """Take an alert on: nobody further is told."""
    result = alerts.acknowledge(resolve(profile, environment), name, by or ME())
    console.print(f"{short(result.alert_id)}: {escape(result.why)}", soft_wrap=True)


@app.command("resolve")
@errors_in_one_line
def alerts_resolve(
    name: Id,
    why: Annotated[str, typer.Option("--why", help="What was done")] = "",
    by: By = "",
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Close an alert wherever it was opened; an alarm does so by itself when it is off."""
    who = by or ME()
    result = alerts.resolve(resolve(profile, environment), name, who, why or f"closed by {who}")
    console.print(f"{short(result.alert_id)}: {escape(result.why)}", soft_wrap=True)


@app.command("test")
@errors_in_one_line
def alerts_test(
    severity: Annotated[str, typer.Option("--severity", help="critical, high, medium or low")] = "high",
    by: By = "",
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Open an alert that means nothing: the places of its severity are told within a minute."""
    known: dict[str, Severity] = {name: name for name in get_args(Severity)}
    if severity not in known:
        raise OpsError(f"severity is {severity}; there are {', '.join(known)}")
    target = resolve(profile, environment)
    result = alerts.trial(target, known[severity], by or ME())
    opened, number = alerts.find(target, result.alert_id), short(result.alert_id)
    places = ", ".join(telling.place for telling in opened.told) or "nobody"
    console.print(f"{result.outcome}: {number}, to be told: {escape(places)}", soft_wrap=True)
    console.print(f"afterwards: ona alerts show {number}; ona alerts resolve {number}")


@app.command("contacts")
@errors_in_one_line
def alerts_contacts() -> None:
    """Who is whom (`contacts` and `people` of configs/operations/alerting.yaml)."""
    use_configs()
    rules = alerting()
    for contact in rules.contacts:
        console.print(f"{contact.role}: {contact.name}, {contact.contact}", markup=False, soft_wrap=True)
    for person in rules.people:
        places = ", ".join(person.places)
        console.print(f"on the rota: {person.name}, {person.contact or places}", markup=False)
    if not rules.contacts and not rules.people:
        console.print("no contacts yet: name them in configs/operations/alerting.yaml")
