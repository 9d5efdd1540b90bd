"""One lock a home, held by the operating system: it is free when its holder is gone, however it went.

`server.lock` is held by the server for its life, `change.lock` by whoever starts, stops or empties.
The files are never removed: a lock on a removed file would keep nobody out.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import sys
import time
from pathlib import Path

from local.errors import CloudError
from local.state.files import read_file

SERVER = "server.lock"
CHANGE = "change.lock"
FILES = (SERVER, CHANGE)
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""What flock(2) answers on a file system without locks."""
_POLL_S = 0.05
_TELL_AFTER_S = 1.0
"""So long a starter waits silently."""
_TELL_AGAIN_S = 30.0
"""So often it says then that it still waits."""


class Held(CloudError):
    """Somebody else holds the lock."""


class Lock:
    """A lock that this process holds until `release`, or until it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    def valid(self) -> bool:
        """Whether the file that is locked is still the one in the home: false when the home was removed."""
        return _same_file(self._descriptor, self.path)

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)


def take(path: Path, *, doing: str, patience_s: float, instead: str = "") -> Lock:
    """Wait for the lock at most so long. Raises Held with who has it; CloudError without locks.

    Who waits is told for whom, and how long at most; `instead` says what else can be done.
    """
    begun, tell_at = time.monotonic(), _TELL_AFTER_S
    while (lock := _try(path, doing)) is None:
        waited = time.monotonic() - begun
        if waited >= patience_s:
            text = f"{path.parent} is held by {holder(path)}"
            raise Held(f"{text}, still after {patience_s:.0f} s; nothing was done. {instead}".rstrip())
        if waited > tell_at:
            tell_at += _TELL_AGAIN_S
            text = f"waiting for {holder(path)}, which holds {path.parent}: {waited:.0f} s until now, "
            text += f"{patience_s:.0f} s at most. {instead}"
            print(text.rstrip(), file=sys.stderr, flush=True)
        time.sleep(_POLL_S)
    return lock


def _try(path: Path, doing: str) -> Lock | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if not _flock(descriptor, path, fcntl.LOCK_EX) or not _same_file(descriptor, path):
        os.close(descriptor)
        return None
    line = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "doing": doing})
    with contextlib.suppress(OSError):  # a full disk: the lock is held, its holder has no name
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, line.encode(), 0)
    return Lock(path, descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds it now. Raises CloudError on a file system without locks."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not _flock(descriptor, path, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder(path: Path) -> str:
    """Who holds it, in words.

    >>> holder(Path("/nowhere/server.lock"))
    'a process that did not say its name'
    """
    try:
        said = json.loads(read_file(path))
        return f"process {int(said['pid'])} ({said['doing']}) on {said['host']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "a process that did not say its name"


def _flock(descriptor: int, path: Path, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise CloudError(
                f"the file system of {path.parent} has no file locks ({error.strerror}); two servers could "
                "run on one state there: put the home on a local disk (ONA_HOME)"
            ) from error
        raise
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except OSError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
