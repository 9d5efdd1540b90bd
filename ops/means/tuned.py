"""What `ona tune` tells: each function's sizes and proposal as a document, as a page, as lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ona.documents.base import Document
from ona.drawing.axes import number
from operations.drawing.curves import Curve, drawn
from operations.drawing.document import Block, Heading, Paragraph, Pictures, Table
from operations.drawing.page import page as html
from ops.means import tuning
from ops.means.prices import Prices
from ops.means.tuning import Proposal, Run, Size

HEAD = ("MB", "warm", "mean ms", "p95 ms", "cold ms", "used MB", "USD a million", "")
NUMBERS = (0, 1, 2, 3, 4, 5, 6)
NO_SPEED = "memory does not change speed in the embedded cloud"


class Record(Document):
    """One function's REPORT lines, as they were recorded: by `ona tune --record`, or by hand."""

    architecture: str = "arm64"
    memory_mb: int
    reports: list[str]
    notes: list[str] = []
    early: str = ""
    """Where the event ended before the function's work: what was measured says nothing of it."""
    no_arm_wheel: list[str] | None = None
    """The packages of a function on x86_64 that have no ARM wheel; None where nobody looked."""


class Records(Document):
    """Recorded reports by function. `embedded`: they are of the embedded cloud, and propose nothing."""

    region: str = ""
    embedded: bool = False
    functions: dict[str, Record]


@dataclass(frozen=True)
class Told:
    """One function: its size now, what was measured, what is proposed, and whether ARM fits."""

    name: str
    memory_mb: int
    architecture: str
    sizes: list[Size]
    proposal: Proposal | None
    processor: str
    notes: list[str]
    unproposed: str = ""
    """Why nothing is proposed, where no size is to blame."""

    @property
    def now(self) -> Size | None:
        """What was measured at the size that it has."""
        return next((size for size in self.sizes if size.memory_mb == self.memory_mb), None)

    @property
    def named(self) -> list[tuple[str, Size]]:
        """The proposed sizes with what they are called."""
        if self.proposal is None:
            return []
        return [(name, getattr(self.proposal, name)) for name in ("cheapest", "fastest", "balanced")]

    @property
    def rows(self) -> list[list[str]]:
        """A row a size."""
        return [self._row(size) for size in self.sizes]

    def _row(self, size: Size) -> list[str]:
        words = ["now"] if size.memory_mb == self.memory_mb else []
        words += [name for name, proposed in self.named if proposed is size]
        cells = [size.warm_ms, size.p95_ms, size.cold_ms]
        return [
            str(size.memory_mb),
            str(size.warm),
            *("–" if math.isnan(cell) else number(cell) for cell in cells),
            str(size.used_mb) if size.used_mb else "–",
            "–" if math.isnan(size.usd) else f"{size.usd:.2f}",
            "; ".join(filter(None, [", ".join(words), size.unfit])),
        ]

    @property
    def lines(self) -> list[str]:
        """The proposal in words, beside the size that it has now."""
        if self.proposal is None:
            why = self.unproposed or "the last column says why" if self.sizes else "nothing was measured"
            return [f"no size is proposed: {why}"]
        told = []
        for name, size in self.named:
            text = f"{name}: {size.memory_mb} MB, {number(size.warm_ms)} ms, {size.usd:.2f} USD a million"
            if size is self.now:
                text += ", as it is now"
            elif self.now and self.now.warm:
                change = (size.usd / self.now.usd - 1, size.warm_ms / self.now.warm_ms - 1)
                text += f" ({change[0]:+.0%} cost, {change[1]:+.0%} time)".replace("%", " %")
            told.append(text)
        return told


def told(
    name: str,
    record: Record,
    runs: Sequence[Run],
    book: Prices,
    region: str,
    *,
    weight: float,
    embedded: bool,
) -> Told:
    """Judge what was measured of a function. Raises OpsError where a price is missing."""
    prices = {one: book.of(region, f"lambda_{one}_gb_second").usd for one in ("arm64", "x86_64")}
    request = book.of(region, "lambda_request").usd
    sizes = tuning.sizes(runs, prices[record.architecture], request)
    why = NO_SPEED if embedded else record.early
    return Told(
        name,
        record.memory_mb,
        record.architecture,
        sizes,
        None if why else tuning.proposal(sizes, weight),
        tuning.processor(record.architecture, record.no_arm_wheel, prices),
        record.notes,
        why,
    )


def plain(found: Sequence[Told], region: str, day: date, weight: float, embedded: bool) -> dict[str, Any]:
    """For programs; what was not measured is null."""

    def size(one: Size) -> dict[str, Any]:
        return {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in asdict(one).items()
        }

    return {
        "region": region,
        "prices": str(day),
        "weights": {"cost": weight, "time": round(1 - weight, 6)},
        "embedded": embedded,
        "functions": [
            {
                "function": one.name,
                "memory_mb": one.memory_mb,
                "architecture": one.architecture,
                "sizes": [size(entry) for entry in one.sizes],
                "proposal": {name: entry.memory_mb for name, entry in one.named} or None,
                "unproposed": one.unproposed,
                "processor": one.processor,
                "notes": one.notes,
            }
            for one in found
        ],
    }


def page(found: Sequence[Told], said: Sequence[str]) -> str:
    """A page of HTML: of each function its proposal, two curves, and the table."""
    blocks: list[Block] = [Paragraph(text, "remark") for text in said]
    for one in found:
        blocks += [Heading(f"{one.name}, {one.memory_mb} MB on {one.architecture}")]
        blocks += [Paragraph(line) for line in one.lines]
        blocks += [Paragraph(one.processor), *(Paragraph(note, "warning") for note in one.notes)]
        blocks += [Pictures([_curve(one, "time", "ms"), _curve(one, "cost", "USD a million calls")])]
        blocks += [Table(HEAD, one.rows, NUMBERS)]
    return html("Memory sizes", blocks)


def _curve(one: Told, what: str, unit: str) -> Any:
    def points(fit: bool) -> list[tuple[float, float]]:
        every = [
            (float(size.memory_mb), size.warm_ms if what == "time" else size.usd)
            for size in one.sizes
            if bool(size.unfit) is not fit
        ]
        return [point for point in every if not math.isnan(point[1])]

    named = [(float(one.memory_mb), "now")] + [(float(size.memory_mb), name) for name, size in one.named]
    curve = Curve(f"{one.name}: {what}", unit, "memory, MB", points(True), named, points(False))
    return drawn(curve)
