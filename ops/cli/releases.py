"""`ona deploy history|rollback|prune|validate`: what is live, back to before, and what is left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.clock import utc_now
from ona.runtime.words import counted
from ops.cli import recorded
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, notes
from ops.deployment import shifting, under_way, validate, versions
from ops.target import OpsError, Target, resolve

COLOURS = {"ok": "green", "wrong": "red", "not asked": "yellow"}
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be done, and do nothing")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


def _things(target: Target) -> list[versions.Published]:
    return versions.published(target.client, target.outputs["Environment"])


def _agreed(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


@errors_in_one_line
def deploy_history(
    profile: Profile = None,
    environment: Environment = "dev",
    every: Annotated[bool, typer.Option("--all", help="every version, not only those of releases")] = False,
) -> None:
    """List releases with their versions and which one is live, then what deployments did, and who."""
    target = resolve(profile, environment)
    things, shifts = _things(target), shifting.under_way(target.client)
    book, stacks = recorded.looked(target)
    now, who = utc_now(), under_way.deployer(target)
    functions = [item for item in things if item.kind == "function"]
    first: dict[str, datetime] = {}
    for version in (one for item in functions for one in item.versions):
        first[version.release] = min(version.published, first.get(version.release, version.published))
    print(f"{'release':<28} {'published':<17} {'functions':>9} {'live':>5}")
    refused = book.refused(stacks, now, who)
    for release in sorted(first, key=lambda one: first[one], reverse=True):
        having = sum(any(one.release == release for one in item.versions) for item in functions)
        live = sum(item.release == release for item in functions)
        when = first[release].strftime("%Y-%m-%d %H:%M")
        told = f"  {refused[release]}" if release in refused else ""
        print(f"{release or 'unnamed':<28} {when:<17} {having:>9} {live:>5}{told}")
    for item in things:
        if item.others:
            shares = ", ".join(f"version {number} {share:.0%}" for number, share in item.others.items())
            print(f"{item.short}: a deployment is under way, {shares}")
        if shift := shifts.get(item.name):
            print(f"{item.short}: {shift.text}")
        if every:
            numbers = ", ".join(str(version.number) for version in item.versions)
            print(f"{item.kind:<8} {item.short:<28} live {item.live}, there are {numbers}")
    recorded.tell_apart(target, functions, book, stacks)
    recorded.show(target, things, book, stacks)


@errors_in_one_line
def deploy_rollback(
    which: Annotated[str, typer.Argument(help="a function, a workflow, or all")],
    profile: Profile = None,
    environment: Environment = "dev",
    release: Annotated[str, typer.Option("--to", help="the release to go to; else the one before")] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Let aliases name the version of before. The next deployment of another release moves them again.

    A deployment that is under way is stopped: its alias goes back, and then its stack.
    """
    target = resolve(profile, environment)
    things, shifts = _things(target), shifting.under_way(target.client)
    book, stacks = recorded.looked(target)
    now = utc_now()
    refused, home = book.refused(stacks, now), book.home(stacks, now)
    found = versions.way_back(things, which, release, refused, shifts, home)
    steps = [replace(one, stack=shifting.updating(target.client, target.stack, one.thing)) for one in found]
    if release and (busy := [one.thing.short for one in steps if one.thing.name in shifts or one.stack]):
        text = f"of {', '.join(busy)} a deployment is under way; stop it first: `ona deploy rollback"
        raise OpsError(f"{text} {busy[0]}`, then give --to again")
    for step in steps:
        print(f"{step.thing.kind:<8} {step.thing.short:<28} {shifting.words(step, shifts)}")
    moving = [step for step in steps if step.to is not None or step.thing.name in shifts]
    if dry_run or not moving:
        return
    if not any(step.thing.name in shifts or step.stack for step in moving):
        recorded.note(under_way.refuse(target, book, stacks, now))
    _agreed(f"take {counted(len(moving), 'step')} back?", yes=yes)
    with recorded.way_back(target, [step.thing for step in moving], which != "all") as went:
        # first what is under way ends: an alias that moves beneath it would move on with it
        shifting.stop_all(
            target.client, [shifts[one.thing.name] for one in moving if one.thing.name in shifts]
        )
        for stack in dict.fromkeys(one.stack for one in moving if one.stack):
            shifting.cancel(target.client, stack)
        for step in moving:
            if step.thing.name not in shifts and not step.stack:
                versions.take(target.client, step)
            went.setdefault(shifting.words(step, shifts), []).append(step.thing.short)
    console.print(f"{counted(len(moving), 'step')} moved; `ona deploy validate` tries them")


@errors_in_one_line
def deploy_prune(
    profile: Profile = None,
    environment: Environment = "dev",
    keep: Annotated[int, typer.Option("--keep", min=1, help="so many of the newest stay")] = 5,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Remove old versions: all but the newest ones, and never one that an alias names."""
    target = resolve(profile, environment)
    found = [(item, version) for item in _things(target) for version in versions.surplus(item, keep)]
    for item, version in found:
        print(f"{item.kind:<8} {item.short:<28} version {version.number} of {version.release or 'unnamed'}")
    if not found:
        console.print(
            f"nothing to remove: no function or workflow has more than {counted(keep, 'version')} to spare"
        )
    if dry_run or not found:
        return
    _agreed(f"remove {counted(len(found), 'version')}?", yes=yes)
    for item, version in found:
        versions.remove(target.client, item, version)
    console.print(f"removed {counted(len(found), 'version')}")


@errors_in_one_line
def deploy_validate(profile: Profile = None, environment: Environment = "dev") -> None:
    """Try every function, workflow and API without leaving a trace; 1 when one is wrong."""
    wrong = False
    for found in validate.findings(resolve(profile, environment), notes().print):
        wrong |= found.state == "wrong"
        text = f"[{COLOURS[found.state]}]{found.state:<9}[/] {escape(found.about):<28} {escape(found.text)}"
        console.print(text, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


def add(app: typer.Typer) -> None:
    """Give `ona deploy` these commands."""
    app.command("validate")(deploy_validate)
    app.command("history")(deploy_history)
    app.command("rollback")(deploy_rollback)
    app.command("prune")(deploy_prune)
