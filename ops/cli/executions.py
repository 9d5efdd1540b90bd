"""`ona executions`, `explain`, `invoke`, `start`: workflows and functions at work."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from ona.runtime.sentences import in_words
from ona.runtime.words import at_a_word, counted
from ooda.site_days import DUE
from ops import accounting, errors_told, explain, identifiers, mapresults, samples, story
from ops.cli.shared import Environment, Profile, coloured, console, errors_in_one_line, notes
from ops.cli.unattended import print_left
from ops.target import Target, resolve

app = typer.Typer()
INVOKE_LOG = "invoke.log"
"""The file of the home with the log of the last function that was invoked by hand."""
_ERROR_LETTERS = 600
"""So much of an error is shown."""
_ITEMS_NAMED = 40
"""So many failed items of a map are named one by one."""
_CAUSE_LETTERS = 120
"""So much of it is shown in a table."""


@app.command()
@errors_in_one_line
def executions(
    last: Annotated[int, typer.Option(help="how many", min=1, max=1000)] = 20,
    workflow: Annotated[str | None, typer.Option(help="ooda, forecast_upload, … (see README)")] = None,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """The latest executions of all workflows, or of one."""
    target = resolve(profile, environment)
    if workflow is not None and workflow not in target.machines:
        raise identifiers.no_workflow(target, workflow)
    states = target.client("stepfunctions")
    listed = [
        (name, item)
        for name, machine in target.machines.items()
        if workflow in (None, name)
        for item in states.list_executions(stateMachineArn=machine, maxResults=min(last, 1000))[
            "executions"
        ]
    ]
    listed.sort(key=lambda pair: pair[1]["startDate"], reverse=True)
    if not listed:
        what = f"no execution of {workflow}" if workflow else "nothing ran"
        console.print(f"{what} yet: [bold]ona put <file>[/bold] starts the loop, see README.md")
        return
    whole = [Column(name, no_wrap=True) for name in ("name", "workflow", "status", "started (UTC)", "s")]
    table = Table(*whole, "file", "outcome")
    for kind, item in listed[:last]:
        described = states.describe_execution(executionArn=item["executionArn"])
        given = json.loads(described.get("input") or "{}")
        output = json.loads(described.get("output") or "{}")
        stopped = item.get("stopDate")
        seconds = f"{(stopped - item['startDate']).total_seconds():.1f}" if stopped else ""
        table.add_row(
            item["name"] if len(item["name"]) <= 20 else item["name"][:16],
            kind,
            coloured(item["status"]),
            f"{item['startDate'].astimezone(UTC):%H:%M:%S}",
            seconds,
            escape(_about(given)),
            escape(_outcome(output) or _failure(described)),
        )
    console.print(table)
    console.print("one of them: [bold]ona explain <name>[/bold], its beginning is enough")


def _about(event: Any) -> str:
    """What an execution is of: its file, or the site whose day it looks at as a whole; else empty.

    >>> _about({"detail-type": "Site Day Due", "detail": {"site_id": "solar-farm-a"}})
    'site day of solar-farm-a'
    >>> _about({"detail": {"bucket": {"name": "in"}, "object": {"key": "observations/x.csv"}}}), _about([])
    ('x.csv', '')
    """
    detail = event.get("detail") if isinstance(event, dict) else None
    if isinstance(detail, dict) and event.get("detail-type") == DUE:
        return f"site day of {detail.get('site_id', '')}"
    return accounting.source_of(event)[0].removeprefix("observations/")


def _failure(described: dict[str, Any]) -> str:
    """Why an execution failed: its error and the beginning of its cause; empty when it did not."""
    return at_a_word(explain.failure(described), _CAUSE_LETTERS) if described.get("error") else ""


def _outcome(output: Any) -> str:
    """What came of an execution, in a few words, from its output."""
    if not isinstance(output, dict):
        return ""
    if mapresults.counts(output):
        return mapresults.counts(output)
    listed = output.get("orders", [])
    if isinstance(listed, dict):  # many: the output names their list, and has two counts
        numbers = [f"{output[name]} {name}" for name in ("ordered", "failed") if output.get(name)]
    else:
        orders = [order["status"] for order in listed]
        numbers = [
            f"{orders.count(status)} {status}"
            for status in ("ordered", "refused", "failed")
            if status in orders
        ]
    numbers += [
        f"{output[field]} {field.replace('_', ' ')}"
        for field in ("deferred", "already_ordered", "unschedulable")
        if output.get(field)
    ]
    detection = output.get("detection")
    told = detection if isinstance(detection, dict) else {}
    text = accounting.in_words(
        str(output.get("outcome") or _of_a_site_day(output)), [*numbers, str(told.get("over") or "")]
    )
    words = (str(told.get(name) or "") for name in ("event_log", "not_judged", "suspected"))
    return "; ".join(filter(None, (text, *words, _unmeasured(told, output.get("sites")))))


def _of_a_site_day(output: dict[str, Any]) -> str:
    """What came of a look at a site's day that ended without a file's outcome; else empty."""
    return str(output.get("status", "")) if "site_day" in output else ""


def _unmeasured(detection: dict[str, Any], sites: Any) -> str:
    """The columns of the contract that a file had no value of, in words; empty where it had all."""
    if names := detection.get("unmeasured"):
        return f"no {' and no '.join(names)}: their limits are not watched"
    parts = sites if isinstance(sites, list) else []
    absent = sorted({n for part in parts if isinstance(part, dict) for n in part.get("unmeasured") or ()})
    return f"no {' and no '.join(absent)}, and forecasts need none" if absent else ""


@app.command(name="explain")
@errors_in_one_line
def explain_command(
    execution: Annotated[str, typer.Argument(help="name, its beginning, or ARN")],
    stack: Annotated[bool, typer.Option("--stack", help="the stack of each error, at the end")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """What an execution did, in words; then its path: each state's input, output, retries and errors."""
    target = resolve(profile, environment)
    arn = explain.find(target, execution)
    described = explain.described(target, arn)
    console.print(f"[bold]{described['name']}[/bold] {coloured(described['status'])}")
    steps = explain.steps(explain.history(target, arn))
    output = json.loads(described.get("output") or "{}")
    source, _ = accounting.source_of(json.loads(described.get("input") or "{}"))
    workflow = next(
        (name for name, machine in target.machines.items() if machine == described.get("stateMachineArn")),
        "execution",
    )
    for line in story.summary(workflow, described, steps, source, _outcome(output)):
        console.print(escape(at_a_word(line, _ERROR_LETTERS)), soft_wrap=True, highlight=False)
    shown = story.Shown()
    if described["status"] == "RUNNING" and target.embedded:
        console.print("the embedded cloud writes the history when the execution ends")
    for step in steps:
        took = f"{step.seconds:.2f} s" if step.seconds is not None else ""
        retries = f", {counted(step.attempts - 1, 'retry')}" if step.attempts > 1 else ""
        console.print(f"[bold]{step.name}[/bold] [dim]{step.kind} {took}{retries}[/dim]")
        for error in step.errors:
            console.print(f"    [red]{escape(at_a_word(error, _ERROR_LETTERS))}[/red]", soft_wrap=True)
        given = _short(shown.text(errors_told.without_stacks(step.input), f"{step.name}'s input"))
        console.print(f"    in  {escape(given)}", soft_wrap=True, highlight=False)
        if step.output is not None:
            made = _short(shown.text(errors_told.without_stacks(step.output), f"{step.name}'s output"))
            console.print(f"    out {escape(made)}", soft_wrap=True, highlight=False)
    orders = output.get("orders", []) if isinstance(output, dict) else []
    if isinstance(orders, dict):
        console.print(f"orders: s3://{orders['bucket']}/{orders['key']}", soft_wrap=True)
        orders = []
    for order in orders:
        where = order.get("work_order") or {}
        place = f"s3://{where['bucket']}/{where['key']}" if where else order.get("reason", "")
        console.print(f"{order['status']} {order.get('work_order_id', '')} {place}", soft_wrap=True)
    print_left(target, output)
    if mapresults.counts(output):
        _print_items(target, output)
    _print_stacks(steps, stack)


