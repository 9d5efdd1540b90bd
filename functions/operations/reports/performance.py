"""The performance report as a document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ona.runtime.words import counted, listed
from operations.drawing.charts import bars, over_time
from operations.drawing.document import Block, Heading, Paragraph, Pictures, Table
from operations.reading.performance import Measured, Performance, Row

_MOST_BARS = 12
_SLOWER_PERCENT = 50.0
"""Slower by more than this on the mean is told at the top (ours)."""
_NONE = "–"
_HEAD = ("", "calls", "failed", "failed %", "mean ms", "p95 ms", "before", "mean ms before", "slower %")
"""`p95 ms` is that of the worst hour; `before`: the calls in as many hours before."""


@dataclass(frozen=True)
class Costs:
    """What a day cost by list prices, USD: by whom, and for each file, asset, order and forecast."""

    day: str
    usd: float
    by: Sequence[tuple[str, float]]
    each: Sequence[tuple[str, float, float | None]]
    remarks: Sequence[str]


def title(report: Performance) -> str:
    """What stands above the report."""
    start, end = f"{report.start:%Y-%m-%d %H:%M}", f"{report.end:%Y-%m-%d %H:%M}"
    return f"Performance of {report.platform}, {start} to {end} UTC"


def blocks(report: Performance, costs: Costs | None) -> list[Block]:
    """The document: what stands out, the tables, the platform's own figures, cost, pictures."""
    made: list[Block] = [Heading("What stands out"), *outstanding(report)]
    for name, rows in (
        ("Functions", report.functions), ("Workflows", report.workflows), ("APIs", report.apis),
    ):  # fmt: skip
        seen = [row for row in rows if row.now.calls or row.before.calls]
        numbers = range(1, len(_HEAD))
        made += [Heading(name), Table(_HEAD, [_cells(row) for row in seen], numbers, "none was called")]
        silent = [row.name for row in rows if row not in seen]
        if silent and seen:
            made.append(Paragraph(f"Not called: {listed(silent, 30)}.", "remark"))
    head = ("", "unit", "mean", "mean before", "lowest hour", "highest hour")
    made += [
        Heading("What the platform measures itself"),
        Table(head, [_figures(each) for each in report.measured], range(2, 6)),
    ]
    if costs:
        made += _cost(costs)
    seen_charts = [chart for chart in report.charts if any(series.values for series in chart.series)]
    made += [Heading("Over time"), Pictures([over_time(chart, 515, 130) for chart in seen_charts])]
    return made


def outstanding(report: Performance) -> list[Paragraph]:
    """The first lines: what failed, and what became slower."""
    rows = [*report.functions, *report.workflows, *report.apis]
    failed = [
        f"{row.name}: {row.now.failed:,.0f} of {counted(row.now.calls, 'call', ',.0f')} failed."
        for row in sorted(rows, key=lambda row: -row.now.failed)
        if row.now.failed
    ]
    slower = [
        f"{row.name}: a call takes {row.now.mean_ms:,.0f} ms, "
        f"{row.slower_percent:.0f} % longer than before."
        for row in rows
        if (row.slower_percent or 0.0) > _SLOWER_PERCENT
    ]
    if not any(row.now.calls for row in rows):
        return [Paragraph("Nothing was called in these hours.")]
    if not failed and not slower:
        return [Paragraph("Nothing failed, and nothing became much slower.")]
    return [Paragraph(text, "warning") for text in [*failed, *slower]]


def _cells(row: Row) -> list[str]:
    now, before = row.now, row.before
    return [
        row.name,
        f"{now.calls:,.0f}",
        f"{now.failed:,.0f}",
        _number(now.failed_percent, ".1f"),
        _number(now.mean_ms),
        _number(now.worst_p95_ms),
        f"{before.calls:,.0f}",
        _number(before.mean_ms),
        _number(row.slower_percent, "+.0f"),
    ]


def _figures(each: Measured) -> list[str]:
    figures = (each.mean, each.mean_before, each.lowest, each.highest)
    return [each.name, each.unit, *(_number(figure, ",.1f") for figure in figures)]


def _number(value: float | None, spec: str = ",.0f") -> str:
    return _NONE if value is None else format(value, spec)


def _cost(costs: Costs) -> list[Block]:
    """What the day cost, whom for, and what is not in it."""
    each = [
        [name, f"{count:,.0f}", _NONE if usd is None else f"{usd:.6f}"] for name, count, usd in costs.each
    ]
    largest = [pair for pair in costs.by if pair[1] > 0][:_MOST_BARS]
    return [
        Heading("Cost"),
        Paragraph(f"{costs.day}: {costs.usd:.6f} USD by list prices."),
        Table(("", "number", "USD each"), each, (1, 2)),
        Pictures([bars(f"Cost of {costs.day}", "USD", largest, 515)]),
        *(Paragraph(remark, "remark") for remark in costs.remarks),
    ]
