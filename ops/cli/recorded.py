"""The record of deployments: written by `ona deploy run` and `rollback`, shown by `ona deploy history`."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.markup import escape

from ona.runtime.clock import utc_now
from ona.runtime.words import counted
from ops.cli.shared import console
from ops.deployment import records, running
from ops.deployment.settings import Settings
from ops.target import Target

MOST = 10
"""So many of the newest are shown."""


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


def who(target: Target) -> str:
    """Who gives the command: in an account its identity there, else this machine's user."""
    try:
        if target.embedded is None:
            return str(target.client("sts").get_caller_identity()["Arn"])
        return getpass.getuser()
    except Exception:
        return "unknown"


def show(target: Target) -> None:
    """Print the newest records, what each changed, and how it ended."""
    found, unreadable = records.newest(target, MOST)
    if not found and not unreadable:
        console.print("no deployment is on record")
    for record in found:
        way = f"{record.before or 'nothing known'} → {record.release or 'unnamed'}"
        line = (
            f"{record.began_at:%Y-%m-%d %H:%M} UTC  {record.kind} {record.outcome}  {way}  by {record.by}"
        )
        console.print(escape(line), soft_wrap=True, highlight=False)
        changed = "; ".join(
            f"{one.name}: {one.before or '-'} → {one.after or '-'}" for one in record.changes
        )
        for text in filter(None, (changed, record.reason)):
            console.print(f"    {escape(' '.join(text.split()))}", soft_wrap=True, highlight=False)
    if unreadable:
        console.print(f"[red]{counted(unreadable, 'record')} cannot be read[/red]")
