"""Reading a home's state at start: the newest sound snapshot of each service, then the journal over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.state import damage, documents, journal, snapshot
from local.state.damage import Damage
from local.state.files import read_file

NEWER = "the older snapshot and the journal, which hold the same"


@dataclass
class Restored:
    """A home's state: a document a service, and what could not be used."""

    payloads: dict[str, Any] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)
    records: int = 0
    """How many records of the journal were applied."""


class _Reader:
    def __init__(self, home: Path) -> None:
        self.home, self.state = home, home / "state"
        self.found = Restored()
        self.base: dict[str, int] = {}
        """The first journal file to apply, by service."""
        self.opened_from: int | None = None

    def clear_the_way(self) -> None:
        """What stands where a folder belongs is set aside: nothing could be kept under it."""
        for name in (".", "journal", "generations", "lambda-blobs"):
            path = self.state / name
            if os.path.lexists(path) and not path.is_dir():
                self.set_aside(path, "nothing", "what it held: it is no folder")

    def set_aside(self, path: Path, used_instead: str, lost: str) -> None:
        self.found.damages.append(damage.set_aside(self.home, path, used_instead=used_instead, lost=lost))

    def generations(self) -> list[snapshot.Generation]:
        sound = []
        existing = snapshot.numbers(self.state)
        for number in existing:
            try:
                sound.append(snapshot.load(self.state, number))
            except ValueError as error:
                path = snapshot.folder_of(self.state) / f"{number:08}" / snapshot.MANIFEST
                if sound:  # a newer one is sound, so this one is not needed
                    used, lost = "the newer snapshot", "nothing"
                elif number != existing[-1]:
                    used, lost = NEWER, "nothing"
                else:
                    used, lost = "the journal alone", "what the snapshots held"
                self.set_aside(path, used, f"{lost}: the manifest {error}")
        return sound

    def read_snapshots(self) -> None:
        generations = self.generations()
        self.opened_from = snapshot.opened_from(generations)
        services = sorted({Path(name).stem for item in generations for name in item.files})
        for service in services:
            self.read_service(service, generations)
        if not snapshot.numbers(self.state):
            self.read_files_before_the_journal()
            if min(journal.files(self.state / "journal"), default=1) > 1:
                folder = snapshot.folder_of(self.state)
                self.set_aside(folder, "the journal alone", "what the snapshots held: they are missing")

    def read_service(self, service: str, generations: list[snapshot.Generation]) -> None:
        for place, generation in enumerate(generations):
            fault = generation.fault(service)
            if fault is None and generation.path(service).name in generation.files:
                self.found.payloads[service] = _payload(read_file(generation.path(service)))
                self.base[service] = generation.journal
                return
            if fault is not None:
                older = any(not item.fault(service) for item in generations[place + 1 :])
                complete = older or self.has_whole_journal()
                self.set_aside(
                    generation.path(service),
                    NEWER if older else "the journal alone",
                    f"nothing: the file {fault}"
                    if complete
                    else f"{service} before the journal: it {fault}",
                )

    def has_whole_journal(self) -> bool:
        """Whether the journal goes back to the home's first day."""
        return 1 in journal.files(self.state / "journal")

    def read_files_before_the_journal(self) -> None:
        """A home of before the journal: one file a service, `state/<service>.json`."""
        for path in sorted(self.state.glob("*.json")):
            try:
                self.found.payloads[path.stem] = _payload(read_file(path))
            except (OSError, ValueError):
                self.set_aside(
                    path, "the journal alone", f"{path.stem}: the file is damaged, no copy exists"
                )

    def read_journal(self) -> None:
        found = journal.read_all(self.state / "journal", self.base.values(), self.opened_from)
        for path, reading in found.items():
            number = int(path.stem)
            for change in _records(reading):
                if number >= self.base.get(change[0], 0):
                    documents.apply(self.found.payloads.setdefault(change[0], {}), change)
                    self.found.records += 1
            if reading.lost and number >= min(self.base.values(), default=0):
                text = f"changes of some seconds: {'; '.join(reading.damage)}"
                self.set_aside(path, "the records after it", text)
            elif reading.damage:
                self.tell_journal(path, reading)

    def tell_journal(self, path: Path, reading: journal.Reading) -> None:
        """A damaged journal file stays until a snapshot covers it: its sound records are still needed."""
        needed = [n for n in self.base.values() if n <= int(path.stem)]
        lost = "; ".join(reading.damage)
        if self.base and not needed:
            return  # every snapshot in use is newer: nothing of it is needed
        name = str(path.relative_to(self.home))
        self.found.damages.append(Damage(damage.now(), name, name, "the records around it", lost))


def _records(reading: journal.Reading) -> Iterator[documents.Record]:
    for frame in reading.frames:
        for line in frame:
            yield documents.decode(line)


def _payload(data: bytes) -> Any:
    """The document in a service's file. Raises ValueError for one that is none."""
    document = documents.decode(data)
    if not isinstance(document, dict):
        raise ValueError("no document")
    return document["payload"] if "__ministack_format__" in document else document


def restore(home: Path) -> Restored:
    """Read a home's state. What cannot be used is set aside, and told (also in `damage.json`)."""
    reader = _Reader(home)
    reader.clear_the_way()
    reader.read_snapshots()
    reader.read_journal()
    for payload in reader.found.payloads.values():
        if isinstance(payload, dict):
            documents.finish(payload)
    damage.tell(home, reader.found.damages)
    return reader.found
