"""Whether the frame of a Parquet file holds: its footer, and the header of each page. Pure.

fastparquet reads both without a look at where they end: a damaged one ends its process (a segmentation
fault), or makes it print one line for ever. Neither is an exception, so one damaged file of a machine
would cost the judgement of all its neighbours. Both are structs of Thrift's compact protocol.

Sources: https://parquet.apache.org/docs/file-format/metadata/ and the field numbers of `parquet.thrift`
beside it; https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

from ona.runtime.words import counted

DEEPEST = 16
"""Structs in structs (ours): Parquet's own go six deep."""
MOST_BITS = 63
"""Bits of a number beside its sign."""
Struct = dict[int, Any]
"""Values by field number: numbers, truths, bytes, lists, structs."""
# field numbers of parquet.thrift
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4  # FileMetaData
_COLUMNS, _GROUP_ROWS = 1, 3  # RowGroup
_META = 3  # ColumnChunk
_PATH, _VALUES, _SIZE, _DATA_PAGE, _DICTIONARY_PAGE = 3, 5, 7, 9, 11  # ColumnMetaData
_PAGE_SIZE, _PAGE, _PAGE_2 = 3, 5, 8  # PageHeader; a page's first field counts its values


class _Reader:
    """Reads one struct after the other from `at` on, and nothing behind `end`. Raises ValueError."""

    def __init__(self, body: bytes, at: int, end: int) -> None:
        self.body, self.at, self.end = body, at, end

    def byte(self) -> int:
        if not 0 <= self.at < self.end:
            raise ValueError(f"a header ends at byte {self.at}, in the middle of itself")
        self.at += 1
        return self.body[self.at - 1]

    def number(self) -> int:
        """A variable-length number without a sign."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > MOST_BITS:
                raise ValueError(f"a number before byte {self.at} does not end")

    def signed(self) -> int:
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def bytes_(self) -> bytes:
        size = self.number()
        if size > self.end - self.at:
            raise ValueError(f"a text of {counted(size, 'byte')} at byte {self.at} goes past the end")
        self.at += size
        return self.body[self.at - size : self.at]

    def struct(self, depth: int = 0) -> Struct:
        if depth > DEEPEST:
            raise ValueError("structs without end")
        fields: Struct = {}
        number = 0
        while (header := self.byte()) != 0:
            step, kind = header >> 4, header & 0x0F
            if step == 0:
                raise ValueError(f"a field before byte {self.at} has no number")
            number += step
            fields[number] = self.value(kind, depth)
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):  # true, false
            return kind == 1
        if kind in (4, 5, 6):  # whole numbers of 16, 32, 64 bits
            return self.signed()
        if kind == 3:
            return self.byte()
        if kind == 8:
            return self.bytes_()
        if kind == 9:
            return self.list_(depth)
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError(f"a field before byte {self.at} is of kind {kind}, which Parquet has not")

    def list_(self, depth: int) -> list[Any]:
        header = self.byte()
        size, kind = header >> 4, header & 0x0F
        size = self.number() if size == 15 else size
        if size > self.end - self.at:  # each entry has one byte at least
            raise ValueError(f"a list of {counted(size, 'entry')} at byte {self.at} goes past the end")
        if size and kind not in (5, 6, 8, 12):
            raise ValueError(f"a list before byte {self.at} is of kind {kind}, which Parquet has not")
        return [self.value(kind, depth) for _ in range(size)]


def check(body: bytes, footer: int) -> None:
    """Look at a footer of so many bytes and at the pages that it names. Raises ValueError."""
    end = len(body) - 8
    reader = _Reader(body, end - footer, end)
    meta = reader.struct()
    if reader.at != end:
        raise ValueError(f"its footer ends at byte {reader.at}, not at {end}")
    try:
        groups = meta.get(_GROUPS, [])
        if sum(group[_GROUP_ROWS] for group in groups) != meta[_ROWS] or not meta[_SCHEMA]:
            raise ValueError("its footer counts other rows than its row groups")
        for group in groups:
            for column in group[_COLUMNS]:
                _check_pages(body, column[_META], group[_GROUP_ROWS], end - footer)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its footer lacks or confuses a field: {error}") from error


def _check_pages(body: bytes, column: Struct, rows: int, end: int) -> None:
    """Look at the headers of a column's pages: they fill its bytes and hold its values. A column of
    no row may name any place. Raises ValueError."""
    if rows == column[_VALUES] == 0:
        return
    at = min(column[_DATA_PAGE], column.get(_DICTIONARY_PAGE) or column[_DATA_PAGE])
    stop = at + column[_SIZE]
    if not 4 <= at <= stop <= end:
        raise ValueError("its footer has a column outside of the file")
    if len(column[_PATH]) == 1 and column[_VALUES] != rows:  # a nested column may have more
        raise ValueError(
            f"its footer has {counted(column[_VALUES], 'value')} of a column for {counted(rows, 'row')}"
        )
    values = 0
    while at < stop:
        reader = _Reader(body, at, stop)
        page = reader.struct()
        at = reader.at + page[_PAGE_SIZE]
        if not reader.at <= at <= stop:
            raise ValueError(f"a page at byte {reader.at} passes its column's end")
        data = page.get(_PAGE) or page.get(_PAGE_2)
        values += data[1] if data else 0
    if values != column[_VALUES]:
        raise ValueError(f"a column's pages hold {counted(values, 'value')}, not {column[_VALUES]}")
