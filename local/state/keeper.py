"""The keeper: gathers what services changed, has it written before answers, takes snapshots."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
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
GLANCE_SECONDS = 0.02
"""How long the loop's thread stands still for a delivery to finish its records: it takes milliseconds."""
PATIENCE_SECONDS = 10.0
"""How long a request waits for it in all. After that the effect and its note may be written apart."""


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

    def publish(self, *, wait: float = GLANCE_SECONDS, apart: bool = False) -> int | None:
        """Hand what changed to the journal; returns the number to wait for. For the loop's thread.

        Returns None when a delivery did not finish within `wait` seconds: nothing was handed over.
        With `apart`, its records are handed over unfinished: a delivery that hangs stops nobody for ever.
        """
        held = self._lock.acquire(timeout=wait)
        if not held and not apart:
            return None
        if not held:
            self._say(f"a delivery takes over {PATIENCE_SECONDS:g} s; its records may be written apart")
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

    async def _handed_over(self) -> int:
        patient_until = time.monotonic() + PATIENCE_SECONDS
        while (number := self.publish(apart=time.monotonic() > patient_until)) is None:
            await asyncio.sleep(GLANCE_SECONDS)  # the delivery may need the loop
        return number

    async def stored(self) -> None:
        """Return when everything until now is on disk. Raises NotStored."""
        number = await self._handed_over()
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
        while (loop := self.loop) is not None and not loop.is_closed():
            time.sleep(SWEEP_SECONDS)
            if any(source.changed() for source in self.sources):
                with contextlib.suppress(RuntimeError):  # it was closed meanwhile
                    loop.call_soon_threadsafe(self.publish)

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
                snapshot.write(self.state, first, pieces, self._settled)
                self.journal.forget(snapshot.forget(self.state))
                snapshot.prune_blobs(self.state, files(self.state / "journal").values())
                self._retire_files_before_the_journal()
            except OSError as error:
                self._say(f"no snapshot: {error}; the journal goes on")

    def _settled(self) -> None:
        """Return when the journal has on disk all that changed until now. Raises OSError."""
        answers: queue.SimpleQueue[NotStored | None] = queue.SimpleQueue()
        self.journal.wait(self._number_now(), answers.put)
        try:
            reason = answers.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise OSError(f"the journal was not written within {PATIENCE_SECONDS:g} s") from None
        if reason is not None:
            raise OSError(str(reason))

    def _number_now(self) -> int:
        loop = self.loop
        if loop is None:
            return self.publish(wait=PATIENCE_SECONDS, apart=True) or 0
        asked = asyncio.run_coroutine_threadsafe(self._handed_over(), loop)
        while True:
            try:
                return asked.result(timeout=SWEEP_SECONDS)
            except TimeoutError:
                if self.loop is None:  # the loop waits in `finish` for this snapshot to end
                    raise OSError("the server ends") from None

    def _retire_files_before_the_journal(self) -> None:
        for path in self.state.glob("*.json"):
            path.unlink()

    def finish(self) -> None:
        """Write everything, at the end of the process."""
        self.loop = None
        self.publish(wait=PATIENCE_SECONDS, apart=True)
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