def _print_stacks(steps: Sequence[explain.Step], wanted: bool) -> None:
    """The stack of each error once, or how to see them."""
    found = {
        tuple(lines): step.name for step in reversed(steps) for lines in errors_told.stacks_in(step.output)
    }
    found |= {tuple(lines): step.name for step in steps for lines in step.stacks}
    if found and not wanted:
        console.print("with the stack of each error: [bold]--stack[/bold]")
    for lines, name in found.items() if wanted else ():
        console.print(f"[bold]{name}'s stack[/bold]")
        for line in lines:
            console.print(f"    {escape(line)}", soft_wrap=True, highlight=False)


def _print_items(target: Target, output: dict[str, Any]) -> None:
    """What became of a map's items; those that failed by name."""
    failed = list(mapresults.failed_items(target, output["results"]))
    for line in mapresults.summary(output, failed):
        console.print(f"[bold]{escape(line)}[/bold]", soft_wrap=True, highlight=False)
    for item in failed[:_ITEMS_NAMED]:
        text = f"{item.name}: {item.error}: {at_a_word(in_words(item.cause), _ERROR_LETTERS)}"
        console.print(f"[red]{escape(text)}[/red]", soft_wrap=True, highlight=False)
    if len(failed) > _ITEMS_NAMED:
        console.print(f"… and {len(failed) - _ITEMS_NAMED} more")


