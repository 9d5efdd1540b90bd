"""`ona tune`: which memory size and processor fit a function, measured at several sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from ona.runtime.words import counted
from ops import identifiers, samples
from ops.cli.cost import DEFAULT_REGION
from ops.cli.shared import Environment, Profile, console, errors_in_one_line, in_a_line, notes
from ops.deployment import validate
from ops.means import prices, tuned, tuner, tuning, wheels
from ops.means.prices import Prices
from ops.means.tuned import Record, Records, Told
from ops.means.tuner import Measured, Subject
from ops.target import OpsError, Target, resolve

app = typer.Typer()
_X86 = "x86_64"


@app.command("tune")
@errors_in_one_line
def tune_command(
    functions: Annotated[
        list[str] | None, typer.Argument(help="functions by their folders' names, or all")
    ] = None,
    memory: Annotated[str, typer.Option(help="sizes in MB, with commas")] = ",".join(map(str, tuner.SIZES)),
    times: Annotated[
        int, typer.Option(min=tuning.LEAST, max=200, help="warm invocations at each size")
    ] = 10,
    weight: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="balanced: 0 is the fastest, 1 the cheapest")
    ] = 0.5,
    event: Annotated[Path | None, typer.Option(help="an event instead of the sample")] = None,
    reports: Annotated[Path | None, typer.Option(help="judge these recorded reports; no cloud")] = None,
    record: Annotated[Path | None, typer.Option(help="write the reports that were measured")] = None,
    page: Annotated[
        Path | None, typer.Option(help="write a page with curves (HTML) into this file")
    ] = None,
    region: Annotated[str, typer.Option(help="whose prices; without it the profile's region")] = "",
    clean: Annotated[bool, typer.Option("--clean", help="remove copies that a kill left")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, and its cost")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Measure functions at several memory sizes, on copies that go again; propose sizes and processor."""
    book = prices.newest()
    if reports:
        records = Records.read(samples.read(reports), str(reports))
    else:
        target = resolve(profile, environment)
        target.outputs  # noqa: B018  it says what is missing before anything is done
        if clean:
            _clean(target, dry_run=dry_run)
            return
        own = target.client("lambda").meta.region_name
        region = region or (DEFAULT_REGION if target.embedded else own)
        sizes, subjects = _sizes(memory), _subjects(target, functions or [], event)
        _tell_plan(target, subjects, sizes, times, book, region)
        if dry_run:
            return
        if not yes and not typer.confirm("measure?", err=True):
            raise typer.Exit(1)
        records = _measured(target, subjects, sizes, times, region)
    region = region or records.region or DEFAULT_REGION
    found = [_judged(name, one, records, book, region, weight) for name, one in records.functions.items()]
    if record:
        record.write_text(records.model_dump_json(indent=2), "utf-8")
    said = [
        f"balanced: {weight:g} × cost + {1 - weight:g} × time, each as a part of its highest; "
        f"list prices of {book.day} in {region}"
    ]
    if page:
        page.write_text(tuned.page(found, said), "utf-8")
    if as_json:
        print(json.dumps(tuned.plain(found, region, book.day, weight, records.embedded), indent=2))
    else:
        for one in found:
            _print(one)
        if page:
            said.append(f"curves of {counted(len(found), 'function')} in {page}")
        for text in said:
            console.print(escape(text), soft_wrap=True, highlight=False)
    if any(not one.sizes for one in found):
        raise typer.Exit(1)  # nothing could be measured of one, and its note says why


def _sizes(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() and 128 <= int(word) <= 10_240 for word in words):
        raise OpsError(
            f"--memory {text}: give sizes from 128 to 10240 MB with commas, for instance 512,1024"
        )
    return sorted({int(word) for word in words})


def _subjects(target: Target, names: list[str], event: Path | None) -> list[Subject]:
    events = {path.stem: path for path in samples.events() if not samples.is_workflow(path)}
    there = f"there are {', '.join(sorted(events))}"
    if not names:
        raise OpsError(f"name functions, or all; {there}")
    if event and (len(names) > 1 or names == ["all"]):
        raise OpsError("--event is of one function: name one")
    if names == ["all"]:
        deployed = _deployed(target)
        names = sorted(name for name in events if target.function(name) in deployed)
    found = []
    for name in names:
        if name not in events:
            told = identifiers.otherwise(name, "function")
            raise OpsError(f"no function {identifiers.shown(name)}; {there}{told}")
        given = samples.read(event) if event else validate.sample(target, events[name])
        found.append(tuner.subject(target, name, samples.through_its_api(target, name, given)))
    return found


