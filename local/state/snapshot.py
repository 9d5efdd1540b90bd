"""Snapshots: generations of files, one a service, each with its checksum. The last two are kept.

`generations/<number>/` appears by a rename when all its files are synchronised. Its manifest says from
which journal file on the changes are newer. The journal is kept for the older generation too: when
a file of the newest is damaged, the older one and the journal give the same state.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.state.files import make_folder, read_file, sync_folder, write_all

KEPT = 2
FORMAT = 1
MANIFEST = "manifest.json"
Pieces = Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Generation:
    """A snapshot on disk."""

    folder: Path
    number: int
    journal: int
    """The first journal file with changes that may not be in it."""
    files: dict[str, str]
    """SHA-256 by file name."""
    opened: bool = True
    """Whether journal files from `journal` on have an opening frame; older versions wrote none."""

    def path(self, service: str) -> Path:
        """The file of a service."""
        return self.folder / f"{service}.json"

    def fault(self, service: str) -> str | None:
        """What is wrong with the file of a service; None for a sound one, and for one it never had."""
        path = self.path(service)
        if path.name not in self.files:
            return None
        try:
            data = read_file(path)
        except OSError as error:
            return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        if hashlib.sha256(data).hexdigest() == self.files[path.name]:
            return None
        return "is empty" if not data else "is not what was written"


def folder_of(state: Path) -> Path:
    """Where the generations lie."""
    return state / "generations"


def numbers(state: Path) -> list[int]:
    """The numbers of the generations on disk, the newest first."""
    if not folder_of(state).is_dir():
        return []
    found = [path for path in folder_of(state).iterdir() if path.name.isdigit() and path.is_dir()]
    return sorted((int(path.name) for path in found), reverse=True)


def load(state: Path, number: int) -> Generation:
    """A generation by its manifest. Raises ValueError saying what is wrong with the manifest."""
    folder = folder_of(state) / f"{number:08}"
    try:
        manifest = json.loads(read_file(folder / MANIFEST))
        checksum = manifest.pop("checksum")
        if checksum != _checksum(manifest) or manifest["format"] != FORMAT:
            raise ValueError("is not what was written")
        opened = bool(manifest.get("opened"))
        return Generation(folder, number, int(manifest["journal"]), dict(manifest["files"]), opened)
    except FileNotFoundError as error:
        raise ValueError("is missing") from error
    except (
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        UnicodeDecodeError,
        json.JSONDecodeError,
    ) as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from error


def opened_from(generations: Iterable[Generation]) -> int | None:
    """From which journal file on each has an opening frame, as far as snapshots tell."""
    return min((item.journal for item in generations if item.opened), default=None)


def _checksum(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def write(
    state: Path, journal: int, services: dict[str, Pieces], settled: Callable[[], None] = lambda: None
) -> Generation:
    """Write a generation. Raises OSError and leaves what was there.

    `journal`: the file that was begun before the state was read. `settled` returns when the journal has on
    disk what changed while the state was read: services are read one after the other, so a file may show an
    effect of which another does not know yet. Only with those records do they agree.
    """
    parent = folder_of(state)
    for changed in make_folder(parent):
        sync_folder(changed)
    for left in parent.glob(".new-*"):
        shutil.rmtree(left)
    number = max(numbers(state), default=0) + 1
    aside = parent / f".new-{number:08}"
    aside.mkdir(mode=0o700)
    try:
        files = {
            f"{name}.json": _write_file(aside / f"{name}.json", pieces())
            for name, pieces in services.items()
        }
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "journal": journal,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "files": files,
            "opened": True,
        }
        text = json.dumps({**manifest, "checksum": _checksum(manifest)}, indent=1)
        _write_file(aside / MANIFEST, [text.encode()])
        sync_folder(aside)
        settled()
        folder = parent / f"{number:08}"
        os.rename(aside, folder)
        sync_folder(parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return Generation(folder, number, journal, files)


def forget(state: Path) -> int:
    """Remove all but the last generations; returns the first journal file that those still need."""
    existing = numbers(state)
    for number in existing[KEPT:]:
        gone = folder_of(state) / f".old-{number:08}"
        with contextlib.suppress(OSError):  # renamed first: what a kill leaves is no damaged generation
            os.rename(folder_of(state) / f"{number:08}", gone)
    for gone in folder_of(state).glob(".old-*"):
        shutil.rmtree(gone, ignore_errors=True)
    sync_folder(folder_of(state))
    needed = 0
    for number in existing[:KEPT]:
        with contextlib.suppress(ValueError):
            needed = load(state, number).journal
    return needed if len(existing) >= KEPT else 0


def _write_file(path: Path, pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for piece in _joined(pieces):
            digest.update(piece)
            write_all(handle, piece)
        os.fsync(handle)
    finally:
        os.close(handle)
    return digest.hexdigest()


def _joined(pieces: Iterable[bytes], size: int = 256 * 1024) -> Iterator[bytes]:
    """Small pieces as larger ones (bytes), so that there are few writes."""
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    yield b"".join(held)


YOUNG_SECONDS = 3600
"""A package younger than this stays: the record that names it may still be on its way."""
BLOB = re.compile(rb'"code_blob_ref": ?"([0-9a-f]{64})"')


def prune_blobs(state: Path, journals: Iterable[Path]) -> None:
    """Remove packages of functions that no kept generation and no journal names."""
    folder = state / "lambda-blobs"
    if not folder.is_dir():
        return
    sources = [folder_of(state) / f"{number:08}" / "lambda.json" for number in numbers(state)]
    named = set()
    for path in [*sources, *journals]:
        try:
            named |= {match.decode() for match in BLOB.findall(read_file(path))}
        except FileNotFoundError:
            continue
        except OSError:
            return  # what it names is not known
    for path in folder.glob("*.zip"):
        if path.stem not in named and time.time() - path.stat().st_mtime > YOUNG_SECONDS:
            path.unlink()
