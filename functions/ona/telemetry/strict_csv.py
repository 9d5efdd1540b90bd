"""Telemetry: bytes from outside in, each machine's canonical frame and a quality report out.

A file is read in blocks of whole lines, so that its size does not matter: the quick way where a block is
written as it should be (`ona/blocks.py`), else the careful way here.
"""

from __future__ import annotations

import io
import mmap
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.documents.columns import NUMERIC, REQUIRED
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.processes import CPUS, spread
from ona.telemetry.fast_csv import MAX_LINE_BYTES, Source, typed
from ona.telemetry.readings import Gathered, Ints, Quality, Rows, Telemetry, screen, side_by_side

_ZONED = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)
_BINARY_MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}


def decode(data: bytes, where: str, lines_before: int = 0) -> str:
    """Bytes to text; of a part of a file `lines_before` says how many lines stand before it.

    Raises InvalidTelemetry for an empty, binary, overlong-lined or non-UTF-8 file.
    """
    if not data.strip():
        raise InvalidTelemetry(
            "empty_file",
            f"the file has no content ({len(data)} bytes)",
            where=where,
            remedy="export it again; an upload that broke off often leaves an empty object",
        )
    for magic, name in _BINARY_MAGIC.items():
        if data.startswith(magic):
            raise InvalidTelemetry(
                "binary_file",
                f"the file is {name}, not CSV text",
                where=where,
                remedy="export or unpack it as CSV in UTF-8",
            )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidTelemetry(
            "wrong_encoding",
            "the file is UTF-16",
            where=f"{where}, byte 0",
            remedy="save it as UTF-8 (in Excel: 'CSV UTF-8')",
        )
    if b"\x00" in data[:65536]:
        raise InvalidTelemetry(
            "binary_file",
            f"the file has a zero byte at offset {data.index(0)}: it is not text",
            where=where,
            remedy="export it as CSV in UTF-8",
        )
    breaks = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 0x0A)
    longest = np.diff(np.concatenate(([-1], breaks, [len(data)])))
    if longest.max() > MAX_LINE_BYTES:
        raise InvalidTelemetry(
            "line_too_long",
            f"line {lines_before + int(longest.argmax()) + 1} has {int(longest.max())} bytes, "
            f"more than {MAX_LINE_BYTES}",
            where=where,
            remedy="check the line endings: one reading a line",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = lines_before + data[: error.start].count(b"\n") + 1
        raise InvalidTelemetry(
            "wrong_encoding",
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            where=f"{where}, line {line}",
            remedy="save it as UTF-8 (in Excel: 'CSV UTF-8')",
        ) from error


def read_table(
    text: str, where: str, quality: Quality, *, delimiter: str = ",", names_in: str = "asset_id"
) -> pd.DataFrame:
    """Parse CSV text; ragged lines are rejected and counted, never guessed at. The column `names_in` is
    left as it is written: 007 is no 7.

    Raises InvalidTelemetry when there is no row below the header, or a column name stands twice.
    """
    lines = _lines(text)
    names = _named(text.lstrip().split("\n", 1)[0], where, delimiter)
    if lines < 2:
        raise _no_rows(where)
    try:
        with warnings.catch_warnings():
            # rows longer than the header would be cut off, with a warning
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                dtype={n: "str" for n, name in enumerate(names) if name == names_in},
                on_bad_lines="skip",
                low_memory=False,
                index_col=False,
                skipinitialspace=True,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InvalidTelemetry(
            "not_csv",
            f"the file cannot be read as CSV: {error}",
            where=where,
            remedy="export it as comma-separated text with one header line",
        ) from error
    except pd.errors.ParserWarning as error:
        raise InvalidTelemetry(
            "more_fields_than_columns",
            f"the readings have more fields than the header's {len(names)}",
            where=f"{where}, line 2",
            remedy="export numbers with a decimal point, not a comma; name every column",
        ) from error
    frame.columns = [str(name).strip() for name in frame.columns]
    quality.rows_read += lines - 1
    quality.reject("malformed_row", max(0, lines - 1 - len(frame)))
    return frame


def _named(header: str, where: str, delimiter: str = ",") -> list[str]:
    names = [name.strip().strip('"') for name in header.rstrip("\r").split(delimiter)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidTelemetry(
            "duplicate_column",
            f"columns stand twice: {', '.join(twice)}",
            where=f"{where}, line 1",
            remedy="give each column one name",
        )
    return names


def _no_rows(where: str) -> InvalidTelemetry:
    return InvalidTelemetry(
        "no_rows",
        "the file has a header and no readings",
        where=where,
        remedy="export it again for a day on which the machine reported",
    )


_BLANK_LINE = re.compile(r"(?:^|\n)[^\S\n]*(?=\n|\Z)")


_ODD_STARTS = tuple("\n" + space for space in "\n\r \t\v\f\x1c\x1d\x1e\x1f")


def _lines(text: str) -> int:
    """How many lines hold something."""
    inner = text.strip()
    if inner and inner.isascii() and not any(start in inner for start in _ODD_STARTS):
        return inner.count("\n") + 1  # no line begins with a space: none is blank
    return _lines_one_by_one(text)


def _lines_one_by_one(text: str) -> int:
    return text.count("\n") + 1 - len(_BLANK_LINE.findall(text))


def parse_timestamps(raw: pd.Series, quality: Quality, naive_zone: ZoneInfo | None = None) -> pd.Series:
    """Text with an explicit offset to UTC; what does not parse becomes NaT and is counted.

    Shape (n,) in, (n,) out. A reading without an offset is taken as wall time of `naive_zone`; where
    none is given it is not guessed at, it may be hours off.
    """
    codes, known = pd.factorize(raw)
    if naive_zone is not None or 2 * len(known) > len(raw):  # order tells a clock change; nothing repeats
        return _parse_timestamps(raw, np.ones(len(raw), dtype=np.int64), quality, naive_zone)
    quality.reject("timestamp_missing", int((codes < 0).sum()))
    counts = np.bincount(codes[codes >= 0], minlength=len(known))
    parsed = _parse_timestamps(pd.Series(known, dtype=object), counts, quality, None)
    with_none = pd.concat([parsed, pd.Series([pd.NaT], dtype=parsed.dtype)], ignore_index=True)
    return pd.Series(with_none.array.take(codes), index=raw.index)  # −1, a missing text, takes the last


def _parse_timestamps(
    raw: pd.Series, counts: NDArray[np.int64], quality: Quality, naive_zone: ZoneInfo | None
) -> pd.Series:
    """Each text of which there are so many, shape (n,) each, as a time."""

    def number(mask: pd.Series) -> int:
        return int(counts[mask.to_numpy(dtype=bool)].sum())

    text = raw.astype("string").str.strip()
    zoned = text.str.contains(_ZONED, na=False)
    parsed = pd.to_datetime(text.where(zoned), utc=True, format="ISO8601", errors="coerce")
    parsed = parsed.astype("datetime64[us, UTC]")
    quality.reject("timestamp_unreadable", number(zoned & parsed.isna()))
    quality.reject("timestamp_missing", number(text.isna()))
    bare = ~zoned & text.notna()
    if naive_zone is None:
        quality.reject("timestamp_without_zone", number(bare))
    elif bare.any():
        naive = pd.to_datetime(text[bare], format="ISO8601", errors="coerce")
        quality.reject("timestamp_unreadable", int(naive.isna().sum()))
        parsed[bare] = local_to_utc(naive, naive_zone, quality)
    offsets = text[zoned].str.extract(_OFFSET, expand=False).str.upper()
    offsets = offsets.replace({"+00:00": "Z", "+0000": "Z", "-00:00": "Z"})
    for offset, n in (
        pd.Series(counts[zoned.to_numpy(dtype=bool)]).groupby(offsets.to_numpy()).sum().items()
    ):
        quality.written_with(str(offset), int(n))
    return parsed


def local_to_utc(naive: pd.Series, zone: ZoneInfo, quality: Quality) -> pd.Series:
    """Local wall time, shape (n,), to UTC.

    The hour that a clock change repeats is told apart by order where the readings allow it; else,
    like the hour that a change skips, it is rejected and counted: an hour's error is worse.
    """
    try:
        local = naive.dt.tz_localize(zone, ambiguous="infer", nonexistent="NaT")
    except ValueError:
        local = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    quality.reject("local_time_not_unique", int((local.isna() & naive.notna()).sum()))
    return local.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)


Capacities = Callable[[str], float | None]
"""An asset's nameplate in kW, or None when it is not registered."""


def read_canonical(
    data: bytes | Source, *, now: datetime, capacity_kw: Capacities, where: str
) -> Telemetry:
    """A canonical CSV file as a clean frame for each machine; a large one is read in several processes.

    Raises InvalidTelemetry when the file fails as a whole; rows that fail are counted.
    """
    source = data if isinstance(data, Source) else Source.of(data)
    file = _File.of(source, now, cache(capacity_kw), where)
    quality, gathered = Quality(), Gathered(file.columns)
    if not (source.size >= LARGE_BYTES and CPUS > 1 and _in_processes(file, quality, gathered)):
        for rows, told in file.rows(file.begin, source.size):
            quality.add(told)
            gathered.add(rows)
    if not quality.rows_read:
        raise _no_rows(where)
    return gathered.telemetry(quality, where, file.capacity_kw)


@dataclass(frozen=True)
class _File:
    """A canonical file: where its body begins, which line that is, and what its header names."""

    source: Source
    begin: int
    line: int
    header: str
    names: list[str]
    columns: tuple[str, ...]
    now: datetime
    capacity_kw: Capacities
    where: str

    @classmethod
    def of(cls, source: Source, now: datetime, capacity_kw: Capacities, where: str) -> _File:
        begin, line, first = 0, 0, b""
        for block in source.lines(0, source.size):
            begin, line, first = begin + len(block), line + block.count(b"\n"), block
            if block.strip():
                break
        text = decode(first, where).lstrip()
        header, _, body = text.partition("\n")
        names = _named(header, where)
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            hint = "; the file is separated by semicolons" if ";" in names[0] else ""
            raise InvalidTelemetry(
                "missing_columns",
                f"columns are missing: {', '.join(missing)}; found: {', '.join(names[:12])}{hint}",
                where=f"{where}, line 1",
                remedy="rename the columns, or describe the export by a profile in configs/sources/",
            )
        columns = tuple(name for name in NUMERIC if name in names)
        return cls(
            source, begin - len(body.encode()), line - body.count("\n"), header.rstrip("\r"), names,
            columns, now, capacity_kw, where,
        )  # fmt: skip

    def rows(self, start: int, end: int) -> Iterator[tuple[Rows, Quality]]:
        """The rows of the lines that begin in a range of bytes, by block, with what was wrong with them.

        Raises InvalidTelemetry; the line that it names is right where the range begins with the body.
        """
        line = self.line
        for block in self.source.lines(start, end):
            told = Quality()
            rows = typed(block, self.names, self.columns)
            if rows is not None:
                told.rows_read = len(rows)
                told.written_with("Z", len(rows))
            elif block.strip() and (text := decode(block, self.where, line)).strip():
                table = read_table(f"{self.header}\n{text}", self.where, told)
                table["timestamp"] = parse_timestamps(table["timestamp"], told)
                rows = _rows(table, self.columns, told)
            line += block.count(b"\n")
            if rows is not None:
                yield screen(rows, told, now=self.now, capacity_kw=self.capacity_kw), told


LARGE_BYTES = 48_000_000
"""From here on several processes are worth their start."""


def _in_processes(file: _File, quality: Quality, gathered: Gathered) -> bool:
    """Read a file's body with each CPU one part, into memory that all processes share. False where the file
    fails as a whole: read from its start, the error tells the right line."""
    size = file.source.size - file.begin
    cuts = [file.begin + size * n // CPUS for n in range(CPUS + 1)]
    shared = [
        _room((end - start) // (SHORTEST_TIME + len(file.names)) + 1, file) for start, end in pairwise(cuts)
    ]

    def read(part: int) -> tuple[Quality, dict[str, None], list[tuple[str, int, int]]]:
        time, numbers = shared[part][0], shared[part][1:].view(np.float64)
        told, seen, found, filled = Quality(), dict[str, None](), list[tuple[str, int, int]](), 0
        for rows, own in file.rows(cuts[part], cuts[part + 1]):
            told.add(own)
            seen.update(dict.fromkeys(rows.names))
            rows, edges = side_by_side(rows)
            place = slice(filled, filled + len(rows))
            time[place], numbers[:, place] = rows.time, rows.numbers
            for first, end in pairwise(edges):
                name, begin = rows.names[int(rows.asset[first])], filled + first
                if found and found[-1][0] == name:
                    begin = found.pop()[1]
                found.append((name, begin, filled + end))
            filled += len(rows)
        return told, seen, found

    try:
        parts = spread(read, list(range(CPUS)), True)
    except InvalidTelemetry:
        return False
    for part, (told, seen, found) in enumerate(parts):
        quality.add(told)
        gathered.seen.update(seen)
        for name, first, end in found:
            gathered.put(name, (shared[part][0, first:end], shared[part][1:, first:end].view(np.float64)))
    return True


SHORTEST_TIME = 8
"""A line with a time that can be read has so many bytes at least, and one a column."""
MAP_NORESERVE = 0x4000
"""Linux: what no line fills is not even promised (Python names it from 3.13 on)."""


def _room(lines: int, file: _File) -> Ints:
    """Memory for the times and columns of so many lines, (1 + k, lines), shared with processes to come."""
    size = 8 * lines * (1 + len(file.columns))
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    return np.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=np.int64).reshape(-1, lines)


def clean(
    frame: pd.DataFrame, quality: Quality, *, now: datetime, capacity_kw: Capacities, where: str
) -> Telemetry:
    """Apply the contract's row rules to a frame with canonical column names and UTC times.

    Raises InvalidTelemetry when no row survives, with the reasons and their counts.
    """
    columns = tuple(name for name in NUMERIC if name in frame)
    gathered = Gathered(columns)
    rows = _rows(frame, columns, quality)
    gathered.add(screen(rows, quality, now=now, capacity_kw=capacity_kw))
    return gathered.telemetry(quality, where, capacity_kw)


def _rows(frame: pd.DataFrame, columns: tuple[str, ...], quality: Quality) -> Rows:
    """A frame's rows that have a time and an asset."""
    frame = frame[frame["timestamp"].notna()]
    values = [_numbers(frame[name], name, quality) for name in columns]
    codes, known = pd.factorize(frame["asset_id"])
    quality.reject("asset_id_missing", int((codes < 0).sum()))
    time = pd.DatetimeIndex(frame["timestamp"]).as_unit("us").asi8
    rows = Rows(time, codes, [str(name).strip() for name in known], columns, np.array(values))
    return rows if (codes >= 0).all() else rows.where(codes >= 0)


def _numbers(raw: pd.Series, column: str, quality: Quality) -> NDArray[np.float64]:
    if pd.api.types.is_numeric_dtype(raw) and not pd.api.types.is_bool_dtype(raw):
        return raw.to_numpy(dtype=float)
    numbers = pd.to_numeric(raw.astype("string").str.strip(), errors="coerce")
    quality.flag(f"{column}_not_a_number", int((numbers.isna() & raw.notna()).sum()))
    return numbers.to_numpy(dtype=float, na_value=np.nan)
