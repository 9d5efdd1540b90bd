"""`ona deploy run|remove|leftovers`: what `make deploy`, `make undeploy` and `make clean-deploy` call."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from ona.runtime.words import counted
from ops.cli.recorded import recorded
from ops.cli.releases import DryRun, Yes
from ops.cli.shared import Environment, console, errors_in_one_line
from ops.deployment import names, removing, running, stopped
from ops.deployment.names import Ask
from ops.deployment.settings import Settings, settings
from ops.target import TEMPLATE, OpsError, Target, account

FOLDER = TEMPLATE.parent
MADE_BY = "ONA_MADE_BY"
"""The environment variable in which the Makefile says what was typed."""
Profile = Annotated[
    str,
    typer.Option(
        "--profile",
        help="AWS profile; `environment`: the shell's own credentials; `embedded`: this checkout's cloud",
    ),
]
Parameters = Annotated[
    list[str] | None, typer.Option("-p", "--parameter", help="Name=value, wins over samconfig.toml")
]
WithData = Annotated[bool, typer.Option("--with-data", help="buckets, tables, queues and logs too")]
WhileStopped = Annotated[bool, typer.Option(stopped.MEANT, help="deploy although the platform is stopped")]


def _settings(environment: str, parameter: list[str] | None) -> Settings:
    """samconfig.toml's section, what was kept, and what the command line says; the later wins."""
    earlier = [f"{name}={value}" for name, value in running.kept(FOLDER, environment).items()]
    return settings(FOLDER, environment, [*earlier, *(parameter or [])])


def _complete(chosen: Settings, environment: str) -> Settings:
    """Ask for the parameter that the template refuses, and keep the answer. Raises OpsError."""
    while why := running.refused(TEMPLATE, chosen.parameters):
        name = next((part for part in ("AlertEmail",) if part in why), "")
        if not name or not sys.stdin.isatty():
            raise OpsError(f"{why}\nSet it: {_how()}, or in samconfig.toml")
        print(why)
        answer = {name: typer.prompt(name)}
        running.keep(FOLDER, environment, {**running.kept(FOLDER, environment), **answer})
        chosen = Settings(chosen.stack, chosen.region, {**chosen.parameters, **answer})
    return chosen


def _how() -> str:
    """How the command that was typed is given a parameter: make has no `-p`."""
    made_by = os.environ.get(MADE_BY)
    return f"`{made_by} … PARAMETERS=Name=value`" if made_by else "`-p Name=value`"


@errors_in_one_line
def deploy_run(
    profile: Profile,
    environment: Environment = "dev",
    parameter: Parameters = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    while_stopped: WhileStopped = False,
) -> None:
    """Build, check, deploy with sam, validate; each step only after the one before it succeeded."""
    if profile == "embedded":
        raise OpsError("on the embedded cloud it is `ona up`; then `ona deploy validate`")
    chosen = _complete(_settings(environment, parameter), environment)
    client = None if dry_run else _known(profile, chosen.region)
    release = running.release_of(TEMPLATE, chosen.parameters)
    console.print(f"{environment}: release {release} into stack {chosen.stack} in {chosen.region}")
    todo = list(running.steps(chosen, environment, profile, release, yes=yes, while_stopped=while_stopped))
    if client is None:
        running.run(todo, FOLDER, dry=True, say=print)
        return
    target = Target(f"AWS profile {profile}", chosen.stack, client)
    with recorded(target, chosen, release) as begin:
        running.run(todo, FOLDER, dry=False, say=print, begin=begin)


def _known(profile: str, region: str) -> Ask:
    """The account, asked who deploys before anything is built. Raises OpsError when it does not answer."""
    try:
        client = account(profile, region)
        client("sts").get_caller_identity()
    except OpsError:
        raise
    except Exception as error:
        raise OpsError(f"profile {profile}: the account does not answer: {error}") from error
    return client


def _plan(client: Any, chosen: Settings) -> names.Plan:
    who = str(client("sts").get_caller_identity()["Account"])
    given = dict(chosen.parameters)
    return names.plan(TEMPLATE, given, account=who, region=chosen.region, rules=False)


def _sure(stack: str, *, yes: bool) -> None:
    """Ask for the stack's name. Raises typer.Exit when it is another."""
    if not yes and typer.prompt(f"type {stack} to go on") != stack:
        raise typer.Exit(1)


@errors_in_one_line
def deploy_remove(
    profile: Profile,
    environment: Environment = "dev",
    parameter: Parameters = None,
    data: WithData = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete a deployment. Without --with-data buckets, tables, queues and audit logs stay."""
    chosen = _settings(environment, parameter)
    client = account(profile, chosen.region)
    found = removing.stacks(client, chosen.stack)
    kept = [item for item in _plan(client, chosen).named() if item.kind in removing.DATA]
    for item in found:
        print(f"stack    {item['StackName']} ({item['StackStatus']})")
    for one in kept if data else []:
        print(f"with all that is in it: {one.kind} {one.name}")
    if dry_run:
        return
    if not found and not data:
        console.print(f"nothing to remove: there is no stack {chosen.stack}")
        return
    _sure(chosen.stack, yes=yes)
    for item in found:
        removing.delete_stack(client, item["StackName"])
    gone = [one for one in kept if data and names.taken(client, one)]
    for one in gone:
        removing.delete(client, one)
    console.print(f"removed {counted(len(found), 'stack')}; {counted(len(gone), 'thing')} with data")


@errors_in_one_line
def deploy_leftovers(
    profile: Profile,
    environment: Environment = "dev",
    parameter: Parameters = None,
    data: WithData = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """List, and remove, what a failed or an older deployment left: broken stacks, names without a stack."""
    chosen = _settings(environment, parameter)
    client = account(profile, chosen.region)
    stacks = removing.broken(client, chosen.stack)
    things = removing.left(client, _plan(client, chosen), chosen.stack)
    going = [item for item in things if data or item.kind not in removing.DATA]
    for stack in stacks:
        print(f"stack    {stack['StackName']} ({stack['StackStatus']})")
    for item in things:
        stays = "" if item in going else ", stays without --with-data"
        print(f"{item.kind} {item.name}{stays}")
    if not stacks and not things:
        console.print("nothing is left over")
    if dry_run or not (stacks or going):
        return
    _sure(chosen.stack, yes=yes)
    for stack in stacks:
        removing.delete_stack(client, stack["StackName"])
    for item in going:
        removing.delete(client, item)
    console.print(f"removed {counted(len(stacks), 'stack')} and {counted(len(going), 'leftover')}")


def add(app: typer.Typer) -> None:
    """Give `ona deploy` these commands."""
    app.command("run")(deploy_run)
    app.command("remove")(deploy_remove)
    app.command("leftovers")(deploy_leftovers)
