"""`ona alarms`: what rings, since when, why, and which page says what to do."""

from __future__ import annotations

import json as to_json
from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.clock import utc_now
from ona.runtime.words import counted
from operations.reading import inventory
from operations.reading.ringing import On, ringing
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.emergency import documents
from ops.target import OpsError, Target, resolve

app = typer.Typer()
KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


@app.command("alarms")
@errors_in_one_line
def alarms_command(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Which alarms are on, since when and why, the newest fault, and when each goes off by itself."""
    target = resolve(profile, environment)
    ours = deployed(target)
    on = ringing(target.client, ours, utc_now())
    if as_json:
        print(to_json.dumps([item.model_dump(mode="json") for item in on], indent=2))
        return
    if stop := documents.current(target):
        console.print(f"the platform is {escape(stop.in_words)}", soft_wrap=True)
        console.print("    what to do: docs/operations/symptoms/platform-stopped.md")
    for item in on:
        _tell(item)
    console.print(f"{counted(len(on), 'alarm')} on" if on else "no alarm is on")


def deployed(target: Target) -> set[str]:
    """The names of the platform's alarms; others of the account are not ours. Raises OpsError."""
    try:
        found = inventory.read(target.client, target.stack)
    except inventory.NotDeployed as error:
        raise OpsError(f"{target.name}: {error}") from error
    return {name for kind in KINDS for name in found.of(kind)}


def _tell(item: On) -> None:
    lines = [f"[red]{escape(item.name)}[/] since {item.since:%Y-%m-%d %H:%M} UTC: {escape(item.what)}"]
    for label, text in (
        ("alarms", ", ".join(item.parts)),
        ("reason", item.reason),
        ("now", item.course),
        ("follows from it", ", ".join(item.behind)),
        ("what to do", item.page),
    ):
        if text:
            lines.append(f"    {label}: {escape(text)}")
    for line in lines:
        console.print(line, soft_wrap=True)
