"""`ona up`, `down`, `env`: the embedded cloud of this checkout."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from local import cloud, deploy, ports
from local import home as homes
from local.packaging import read_template
from local.root_template import chosen_parameters
from ona.runtime.words import counted
from ops import account_pool, accounting, crews, forward, registry, seed, validate
from ops.cli import recorded
from ops.cli.shared import Environment, console, errors_in_one_line, notes, tell_damage
from ops.deployment.settings import given
from ops.target import EMBEDDED, TEMPLATE, Target, embedded

app = typer.Typer()


@app.command()
@errors_in_one_line
def up(
    environment: Environment = "dev",
    port: Annotated[
        int | None,
        typer.Option(help="the last one, else 4566, or a free one when it is taken", min=1, max=65535),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--parameter",
            help="Name=value of template.yaml, as WeatherProvider=recorded; for this up",
        ),
    ] = None,
) -> None:
    """Start the embedded cloud, deploy template.yaml to it. Again: update it."""
    wanted = {**EMBEDDED, **given(parameter or []), "Environment": environment}
    chosen_parameters(read_template(TEMPLATE), wanted)  # a wrong one is told before anything runs
    home = homes.resolved(None)
    homes.check(home)
    validate.require_configurations("ona up")
    homes.prepare(home)
    with cloud.changing(home):
        last = homes.settings(home).get("port")
        if cloud.running(home) is None:
            _progress(f"starting the embedded cloud of {home}")
        running = cloud.start(home, port=port)
        if port is None and last not in (None, running.port):
            console.print(f"port {last}, which this home had, is taken by {ports.listener(last)}")
        target = embedded(running, environment)
        if text := account_pool.overdrawn(target):
            console.print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)
        with recorded.up(target, wanted) as begin:
            deploy.deploy(running.client, TEMPLATE, target.stack, wanted, say=_progress, begin=begin)
        seed.put_signing_key(target)
        there = registry.stored(target)
        registered = there.registry
        seed.put_sample_crews(target, registered)
        _bring_forward(target)
        _tell_what_is_up(target, running, home)
        for line in registry.left_out(there.bad):
            console.print(f"[yellow]{escape(line)}[/yellow]", soft_wrap=True)
        if registered and (hint := crews.hint(target, registered)):
            console.print(f"[yellow]{escape(hint)}[/yellow]", soft_wrap=True)


@app.command()
@errors_in_one_line
def down(
    kill: Annotated[bool, typer.Option("--kill", help="as a power cut would")] = False,
) -> None:
    """Stop the embedded cloud; its state stays in .ona/ for the next `ona up`."""
    stopped = cloud.stop(kill=kill)
    console.print("stopped" if stopped else "it did not run")


@app.command()
@errors_in_one_line
def env() -> None:
    """Print what AWS tools need to talk to the embedded cloud: eval "$(./ona env)"."""
    for name, value in cloud.require().environment().items():
        print(f"export {name}={shlex.quote(value)}")


def _progress(text: str) -> None:
    """What is being done, on stderr, also where nobody sees a terminal."""
    notes().print(escape(text), soft_wrap=True, highlight=False)


def _bring_forward(target: Target) -> None:
    """Items of an earlier version take today's form; what cannot is told, and holds up nothing."""
    report = forward.bring_forward(target)
    if report is None:
        return
    for text in report.mended:
        console.print(text)
    for failure in report.failed:
        console.print(f"[red]{failure.what}: {failure.why}[/red]")


def _hint(target: Target) -> None:
    if target.embedded:
        console.print('AWS tools can talk to it: [bold]eval "$(ona env)"[/bold]')


def _tell_what_is_up(target: Target, running: cloud.Cloud, home: Path) -> None:
    console.print(f"[green]up[/green] at {running.endpoint}, stack {target.stack}, pid {running.pid}")
    console.print(f"telemetry goes to s3://{target.input_bucket}/observations/")
    tell_damage(home)
    lost = [item for item in accounting.account(target) if item.state == "lost"]
    if lost:
        console.print(
            f"[red]{counted(len(lost), 'file')} lost when it was last killed[/red]: `ona status` names "
            "each, `ona dlq redrive` sends it again"
        )
    _hint(target)
