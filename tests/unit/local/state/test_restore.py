"""Damaged files: the last good snapshot and the journal are used, and what was lost is told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict

from local.state import damage, documents, journal, restore, snapshot
from local.state.inspect import check
from local.state.journal import Journal

KEY = ("000000000000", "af-south-1", "t")


def tables(**items: int) -> dict[str, Any]:
    store = AccountRegionScopedDict()
    store.set_scoped(*KEY, {"TableName": "t", "items": {k: {"-": {"n": v}} for k, v in items.items()}})
    return {"tables": store}


def item(name: str, value: int | None) -> bytes:
    text = None if value is None else json.dumps({"n": value})
    return documents.record("dynamodb", "tables", "r", repr(KEY), ["items", name, "-"], text)


def message(name: str, body: str) -> bytes:
    sub = ["messages", name]
    return documents.record("sqs", "queues", "r", repr(KEY), sub, json.dumps({"id": name, "body": body}))


def put(kept: Journal, *records: bytes) -> None:
    done = threading.Event()
    kept.wait(kept.append(list(records)), lambda _: done.set())
    assert done.wait(10)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two generations, and changes after each: a = 1 and b = 2 in the end, c removed."""
    home = tmp_path / "home"
    kept = Journal(home / "state" / "journal")
    put(kept, item("a", 0))
    for document in (tables(a=0, c=3), tables(a=1, c=3)):
        first = kept.rotate()
        queue = AccountRegionScopedDict()
        queue.set_scoped(*KEY, {"messages": [{"id": "m0", "body": "x"}]})
        contents = {"dynamodb": document, "sqs": {"queues": queue}, "cloudformation": {"stacks": {}}}
        pieces = {
            name: (lambda value=value: [documents.encode(value).encode()])
            for name, value in contents.items()
        }
        snapshot.write(home / "state", first, pieces)
        put(kept, item("a", 1), item("b", 2), message("m1", "y"))
    put(kept, item("c", None), item("b", 2))
    kept.forget(snapshot.forget(home / "state"))
    return home


def items_of(found: restore.Restored) -> dict[str, int]:
    table = found.payloads["dynamodb"]["tables"].get_scoped(*KEY)
    return {name: row["-"]["n"] for name, row in table["items"].items()}


def messages_of(found: restore.Restored) -> list[str]:
    return [m["id"] for m in found.payloads["sqs"]["queues"].get_scoped(*KEY)["messages"]]


WHOLE = {"a": 1, "b": 2}


def test_a_sound_home_is_read_whole_and_tells_nothing(home: Path) -> None:
    found = restore.restore(home)
    assert (items_of(found), messages_of(found)) == (WHOLE, ["m0", "m1"])
    assert found.damages == damage.read(home) == check(home) == []


@pytest.mark.parametrize("removed", ["nothing", "manifest.json", "dynamodb.json"])
def test_a_kill_while_an_old_snapshot_is_removed_is_no_damage(
    home: Path, monkeypatch: pytest.MonkeyPatch, removed: str
) -> None:
    class Killed(BaseException):
        pass

    def remove_a_little(folder: Path, **_: object) -> None:
        (Path(folder) / removed).unlink(missing_ok=True)
        raise Killed

    kept = Journal(home / "state" / "journal")
    snapshot.write(
        home / "state", kept.rotate(), {"dynamodb": lambda: [documents.encode(tables(a=1, b=2)).encode()]}
    )
    with monkeypatch.context() as patch:
        patch.setattr(snapshot.shutil, "rmtree", remove_a_little)
        with pytest.raises(Killed):
            snapshot.forget(home / "state")
    found = restore.restore(home)
    assert items_of(found) == WHOLE
    assert found.damages == damage.read(home) == check(home) == []
    snapshot.forget(home / "state")
    assert [
        path.name for path in (home / "state" / "generations").iterdir() if path.name.startswith(".")
    ] == []


def test_replay_is_idempotent(home: Path) -> None:
    """Records that the snapshot has already, and the same records twice, change nothing."""
    newest = max(journal.files(home / "state" / "journal"))
    last = home / "state" / "journal" / f"{newest:08}.log"
    frames = [*journal.read(last).frames] * 2
    last.write_bytes(b"".join(journal.frame(newest, n, records) for n, records in enumerate(frames)))
    found = restore.restore(home)
    assert (items_of(found), messages_of(found)) == (WHOLE, ["m0", "m1"])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_text('{"hello": ["world"]}')


