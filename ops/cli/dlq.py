"""`ona dlq`: failed and lost work."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.words import counted
from ona.store.unreadable import Unreadable
from ops import accounting, deadletters, dismissal, identifiers, messages, plain
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, print_hidden, print_unreadable
from ops.target import OpsError, Target, resolve

NAME = "dlq"
_REASON_LETTERS = 600
"""So much of a reason is shown."""
_ID_LETTERS = 8
"""So many letters of a message's id must be given, so that a slip removes no other (ours)."""
app = typer.Typer(help="Failed work: look at it, send it again, remove it.", no_args_is_help=True)


@app.command("list")
@errors_in_one_line
def dlq_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """What lies in the dead-letter queue, and files that have no outcome at all."""
    target = resolve(profile, environment)
    bad: list[Unreadable] = []
    accounts = accounting.read(target, bad)
    letters = accounts.letters
    replaced = [letter for letter in letters if deadletters.is_about(target, letter, accounts.replaced)]
    for letter in letters:
        key, _ = accounting.source_of(letter.body.get("input"))
        head = f"{letter.body.get('state', '')} {letter.body.get('error', '')}"
        console.print(f"[bold]{escape(letter.kind)}[/bold] {escape(head)}  {escape(key)}", soft_wrap=True)
        console.print(f"    {escape(letter.reason[:_REASON_LETTERS])}", soft_wrap=True)
        if letter in replaced:
            console.print("    replaced: a newer version of the file is done", soft_wrap=True)
        elif letter.kind == messages.QUARANTINE:
            console.print(f"    mend: {escape(plain.to_mend(letter.remedy))}", soft_wrap=True)
        where = f"{letter.body.get('at', '')} {letter.body.get('execution', '')}"
        if letter.others:
            where += f" ({counted(len(letter.messages), 'message')} of the same work)"
        console.print(f"    [dim]{escape(where)} message {letter.message_id}[/dim]", soft_wrap=True)
    lost = [item for item in accounts.files if item.state == "lost"]
    for item in lost:
        console.print(f"[red]lost[/red] {escape(item.key)}\n    {escape(item.detail)}", soft_wrap=True)
    print_unreadable(bad)
    print_hidden(accounts.hidden)
    if accounts.hidden and not letters and not lost:
        return
    if not letters and not lost:
        console.print("no failed work and no lost files; what became of each file: [bold]ona status[/bold]")
        return
    console.print(f"{messages.in_words(letters)}; {counted(len(lost), 'lost file')}")
    if lost or any(letter.is_for_redrive and letter not in replaced for letter in letters):
        console.print("when the cause is mended: [bold]ona dlq redrive[/bold]")
    if replaced:
        told = f"takes out {counted(len(replaced), 'letter')} of replaced files, and runs none of them"
        console.print(f"[bold]ona dlq redrive[/bold] {told}")


@app.command("remove")
@errors_in_one_line
def dlq_remove(
    message: Annotated[str, typer.Argument(help="a message's id, or the beginning of it (8 or more)")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Take one message out of its dead-letter queue for good: it is foreign, or its work is not wanted."""
    if len(message) < _ID_LETTERS:
        raise OpsError(f"give at least {_ID_LETTERS} letters of the message's id; see `ona dlq list`")
    target = resolve(profile, environment)
    dismissed: list[str] = []
    removed, hidden = deadletters.remove(
        target, message, lambda letter: dismissed.append(dismissal.dismiss(target, letter))
    )
    if not removed and hidden:
        told = deadletters.told_hidden(hidden)
        raise OpsError(f"no message that can be seen begins with {message!r}; {told}")
    if not removed:
        told = identifiers.otherwise(message, "message's id")
        raise OpsError(f"no message begins with {identifiers.shown(message)}; see `ona dlq list`{told}")
    console.print(f"{counted(removed, 'message')} removed")
    for key in filter(None, dismissed):
        console.print(
            f"dismissed: {escape(key)}; [bold]ona status[/bold] counts it, and asks nobody to mend it"
        )


@app.command("redrive")
@errors_in_one_line
def dlq_redrive(
    message: Annotated[
        str | None,
        typer.Argument(help="one message's id, or the beginning of it (8 or more); without it all"),
    ] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Send all failed and lost work again, unchanged, or that of one letter; letters of replaced files are
    only taken out."""
    if message is not None and len(message) < _ID_LETTERS:  # an empty one is a slip, and means not all
        raise OpsError(f"give at least {_ID_LETTERS} letters of the message's id; see `ona dlq list`")
    message = message or ""
    target = resolve(profile, environment)
    left: list[tuple[messages.DeadLetter, str]] = []
    taken: list[messages.DeadLetter] = []
    sent = deadletters.redrive(target, left, accounting.read(target).replaced, taken, message)
    if message and not (sent or left or taken):
        told = identifiers.otherwise(message, "message's id")
        raise OpsError(f"no message begins with {identifiers.shown(message)}; see `ona dlq list`{told}")
    for letter in taken:
        text = f"taken out: {letter.what}: a newer version of it is done"
        console.print(escape(text), soft_wrap=True)
    for letter, arn in sent:
        _tell_started(letter.what, arn)
    for letter, why in left:
        text = f"{letter.what}: {why}"
        console.print(f"[yellow]left message {letter.message_id}[/yellow]: {escape(text)}", soft_wrap=True)
    accounts = accounting.read(target)
    lost = [item for item in accounts.files if item.state == "lost" and not message]
    attempt = _executions_so_far(target) if lost else 0
    for item in lost:
        event = item.event(target.input_bucket)
        machine = target.machine_of(item.key)
        arn = deadletters.start_again(target, event, f"{item.version_id}#{attempt}", machine)
        _tell_started(f"{item.key} (it was lost)", arn)
    print_hidden(accounts.hidden)
    if accounts.hidden and not (sent or lost or left or taken):
        return
    if not (sent or lost or left or taken):
        console.print("nothing to start: no failed work, and no lost file")
        return
    if taken:
        console.print(f"{counted(len(taken), 'letter')} of replaced files taken out")
    console.print(f"{counted(len(sent) + len(lost), 'piece of work')} started")
    if sent or lost:
        console.print("what came of it: [bold]ona executions[/bold]; what fails again has a letter again")


def _tell_started(what: str, arn: str) -> None:
    console.print(f"started again: {escape(what)}, as {arn.rsplit(':', 1)[-1]}", soft_wrap=True)


def _executions_so_far(target: Target) -> int:
    """How many executions there were: a salt that differs each time, so that a file can be lost twice."""
    pages = target.client("stepfunctions").get_paginator("list_executions")
    return sum(
        len(page["executions"])
        for machine in target.machines.values()
        for page in pages.paginate(stateMachineArn=machine)
    )
