"""One large file read by several processes: each reads a part into memory that all of them share."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ona.runtime.errors import InvalidTelemetry
from ona.runtime.processes import spread
from ona.telemetry.collecting import Collector, side_by_side
from ona.telemetry.readings import Ints, Quality, Rows

SHORTEST_TIME = 8
"""A line whose time can be read has at least so many bytes, and one more a column."""
MAP_NORESERVE = 0x4000
"""Linux's flag for memory that is promised only when it is filled (`mmap` names it from Python 3.13 on)."""

RowReader = Callable[[int, int], Iterator[tuple[Rows, Quality]]]
"""Reads the lines that begin from one offset up to before another, block by block."""


@dataclass
class _Part:
    """What one process read: its report, all names that it saw, and where which asset's rows lie."""

    quality: Quality
    names: dict[str, None]
    stretches: list[tuple[str, int, int]]
    """Asset, first row and end, in the part's memory."""


def read_parts(
    read_rows: RowReader, begin: int, end: int, columns: tuple[str, ...], fields: int, parts: int
) -> tuple[Quality, Collector] | None:
    """Read the bytes from `begin` to `end` in so many parts at once; what was wrong, and all rows.

    `columns` are the numeric columns of the rows, `fields` is the number of fields of a line.
    None when the file fails as a whole: the caller then reads it from its start, so that the error names
    the right line.
    """
    size = end - begin
    cuts = [begin + size * n // parts for n in range(parts + 1)]
    shared = [
        _shared_memory((last - first) // (SHORTEST_TIME + fields) + 1, len(columns))
        for first, last in pairwise(cuts)
    ]
    try:
        done = spread(
            lambda n: _read_part(read_rows, cuts[n], cuts[n + 1], shared[n]), list(range(parts)), True
        )
    except InvalidTelemetry:
        return None
    quality, collector = Quality(), Collector(columns)
    for memory, part in zip(shared, done, strict=True):
        quality.add(part.quality)
        collector.seen.update(part.names)
        for name, first, last in part.stretches:
            collector.put(name, (memory[0, first:last], memory[1:, first:last].view(np.float64)))
    return quality, collector


def _read_part(read_rows: RowReader, start: int, end: int, memory: Ints) -> _Part:
    """Fill the memory with the rows of a part, those of each block by asset."""
    time, numbers = memory[0], memory[1:].view(np.float64)
    part = _Part(Quality(), {}, [])
    filled = 0
    for rows, block_quality in read_rows(start, end):
        part.quality.add(block_quality)
        part.names.update(dict.fromkeys(rows.names))
        rows, edges = side_by_side(rows)
        place = slice(filled, filled + len(rows))
        time[place], numbers[:, place] = rows.time, rows.numbers
        for first, last in pairwise(edges):
            name, since = rows.names[int(rows.asset[first])], filled + first
            if part.stretches and part.stretches[-1][0] == name:  # the asset goes on from the block before
                since = part.stretches.pop()[1]
            part.stretches.append((name, since, filled + last))
        filled += len(rows)
    return part


def _shared_memory(lines: int, columns: int) -> Ints:
    """Memory for the times and columns of so many lines, (1 + columns, lines), which forks share."""
    size = 8 * lines * (1 + columns)
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    return np.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=np.int64).reshape(-1, lines)
