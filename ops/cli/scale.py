"""`ona scale`: what a number of assets needs and costs; no platform is asked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ona.config.files import read_yaml, validated
from operations.config.scaling import FILE, Figures
from ops.cli.cost import DEFAULT_REGION
from ops.cli.shared import errors_in_one_line
from ops.means import prices
from ops.means.scale import Load, NoLoad, scale
from ops.means.scale_tables import tables
from ops.target import CONFIGS, OpsError

app = typer.Typer()
ASKED = [100, 10_000, 1_000_000]
"""The numbers of assets of docs/operations/scaling.md."""


@app.command("scale")
@errors_in_one_line
def scale_command(
    assets: Annotated[list[int] | None, typer.Option(help="how many; several times for several")] = None,
    every: Annotated[float, typer.Option(help="minutes between two files of an asset")] = 5.0,
    together: Annotated[int, typer.Option(help="so many assets in one file")] = 1,
    region: Annotated[
        str, typer.Option(help="whose prices; see configs/operations/prices/")
    ] = DEFAULT_REGION,
    figures: Annotated[
        Path | None, typer.Option(help="a changed copy of configs/operations/scaling.yaml")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="every step, for programs")] = False,
) -> None:
    """What so many assets need and cost: files, concurrency, table units, quotas, USD a month by family."""
    path = figures or CONFIGS / FILE.name
    used = validated(Figures, read_yaml(path), str(path))
    book = prices.newest()
    try:
        loads = [Load(number, every, together) for number in assets or ASKED]
    except NoLoad as error:
        raise OpsError(str(error)) from error
    scales = [scale(load, used, book, region) for load in loads]
    if as_json:
        plain = [
            {
                **asdict(one.load),
                "steps": one.steps,
                "warnings": one.warnings,
                "usd_a_month": one.usd,
                "usd_a_month_by_kind": one.usd_by_kind,
                "amounts": [
                    {"family": family, "what": what, "amount": amount}
                    for (family, what), amount in one.amounts.items()
                ],
            }
            for one in scales
        ]
        print(
            json.dumps(
                {"measured": str(used.measured), "prices": str(book.day), "region": region, "loads": plain}
            )
        )
        return
    print(tables(scales, used, book, region))
