"""The other side of `tests/shims/disk`: starts an embedded cloud on such a disk, and cuts its power."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from local import cloud

SHIM = Path(__file__).resolve().parent.parent / "shims" / "disk"
KEPT = ("state", "s3")
"""Folders of a home that must survive."""


class Disk:
    """The disk under one home."""

    def __init__(self, folder: Path) -> None:
        """`folder` gets the home, the flags and the mirror."""
        self.home, self.flags, self.mirror = folder / "home", folder / "flags", folder / "mirror"
        for path in (self.home, self.flags):
            path.mkdir(parents=True, exist_ok=True)

    def start(self, *, mirror: bool = False, kill: str = "", seconds: str = "1") -> cloud.Cloud:
        """Start the embedded cloud on it. Raises CloudError when it ends before it answers."""
        for name in KEPT:
            (self.home / name).mkdir(exist_ok=True)
        environment = {
            "PYTHONPATH": str(SHIM),
            "DISK_ROOT": str(self.home),
            "DISK_FLAGS": str(self.flags),
            "DISK_MIRROR": str(self.mirror) if mirror else "",
            "DISK_KILL": kill,
            "ONA_LOCAL_SNAPSHOT_SECONDS": seconds,
            "SFN_WAIT_SCALE": "0.02",
        }
        return cloud.start(self.home, port=cloud.free_port(0), extra_environment=environment)

    def set(self, flag: str) -> None:
        """`full`, `broken` or `readonly` from now on."""
        (self.flags / flag).touch()

    def clear(self, flag: str) -> None:
        """No more."""
        (self.flags / flag).unlink()

    def lose_what_was_not_synchronised(self) -> None:
        """What a power cut may do: only what was synchronised is there, names as well as contents."""
        for name in KEPT:
            folder = self.home / name
            inode = folder.stat().st_ino
            aside = self.home / f"{name}.lost"
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            self._make(folder, inode, aside)
            shutil.rmtree(aside)

    def _make(self, folder: Path, inode: int, was: Path) -> None:
        folder.mkdir()
        record = self.mirror / f"{inode}.dir"
        entries: dict[str, int] = json.loads(record.read_text()) if record.exists() else {}
        for name, child in entries.items():
            again = self.mirror / f"{child}.new"
            if again.exists() and again.stat().st_mtime_ns > record.stat().st_mtime_ns:
                continue  # the file of that name was removed, and its inode belongs to another
            content = self.mirror / f"{child}.file"
            if (self.mirror / f"{child}.dir").exists():
                self._make(folder / name, child, was / name)
            elif content.exists():
                size, _, data = content.read_bytes().partition(b"\n")
                (folder / name).write_bytes(data)
                os.truncate(folder / name, int(size))
            elif (was / name).is_dir():
                (folder / name).mkdir()  # its name was synchronised, what lay in it never
            else:
                (folder / name).touch()  # its name was synchronised, its content never
