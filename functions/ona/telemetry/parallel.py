"""One large file read by several processes: each reads a part, and puts its rows into a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ona.runtime.errors import InvalidTelemetry
from ona.runtime.processes import spread
from ona.telemetry.collecting import Collector, side_by_side
from ona.telemetry.pieces import Piece, Spool, Values
from ona.telemetry.readings import Quality, Rows

MOST_WAITING = 16
"""Blocks of one asset that are put into one piece (ours): 16 MB, 300 000 readings."""

RowReader = Callable[[int, int], Iterator[tuple[Rows, Quality]]]
"""Reads the lines that begin from one offset up to before another, block by block."""


@dataclass
class _Part:
    """What one process read: its report, all names that it saw, and each asset's pieces in its spool."""

    quality: Quality
    names: dict[str, None]
    pieces: list[tuple[str, Piece]]

    def put(self, waiting: tuple[str, list[Values]], spool: Spool, columns: tuple[str, ...]) -> None:
        """Put what has come of an asset into the spool."""
        name, parts = waiting
        if parts:
            self.pieces.append((name, spool.put(parts, columns)))


def read_parts(
    read_rows: RowReader, begin: int, end: int, columns: tuple[str, ...], parts: int
) -> tuple[Quality, Collector] | None:
    """Read the bytes from `begin` to `end` in so many parts at once; what was wrong, and all rows.

    `columns` are the numeric columns of the rows. None when the file fails as a whole: the caller then
    reads it from its start, so that the error names the right line.
    """
    size = end - begin
    cuts = [begin + size * n // parts for n in range(parts + 1)]
    spools = [Spool(len(columns)) for _ in range(parts)]
    try:
        done = spread(
            lambda n: _read_part(read_rows, cuts[n], cuts[n + 1], spools[n]), list(range(parts)), True
        )
    except InvalidTelemetry:
        return None
    quality, collector = Quality(), Collector(columns)
    for spool, part in zip(spools, done, strict=True):
        quality.add(part.quality)
        collector.seen.update(part.names)
        for name, piece in part.pieces:
            collector.put(name, spool.holding(piece))
    return quality, collector


def _read_part(read_rows: RowReader, start: int, end: int, spool: Spool) -> _Part:
    """Fill the spool with the rows of a part, those of each block by asset."""
    part = _Part(Quality(), {}, [])
    waiting: tuple[str, list[Values]] = ("", [])
    """The asset that may go on in the next block, and what has come of it."""
    columns: tuple[str, ...] = ()
    for rows, block_quality in read_rows(start, end):
        part.quality.add(block_quality)
        part.names.update(dict.fromkeys(rows.names))
        rows, edges = side_by_side(rows)
        columns = rows.columns
        for first, last in pairwise(edges):
            name = rows.names[int(rows.asset[first])]
            if name != waiting[0] or len(waiting[1]) >= MOST_WAITING:
                part.put(waiting, spool, columns)
                waiting = (name, [])
            waiting[1].append((rows.time[first:last], rows.numbers[:, first:last]))
    part.put(waiting, spool, columns)
    return part
