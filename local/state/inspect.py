"""Whether a home's files are sound: read only, and also while the embedded cloud runs.

`check(home)` for `ona doctor`. What the server set aside at its starts: `damage.read(home)`.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.state import journal, objects, packages, snapshot
from local.state.files import read_file

LOOK_AGAIN_SECONDS = 0.5
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
    found = _found(home)
    if found:  # a running server replaces snapshots and journal files: what is damaged stays so
        time.sleep(LOOK_AGAIN_SECONDS)
        later = _found(home)
        found = [problem for problem in found if problem in later]
    return found


def _found(home: Path) -> list[Problem]:
    return [
        *_folders(home),
        *_snapshots(home),
        *_before_the_journal(home),
        *_journal(home),
        *_packages(home),
        *_objects(home),
    ]


def _folders(home: Path) -> Iterator[Problem]:
    for name in ("state", "state/journal", "state/generations", "state/lambda-blobs", "s3"):
        if os.path.lexists(home / name) and not (home / name).is_dir():
            yield Problem("it is no folder", name, UP, "what it held")
    if (
        not snapshot.numbers(home / "state")
        and min(journal.files(home / "state" / "journal"), default=1) > 1
    ):
        yield Problem("the snapshots are missing", "state/generations", UP, "what they held")


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
            json.loads(read_file(path))
        except (OSError, ValueError):
            yield Problem(
                f"the file of {path.stem} is damaged", _name(home, path), UP, f"{path.stem}'s state"
            )


def _journal(home: Path) -> Iterator[Problem]:
    generations = []
    for number in snapshot.numbers(home / "state"):
        with contextlib.suppress(ValueError):
            generations.append(snapshot.load(home / "state", number))
    folder, opened_from = home / "state" / "journal", snapshot.opened_from(generations)
    begins = [item.journal for item in generations]
    for path, reading in journal.read_all(folder, begins, opened_from).items():
        for text in reading.damage:
            yield Problem(text, _name(home, path), UP, "these changes, when no snapshot has them")


def _packages(home: Path) -> Iterator[Problem]:
    for path in packages.damaged(home):
        mend = "`ona down`, then `ona up`: it makes the package anew from the deployment's artefacts"
        yield Problem("a function's package is damaged or missing", _name(home, path), mend, "nothing")


def _objects(home: Path) -> Iterator[Problem]:
    for fault in objects.faults(home):
        yield Problem(fault.what, _name(home, fault.path), "put the object again", fault.lost)


def _name(home: Path, path: Path) -> str:
    return str(path.relative_to(home))
