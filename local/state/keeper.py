"""The keeper: gathers what services changed, has it written before answers, takes snapshots."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from local.state import snapshot
from local.state.damage import Damage
from local.state.files import NotStored
from local.state.journal import Journal, files

SNAPSHOT_SECONDS = float(os.environ.get("ONA_LOCAL_SNAPSHOT_SECONDS", "10"))
"""Between snapshots; tests shorten it. They shorten the replay, and hold what has no records: log lines."""
SHARE = 10
"""A snapshot that takes a second is followed by at least so many seconds without one."""
SWEEP_SECONDS = 0.1
"""How soon changes that no request made (timers, time to live, executions) are written."""
PATIENCE_SECONDS = 2.0
"""How long a request waits for a delivery to finish its records. A delivery takes milliseconds."""


class Source(Protocol):
    """One service's part: what changed, and all of it."""

    @property
    def name(self) -> str:
        """The service's file name in a snapshot."""

    def changed(self) -> bool:
        """Whether `records` would return something; cheap."""

    def records(self) -> list[bytes]:
        """What changed since the last call, as records. Called between two requests."""

    def pieces(self) -> Iterable[bytes]:
        """The whole state as the text of a file."""

    def kept(self) -> bool:
        """Whether a snapshot has a file of it; not of a service that nobody used."""


class Keeper:
    """Keeps one home's state on disk."""

    def __init__(self, home: Path) -> None:
        """Raises OSError when the home cannot be written."""
        self.home, self.state = home, home / "state"
        self.journal = Journal(self.state / "journal")
        self.sources: list[Source] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.RLock()
        self._snapshots = threading.Lock()
        self._failed = ""
        self._gathered: list[bytes] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done inside is written together: an effect and the note that it is done."""
        with self._lock:
            yield

    def publish(self) -> int:
        """Hand what changed to the journal; returns the number to wait for. For the loop's thread."""
        held = self._lock.acquire(timeout=PATIENCE_SECONDS)
        if not held:
            self._say("a delivery takes long; its records may be written apart")
        try:
            records, failed = self._gathered, None
            for source in self.sources:  # one that fails loses no other's: they are told once
                try:
                    records += source.records()
                except Exception as error:
                    failed = error
            if failed is not None:  # what belongs together is written together: all wait for the next time
                raise failed
            self._gathered = []
            return self.journal.append(records)
        finally:
            if held:
                self._lock.release()

    async def stored(self) -> None:
        """Return when everything until now is on disk. Raises NotStored."""
        number = self.publish()
        if self.journal.synced >= number:
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(reason: NotStored | None) -> None:
            if done.done():
                return
            if reason is None:
                done.set_result(None)
            else:
                done.set_exception(NotStoredAnswer(reason))

        self.journal.wait(number, lambda reason: loop.call_soon_threadsafe(settle, reason))
        try:
            await done
        except NotStoredAnswer as answer:
            self._say(f"not stored: {answer.reason}")
            raise answer.reason from None

    def start(self, loop: asyncio.AbstractEventLoop, damages: list[Damage]) -> None:
        """Begin to sweep and to take snapshots."""
        self.loop = loop
        threading.Thread(target=self._sweep, name="ona-sweep", daemon=True).start()
        threading.Thread(target=self._take, args=(damages,), name="ona-snapshots", daemon=True).start()

    def _sweep(self) -> None:
        while self.loop is not None and not self.loop.is_closed():
            time.sleep(SWEEP_SECONDS)
            if any(source.changed() for source in self.sources):
                self.loop.call_soon_threadsafe(self.publish)

    def _take(self, damages: list[Damage]) -> None:
        if damages or self.journal.number > 1:
            with contextlib.suppress(RuntimeError):
                self.snapshot()  # what was replayed or mended is not replayed and told again
        while True:
            time.sleep(SNAPSHOT_SECONDS)
            started = time.monotonic()
            try:
                self.snapshot()
            except Exception:  # a dict that changed while it was read: the next one will do
                traceback.print_exc()
            time.sleep(SHARE * (time.monotonic() - started))

    def snapshot(self) -> None:
        """Take a snapshot and forget the journal that it covers; on failure all stays as it was."""
        with self._snapshots:
            try:
                first = self.journal.rotate()
                pieces = {source.name: source.pieces for source in list(self.sources) if source.kept()}
                snapshot.write(self.state, first, pieces)
                self.journal.forget(snapshot.forget(self.state))
                snapshot.prune_blobs(self.state, files(self.state / "journal").values())
                self._retire_files_before_the_journal()
            except OSError as error:
                self._say(f"no snapshot: {error}; the journal goes on")

    def _retire_files_before_the_journal(self) -> None:
        for path in self.state.glob("*.json"):
            path.unlink()

    def finish(self) -> None:
        """Write everything, at the end of the process."""
        self.publish()
        self.snapshot()

    def _say(self, text: str) -> None:
        if text != self._failed:
            self._failed = text
            print(f"state: {text}", file=sys.stderr, flush=True)


class NotStoredAnswer(Exception):
    """Carries NotStored through a future, which takes no BaseException."""

    def __init__(self, reason: NotStored) -> None:
        super().__init__(str(reason))
        self.reason = reason