WAYS = [cut, flip, empty, foreign, Path.unlink]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", ["dynamodb.json", "sqs.json", "cloudformation.json", snapshot.MANIFEST])
def test_a_damaged_newest_snapshot_costs_nothing_and_is_told(home: Path, name: str, way: Any) -> None:
    path = snapshot.folder_of(home / "state") / "00000002" / name
    way(path)
    problems = check(home)
    assert [problem.where for problem in problems] == [f"state/generations/00000002/{name}"]
    assert problems[0].lost.startswith("nothing")
    found = restore.restore(home)
    assert (items_of(found), messages_of(found)) == (WHOLE, ["m0", "m1"])
    (told,) = damage.read(home)
    assert told.file == f"state/generations/00000002/{name}"
    assert told.lost.startswith("nothing"), told
    assert bool(told.set_aside) == (way is not Path.unlink)
    if told.set_aside:
        assert (home / told.set_aside).is_file(), "the damaged file is kept for who wants to look at it"


def test_a_damaged_older_snapshot_is_not_even_needed(home: Path) -> None:
    flip(snapshot.folder_of(home / "state") / "00000001" / "sqs.json")
    assert [problem.lost for problem in check(home)] == [
        "nothing: another snapshot and the journal hold it"
    ]
    found = restore.restore(home)
    assert (items_of(found), messages_of(found), found.damages) == (WHOLE, ["m0", "m1"], [])


def test_when_both_snapshots_are_damaged_the_journal_is_used_and_the_loss_is_named(home: Path) -> None:
    for number in (1, 2):
        flip(snapshot.folder_of(home / "state") / f"{number:08}" / "sqs.json")
    found = restore.restore(home)
    assert items_of(found) == WHOLE, "the other services are whole"
    assert any("sqs before the journal" in item.lost for item in found.damages)


def test_a_damaged_journal_record_costs_only_itself(home: Path) -> None:
    newest = max(journal.files(home / "state" / "journal"))
    path = home / "state" / "journal" / f"{newest:08}.log"
    data = bytearray(path.read_bytes())
    data[30] ^= 1  # within the first frame
    path.write_bytes(data)
    found = restore.restore(home)
    assert items_of(found) == {"a": 1, "b": 2}, "the second frame has b again; the snapshot has a"
    assert len(found.damages) == 1
    assert "damaged" in found.damages[0].lost


NOTHING_LEFT = {
    "emptied": empty,
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "removed": Path.unlink,
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("/nowhere/at/all")),
}


@pytest.mark.parametrize("way", NOTHING_LEFT)
def test_a_journal_file_of_which_nothing_is_left_is_told_and_the_rest_is_read(home: Path, way: str) -> None:
    newest = max(journal.files(home / "state" / "journal"))
    NOTHING_LEFT[way](home / "state" / "journal" / f"{newest:08}.log")
    assert [problem.where for problem in check(home)] == [f"state/journal/{newest:08}.log"]
    found = restore.restore(home)
    assert items_of(found) == {"a": 1, "c": 3}, "the newest snapshot"
    assert [item.file for item in damage.read(home)] == [f"state/journal/{newest:08}.log"]
    Journal(home / "state" / "journal")  # and the server starts


def test_an_empty_journal_file_of_a_version_without_opening_frames_is_sound(home: Path) -> None:
    """Such a version left one at each `ona down`."""
    for number in snapshot.numbers(home / "state"):
        path = snapshot.folder_of(home / "state") / f"{number:08}" / snapshot.MANIFEST
        manifest = json.loads(path.read_text())
        del manifest["checksum"], manifest["opened"]
        text = json.dumps(manifest, sort_keys=True).encode()
        path.write_text(json.dumps({**manifest, "checksum": hashlib.sha256(text).hexdigest()}))
    newest = max(journal.files(home / "state" / "journal")) + 1
    (home / "state" / "journal" / f"{newest:08}.log").write_bytes(b"")
    assert check(home) == []
    assert items_of(restore.restore(home)) == WHOLE
    assert damage.read(home) == []


@pytest.mark.parametrize("way", NOTHING_LEFT)
def test_a_journal_file_that_the_newest_snapshot_does_not_need_costs_nothing(home: Path, way: str) -> None:
    first = min(journal.files(home / "state" / "journal"))
    NOTHING_LEFT[way](home / "state" / "journal" / f"{first:08}.log")
    found = restore.restore(home)
    assert (items_of(found), messages_of(found), found.damages) == (WHOLE, ["m0", "m1"], [])


@pytest.mark.parametrize("way", ["a pipe", "a folder", "a link to nowhere"])
@pytest.mark.parametrize("name", ["dynamodb.json", snapshot.MANIFEST])
def test_what_is_no_file_in_a_snapshot_costs_nothing_and_is_told(home: Path, name: str, way: str) -> None:
    NOTHING_LEFT[way](snapshot.folder_of(home / "state") / "00000002" / name)
    found = restore.restore(home)
    assert (items_of(found), messages_of(found)) == (WHOLE, ["m0", "m1"])
    assert [item.file for item in damage.read(home)] == [f"state/generations/00000002/{name}"]


