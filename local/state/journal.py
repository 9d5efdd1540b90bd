"""The journal: every acknowledged change is in it, synchronised, before its answer leaves.

`local.state.frames` says what its files look like.
The file is allocated ahead of what is written. A full disk is thus seen before a request changes memory.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

from local.state.files import NotStored, make_folder, sync_folder
from local.state.frames import AHEAD, Reading, files, frame, read, read_all

__all__ = ["AHEAD", "Journal", "Reading", "files", "frame", "read", "read_all"]

RETRY_SECONDS = 0.5
"""Between tries to write what found no space."""
MARGIN = 1024 * 1024
"""Bytes that must be free in the allocated part before a write is admitted; one request changes less."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that end when there is space again. After any other the journal refuses all until a restart."""

Settled = Callable[[NotStored | None], object]


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
            self._open(self.number + 1, before=self._frame)
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

    def _open(self, number: int, before: int | None = None) -> None:
        path, aside = self.folder / f"{number:08}.log", self.folder / f"{number:08}.new"
        begin = frame(number, 0, [json.dumps({} if before is None else {"before": before}).encode()])
        handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(handle, 0, AHEAD)
            os.pwrite(handle, begin, 0)
            os.fsync(handle)
            os.replace(aside, path)
            sync_folder(self.folder)
        except OSError:
            os.close(handle)
            aside.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        self._handle, self.number, self._allocated = handle, number, AHEAD
        self.bytes, self._frame = len(begin), 1

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
