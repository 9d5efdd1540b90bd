"""`ona flags`: feature flags and maintenance mode of a deployed platform."""

from __future__ import annotations

import getpass
import json
import time
from typing import Annotated, get_args

import typer
from rich.markup import escape
from rich.table import Column, Table

from ona.config.flags import MAINTENANCE, MAX_AGE_S, FlagName, Place, flags_config, place_of
from ona.runtime.words import listed
from ops import maintenance
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.customers import known_customers
from ops.flag_words import described
from ops.flags import Deployment, Flags
from ops.target import OpsError, Target, resolve, use_configs

NAME = "flags"
app = typer.Typer(help="Feature flags and maintenance mode.", no_args_is_help=True)
LOOK_S = 2.0
TAKEN_BACK = ("ROLLED_BACK", "REVERTED")
_CUSTOMERS_NAMED = 10
"""So many customers are named in a sentence (ours)."""
_DESPITE = (
    "--despite is for one change of a feature at once: give --why with it, and leave --gradually out, "
    "whose watch is these alarms; maintenance_mode needs none, since no alarm takes it back"
)
Which = Annotated[str, typer.Argument(help="features, or maintenance")]


@app.command("list")
@errors_in_one_line
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Every flag: what holds now, for whom it is the other way, what it switches."""
    flags = _flags(profile, environment)
    standings = flags.standings()
    if as_json:
        print(json.dumps([{**vars(one), "other": list(one.other)} for one in standings]))
        return
    columns = [Column(name, no_wrap=name != "switches") for name in ("flag", "now", "default", "switches")]
    table = Table(*columns, box=None)
    for one in standings:
        now = _on(one.now) + (f", {_on(not one.now)} for {', '.join(one.other)}" if one.other else "")
        table.add_row(one.name, escape(now), _on(one.default), escape(one.switches))
    console.print(table)
    for place in get_args(Place):
        newest = flags.newest(place)
        console.print(f"{place}: {_told(newest) if newest else 'nobody has set a flag'}", soft_wrap=True)


@app.command("set")
@errors_in_one_line
def set_command(
    name: Annotated[str, typer.Argument(help="see `ona flags list`")],
    value: Annotated[str, typer.Argument(help="on or off")],
    customer: Annotated[
        list[str] | None, typer.Option(help="for this customer alone; again for more")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="a new customer, whom no asset and no key names yet")
    ] = False,
    despite: Annotated[
        list[str] | None,
        typer.Option(help="an alarm that is on and shall not take this change back; with --why"),
    ] = None,
    gradually: Annotated[
        bool, typer.Option(help="a fifth every two minutes, then ten under watch")
    ] = False,
    why: Annotated[str, typer.Option(help="kept with the change")] = "",
    by: Annotated[str, typer.Option(help="who; without it this machine's user")] = "",
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Switch a feature, or maintenance mode."""
    flag = _named(name)
    if value not in ("on", "off"):
        raise OpsError(f"{value}: give on or off")
    if customer and not flags_config()[flag].by_customer:
        raise OpsError(f"{flag} holds for all customers; leave --customer out")
    if gradually and flag == MAINTENANCE:
        raise OpsError(f"{flag} holds at once for everybody; leave --gradually out")
    if despite and (gradually or not why or flag == MAINTENANCE):
        raise OpsError(_DESPITE)
    use_configs()
    target, on, who, reason = (
        resolve(profile, environment),
        value == "on",
        by or getpass.getuser(),
        why or "no reason",
    )
    described(flag, on, customer or [], reason, who)  # before anything is held
    if not new:
        _check_customers(target, customer or [])
    events = ""
    if flag == MAINTENANCE:
        both = maintenance.begin(target, reason, who) if on else maintenance.end(target, reason, who, _tell)
        done, events = both.change, both.events
    else:
        flags = Flags(target)
        done = flags.change(
            flag, on, customer or [], gradually=gradually, why=reason, by=who, despite=despite or []
        )
        _note(flags)
    console.print(f"{place_of(flag)}: {_told(done)}", soft_wrap=True)
    if done.state in TAKEN_BACK:
        raise OpsError(
            f"{flag} stays as it was: an alarm that guards it came on. `ona alarms` names it with its "
            "page; docs/operations/symptoms/flag-rolled-back.md says the way on"
        )
    console.print(f"functions ask every {MAX_AGE_S:g} s")
    if events:
        console.print(f"events: {escape(events)}", soft_wrap=True)


@app.command("rollback")
@errors_in_one_line
def rollback_command(
    place: Which = "features", profile: Profile = None, environment: Environment = "dev"
) -> None:
    """Take the last change back: stop it while it is deployed, revert it up to 72 hours after."""
    if _place(place) == "maintenance":
        raise OpsError("give `ona flags set maintenance_mode off`: it also takes up what came meanwhile")
    flags = _flags(profile, environment)
    done = flags.roll_back(_place(place), getpass.getuser())
    console.print(f"{place}: {_told(done)}", soft_wrap=True)
    _note(flags)


@app.command("watch")
@errors_in_one_line
def watch_command(
    place: Which = "features", profile: Profile = None, environment: Environment = "dev"
) -> None:
    """Follow the newest change to its end; exits with 1 when it was taken back."""
    flags, seen = _flags(profile, environment), ""
    while True:
        newest = flags.newest(_place(place))
        if newest is None:
            raise OpsError(f"{place}: nobody has set a flag there")
        if (told := _told(newest)) != seen:
            console.print(told, soft_wrap=True)
            seen = told
        if not newest.in_progress:
            flags.tell(_place(place), newest)
            _note(flags)
            raise typer.Exit(int(newest.state != "COMPLETE"))
        time.sleep(LOOK_S)


def _check_customers(target: Target, asked: list[str]) -> None:
    """Raises OpsError for a customer of whom there is neither an asset nor a key."""
    known = known_customers(target) if asked else set()
    strange = [one for one in asked if one not in known]
    if strange:
        there = listed(sorted(known), _CUSTOMERS_NAMED) if known else "none"
        raise OpsError(
            f"no asset and no key is of customer {strange[0]!r}; known: {there}. Nothing was changed. "
            "When it is a new customer, add --new"
        )


def _tell(text: str) -> None:
    console.print(escape(text), soft_wrap=True)


def _note(flags: Flags) -> None:
    """Say that the bus did not take the event of the last change."""
    if flags.not_told:
        _tell(flags.not_told)


def _flags(profile: str | None, environment: str) -> Flags:
    use_configs()
    return Flags(resolve(profile, environment))


def _named(name: str) -> FlagName:
    use_configs()
    for known in flags_config():
        if known == name:
            return known
    raise OpsError(f"{name}: there is no such flag; see `ona flags list`")


def _place(name: str) -> Place:
    for known in get_args(Place):
        if known == name:
            found: Place = known
            return found
    raise OpsError(f"{name}: give features or maintenance")


def _on(value: bool) -> str:
    return "on" if value else "off"


def _told(one: Deployment) -> str:
    taken = f" ({one.why})" if one.why else ""
    stands = f"{one.state}, {one.percent:g} %{taken}"
    return escape(f"change {one.number} of {one.started_at}: {stands} - {one.description}")
