"""The commands. Each does one thing, says what it did, and exits with 1 when it could not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local import cloud, deploy
from ops import (
    accounting,
    cli_forecasting,
    cli_outbox,
    deadletters,
    explain,
    ingest,
    outbox,
    seed,
    validate,
)
from ops.command import Environment, Profile, console, told
from ops.target import EMBEDDED, TEMPLATE, OpsError, Target, embedded, resolve, use_configs

app = typer.Typer(
    help="The Ona Platform's commands: on the embedded cloud of this checkout, or on AWS (--profile).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
dlq = typer.Typer(help="Failed work: look at it, send it again.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")
app.add_typer(cli_outbox.outbox_app, name="outbox")
app.add_typer(cli_forecasting.customers_app, name="customers")
app.add_typer(cli_forecasting.models_app, name="models")

_COLOURS = {
    "SUCCEEDED": "green",
    "FAILED": "red",
    "RUNNING": "yellow",
    "done": "green",
    "quarantined": "yellow",
    "dead letter": "red",
    "lost": "red",
    "running": "yellow",
    "ignored": "dim",
}


def _coloured(word: str) -> str:
    return f"[{_COLOURS.get(word, 'white')}]{word}[/]"


def _hint(target: Target) -> None:
    if target.embedded:
        console.print('AWS tools can talk to it: [bold]eval "$(./ona env)"[/bold]')


@app.command()
@told
def up(
    environment: Environment = "dev",
    port: Annotated[int | None, typer.Option(help="4566, or a free one when it is taken")] = None,
) -> None:
    """Start the embedded cloud, deploy template.yaml to it, put example crews. Again: update it."""
    running = cloud.start(port=port)
    target = embedded(running, environment)
    deploy.deploy(running.client, TEMPLATE, target.stack, {**EMBEDDED, "Environment": environment})
    seed.put_signing_key(target)
    from ona.documents.assets import Location

    registered = ingest.registry(target)
    place = next((a.location for a in registered.assets if a.location), None) if registered else None
    seed.put_crews(target, seed.example_crews(place or Location(latitude=-26.2, longitude=28.05)))
    console.print(f"[green]up[/green] at {running.endpoint}, stack {target.stack}, pid {running.pid}")
    console.print(f"telemetry goes to s3://{target.input_bucket}/observations/")
    lost = [item for item in accounting.account(target) if item.state == "lost"]
    if lost:
        console.print(
            f"[red]{len(lost)} files were lost when it was last killed[/red]: `ona status` names "
            "them, `ona dlq redrive` sends them again"
        )
    _hint(target)


@app.command()
@told
def down(
    kill: Annotated[bool, typer.Option("--kill", help="as a power cut would")] = False,
) -> None:
    """Stop the embedded cloud; its state stays in .ona/ for the next `ona up`."""
    stopped = cloud.stop(kill=kill)
    console.print("stopped" if stopped else "it did not run")


@app.command()
@told
def env() -> None:
    """Print what AWS tools need to talk to the embedded cloud: eval "$(./ona env)"."""
    running = cloud.running()
    if running is None:
        raise OpsError("the embedded cloud does not run; start it with `ona up`")
    for name, value in running.environment().items():
        print(f"export {name}={shlex.quote(value)}")


@app.command()
@told
def status(profile: Profile = None, environment: Environment = "dev") -> None:
    """What became of every file: inputs = done + quarantined + dead letters + running + lost."""
    target = resolve(profile, environment)
    accounts = accounting.account(target)
    totals = accounting.totals(accounts)
    console.print(f"{target.name}, stack {target.stack}")
    table = Table("state", "files")
    for state in ("done", "quarantined", "dead letter", "running", "lost", "ignored"):
        if totals[state] or state in ("done", "lost"):
            table.add_row(_coloured(state), str(totals[state]))
    table.add_row("[bold]put[/bold]", f"[bold]{len(accounts)}[/bold]")
    console.print(table)
    wanting = [item for item in accounts if item.state not in ("done", "running")]
    for item in wanting[:40]:
        console.print(f"{_coloured(item.state)}  {escape(item.key)}", soft_wrap=True)
        console.print(f"    {escape(item.detail)}", soft_wrap=True)
    if len(wanting) > 40:
        console.print(f"… and {len(wanting) - 40} more")
    if totals["lost"] or totals["dead letter"]:
        console.print("send them again: [bold]ona dlq redrive[/bold]")
    dead = len(outbox.items(target, ["dead"]))
    if dead:
        console.print(f"[red]{dead} deliveries were given up[/red]: [bold]ona outbox list[/bold]")


@app.command()
@told
def put(
    paths: Annotated[list[Path], typer.Argument(help="CSV files, or a folder with --source")],
    source: Annotated[str | None, typer.Option(help="source profile, see configs/sources/")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Put telemetry. Canonical files and known vendors' exports go as they are; --source converts."""
    target = resolve(profile, environment)
    use_configs()
    if source:
        chosen = ingest.profile_named(source)
        for path in paths:
            telemetry, assets = ingest.convert(chosen, path, ingest.registry(target))
            added = ingest.put_registry(target, assets)
            if added:
                console.print(f"registered {added} assets of {source} in assets.json")
            for upload in ingest.daily(telemetry, assets):
                ingest.put(target, upload)
                console.print(f"put {escape(upload.key)}", soft_wrap=True)
            for reason, count in sorted(telemetry.quality.rejected.items()):
                console.print(f"[yellow]left out {count} rows: {reason}[/yellow]")
        return
    for path in paths:
        if not path.is_file():
            raise OpsError(f"{path} is no file; a folder needs --source")
        if path.name == "assets.json":
            problems = validate.assets_file(path)
            if problems:
                raise OpsError("; ".join(problems))
            target.client("s3").put_object(
                Bucket=target.input_bucket, Key="assets.json", Body=path.read_bytes()
            )
            console.print("put assets.json")
            continue
        upload = ingest.upload_for(path)
        ingest.put(target, upload)
        vendor = ingest.vendor_of(path)
        note = f" (recognised: {vendor})" if vendor else ""
        console.print(f"put {escape(upload.key)}{note}", soft_wrap=True)
    console.print("follow it: [bold]ona executions[/bold], [bold]ona status[/bold]")


