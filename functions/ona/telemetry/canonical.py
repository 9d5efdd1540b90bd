"""Reading a canonical CSV file: its header, then its body block by block.

Each block goes to the fast reader. A block that the fast reader does not take goes to the strict reader. A
large file is read by several processes, one part each (`parallel`).

>>> from datetime import UTC
>>> header = b"timestamp,asset_id,temperature_c,voltage_v,power_kw\\n"
>>> data = header + b"2025-06-10T08:00:00Z,INV-1,30,750,-0.5\\n"
>>> now = datetime(2025, 6, 11, tzinfo=UTC)
>>> telemetry = read_canonical(data, now=now, capacity_kw={"INV-1": 100.0}.get, where="x.csv")
>>> telemetry.by_asset["INV-1"]["power_kw"].tolist(), telemetry.quality.flagged
([0.0], {'night_consumption_clipped': 1})
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from ona.documents.columns import FULL, NECESSARY, NUMERIC, did_you_mean
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.processes import CPUS
from ona.telemetry import parallel
from ona.telemetry.blocks import Source
from ona.telemetry.collecting import Collector
from ona.telemetry.decoding import decode
from ona.telemetry.fast_csv import typed
from ona.telemetry.readings import Quality, Rows, Telemetry
from ona.telemetry.row_rules import Capacities, screen
from ona.telemetry.strict_csv import column_names, no_rows, strict_rows

LARGE_BYTES = 48_000_000
"""Bytes of a file (ours): from here on several processes are worth the time that they take to start.
`benchmarks/detection/speed.py` measures both sides of it."""
_COLUMNS_NAMED = 12
"""So many of a file's columns are named when one is missing."""
_RENAME = "rename the columns, or describe the export by a profile: docs/adding-a-vendor.md"
_NAME_ASSET = (
    "add a column asset_id, or name the file after its asset, as assets.json has it: <asset_id>.csv"
)
"""What the owner of a file without necessary columns can do."""


def missing_columns(names: Sequence[str], asset_id: str = "") -> list[str]:
    """The necessary columns that a header lacks. `asset_id`: whose the file is, where its name says it.

    >>> missing_columns(["timestamp", "power_kw"]), missing_columns(["timestamp", "power_kw"], "INV-1")
    (['asset_id'], [])
    """
    whose = () if asset_id else ("asset_id",)
    return [name for name in FULL if name in (*NECESSARY, *whose) and name not in names]


def read_canonical(
    data: bytes | Source, *, now: datetime, capacity_kw: Capacities, where: str, asset_id: str = ""
) -> Telemetry:
    """The telemetry of a canonical CSV file. `where` names the file in errors; `asset_id`: whose readings
    they are, where the file has no such column ("": nobody knows).

    Raises InvalidTelemetry when the file fails as a whole. Rows that fail are left out and counted.
    """
    source = data if isinstance(data, Source) else Source.of(data)
    file = CanonicalFile.of(source, now, cache(capacity_kw), where, asset_id)
    read = None
    if source.size >= LARGE_BYTES and CPUS > 1:
        read = parallel.read_parts(file.rows, file.begin, source.size, file.columns, CPUS)
    quality, collector = read or _read_in_order(file)
    if not quality.rows_read:
        raise no_rows(where)
    return collector.telemetry(quality, where, file.capacity_kw)


def _read_in_order(file: CanonicalFile) -> tuple[Quality, Collector]:
    quality, collector = Quality(), Collector(file.columns)
    for rows, block_quality in file.rows(file.begin, file.source.size):
        quality.add(block_quality)
        collector.add(rows)
    return quality, collector


@dataclass(frozen=True)
class CanonicalFile:
    """A canonical file whose header was read.

    `begin` is the offset of the first byte behind the header, `lines_before` the number of lines before it,
    `names` the header's columns in order, `read` those of them that hold numbers. `columns` are those of
    the rows: these, and the contract's. `asset_id`: whose the rows are, where no column says it.
    """

    source: Source
    begin: int
    lines_before: int
    header: str
    names: list[str]
    read: tuple[str, ...]
    columns: tuple[str, ...]
    now: datetime
    capacity_kw: Capacities
    where: str
    asset_id: str

    @classmethod
    def of(
        cls, source: Source, now: datetime, capacity_kw: Capacities, where: str, asset_id: str
    ) -> CanonicalFile:
        """Read a file's header. Raises InvalidTelemetry when it lacks a column that is necessary."""
        begin, lines, first = 0, 0, b""
        for block in source.lines(0, source.size):
            begin, lines, first = begin + len(block), lines + block.count(b"\n"), block
            if block.strip():
                break
        text = decode(first, where).lstrip()
        header, _, body = text.partition("\n")
        names = column_names(header, where)
        if missing := missing_columns(names, asset_id):
            hint = "; the file is separated by semicolons" if names and ";" in names[0] else ""
            hint += "".join(f"; {told}" for told in did_you_mean(names)[:_COLUMNS_NAMED])
            raise InvalidTelemetry(
                "missing_columns",
                f"columns are missing: {', '.join(missing)}; "
                f"found: {', '.join(names[:_COLUMNS_NAMED])}{hint}",
                where=f"{where}, line 1",
                remedy=_NAME_ASSET if missing == ["asset_id"] else _RENAME,
            )
        return cls(
            source=source,
            begin=begin - len(body.encode()),
            lines_before=lines - body.count("\n"),
            header=header.rstrip("\r"),
            names=names,
            read=tuple(name for name in NUMERIC if name in names),
            columns=tuple(name for name in NUMERIC if name in names or name in FULL),
            now=now,
            capacity_kw=capacity_kw,
            where=where,
            asset_id=asset_id,
        )

    def rows(self, start: int, end: int) -> Iterator[tuple[Rows, Quality]]:
        """The usable rows of the lines that begin from offset `start` up to before `end`.

        Yields the rows of one block after the other, with what was wrong in that block. Raises
        InvalidTelemetry; the line that it names is right only where `start` is `begin`.
        """
        line = self.lines_before
        for block in self.source.lines(start, end):
            quality = Quality()
            rows = self._block(block, line, quality)
            line += block.count(b"\n")
            if rows is not None:
                yield screen(rows, quality, now=self.now, capacity_kw=self.capacity_kw), quality

    def _block(self, block: bytes, line: int, quality: Quality) -> Rows | None:
        """A block's rows by the fast reader, else by the strict one; None for a block of blank lines."""
        rows = typed(block, self.names, self.read)
        if rows is not None:
            quality.rows_read = len(rows)
            quality.written_with("Z", len(rows))
        elif block.strip() and (text := decode(block, self.where, line)).strip():
            rows = strict_rows(
                f"{self.header}\n{text}", self.where, self.read, quality, asset_id=self.asset_id
            )
        return rows.with_columns(self.columns) if rows is not None else None
