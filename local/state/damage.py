"""Damaged files: set aside under a dated name, and told to the person in `damage.json`."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from local.state.files import make_folder, read_file, sync_folder, write_aside

RECORD = "damage.json"
FOLDER = "damaged"
KEPT = 200
"""Entries of the record; older ones are forgotten."""
NAME_BYTES = 120
"""Of a long name the end is kept: file systems take 255 bytes, four a character."""


@dataclass(frozen=True)
class Damage:
    """A file that could not be used, and what that meant."""

    time: str
    """UTC, ISO 8601."""
    file: str
    """The file, from the home folder."""
    set_aside: str
    """Where it lies now, from the home folder; empty when it was missing."""
    used_instead: str
    lost: str

    def in_words(self) -> str:
        """One line for the server's log."""
        return f"damaged: {self.file}; used: {self.used_instead}; lost: {self.lost}; {self.set_aside}"


def set_aside(home: Path, path: Path, *, used_instead: str, lost: str) -> Damage:
    """Move a damaged file to `damaged/` under a dated name. A missing file is only told."""
    place = ""
    if os.path.lexists(path):
        folder = home / FOLDER
        stamp = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S.%fZ}"
        if os.path.lexists(folder) and not folder.is_dir():
            os.replace(folder, home / f"{stamp}-{FOLDER}")
        make_folder(folder)
        target = folder / f"{stamp}-{path.parent.name}-{path.name}"[-NAME_BYTES:]
        with contextlib.suppress(OSError):
            os.replace(path, target)
            place = str(target.relative_to(home))
            sync_folder(folder)
            sync_folder(path.parent)
    return Damage(now(), _name(home, path), place, used_instead, lost)


def now() -> str:
    """The time, UTC, ISO 8601 to the second."""
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _name(home: Path, path: Path) -> str:
    return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)


def read(home: Path) -> list[Damage]:
    """What was set aside so far; nothing when the record itself cannot be read."""
    try:
        return [Damage(**item) for item in json.loads(read_file(home / RECORD))]
    except (OSError, ValueError, TypeError):
        return []


def tell(home: Path, damages: list[Damage]) -> None:
    """Add to the record. Raises OSError when it cannot be written."""
    if not damages:
        return
    kept = [asdict(item) for item in (read(home) + damages)[-KEPT:]]
    path = str(home / RECORD)
    if os.path.isdir(path):
        set_aside(home, home / RECORD, used_instead="", lost="")
    os.replace(write_aside(path, [json.dumps(kept, indent=1).encode()]), path)
    sync_folder(home)