@app.command()
@told
def invoke(
    function: Annotated[str, typer.Argument(help="detect, diagnose, schedule or order")],
    event: Annotated[Path, typer.Option("-e", "--event", help="a file with the event")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Invoke one function with an event, without Docker; prints its answer and its log."""
    target = resolve(profile, environment)
    try:
        payload = event.read_text("utf-8")
        json.loads(payload)
    except (OSError, ValueError) as error:
        raise OpsError(f"{event}: {error}") from error
    client = target.client("lambda")
    try:
        answer = client.invoke(
            FunctionName=target.function(function), Payload=payload.encode(), LogType="Tail"
        )
    except client.exceptions.ResourceNotFoundException as error:
        raise OpsError(f"no function {target.function(function)}") from error
    import base64

    log = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace").strip()
    if log:
        Console(stderr=True).print(log, style="dim", markup=False, soft_wrap=True, highlight=False)
    print(json.dumps(json.loads(answer["Payload"].read()), indent=2))
    if answer.get("FunctionError"):
        raise typer.Exit(1)


@app.command()
@told
def history(
    prefix: Annotated[str, typer.Argument(help="of the input bucket, like backfill/2024/")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Take in a fleet's history: every file under a prefix, into books and telemetry, no orders."""
    if not prefix.startswith("backfill/"):
        raise OpsError(f"{prefix}: histories lie under backfill/; files under observations/ start the loop")
    target = resolve(profile, environment)
    answer = target.client("stepfunctions").start_execution(
        stateMachineArn=target.machines["fleet_history"], input=json.dumps({"prefix": prefix})
    )
    print(f"started {answer['executionArn']}")
    print("`ona executions --workflow fleet_history` shows how it goes")


@app.command()
@told
def executions(
    last: Annotated[int, typer.Option(help="how many", min=1, max=1000)] = 20,
    workflow: Annotated[str | None, typer.Option(help="ooda, forecast_upload, … (see README)")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """The latest executions of all workflows, or of one."""
    target = resolve(profile, environment)
    if workflow and workflow not in target.machines:
        raise OpsError(f"no workflow {workflow!r}; there are {', '.join(target.machines)}")
    states = target.client("stepfunctions")
    found = [
        (name, item)
        for name, machine in target.machines.items()
        if workflow in (None, name)
        for item in states.list_executions(stateMachineArn=machine, maxResults=min(last, 1000))[
            "executions"
        ]
    ]
    found.sort(key=lambda pair: pair[1]["startDate"], reverse=True)
    table = Table("name", "workflow", "status", "started", "s", "file", "outcome")
    for kind, item in found[:last]:
        described = states.describe_execution(executionArn=item["executionArn"])
        key, _ = accounting.source_of(json.loads(described.get("input") or "{}"))
        output = json.loads(described.get("output") or "{}")
        stopped = item.get("stopDate")
        seconds = f"{(stopped - item['startDate']).total_seconds():.1f}" if stopped else ""
        result = _outcome(output)
        table.add_row(
            item["name"] if len(item["name"]) <= 20 else item["name"][:16],
            kind,
            _coloured(item["status"]),
            f"{item['startDate']:%H:%M:%S}",
            seconds,
            escape(key.removeprefix("observations/")),
            result or described.get("error", ""),
        )
    console.print(table)
    console.print("one of them: [bold]ona explain <name>[/bold], its beginning is enough")


def _outcome(output: Any) -> str:
    """What came of an execution, in a few words."""
    if not isinstance(output, dict):
        return ""
    orders = [order["status"] for order in output.get("orders", [])]
    counted = [
        f"{orders.count(word)} {word}" for word in ("ordered", "refused", "failed") if word in orders
    ]
    counted += [
        f"{output[word]} {word.replace('_', ' ')}"
        for word in ("deferred", "already_ordered", "unschedulable")
        if output.get(word)
    ]
    text = str(output.get("outcome", "")).replace("_", " ")
    return f"{text}: {', '.join(counted)}" if counted else text


@app.command(name="explain")
@told
def explain_command(
    execution: Annotated[str, typer.Argument(help="name, its beginning, or ARN")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """The path an execution took: each state's input, output, retries and errors."""
    target = resolve(profile, environment)
    arn = explain.find(target, execution)
    described = target.client("stepfunctions").describe_execution(executionArn=arn)
    console.print(f"[bold]{described['name']}[/bold] {_coloured(described['status'])}")
    if described["status"] == "RUNNING" and target.embedded:
        console.print("the embedded cloud writes the history when the execution ends")
    for step in explain.steps(explain.history(target, arn)):
        took = f"{step.seconds:.2f} s" if step.seconds is not None else ""
        retries = f", {step.attempts - 1} retries" if step.attempts > 1 else ""
        console.print(f"[bold]{step.name}[/bold] [dim]{step.kind} {took}{retries}[/dim]")
        for error in step.errors:
            console.print(f"    [red]{escape(error[:600])}[/red]", soft_wrap=True)
        console.print(f"    in  {escape(_short(step.input))}", soft_wrap=True, highlight=False)
        if step.output is not None:
            console.print(f"    out {escape(_short(step.output))}", soft_wrap=True, highlight=False)
    output = json.loads(described.get("output") or "{}")
    for order in output.get("orders", []) if isinstance(output, dict) else []:
        where = order.get("work_order") or {}
        place = f"s3://{where['bucket']}/{where['key']}" if where else order.get("reason", "")
        console.print(f"{order['status']} {order.get('work_order_id', '')} {place}", soft_wrap=True)
    if described.get("error"):
        text = f"{described['error']}: {described.get('cause', '')[:600]}"
        console.print(f"[red]{escape(text)}[/red]", soft_wrap=True)


def _short(value: Any, limit: int = 500) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text)} characters)"


@dlq.command("list")
@told
def dlq_list(profile: Profile = None, environment: Environment = "dev") -> None:
    """What lies in the dead-letter queue, and files that have no outcome at all."""
    target = resolve(profile, environment)
    letters = deadletters.peek(target)
    for letter in letters:
        key, _ = accounting.source_of(letter.body.get("input"))
        kind = str(letter.body.get("kind"))
        head = f"{letter.body.get('state')} {letter.body.get('error')}"
        console.print(f"[bold]{kind}[/bold] {escape(head)}  {escape(key)}", soft_wrap=True)
        console.print(f"    {escape(letter.reason[:600])}", soft_wrap=True)
        console.print(f"    [dim]{letter.body.get('at')} {letter.body.get('execution')}[/dim]")
    lost = [item for item in accounting.account(target) if item.state == "lost"]
    for item in lost:
        console.print(f"[red]lost[/red] {escape(item.key)}\n    {escape(item.detail)}")
    console.print(f"{len(letters)} messages, {len(lost)} lost files")


@dlq.command("redrive")
@told
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
    """Makes each redrive's salt its own, else a file that is lost twice could not be sent twice."""
    pages = target.client("stepfunctions").get_paginator("list_executions")
    return sum(
        len(page["executions"])
        for machine in target.machines.values()
        for page in pages.paginate(stateMachineArn=machine)
    )


@app.command(name="validate")
@told
def validate_command(
    assets: Annotated[Path | None, typer.Option(help="an assets.json to check as well")] = None,
) -> None:
    """Check configuration, state machines and template; exits with 1 when something is wrong."""
    checks = [
        ("configs", validate.configurations),
        ("state machines", validate.state_machines),
        ("template", validate.template),
    ]
    if assets is not None:
        checks.append((str(assets), lambda: validate.assets_file(assets)))
    failed = False
    for name, check in checks:
        problems = check()
        failed |= bool(problems)
        console.print(f"{'[red]✗[/red]' if problems else '[green]✓[/green]'} {name}")
        for problem in problems:
            console.print(f"    {escape(problem)}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command()
@told
def demo(
    source: Annotated[str | None, typer.Option(help="source profile of your own files")] = None,
    data: Annotated[Path | None, typer.Option(help="folder with your own files")] = None,
    keep: Annotated[bool, typer.Option(help="leave the embedded cloud running")] = False,
) -> None:
    """Run the loop end to end and write the report."""
    from ops.demo import run

    use_configs()
    if bool(source) != bool(data):
        raise OpsError(
            "SOURCE and DATA belong together, for example "
            "make demo SOURCE=solar_plant_india DATA=../shared/data/solar_plant_india"
        )
    if not run.main(console, source=source, data=data, keep=keep):
        raise typer.Exit(1)
