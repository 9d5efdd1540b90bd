"""The journal: every acknowledged change is in it, synchronised, before its answer leaves.

A file is a row of frames. A frame is what one synchronisation took along (group commit), so it is there
whole or not at all: `magic, file, frame, length, checksum`, the records (one JSON value a line), an
end mark.
The file is allocated ahead of what is written. A full disk is thus seen before a request changes memory.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.state.files import NotStored, make_folder, sync_folder

MAGIC = b"OnaJ"
END = b"\nEnd"
HEADER = struct.Struct("<4sIIII")
"""Magic, number of the file, number of the frame, bytes of the records, CRC-32 of numbers and records."""
AHEAD = 4 * 1024 * 1024
"""Bytes allocated at once."""
RETRY_SECONDS = 0.5
"""Between tries to write what found no space."""
MARGIN = 1024 * 1024
"""Bytes that must be free in the allocated part before a write is admitted; one request changes less."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that end when there is space again. After any other the journal refuses all until a restart."""


def frame(file: int, number: int, records: list[bytes]) -> bytes:
    """One frame of a file."""
    body = b"\n".join(records)
    return HEADER.pack(MAGIC, file, number, len(body), _checksum(file, number, body)) + body + END


def _checksum(file: int, number: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<II", file, number)))


Settled = Callable[[NotStored | None], object]


@dataclass
class Reading:
    """What was found in a journal file."""

    frames: list[list[bytes]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    """What cannot be explained by a write that a kill cut short."""


def read(path: Path) -> Reading:
    """Read a journal file as far as it is sound. A last frame that is cut short was never acknowledged."""
    data, found = path.read_bytes(), Reading()
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
        expected = number + 1
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


class Journal:
    """Appends records and synchronises them, many callers' records at once.

    `append` says up to which number a caller must wait. `wait` calls back from the writer's thread when all
    up to it is on disk, or with the NotStored that kept it off. Records that found no space are kept and
    written first when there is space again: what memory shows is then on disk too.
    """

    def __init__(self, folder: Path) -> None:
        """Open a new file after the existing ones. Raises OSError."""
        self.folder = folder
        for changed in make_folder(folder):
            sync_folder(changed)
        self.number = max(files(folder), default=0)
        self.appended = self.synced = 0
        self.bytes = 0
        """Written to this file so far."""
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._waiting: list[tuple[int, Settled]] = []
        self._state = threading.Condition()
        self._io = threading.Lock()
        self._handle, self._allocated, self._frame = -1, 0, 0
        self._broken: NotStored | None = None
        self._full: NotStored | None = None
        self._open(self.number + 1)
        threading.Thread(target=self._write_on, name="ona-journal", daemon=True).start()

    def append(self, records: list[bytes]) -> int:
        """Take records that belong together; returns the number to wait for."""
        with self._state:
            if records:
                self._pending.extend(records)
                self._pending_bytes += sum(map(len, records))
                self.appended += len(records)
                self._state.notify()
            return self.appended

    def wait(self, number: int, then: Settled) -> None:
        """Call `then` when everything up to a number is on disk, or with the reason why it is not."""
        with self._state:
            if self.synced < number and self._broken is None:
                self._waiting.append((number, then))
                self._state.notify()
                return
            reason = self._broken if self.synced < number else None
        then(reason)

    def admit(self, size: int) -> None:
        """Refuse a write that may not find space, before it changes anything. Raises NotStored.

        `size`: bytes of the request. A request writes at most a few times what it carries.
        """
        if self._broken is not None:
            raise self._broken
        if self._full is not None:
            raise self._full  # the writer tries again by itself
        wanted = self._pending_bytes + MARGIN + 4 * size
        if self._allocated - self.bytes >= wanted:
            return
        with self._io:
            try:
                self._allocate(wanted)
            except OSError as error:
                raise NotStored(error) from error

    def rotate(self) -> int:
        """Go on in a new file; returns its number. Raises OSError, and goes on in the old one then."""
        with self._io:
            handle, end = self._handle, self.bytes
            self._open(self.number + 1)
            os.ftruncate(handle, end)
            os.fsync(handle)
            os.close(handle)
            return self.number

    def forget(self, before: int) -> None:
        """Remove the files before a number: a snapshot on disk holds what they hold."""
        gone = [path for number, path in files(self.folder).items() if number < before]
        for path in gone:
            path.unlink()
        if gone:
            sync_folder(self.folder)

    def _open(self, number: int) -> None:
        path = self.folder / f"{number:08}.log"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(handle, 0, AHEAD)
            os.fsync(handle)
            sync_folder(self.folder)
        except OSError:
            os.close(handle)
            path.unlink()
            raise
        self._handle, self.number, self._allocated, self.bytes, self._frame = handle, number, AHEAD, 0, 0

    def _allocate(self, wanted: int) -> None:
        if (missing := self.bytes + wanted - self._allocated) > 0:
            more = max(AHEAD, missing)
            os.posix_fallocate(self._handle, self._allocated, more)
            self._allocated += more

    def _write_on(self) -> None:
        while True:
            with self._state:
                while not self._pending and not self._waiting:
                    self._state.wait()
                if (self._full or self._broken) is not None and not self._waiting:
                    self._state.wait(RETRY_SECONDS)
                batch, self._pending = self._pending, []
                size, self._pending_bytes = self._pending_bytes, 0
                upto = self.appended
            reason = self._write(batch, size)
            with self._state:
                if reason is None:
                    self.synced = upto
                else:
                    self._pending = batch + self._pending
                    self._pending_bytes += size
                done = [item for item in self._waiting if item[0] <= upto]
                self._waiting = [item for item in self._waiting if item[0] > upto]
            for _, then in done:
                then(reason)

    def _write(self, batch: list[bytes], size: int) -> NotStored | None:
        """Put a batch on disk as one frame; the reason when that was not possible."""
        if self._broken is not None or not batch:
            return self._broken
        with self._io:
            data = frame(self.number, self._frame, batch)
            try:
                self._allocate(size + len(data))
                self._write_at(data)
            except OSError as error:
                reason = NotStored(error)
                if error.errno in FULL:
                    self._full = reason
                else:
                    self._broken = reason
                return reason
            try:
                os.fdatasync(self._handle)
            except OSError as error:
                # After a failed synchronisation nobody knows what is on disk, so nothing more is accepted.
                self._broken = NotStored(error)
                return self._broken
            self.bytes += len(data)
            self._frame += 1
            self._full = None
        return None

    def _write_at(self, data: bytes) -> None:
        view, at = memoryview(data), self.bytes
        while view:
            done = os.pwrite(self._handle, view, at)
            view, at = view[done:], at + done
