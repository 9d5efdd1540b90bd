"""Bytes to text: what is no readable CSV text is refused, with the reason and a remedy.

>>> decode(b"PK\\x03\\x04...", "observations/x.csv")
Traceback (most recent call last):
...
ona.runtime.errors.InvalidTelemetry: {"reason": "binary_file", "message": "the file is a zip archive or ...
"""

from __future__ import annotations

import codecs
import re

import numpy as np

from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import counted
from ona.telemetry.blocks import MAX_LINE_BYTES

_BINARY_MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
"""The first bytes of files that people upload by mistake, as the formats' specifications give them."""
_BYTES_SEARCHED_FOR_ZERO = 65_536
"""A binary file has a zero byte early; looking further costs time in every block of a large file."""


def decode(data: bytes, where: str, lines_before: int = 0) -> str:
    """The text of a file, or of a part of one.

    `where` names the file in errors. `lines_before` is the number of lines of the file that stand before
    this part, so that an error names the right line. A byte order mark is left out.
    Raises InvalidTelemetry for an empty or binary file, lines that end with a carriage return alone, a line
    of more than 64 KB, and other encodings than UTF-8.
    """
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise InvalidTelemetry(
            "empty_file",
            f"the file has no content ({counted(len(data), 'byte')})",
            where=where,
            remedy="export it again; an upload that broke off often leaves an empty object",
        )
    _refuse_binary(data, where)
    _refuse_returns_alone(data, where)
    _refuse_long_lines(data, where, lines_before)
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


def _refuse_binary(data: bytes, where: str) -> None:
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
    if b"\x00" in data[:_BYTES_SEARCHED_FOR_ZERO]:
        raise InvalidTelemetry(
            "binary_file",
            f"the file has a zero byte at offset {data.index(0)}: it is not text",
            where=where,
            remedy="export it as CSV in UTF-8",
        )


_RETURN_ALONE = re.compile(rb"\r(?![\r\n]|\Z)")
"""A carriage return that ends a line by itself; `\r\n` and `\r\r\n` end lines as we read them."""


def _refuse_returns_alone(data: bytes, where: str) -> None:
    """Old Macintosh files and some loggers end lines so: the whole file would be one line."""
    alone = len(_RETURN_ALONE.findall(data)) if b"\r" in data else 0
    if alone > data.count(b"\n"):
        raise InvalidTelemetry(
            "line_endings",
            f"{counted(alone, 'line')} end with a carriage return (CR) alone, and {data.count(10)} with LF",
            where=where,
            remedy="save it with line ends LF or CR LF (in an editor: 'Unix' or 'Windows')",
        )


def _refuse_long_lines(data: bytes, where: str, lines_before: int) -> None:
    breaks = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 0x0A)
    longest = np.diff(np.concatenate(([-1], breaks, [len(data)])))
    if longest.max() > MAX_LINE_BYTES:
        raise InvalidTelemetry(
            "line_too_long",
            f"line {lines_before + int(longest.argmax()) + 1} has {counted(int(longest.max()), 'byte')}, "
            f"more than {MAX_LINE_BYTES}",
            where=where,
            remedy="check the line endings: one reading a line",
        )
