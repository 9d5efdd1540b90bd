"""Bytes to text: what is no readable CSV text is refused, with the reason and a remedy.

>>> decode(b"PK\\x03\\x04...", "observations/x.csv")
Traceback (most recent call last):
...
ona.runtime.errors.InvalidTelemetry: {"reason": "binary_file", "message": "the file is a zip archive, ...
"""

from __future__ import annotations

import codecs
import re

import numpy as np

from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import counted
from ona.telemetry.blocks import MAX_LINE_BYTES

_UNPACK = "unpack it, and upload the CSV that is in it"
_BINARY_MAGIC = {
    b"PK\x03\x04": ("a zip archive", _UNPACK),
    b"PK\x05\x06": ("an empty zip archive", "pack it again, or upload the CSV itself"),
    b"\x1f\x8b": ("a gzip file", f"{_UNPACK} (gunzip)"),
    b"BZh": ("a bzip2 file", f"{_UNPACK} (bunzip2)"),
    b"\xfd7zXZ\x00": ("an xz file", f"{_UNPACK} (unxz)"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", f"{_UNPACK} (unzstd)"),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", _UNPACK),
    b"PAR1": ("a Parquet file", "export it as CSV in UTF-8"),
    b"%PDF": ("a PDF", "export the readings as CSV in UTF-8"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "open it in Excel and save it as 'CSV UTF-8'"),
}
"""The first bytes of files that people upload by mistake, as the formats' specifications give them; what
they are, and how to mend it."""
_WORKBOOK = (b"[Content_Types].xml", b"xl/workbook.xml", b"xl/worksheets")
"""Parts of a zip archive that make it an Excel workbook (ECMA-376, part 2)."""
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"+/v8": "UTF-7",
    b"+/v9": "UTF-7",
    b"+/v+": "UTF-7",
    b"+/v/": "UTF-7",
}
"""Byte order marks, the longer one first: that of UTF-32 begins as that of UTF-16 (RFC 2152 for UTF-7)."""
_ZEROS = {"UTF-32": ((0, 1, 1, 1), (1, 1, 1, 0)), "UTF-16": ((0, 1, 0, 1), (1, 0, 1, 0))}
"""Of each four bytes those that are zero where text of ASCII is written so, little and big endian."""
_HEADER_BYTES = 512
"""So many bytes show in which encoding a file is without a mark (ours)."""
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
    _refuse_returns_alone(data, where, lines_before)
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
    for magic, (name, remedy) in _BINARY_MAGIC.items():
        if data.startswith(magic):
            if name == "a zip archive" and any(part in data for part in _WORKBOOK):
                name, remedy = "an Excel workbook", "open it in Excel and save it as 'CSV UTF-8'"
            raise InvalidTelemetry(
                "binary_file", f"the file is {name}, not CSV text", where=where, remedy=remedy
            )
    encoding = _other_encoding(data)
    if encoding:
        raise InvalidTelemetry(
            "wrong_encoding",
            f"the file is {encoding}",
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


def _other_encoding(data: bytes) -> str:
    """The encoding of a file that is text in another one than UTF-8; "" where nothing shows it.

    >>> [_other_encoding("timestamp,power_kw".encode(name)) for name in ("utf-32", "utf-16-be", "cp500")]
    ['UTF-32', 'UTF-16', 'EBCDIC']
    >>> [_other_encoding("timestamp,power_kw".encode(name)) for name in ("utf-8", "utf-8-sig")]
    ['', '']
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    head = data[:_HEADER_BYTES]
    zero = np.frombuffer(head[: len(head) // 4 * 4], dtype=np.uint8).reshape(-1, 4) == 0
    for name, patterns in _ZEROS.items():
        if any(len(zero) and (zero == pattern).mean() > 0.9 for pattern in patterns):
            return name
    line = head.split(b"\n", 1)[0]
    if b"+AF8-" in line:
        return "UTF-7"  # an underscore; our columns have some
    high = sum(byte >= 0x80 for byte in head)
    if high > len(head) / 2 and re.search(r"[a-z]{2}[,;\t\w]", head.decode("cp037")):
        letters = sum(char.isascii() and char.isprintable() for char in head.decode("cp037"))
        return "EBCDIC" if letters > 0.9 * len(head) else ""
    return ""


_RETURN_ALONE = re.compile(rb"\r(?![\r\n]|\Z)")
"""A carriage return that ends a line by itself; `\r\n` and `\r\r\n` end lines as we read them."""


_QUOTED = re.compile(rb'"[^"\n]*"')
"""A field in quotes: a carriage return in it is a part of its text."""
_MIXED = 10
"""One line in so many that ends with a carriage return is no accident of one row (ours)."""


def _refuse_returns_alone(data: bytes, where: str, lines_before: int) -> None:
    """Old Macintosh files and some loggers end lines so: the whole file would be one line, or two readings
    one. A header that ends so would take the first reading in."""
    if b"\r" not in data or not _RETURN_ALONE.search(data):
        return
    plain = _QUOTED.sub(b"", data) if b'"' in data else data
    alone = len(_RETURN_ALONE.findall(plain))
    feeds = data.count(b"\n")
    first = plain.lstrip().partition(b"\n")[0]
    in_header = lines_before == 0 and _RETURN_ALONE.search(first) is not None
    if in_header or alone * _MIXED > feeds:
        raise InvalidTelemetry(
            "line_endings",
            f"{counted(alone, 'line')} end with a carriage return (CR) alone, and {feeds} with LF"
            f"{': the header is one of the first' if in_header and feeds > 1 else ''}",
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