@pytest.mark.parametrize("place", ["state", "state/journal", "state/generations", "state/lambda-blobs"])
def test_a_file_in_the_place_of_a_folder_is_set_aside_and_told(home: Path, place: str) -> None:
    shutil.rmtree(home / place, ignore_errors=True)
    (home / place).write_text("x")
    assert place in [problem.where for problem in check(home)]
    restore.restore(home)
    told = damage.read(home)[0]
    assert (told.file, told.lost) == (place, "what it held: it is no folder")
    assert (home / told.set_aside).read_text() == "x"
    Journal(home / "state" / "journal")


def test_snapshots_that_are_gone_are_told(home: Path) -> None:
    shutil.rmtree(snapshot.folder_of(home / "state"))
    assert [problem.where for problem in check(home)] == ["state/generations"]
    restore.restore(home)
    assert [item.file for item in damage.read(home)] == ["state/generations"]


@pytest.mark.parametrize("name", [damage.FOLDER, damage.RECORD])
@pytest.mark.parametrize("kind", ["file", "folder", "nowhere"])
def test_damage_is_told_whatever_stands_in_its_place(home: Path, name: str, kind: str) -> None:
    place = home / name
    {
        "file": lambda: place.write_text("]"),
        "folder": lambda: (place.mkdir(), (place / "x").write_text("x")),
        "nowhere": lambda: place.symlink_to("/nowhere/at/all"),
    }[kind]()
    flip(snapshot.folder_of(home / "state") / "00000002" / "sqs.json")
    assert messages_of(restore.restore(home)) == ["m0", "m1"]
    (told,) = damage.read(home)
    assert (home / told.set_aside).is_file()


def test_a_missing_journal_file_is_told(home: Path) -> None:
    folder = home / "state" / "journal"
    (folder / f"{sorted(journal.files(folder))[1]:08}.log").rename(folder / "00000009.log")
    assert any("missing" in problem.what for problem in check(home))
    assert any("missing" in item.lost for item in restore.restore(home).damages)


def test_a_home_of_before_the_journal_is_read(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    old = {"__ministack_format__": 2, "payload": tables(a=5)}
    (state / "dynamodb.json").write_text(documents.encode(old))
    (state / "sqs.json").write_text('{"__ministack_format__": 2, "payl')
    assert [problem.where for problem in check(tmp_path)] == ["state/sqs.json"]
    found = restore.restore(tmp_path)
    assert items_of(found) == {"a": 5}
    assert [item.file for item in found.damages] == ["state/sqs.json"]
    assert found.damages[0].set_aside.startswith("damaged/")


def test_a_new_home_is_empty_and_sound(tmp_path: Path) -> None:
    assert restore.restore(tmp_path / "home").payloads == {}
    assert check(tmp_path / "home") == []


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert [problem.what for problem in check(tmp_path / "home")] == ["the home is no folder"]


def test_a_snapshot_that_was_cut_short_leaves_the_earlier_ones(home: Path) -> None:
    def failing() -> list[bytes]:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        snapshot.write(home / "state", 9, {"dynamodb": failing})
    assert snapshot.numbers(home / "state") == [2, 1]
    shutil.copytree(
        snapshot.folder_of(home / "state") / "00000002", snapshot.folder_of(home / "state") / ".new-3"
    )
    assert items_of(restore.restore(home)) == WHOLE, "what a kill left aside is no snapshot"


def test_objects_and_packages_are_checked(tmp_path: Path) -> None:
    folder, packages = tmp_path / "s3" / "0" / "bucket", tmp_path / "state" / "lambda-blobs"
    folder.mkdir(parents=True)
    packages.mkdir(parents=True)
    (folder / "sound").write_bytes(b"four")
    (folder / "sound.meta.json").write_text('{"size": 4, "key": "sound"}')
    (folder / "short").write_bytes(b"fo")
    (folder / "short.meta.json").write_text('{"size": 4, "key": "short"}')
    (folder / "hidden.meta.json").write_text('{"is_delete_marker": true}')
    (folder / "torn.meta.json").write_text('{"size": ')
    (packages / ("0" * 64 + ".zip")).write_bytes(b"no zip")
    wheres = {problem.where for problem in check(tmp_path)}
    names = {"s3/0/bucket/short", "s3/0/bucket/torn.meta.json", f"state/lambda-blobs/{'0' * 64}.zip"}
    assert wheres == names
