"""The record of deployments: written by `ona up`, `ona deploy run` and `rollback`, shown by `ona deploy
history`."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.markup import escape

from local import deploy
from ona.runtime.clock import utc_now
from ona.runtime.words import counted
from ops.cli.shared import console
from ops.deployment import derived, records, running
from ops.deployment.settings import Settings
from ops.deployment.versions import Published, published
from ops.target import Target

MOST = 10
"""So many of the newest are shown."""
LONGEST = 2000
"""Characters of a reason that are kept: that of a deployment has a line for each resource that failed."""
FEW = 8
"""So many functions and workflows are named; of more their number is told."""


@contextmanager
def recorded(target: Target, chosen: Settings, release: str) -> Iterator[None]:
    """Keep what a deployment did, once it changed something in the account."""
    began, before = utc_now(), records.standing(target)
    try:
        yield
    except running.StepFailed as error:
        if error.changed:
            _keep(target, chosen, began, before, release, outcome="failed", reason=str(error))
        raise
    _keep(target, chosen, began, before, release, outcome="succeeded")


def _keep(
    target: Target, chosen: Settings, began: Any, before: dict[str, str], release: str, **end: Any
) -> None:
    record = records.made(
        "deployment",
        target,
        began,
        before=before.get("Release", ""),
        release=release,
        by=who(target),
        changes=records.changes(before, chosen.parameters),
        **end,
    )
    note(records.write(target, record))


def note(why: str) -> None:
    """Say what was not possible."""
    if why:
        console.print(f"[yellow]{escape(why)}[/yellow]", soft_wrap=True)


def refused(target: Target) -> set[str]:
    """The releases that were refused, as far as the records can be read."""
    try:
        return records.refused(target)
    except Exception as error:  # of whatever kind: going back must not hang on it
        note(f"the records of deployments cannot be read: {' '.join(str(error).split())}")
        return set()


def who(target: Target) -> str:
    """Who gives the command: in an account its identity there, else this machine's user."""
    try:
        if target.embedded is None:
            return str(target.client("sts").get_caller_identity()["Arn"])
        return getpass.getuser()
    except Exception:
        return "unknown"


def show(target: Target, things: list[Published]) -> None:
    """Print the newest deployments, what each changed, and how it ended.

    One without a record is told as far as the stack's events have it, and its line says so.
    """
    found, unreadable = records.newest(target, MOST)
    rows = [(record.began_at, _told(record)) for record in found]
    try:
        seen = derived.operations(target.client, target.stack, MOST)
    except Exception as error:  # of whatever kind: the records are told all the same
        note(f"the stack's events cannot be read: {' '.join(str(error).split())}")
        seen = []
    rows += [(one.began, _derived(one, things)) for one in derived.unrecorded(seen, found)]
    if not rows and not unreadable:
        console.print("no deployment is on record")
    for _, lines in sorted(rows, key=lambda row: row[0], reverse=True)[:MOST]:
        for line in lines:
            console.print(escape(line), soft_wrap=True, highlight=False)
    if unreadable:
        console.print(f"[red]{counted(unreadable, 'record')} cannot be read[/red]")


def _told(record: records.Record) -> list[str]:
    way = f"{record.before or 'nothing known'} → {record.release or 'unnamed'}"
    if record.moved:
        way = f"{', '.join(record.moved)} alone, {way}; the others stay"
    moment = f"{record.began_at:%Y-%m-%d %H:%M} UTC"
    line = f"{moment}  {record.kind} {record.outcome}  {way}  by {record.by}"
    changed = "; ".join(f"{one.name}: {one.before or '-'} → {one.after or '-'}" for one in record.changes)
    more = [f"    {' '.join(text.split())}" for text in (changed, record.reason) if text]
    return [line, *more]


def _derived(one: derived.Operation, things: list[Published]) -> list[str]:
    release = derived.releases(one, things)
    line = f"{one.began:%Y-%m-%d %H:%M} UTC  deployment {one.outcome}  {release or 'no new version'}"
    return [line, "    no record was kept: this is from the stack's events, which do not say who and what"]


@contextmanager
def up(target: Target, parameters: dict[str, str]) -> Iterator[None]:
    """Keep a record of `ona up` where it changes something, and say what it changed."""
    began, there = utc_now(), _there(target)
    before = deploy.parameters_of(there)
    given = {"began": began, "before": before.get(deploy.RELEASE, ""), "by": who(target)}
    try:
        yield
    except deploy.DeployError as error:
        if there:  # a first deployment that was taken back has no bucket for a record
            now = {**before, **parameters}
            _write(target, given, error.release, before, now, "failed", str(error)[:LONGEST])
        raise
    new = _there(target)
    if there and deploy.deployed_content(there) == deploy.deployed_content(new):
        console.print(f"nothing changed: release {given['before'] or 'unnamed'} is deployed already")
        return
    after = deploy.parameters_of(new)
    _write(target, given, after.get(deploy.RELEASE, ""), before, after if there else {}, "succeeded")
    _tell_changes(target, began, str(given["before"]), after.get(deploy.RELEASE, ""))


def _there(target: Target) -> dict[str, Any]:
    return deploy.find(target.client("cloudformation"), target.stack) or {}


def _write(
    target: Target,
    given: dict[str, Any],
    release: str,
    before: dict[str, str],
    after: dict[str, str],
    outcome: str,
    reason: str = "",
) -> None:
    named = {name: value for name, value in given.items() if name != "began"}
    end = {"outcome": outcome, "reason": reason, "changes": records.changes(before, after)}
    made = records.made("deployment", target, given["began"], release=release, **named, **end)
    note(records.write(target, made))


def _tell_changes(target: Target, began: datetime, before: str, release: str) -> None:
    things = published(target.client, target.outputs["Environment"])
    new = [
        item
        for item in things
        if any(one.number == item.live and one.published >= began for one in item.versions)
    ]
    of_each = Counter(item.kind for item in new)
    what = " and ".join(counted(of_each[kind], kind) for kind in ("function", "workflow") if of_each[kind])
    names = f": {', '.join(item.short for item in new)}" if 0 < len(new) <= FEW else ""
    console.print(
        f"release {before or 'none'} → {release or 'unnamed'}; new versions: {what or 'none'}{names}"
    )
    console.print("`ona deploy history` lists the releases; `ona deploy validate` tries this one")
