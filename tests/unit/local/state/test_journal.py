"""The journal: whole frames or none, at every place where a file can end or a byte can turn."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from local.state import files, journal
from local.state.files import NotStored
from local.state.journal import Journal, read

FRAMES = [[b'["a",1]'], [b'["b",2]', b'["c",3]'], [b'["d",4]']]


def written(folder: Path, frames: list[list[bytes]] = FRAMES) -> Path:
    path = folder / "00000001.log"
    path.write_bytes(b"".join(journal.frame(1, n, records) for n, records in enumerate(frames)))
    return path


def stored(kept: Journal, records: list[bytes]) -> NotStored | None:
    done, answer = threading.Event(), []
    kept.wait(kept.append(records), lambda reason: (answer.append(reason), done.set()))
    assert done.wait(10)
    return answer[0]


def test_a_file_cut_at_any_place_holds_the_frames_before_and_is_no_damage(tmp_path: Path) -> None:
    whole = written(tmp_path).read_bytes()
    ends = [sum(len(journal.frame(1, n, f)) for n, f in enumerate(FRAMES[:k])) for k in range(4)]
    for cut in range(len(whole)):
        for tail in (b"", bytes(64)):  # a file that ends, and one that was allocated ahead
            path = tmp_path / "00000001.log"
            path.write_bytes(whole[:cut] + tail)
            found = read(path)
            assert found.frames == FRAMES[: sum(end <= cut for end in ends) - 1], cut
            assert not found.damage, (cut, found.damage)


def test_a_turned_byte_at_any_place_costs_its_frame_only_and_is_told(tmp_path: Path) -> None:
    whole = written(tmp_path).read_bytes()
    last = len(whole) - len(journal.frame(1, 2, FRAMES[2]))
    for place in range(len(whole)):
        path = tmp_path / "00000001.log"
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        found = read(path)
        records = [record for frame in found.frames for record in frame]
        assert len(found.frames) == 2, place
        assert set(records) < {record for frame in FRAMES for record in frame}
        if place < last:
            assert found.damage, place


def test_what_was_waited_for_is_in_the_file_and_in_order(tmp_path: Path) -> None:
    kept = Journal(tmp_path)
    for n in range(50):
        assert stored(kept, [f"[{n}]".encode()]) is None
    records = [r for frame in read(tmp_path / "00000001.log").frames for r in frame]
    assert records == [f"[{n}]".encode() for n in range(50)]


def test_rotating_and_forgetting_keeps_the_newer_files(tmp_path: Path) -> None:
    kept = Journal(tmp_path)
    stored(kept, [b"[1]"])
    second = kept.rotate()
    stored(kept, [b"[2]"])
    assert [read(path).frames for path in journal.files(tmp_path).values()] == [[[b"[1]"]], [[b"[2]"]]]
    kept.forget(second)
    assert list(journal.files(tmp_path)) == [second]


def rotated(folder: Path) -> list[Path]:
    """Two files that were closed, each with two frames, and one that is written to."""
    kept = Journal(folder)
    for number in range(3):
        for frame in range(2):
            assert stored(kept, [b"[%d,%d]" % (number, frame)]) is None
        if number < 2:
            kept.rotate()
    return list(journal.files(folder).values())


def damages(folder: Path, needed: tuple[int, ...] = ()) -> dict[str, list[str]]:
    found = journal.read_all(folder, needed)
    return {path.name: reading.damage for path, reading in found.items() if reading.damage}


def test_sound_files_make_a_row_and_tell_nothing(tmp_path: Path) -> None:
    assert damages(tmp_path) == {}
    rotated(tmp_path)
    (tmp_path / "foreign.txt").write_text("x")
    (tmp_path / "00000009.new").write_bytes(b"")  # a kill came before the file was begun
    assert damages(tmp_path, (1, 2)) == {}
    Journal(tmp_path)  # started again, and nothing written
    Journal(tmp_path)
    assert damages(tmp_path, (1, 5)) == {}


def test_a_frame_that_a_kill_cut_short_is_no_damage_of_a_row(tmp_path: Path) -> None:
    last = rotated(tmp_path)[-1]
    data = last.read_bytes()
    end = len(data.rstrip(b"\0"))
    last.write_bytes(data[: end - 5] + bytes(len(data) - end + 5))
    assert damages(tmp_path) == {}
    Journal(tmp_path)
    assert damages(tmp_path) == {}


LOSSES = {
    "emptied": lambda path: path.write_bytes(b""),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "removed": Path.unlink,
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("/nowhere/at/all")),
}


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_file_of_which_nothing_is_left_is_told(tmp_path: Path, loss: str, which: int) -> None:
    path = rotated(tmp_path)[which]
    LOSSES[loss](path)
    assert list(damages(tmp_path, (1, 3))) == [path.name]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_file_that_was_cut_between_two_frames_is_told(tmp_path: Path, which: int) -> None:
    path = rotated(tmp_path)[which]
    data = path.read_bytes()
    os.truncate(path, data.rindex(b"OnaJ"))  # as if the last frame had never been
    assert list(damages(tmp_path)) == [path.name]


def test_a_full_disk_refuses_and_what_is_kept_is_written_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Journal(tmp_path)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr(os, "posix_fallocate", full)
    reason = stored(kept, [b"[1]"])
    assert reason is not None
    assert reason.errno == errno.ENOSPC
    with pytest.raises(NotStored):
        kept.admit(10)
    monkeypatch.undo()
    deadline = time.monotonic() + 30
    while kept.synced < kept.appended and time.monotonic() < deadline:
        time.sleep(0.05)  # it tries again by itself
    kept.admit(10)
    assert stored(kept, [b"[2]"]) is None
    records = [r for frame in read(tmp_path / "00000001.log").frames for r in frame]
    assert records == [b"[1]", b"[2]"], "what memory shows is on disk, too"


def test_space_is_looked_for_before_a_write_is_admitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Journal(tmp_path)
    kept.admit(1000)  # within what is allocated ahead

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    kept.admit(1000)
    with pytest.raises(NotStored):
        kept.admit(journal.AHEAD)


def test_after_a_failed_synchronisation_nothing_more_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Journal(tmp_path)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    assert stored(kept, [b"[1]"]) is not None
    monkeypatch.undo()
    assert stored(kept, [b"[2]"]) is not None, "the disk may have dropped what it had; only a restart knows"
    with pytest.raises(NotStored):
        kept.admit(1)


def test_not_stored_passes_through_except_exception() -> None:
    assert not issubclass(files.NotStored, Exception), "ministack logs each Exception, and goes on"


def test_what_cannot_be_written_is_not_tried_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    kept = Journal(tmp_path)
    monkeypatch.setattr(os, "fdatasync", broken)
    assert stored(kept, [b'["lost",1]']) is not None
    tries: list[int] = []
    monkeypatch.setattr(kept, "_write", lambda batch, _: tries.append(len(batch)) or kept._broken)
    time.sleep(3 * journal.RETRY_SECONDS)
    assert len(tries) < 20, "the writer's thread takes a whole processor"
