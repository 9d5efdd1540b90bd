"""What `ona status` and `ona explain` say of faults that nobody is sent to, and of assets not judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from ona.runtime.words import counted
from ona.store.unreadable import Unreadable, readable
from ops import unattended
from ops.accounting import FileAccount
from ops.cli.shared import console, print_unreadable
from ops.target import Target

_NAMED = 20
"""So many faults are named one by one."""
_COLOURS = {"critical": "red", "high": "red"}


def print_unattended(target: Target, accounts: Sequence[FileAccount], bad: list[Unreadable]) -> None:
    """The faults that nobody is sent to, each with its reason; nothing where there are none."""
    left = unattended.unattended(target, accounts, bad)
    if not left:
        return
    console.print(f"[red]{counted(len(left), 'fault')} that nobody is sent to[/red]:")
    _print(left)
    hint = "docs/operations/settings.md#crews; the asset's next file, or the same put again, plans it anew"
    console.print(f"crews: {hint}", soft_wrap=True)


def print_not_judged(accounts: Sequence[FileAccount]) -> None:
    """The files with assets that nothing could be compared with, by what they say, the latest first."""
    files: dict[str, list[str]] = {}
    for item in reversed(accounts):
        if item.state == "done" and item.outcome and item.outcome.not_judged:
            files.setdefault(item.outcome.not_judged, []).append(item.key)
    if not files:
        return
    number = sum(map(len, files.values()))
    console.print(f"[yellow]assets that could not be judged, in {counted(number, 'file')}[/yellow]:")
    for told, keys in list(files.items())[:_NAMED]:
        more = f" and {counted(len(keys) - 1, 'earlier file')}" if len(keys) > 1 else ""
        console.print(escape(f"{keys[0]}{more}"), soft_wrap=True, highlight=False)
        console.print(f"    {escape(told)}", soft_wrap=True, highlight=False)
    if len(files) > _NAMED:
        console.print(f"… and {counted(len(files) - _NAMED, 'more reason')}")
    console.print("what it takes: docs/detection.md#what-an-asset-needs-to-be-judged", soft_wrap=True)


def print_suspected(accounts: Sequence[FileAccount]) -> None:
    """The files with small losses that are suspected, the latest first; of them nothing is booked."""
    latest = [item for item in accounts if item.state == "done" and item.outcome and item.outcome.suspected]
    if not latest:
        return
    console.print(f"[yellow]losses that are suspected, in {counted(len(latest), 'file')}[/yellow]:")
    for item in latest[: -_NAMED - 1 : -1]:
        told = item.outcome.suspected if item.outcome else ""
        console.print(escape(f"{item.key}: {told}"), soft_wrap=True, highlight=False)
    console.print("their evidence: the detection record; docs/detection.md#suspected", soft_wrap=True)


def print_over(accounts: Sequence[FileAccount]) -> None:
    """The files with faults that began and ended within them, the latest first."""
    latest = [item for item in accounts if item.state == "done" and item.outcome and item.outcome.over]
    if not latest:
        return
    console.print(
        f"[yellow]faults that were over when they came, in {counted(len(latest), 'file')}[/yellow]:"
    )
    for item in latest[: -_NAMED - 1 : -1]:
        told = item.outcome.over if item.outcome else ""
        console.print(escape(f"{item.key}: {told}"), soft_wrap=True, highlight=False)
    console.print("their evidence: the detection record; docs/detection.md#severity", soft_wrap=True)


def print_left(target: Target, output: Any) -> None:
    """The jobs of an execution that nobody can be sent to, or that were put off, each with its reason."""
    bad: list[Unreadable] = []
    [left] = readable([("its plan", output)], lambda one: unattended.left_of(target, one), bad) or [[]]
    _print([item for item in left if item.decision != "refused"])  # that is told with the orders
    print_unreadable(bad)


def _print(left: Sequence[unattended.Left]) -> None:
    for item in left[:_NAMED]:
        job = item.job
        colour = _COLOURS.get(job.priority, "yellow") if item.decision != "deferred" else "dim"
        what = f"{item.decision}  {job.asset_id}, site {job.site_id}: {escape(job.finding_key)}"
        console.print(f"[{colour}]{job.priority}[/{colour}] {what}", soft_wrap=True, highlight=False)
        console.print(f"    {escape(item.why)}", soft_wrap=True, highlight=False)
    if len(left) > _NAMED:
        console.print(f"… and {counted(len(left) - _NAMED, 'more fault')}")
