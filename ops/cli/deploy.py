"""`ona deploy`: whether a deployment will work, whether it works, and the way back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ops.cli import deploying, releases
from ops.cli.deploying import Parameters, WhileStopped
from ops.cli.shared import Environment, console, errors_in_one_line
from ops.deployment import check, importing, names
from ops.deployment.settings import settings
from ops.target import TEMPLATE, OpsError, account

NAME = "deploy"
app = typer.Typer(help="Check before, validate after, roll back, prune.", no_args_is_help=True)
Profile = Annotated[
    str | None,
    typer.Option("--profile", help="AWS profile to ask, or `embedded`; without it nobody is asked"),
]
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red", "not asked": "yellow"}


@app.command("check")
@errors_in_one_line
def deploy_check(
    profile: Profile = None,
    environment: Environment = "dev",
    parameter: Parameters = None,
    while_stopped: WhileStopped = False,
) -> None:
    """Check rules, parameters, quotas, names, receiver, sizes. Changes nothing; 1 when one is wrong."""
    chosen = settings(TEMPLATE.parent, environment, parameter)
    client = account(profile, chosen.region) if profile else None
    console.print(f"{environment}: stack {chosen.stack} in {chosen.region}")
    wrong = False
    for found in check.findings(TEMPLATE, chosen, client, while_stopped=while_stopped):
        wrong |= found.state == "wrong"
        colour = _COLOURS[found.state]
        console.print(
            f"[{colour}]{found.state:<9}[/{colour}] {found.about:<12} {escape(found.text)}", soft_wrap=True
        )
    if wrong:
        raise typer.Exit(1)


@app.command("import")
@errors_in_one_line
def deploy_import(
    folder: Annotated[Path, typer.Argument(help="where the change sets' files go")],
    profile: Profile = None,
    environment: Environment = "dev",
    parameter: Parameters = None,
) -> None:
    """Write change sets that take existing buckets, tables, queues, topics, log groups into the stacks."""
    if not profile:
        raise OpsError(
            "this command asks an AWS account what exists there, and no account was named. Name one by its "
            "profile: "
            f"`ona deploy import {shlex.quote(str(folder))} --profile <profile> --env {environment}`; "
            "the profile `embedded` is the embedded cloud of this checkout"
        )
    chosen = settings(TEMPLATE.parent, environment, parameter)
    client = account(profile, chosen.region)
    who = str(client("sts").get_caller_identity()["Account"])
    made = names.plan(TEMPLATE, chosen.parameters, account=who, region=chosen.region)
    found = importing.imports(client, made, chosen.stack)
    for change in found:
        for item in change.resources:
            print(f"# {change.stack}: {item['ResourceType']} {item['LogicalResourceId']}")
        for command in change.write(folder):
            print(command)
    if not found:
        console.print("nothing to import: no bucket, table, queue, topic or log group has such a name")


releases.add(app)
deploying.add(app)
