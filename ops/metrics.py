"""Writes the table of docs/metrics.md from the metrics that functions may publish.

`python -m ops.metrics` writes it; with `--check` it only compares, and 1 says that the page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from local.cloud import ROOT
from ona.runtime.metric_table import METRICS, Metric

PAGE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- the table: python -m ops.metrics -->", "<!-- end of the table -->"


def row(metric: Metric) -> str:
    """A metric's line of the table."""
    further = " and ".join(
        " + ".join(f"`{name}`" for name in names) or "none" for names in metric.dimensions
    )
    values = "" if metric.dimensions == ((),) else metric.values
    return (
        f"| `{metric.name}` | {', '.join(f'`{name}`' for name in metric.namespaces)} | {metric.unit} "
        f"| {further} | {values} | {metric.of} | {', '.join(metric.services)} |"
    )


def table() -> str:
    """The whole table, in Markdown."""
    head = ("metric", "namespace", "unit", "further dimensions", "their values", "one value is", "service")
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            f"|{' --- |' * len(head)}",
            *(row(metric) for metric in METRICS.values()),
        ]
    )


def page(text: str) -> str:
    """A page with the table of now in place of its own. Raises ValueError where it has no place for it."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} has no lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str], path: Path = PAGE) -> int:
    """Write, or with --check only compare; 1 when the page is stale."""
    text = path.read_text("utf-8")
    wanted = page(text)
    if arguments == ["--check"]:
        if text != wanted:
            print(f"{path.name} is stale: run `python -m ops.metrics` and commit what it writes")
        return int(text != wanted)
    path.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
