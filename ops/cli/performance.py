"""`ona ops performance`: the performance report in the terminal, as HTML with pictures, as PDF, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from ona.runtime.clock import utc_now
from operations.drawing.document import Block, Heading, Paragraph, Table
from operations.drawing.page import page
from operations.drawing.sheets import sheets
from operations.reading.performance import Performance, performance
from operations.reports.performance import Costs, blocks, title
from ops.cli import routines
from ops.cli.cost import DEFAULT_REGION
from ops.cli.shared import Environment, Profile, console
from ops.means import cost as costs
from ops.means import prices, reading
from ops.target import Target, resolve

_STYLES = {"plain": "", "remark": "dim", "warning": "red"}


@routines.app.command(name="performance")
@routines.as_monitors_expect
def performance_command(
    hours: Annotated[int, typer.Option(help="so many hours, this one included", min=1, max=720)] = 24,
    html: Annotated[Path | None, typer.Option(help="write it with pictures into this file")] = None,
    pdf: Annotated[Path | None, typer.Option(help="write the same as a PDF into this file")] = None,
    region: Annotated[str, typer.Option(help="whose prices")] = DEFAULT_REGION,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """How much was done, how fast, how well, what it cost; beside as many hours before."""
    target = resolve(profile, environment)
    deployed = target.outputs["Environment"]
    report = performance(target.client, target.stack, deployed, utc_now(), hours)
    spent = _costs(target, report.end.date(), region)
    document = blocks(report, spent)
    if html:
        html.write_text(page(title(report), document), "utf-8")
    if pdf:
        pdf.write_bytes(sheets(title(report), document))
    if as_json:
        print(json.dumps(_plain(report, spent), indent=2, default=str))
    elif html or pdf:
        files = ", ".join(str(path) for path in (html, pdf) if path)
        console.print(f"{escape(title(report))}: {escape(files)}", soft_wrap=True, highlight=False)
    else:
        _print(title(report), document)


def _costs(target: Target, day: date, region: str) -> Costs:
    """What the report's last day has cost so far. Raises as `prices` for a region that has none."""
    book = prices.newest()
    used = reading.read(target, day, utc_now())
    told = costs.cost(used, book, region)
    share = told.assumed_usd / told.usd if told.usd else 0.0
    remarks = [
        f"By the list prices of {book.day} in {region}, so far this day.",
        f"{share:.0%} of it stands on prices that nobody looked up.",
        *(f"Not in it: {what}." for what in used.unmeasured),
    ]
    by = [
        (f"{family}, {by}", usd)
        for (family, by), usd in told.by(lambda line: (line.family, line.by)).items()
    ]
    each = [(f"{name}s", float(getattr(told.counts, f"{name}s")), usd) for name, usd in told.each.items()]
    return Costs(str(day), told.usd, by, each, remarks)


def _print(head: str, document: list[Block]) -> None:
    """The document without its pictures; a column whose cells are all empty says nothing and stays."""
    console.print(f"[bold]{escape(head)}[/bold]", soft_wrap=True, highlight=False)
    for block in document:
        match block:
            case Heading(text) if text != "Over time":
                console.print(f"[bold]{escape(text)}[/bold]")
            case Paragraph(text, kind):
                console.print(f"    {escape(text)}", style=_STYLES[kind], soft_wrap=True, highlight=False)
            case Table(names, rows, numbers, nothing):
                if not rows:
                    console.print(f"    {nothing}", style="dim")
                    continue
                columns = [
                    Column(name, justify="right" if number in numbers else "left", no_wrap=True)
                    for number, name in enumerate(names)
                ]
                grid = Grid(*columns, box=None, pad_edge=False)
                for row in rows:
                    grid.add_row(*map(escape, row))
                console.print(grid)


def _plain(report: Performance, spent: Costs) -> dict[str, Any]:
    whole = asdict(report)
    del whole["charts"]
    return {**whole, "cost": asdict(spent)}
