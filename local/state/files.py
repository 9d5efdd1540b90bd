"""Writing files so that a power cut loses nothing: write aside, sync, rename, sync the folder."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path


class NotStored(BaseException):
    """A write did not reach the disk, so its caller gets an error.

    It is no `Exception`: ministack's persistence logs every Exception and goes on as if it had stored.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.errno = error.errno


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable: new files, renames, removals. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path | str) -> list[str]:
    """Make a folder with its parents; returns the folders whose names changed and want `sync_folder`."""
    missing = []
    path = os.path.abspath(folder)
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return [os.path.dirname(path) for path in missing]


def read_file(path: Path | str) -> bytes:
    """The bytes of a file. Raises OSError, also for a folder, a pipe or a device in its place.

    A pipe that nobody writes to would be waited for without end.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no file", str(path))
        return file.read()


def write_aside(path: str, pieces: Iterable[bytes]) -> str:
    """Write and synchronise a file beside `path`; returns its name. Raises OSError and leaves nothing."""
    aside = path + ".tmp"
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            for piece in pieces:
                write_all(handle, piece)
            os.fsync(handle)
        finally:
            os.close(handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(aside)
        raise
    return aside


def write_all(handle: int, data: bytes) -> None:
    """Write all of it; one `os.write` may take less. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
