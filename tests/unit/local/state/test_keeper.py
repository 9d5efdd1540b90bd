"""An effect and the note that it is done are never parted, by a request beside them or by a snapshot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.state import snapshot
from local.state.keeper import Keeper


class Part:
    """A service's part of the state that a test changes."""

    def __init__(self, name: str, during: Callable[[], None] = lambda: None) -> None:
        """`during` is called in the middle of the snapshot's reading."""
        self.name, self._during = name, during
        self._new: list[bytes] = []

    def change(self, record: bytes) -> None:
        self._new.append(record)

    def changed(self) -> bool:
        return bool(self._new)

    def records(self) -> list[bytes]:
        new, self._new = self._new, []
        return new

    def pieces(self) -> Iterator[bytes]:
        yield b"{"
        self._during()
        yield b"}"

    def kept(self) -> bool:
        return True


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


@pytest.fixture
def written(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the journal was given, while it still does all else."""
    given: list[bytes] = []
    append = keeper.journal.append

    def noted(records: list[bytes]) -> int:
        given.extend(records)
        return append(records)

    monkeypatch.setattr(keeper.journal, "append", noted)
    return given


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "at its end"])
def test_a_snapshot_appears_when_the_journal_has_on_disk_what_its_reading_may_have_seen(
    running: bool,
    keeper: Keeper,
    written: list[bytes],
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deliver() -> None:
        with keeper.together():
            effects.change(b"started")
            notes.change(b"done")

    notes, effects = Part("notes"), Part("effects", during=deliver)  # notes are read before, effects after
    keeper.sources += [notes, effects]
    waits: list[tuple[list[int], list[bytes]]] = []
    wait = keeper.journal.wait

    def waiting(number: int, then: Callable[..., None]) -> None:
        waits.append((snapshot.numbers(keeper.state), list(written)))
        wait(number, then)

    monkeypatch.setattr(keeper.journal, "wait", waiting)
    keeper.loop = loop if running else None
    keeper.snapshot()
    assert waits == [([], [b"started", b"done"])] or waits == [([], [b"done", b"started"])]
    assert snapshot.numbers(keeper.state) == [1]


def test_no_snapshot_appears_when_the_journal_could_not_be_written(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    keeper.sources += [Part("notes")]
    monkeypatch.setattr(keeper.journal, "wait", lambda _, then: then("no space left"))
    keeper.snapshot()
    assert snapshot.numbers(keeper.state) == []
    assert "no snapshot: no space left; the journal goes on" in capfd.readouterr().err


def test_the_end_waits_for_no_snapshot_that_waits_for_the_loop(keeper: Keeper) -> None:
    """The loop's thread ends the server, while a snapshot has asked the loop for the journal's number."""
    begun = threading.Event()
    keeper.sources += [Part("notes", during=begun.set)]
    stopped = asyncio.new_event_loop()  # it answers nobody any more
    keeper.loop = stopped
    taking = threading.Thread(target=keeper.snapshot)
    taking.start()
    begun.wait(10)
    keeper.finish()
    taking.join(10)
    stopped.close()
    assert not taking.is_alive()
    assert snapshot.numbers(keeper.state), "the end's own"


def test_a_request_beside_a_delivery_hands_over_none_of_its_halves(
    keeper: Keeper, written: list[bytes]
) -> None:
    notes, effects = Part("notes"), Part("effects")
    keeper.sources += [notes, effects]
    half, go_on = threading.Event(), threading.Event()

    def deliver() -> None:
        with keeper.together():
            effects.change(b"started")
            half.set()
            go_on.wait(10)
            notes.change(b"done")

    delivery = threading.Thread(target=deliver)
    delivery.start()
    half.wait(10)
    assert keeper.publish() is None
    assert written == []

    async def request() -> None:
        asked = asyncio.ensure_future(keeper.stored())
        await asyncio.sleep(0.1)
        assert not asked.done(), "it is acknowledged when both halves are on disk"
        go_on.set()
        await asked

    asyncio.run(request())
    delivery.join()
    assert sorted(written) == [b"done", b"started"]


def test_a_delivery_that_hangs_stops_no_end(
    keeper: Keeper, written: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.state.keeper.PATIENCE_SECONDS", 0.05)
    effects = Part("effects")
    keeper.sources.append(effects)
    begun, over = threading.Event(), threading.Event()

    def hang() -> None:
        with keeper.together():
            effects.change(b"started")
            begun.set()
            over.wait(10)

    delivery = threading.Thread(target=hang)
    delivery.start()
    begun.wait(10)
    try:
        asyncio.run(keeper.stored())
        keeper.finish()
    finally:
        over.set()
        delivery.join()
    assert written == [b"started"]