def _short(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else f"{text[:limit]} … ({counted(len(text), 'character')})"


@app.command()
@errors_in_one_line
def invoke(
    function: Annotated[str, typer.Argument(help="detect, diagnose, … (docs/operations/events.md)")],
    event: Annotated[Path, typer.Option("-e", "--event", help="a file with the event")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Invoke one function with an event, without Docker; prints its answer, its log is in invoke.log."""
    target = resolve(profile, environment)
    _show(target, _run(target, function, event, samples.invoke))


@app.command()
@errors_in_one_line
def start(
    workflow: Annotated[str, typer.Argument(help="ooda, forecast_upload, … (docs/operations/events.md)")],
    event: Annotated[Path, typer.Option("-e", "--event", help="a file with the event")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Start one workflow with an event and wait for its end; prints its output."""
    target = resolve(profile, environment)
    _show(target, _run(target, workflow, event, samples.start))


def _run(
    target: Target, name: str, event: Path, alone: Callable[[Target, str, Any], samples.Answer]
) -> samples.Answer:
    """A sample event with what it needs, any other by itself."""
    if event.resolve() == samples.EVENTS / event.resolve().parent.name / f"{name}.json":
        to_stderr = notes()
        return samples.run(
            target,
            event.resolve(),
            lambda text: to_stderr.print(f"first: {text}", style="dim", soft_wrap=True),
        )
    return alone(target, name, samples.read(event))


def _show(target: Target, answer: samples.Answer) -> None:
    """The answer, or in one line why there is none; a function's log goes to a file of the home."""
    log = Path(target.embedded.home) / INVOKE_LOG if target.embedded and answer.log else None
    if log:
        log.write_text(f"{answer.log}\n")
    if answer.answered:
        print(json.dumps(answer.document, indent=2))
    if not answer.error:
        return
    where = f"; its log: {log or 'CloudWatch Logs'}" if answer.log and not answer.expected else ""
    text = at_a_word(" ".join(answer.error.split()), _ERROR_LETTERS)
    notes().print(f"[red]{escape(text)}[/red]{escape(where)}", soft_wrap=True, highlight=False)
    raise typer.Exit(1)
