"""Lambda: a function's package and layers are read-only, and unpacked once for all sandboxes.

On AWS `/var/task` and `/opt` cannot be written to; only `/tmp` can ("Lambda execution environment", AWS
Lambda Developer Guide). Here a write into them is refused with the same error (EROFS), as far as Python
sees it: a library in C is not watched.

ministack unpacks the zip anew for each sandbox, and Python compiles every module again: a third of a cold
start's CPU time. Since nobody can write into them, sandboxes share the folders of one content, and with
them Python's byte code. Each sandbox sees them at paths of its own, which are links.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

from local.hooks.base import HookBroken, private, replace

FOLDER = "packages"
"""In the folder of the sandboxes."""
KEPT = 16
"""Folders that no sandbox uses any more and that are kept for the next (ours): of the latest."""
_LOAD_LINE = "        mod = importlib.import_module(module_name)\n"
_READ_ONLY_LINES = (
    "        _ms_read_only([code_dir, *os.environ.get('_LAMBDA_LAYERS_DIRS', '').split(os.pathsep)])\n"
    "        sys.dont_write_bytecode = False\n"
)
_READ_ONLY = """
def _ms_read_only(folders):
    import os, sys
    roots = tuple(os.path.realpath(f) + os.sep for f in folders if f)
    # of each call: which of its arguments it writes at, and which open folders these are relative to
    writes = {
        "os.mkdir": [(0, 2)], "os.remove": [(0, 1)], "os.rmdir": [(0, 1)], "os.truncate": [(0, None)],
        "os.rename": [(0, 2), (1, 3)], "os.link": [(1, 3)], "os.symlink": [(1, 2)],
    }
    def watch(event, given):
        if event == "open":
            if not (isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
                return
        elif event not in writes:
            return
        for at, of in writes.get(event, [(0, None)]):
            path = given[at]
            if not isinstance(path, (str, bytes)) or b"__pycache__" in os.fsencode(path):
                continue
            path = os.fsdecode(path)
            if of is not None and given[of] != -1 and not os.path.isabs(path):
                try:  # in a folder that was opened before, as shutil.rmtree does
                    path = os.path.join(os.readlink(f"/proc/self/fd/{given[of]}"), path)
                except OSError:
                    continue
            folder, name = os.path.split(os.path.abspath(path))
            if (os.path.join(os.path.realpath(folder), "")).startswith(roots):
                raise OSError(30, os.strerror(30), path)
    sys.addaudithook(watch)
"""
_LINKS: dict[str, Path] = {}
"""By the path at which a sandbox sees it, the folder of the content. They are of this process, as the
sandboxes are: a server empties the folder of the sandboxes when it starts."""
_lock = threading.Lock()
_local = threading.local()


def folder_of(archive: zipfile.ZipFile, place: Path) -> Path:
    """Where an archive's content lies in `place`; it is unpacked when it is not there yet."""
    with open(str(archive.filename), "rb") as file:
        found = place / hashlib.file_digest(file, "sha256").hexdigest()[:32]
    if not found.exists():
        place.mkdir(exist_ok=True)
        unpacked = Path(tempfile.mkdtemp(dir=place, prefix="new-"))
        archive.extractall(unpacked)
        unpacked.rename(found)
    return found


def prune(place: Path, used: set[Path]) -> None:
    """Remove what no sandbox uses, but for the latest."""
    idle = [folder for folder in place.iterdir() if folder not in used]
    for folder in sorted(idle, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


class _Archive(zipfile.ZipFile):
    """A zip whose content is linked instead of unpacked, for sandboxes of Python."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """As in `zipfile`, for the folder of one sandbox (an empty one)."""
        place = Path(path).parent.parent / FOLDER
        if not getattr(_local, "python", False):
            super().extractall(path, members, pwd)
            return
        with _lock, zipfile.ZipFile(str(self.filename)) as plain:
            shared = folder_of(plain, place)
            path = os.fspath(path)
            os.rmdir(path)
            os.symlink(shared, path)
            os.utime(shared)
            _LINKS[path] = shared
            for link in [link for link in _LINKS if not os.path.islink(link)]:
                del _LINKS[link]  # its sandbox has ended
            prune(place, set(_LINKS.values()))


class _Zipfile:
    """The module `zipfile` for ministack's workers."""

    ZipFile = _Archive

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)


def install() -> None:
    """Apply the hooks. Raises HookBroken when a private name has moved."""
    from ministack.core import lambda_runtime

    script: str = private(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    if script.count(_LOAD_LINE) != 1:
        raise HookBroken("ministack.core.lambda_runtime._PYTHON_WORKER_SCRIPT changed")
    script = _READ_ONLY + script.replace(_LOAD_LINE, _READ_ONLY_LINES + _LOAD_LINE)
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script)
    replace(lambda_runtime, "zipfile", _Zipfile())
    spawn = private(lambda_runtime.Worker, "_spawn")

    def spawned(self: Any) -> None:
        _local.python = str(self.config.get("Runtime", "python")).startswith("python")
        spawn(self)

    replace(lambda_runtime.Worker, "_spawn", spawned)
