"""The frames of the journal's files, and reading them.

A file is a row of frames. A frame is what one synchronisation took along (group commit), so it is there
whole or not at all: `magic, file, frame, length, checksum`, the records (one JSON value a line), an
end mark. A file appears with its opening frame, which counts the frames of the file before it: thus an
emptied, a zeroed or a shortened file is told from one that nothing was written to.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from local.state.files import read_file

MAGIC = b"OnaJ"
END = b"\nEnd"
HEADER = struct.Struct("<4sIIII")
"""Magic, number of the file, number of the frame, bytes of the records, CRC-32 of numbers and records."""
AHEAD = 4 * 1024 * 1024
"""Bytes allocated at once; a file that is written to has at least so many."""
OPENING = b"{"
"""What the opening frame begins with. Records are JSON lists."""


def frame(file: int, number: int, records: list[bytes]) -> bytes:
    """One frame of a file."""
    body = b"\n".join(records)
    return HEADER.pack(MAGIC, file, number, len(body), _checksum(file, number, body)) + body + END


def _checksum(file: int, number: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<II", file, number)))


@dataclass
class Reading:
    """What was found in a journal file."""

    frames: list[list[bytes]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    """What cannot be explained by a write that a kill cut short."""
    opened: bool = False
    """Whether the opening frame is there."""
    before: int | None = None
    """Frames of the file before, as the opening frame counts them."""
    count: int = 0
    """Frames up to the last one that is there."""
    size: int = 0
    """Bytes of the file."""
    lost: bool = False
    """There is nothing at its place that could be read."""


def read(path: Path) -> Reading:
    """Read a journal file as far as it is sound. A last frame that is cut short was never acknowledged."""
    data, found = read_file(path), Reading()
    found.size = len(data)
    at, expected, file = 0, 0, int(path.stem)
    while (start := data.find(MAGIC, at)) >= 0:
        if data[at:start].strip(b"\0"):
            found.damage.append(f"{_from_to('byte', at, start - 1)} no record")
        whole = _frame_at(data, start, file)
        if whole is None:
            following = data.find(MAGIC, start + 1)
            complete = _complete(data, start)
            if following < 0 and not complete:
                return found  # the tail that a kill cut short
            found.damage.append(f"the record at {start} is damaged")
            at = following if following >= 0 else len(data)
            continue
        number, body, at = whole
        if number != expected:
            found.damage.append(f"{_from_to('record', expected, number - 1)} missing")
        expected = found.count = number + 1
        if number == 0 and body.startswith(OPENING):
            found.opened, found.before = True, json.loads(body).get("before")
        else:
            found.frames.append(body.split(b"\n") if body else [])
    if data[at:].strip(b"\0") and not found.damage and not MAGIC.startswith(data[at:].rstrip(b"\0")[:4]):
        found.damage.append(f"{_from_to('byte', at, len(data) - 1)} no record")
    return found


def _from_to(noun: str, first: int, last: int) -> str:
    """
    >>> _from_to("record", 3, 3), _from_to("record", 3, 5)
    ('record 3 is', 'records 3 to 5 are')
    """
    return f"{noun} {first} is" if first == last else f"{noun}s {first} to {last} are"


def read_all(folder: Path, needed: Iterable[int] = (), opened_from: int | None = 0) -> dict[Path, Reading]:
    """All files of a folder, the oldest first, and what is wrong with the row that they make.

    `needed`: numbers that snapshots name as the first one to read. `opened_from`: from this number on each
    file was written with its opening frame; None when that is not known.
    """
    there, wanted, found = files(folder), set(needed), {}
    first, last = min({*there, *wanted}, default=1), max({*there, *wanted}, default=0)
    missing = Reading()
    for number in range(first, last + 1):
        path = there.get(number, folder / f"{number:08}.log")
        if number in there:
            missing = Reading()
            must = opened_from is not None and number >= opened_from
            found[path] = _reading(path, last=number == last, must_be_opened=must)
        elif not missing.lost:  # a gap is told once
            missing = found[path] = Reading(damage=["the file is missing"], lost=True)
    row = list(found.values())
    for reading, following in pairwise(row):
        before = following.before or 0
        if not reading.damage and reading.count < before:
            end = _from_to("record", reading.count, before - 1)
            reading.damage.append(f"{end} missing at its end")
    return found


def _reading(path: Path, *, last: bool, must_be_opened: bool) -> Reading:
    try:
        found = read(path)
    except OSError as error:
        return Reading(damage=[f"the file cannot be read: {error.strerror}"], lost=True)
    if must_be_opened and not found.damage and not found.count:
        found.damage.append("the file is empty: nothing is left of it")
    elif found.opened and last and found.size < AHEAD:
        found.damage.append(f"the file was cut short: its size is {found.size}")
    return found


def _complete(data: bytes, start: int) -> bool:
    """Whether the frame at `start` was written to its end, so that its damage came later."""
    if start + HEADER.size > len(data):
        return False
    length = HEADER.unpack_from(data, start)[3]
    end = start + HEADER.size + length
    return data[end : end + len(END)] == END


def _frame_at(data: bytes, start: int, file: int) -> tuple[int, bytes, int] | None:
    if not _complete(data, start):
        return None
    _, named, number, length, checksum = HEADER.unpack_from(data, start)
    body = data[start + HEADER.size : start + HEADER.size + length]
    if named != file or _checksum(named, number, body) != checksum:
        return None
    return number, body, start + HEADER.size + length + len(END)


def files(folder: Path) -> dict[int, Path]:
    """The journal files of a folder by number, the oldest first."""
    found = {int(path.stem): path for path in folder.glob("*.log") if path.stem.isdigit()}
    return dict(sorted(found.items()))
