"""`ona dlq`: failed and lost work."""

from __future__ import annotations

import typer
from rich.markup import escape

from ops import accounting, deadletters
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.target import Target, resolve

NAME = "dlq"
_REASON_LETTERS = 600
"""So much of a reason is shown."""
app = typer.Typer(help="Failed work: look at it, send it again.", no_args_is_help=True)


@app.command("list")
@errors_in_one_line
def dlq_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """What lies in the dead-letter queue, and files that have no outcome at all."""
    target = resolve(profile, environment)
    letters = deadletters.peek(target)
    for letter in letters:
        key, _ = accounting.source_of(letter.body.get("input"))
        kind = str(letter.body.get("kind"))
        head = f"{letter.body.get('state')} {letter.body.get('error')}"
        console.print(f"[bold]{kind}[/bold] {escape(head)}  {escape(key)}", soft_wrap=True)
        console.print(f"    {escape(letter.reason[:_REASON_LETTERS])}", soft_wrap=True)
        console.print(f"    [dim]{letter.body.get('at')} {letter.body.get('execution')}[/dim]")
    lost = [item for item in accounting.account(target) if item.state == "lost"]
    for item in lost:
        console.print(f"[red]lost[/red] {escape(item.key)}\n    {escape(item.detail)}")
    console.print(f"{len(letters)} messages, {len(lost)} lost files")


@app.command("redrive")
@errors_in_one_line
def dlq_redrive(profile: Profile = None, environment: Environment = "dev") -> None:
    """Send all failed and lost work again, unchanged."""
    target = resolve(profile, environment)
    sent = deadletters.redrive(target)
    for letter, arn in sent:
        key, _ = accounting.source_of(letter.body.get("input"))
        console.print(f"sent again {escape(key)} as {arn.rsplit(':', 1)[-1]}", soft_wrap=True)
    lost = [item for item in accounting.account(target) if item.state == "lost"]
    attempt = _executions_so_far(target) if lost else 0
    for item in lost:
        event = item.event(target.input_bucket)
        machine = target.machine_of(item.key)
        arn = deadletters.start_again(target, event, f"{item.version_id}#{attempt}", machine)
        console.print(f"sent again {escape(item.key)} as {arn.rsplit(':', 1)[-1]}", soft_wrap=True)
    console.print(f"{len(sent) + len(lost)} pieces of work started")


def _executions_so_far(target: Target) -> int:
    """How many executions there were: a salt that differs each time, so that a file can be lost twice."""
    pages = target.client("stepfunctions").get_paginator("list_executions")
    return sum(
        len(page["executions"])
        for machine in target.machines.values()
        for page in pages.paginate(stateMachineArn=machine)
    )
