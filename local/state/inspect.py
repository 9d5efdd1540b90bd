"""Whether a home's files are sound: read only, and also while the embedded cloud runs.

`check(home)` for `ona doctor`. What the server set aside at its starts: `damage.read(home)`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.state import journal, snapshot

UP = "run `ona up`: it sets the file aside and says what it used instead"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a home."""

    what: str
    where: str
    """The file, from the home folder."""
    mend: str
    lost: str
    """What is lost by it; "nothing" when another file holds the same."""


def check(home: Path) -> list[Problem]:
    """All problems of a home's files. A home that does not exist yet has none."""
    if not home.exists():
        return []
    if not home.is_dir():
        return [Problem("the home is no folder", ".", "move the file away, or set ONA_HOME", "nothing")]
    if not os.access(home, os.W_OK | os.X_OK):
        return [Problem("the home cannot be written", ".", f"chmod u+rwx {home}", "nothing")]
    return [
        *_snapshots(home),
        *_before_the_journal(home),
        *_journal(home),
        *_packages(home),
        *_objects(home),
    ]


def _snapshots(home: Path) -> Iterator[Problem]:
    state = home / "state"
    existing = snapshot.numbers(state)
    sound: list[snapshot.Generation] = []
    for number in existing:
        where = snapshot.folder_of(state) / f"{number:08}"
        try:
            generation = snapshot.load(state, number)
        except ValueError as error:
            lost = "nothing: there is another" if len(existing) > 1 else "what the snapshot held"
            yield Problem(
                f"a snapshot's manifest {error}", _name(home, where / snapshot.MANIFEST), UP, lost
            )
        else:
            sound.append(generation)
    for generation in sound:
        others = [other for other in sound if other is not generation]
        for file in sorted(generation.files):
            service = Path(file).stem
            if fault := generation.fault(service):
                safe = any(file in other.files and not other.fault(service) for other in others)
                lost = "nothing: another snapshot and the journal hold it" if safe else f"{service}'s state"
                where = generation.path(service)
                yield Problem(f"the file of {service} {fault}", _name(home, where), UP, lost)


def _before_the_journal(home: Path) -> Iterator[Problem]:
    if snapshot.numbers(home / "state"):
        return
    for path in sorted((home / "state").glob("*.json")):
        try:
            json.loads(path.read_bytes())
        except (OSError, ValueError):
            yield Problem(
                f"the file of {path.stem} is damaged", _name(home, path), UP, f"{path.stem}'s state"
            )


def _journal(home: Path) -> Iterator[Problem]:
    files = journal.files(home / "state" / "journal")
    for number, path in files.items():
        for text in journal.read(path).damage:
            yield Problem(text, _name(home, path), UP, "these changes, when no snapshot has them")
        if number + 1 not in files and number != max(files):
            missing = path.with_name(f"{number + 1:08}.log")
            yield Problem("a journal file is missing", _name(home, missing), UP, "its changes")


def _packages(home: Path) -> Iterator[Problem]:
    for path in sorted((home / "state" / "lambda-blobs").glob("*.zip")):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            mend = "remove the file and run `ona up`: it deploys the function again"
            yield Problem("a function's package is damaged", _name(home, path), mend, "nothing")


def _objects(home: Path) -> Iterator[Problem]:
    for sidecar in sorted((home / "s3").rglob("*.meta.json")):
        path = sidecar.with_name(sidecar.name.removesuffix(".meta.json"))
        try:
            about = json.loads(sidecar.read_bytes())
            size = None if about.get("is_delete_marker") else about.get("size")
        except (OSError, ValueError, AttributeError):
            mend = "put the object again"
            yield Problem(
                "an object's metadata are damaged", _name(home, sidecar), mend, "metadata, versions"
            )
            continue
        if size is not None and (not path.exists() or path.stat().st_size != size):
            mend = "put the object again"
            yield Problem("an object is not of its size", _name(home, path), mend, "the object")


def _name(home: Path, path: Path) -> str:
    return str(path.relative_to(home))