def _deployed(target: Target) -> set[str]:
    pages = target.client("lambda").get_paginator("list_functions").paginate()
    return {str(item["FunctionName"]) for page in pages for item in page["Functions"]}


def _tell_plan(
    target: Target, subjects: list[Subject], sizes: list[int], times: int, book: Prices, region: str
) -> None:
    """What will be done and what it costs, to stderr."""
    say, request = notes().print, book.of(region, "lambda_request").usd
    all_calls, all_most = 0, 0.0
    for one in subjects:
        gb_second = book.of(region, f"lambda_{one.architecture}_gb_second").usd
        mean = tuner.mean_ms(target, one)
        calls, usd, most = tuner.estimate(one, sizes, times, mean, gb_second, request)
        about = "no call in 7 days tells how long it takes" if usd is None else (
            f"about {usd:.4f} USD, as its mean was {mean:.0f} ms in 7 days"
        )  # fmt: skip
        measured = ", ".join(map(str, one.all_sizes(sizes)))
        say(
            f"{escape(one.name)}: a copy {one.copy}, {measured} MB, {counted(calls, 'invocation')}; "
            f"{about}; at most {most:.2f} USD, as its timeout is {one.configuration['Timeout']} s",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
        all_calls, all_most = all_calls + calls, all_most + most
    say(
        f"in all {counted(all_calls, 'invocation')} one after another, at most {all_most:.2f} USD; "
        "the functions themselves are not changed, and the samples write nothing",
        soft_wrap=True, highlight=False,
    )  # fmt: skip


def _measured(
    target: Target, subjects: list[Subject], sizes: list[int], times: int, region: str
) -> Records:
    def say(text: str) -> None:
        notes().print(escape(text), highlight=False)

    found = {}
    for one in subjects:
        try:
            measured = tuner.measure(target, one, sizes, times, say)
        except Exception as error:  # the others are measured all the same
            measured = Measured(one.name, one.architecture, one.memory_mb, notes=[in_a_line(error)])
        found[one.name] = Record(
            architecture=one.architecture,
            memory_mb=one.memory_mb,
            reports=[tuning.line_of(run) for run in measured.runs],
            notes=measured.notes,
            early=measured.early,
            no_arm_wheel=wheels.lacking(wheels.requirements(one.layers))
            if one.architecture == _X86
            else None,
        )
    return Records(region=region, embedded=target.embedded is not None, functions=found)


def _judged(name: str, one: Record, records: Records, book: Prices, region: str, weight: float) -> Told:
    runs = [run for line in one.reports if (run := tuning.run_of(line))]
    return tuned.told(name, one, runs, book, region, weight=weight, embedded=records.embedded)


def _print(one: Told) -> None:
    console.print(
        f"[bold]{escape(one.name)}[/bold], {one.memory_mb} MB on {one.architecture}", highlight=False
    )
    if one.rows:
        table = Table(
            *(
                Column(
                    name,
                    no_wrap=number in tuned.NUMBERS,
                    justify="right" if number in tuned.NUMBERS else "left",
                )
                for number, name in enumerate(tuned.HEAD)
            )
        )
        for row in one.rows:
            table.add_row(*map(escape, row))
        console.print(table)
    for line in [*one.lines, one.processor]:
        console.print(f"    {escape(line)}", soft_wrap=True, highlight=False)
    for note in one.notes:
        console.print(f"    [yellow]{escape(note)}[/]", soft_wrap=True, highlight=False)


def _clean(target: Target, *, dry_run: bool) -> None:
    """Remove every copy of this environment; name what only has a copy's name."""
    found = list(tuner.copies(target))
    for name, ours in found:
        if not ours:
            console.print(f"{escape(name)}: stays, `ona tune` did not make it", highlight=False)
        elif dry_run:
            console.print(f"{escape(name)}: would be removed", highlight=False)
        else:
            tuner.remove(target, name)
            console.print(f"{escape(name)}: removed", highlight=False)
    if not any(ours for _, ours in found):
        console.print("no copy is left")
