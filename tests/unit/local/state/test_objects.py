"""Objects are two files each: a cut write is ended or taken back, a damaged one costs its object alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.state import damage
from local.state.inspect import check
from local.state.objects import mend

OLD, NEW = b"old bytes", b"newer bytes, and more of them"


def about(data: bytes, key: str, **more: Any) -> bytes:
    etag = f'"{hashlib.md5(data).hexdigest()}"'
    return json.dumps({"size": len(data), "etag": etag, "key": key, "metadata": {}, **more}).encode()


def put(bucket: Path, key: str, data: bytes, **more: Any) -> Path:
    path = bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.with_name(path.name + ".meta.json").write_bytes(about(data, key, **more))
    return path


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A bucket with all that a sound one may hold."""
    bucket = tmp_path / "s3" / "000000000000" / "bucket"
    put(bucket, "a", OLD)
    put(bucket, "deep/er/z", OLD)
    put(bucket, ".ministack-keys/dir%2F", OLD)
    (bucket / "gone.meta.json").write_text('{"is_delete_marker": true, "version_id": "m", "key": "gone"}')
    put(bucket, "hidden", OLD)  # the bytes under a delete marker are an older version's
    (bucket / "hidden.meta.json").write_text('{"is_delete_marker": true, "version_id": "m", "size": null}')
    in_parts = put(bucket, "in-parts", OLD)
    text = json.dumps({"size": len(OLD), "etag": '"0123456789abcdef0123456789abcdef-2"', "key": "in-parts"})
    in_parts.with_name("in-parts.meta.json").write_text(text)
    return bucket


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_sound_objects_are_left_alone_and_nothing_is_told(tmp_path: Path, bucket: Path) -> None:
    before = contents(tmp_path)
    assert mend(tmp_path) == damage.read(tmp_path) == check(tmp_path) == []
    assert contents(tmp_path) == before


def test_a_home_without_objects_is_sound(tmp_path: Path) -> None:
    assert mend(tmp_path) == []
    (tmp_path / "s3").mkdir()
    assert mend(tmp_path) == []


BODY, NOTE = "a", "a.meta.json"
NEW_NOTE = about(NEW, "a")
STEPS = [
    ({}, OLD),
    ({"a.tmp": NEW[:4]}, OLD),
    ({"a.tmp": NEW}, OLD),
    ({"a.tmp": NEW, "a.meta.json.tmp": NEW_NOTE[:9]}, OLD),
    ({"a.tmp": NEW, "a.meta.json.tmp": NEW_NOTE}, OLD),
    ({BODY: NEW, "a.meta.json.tmp": NEW_NOTE}, NEW),
    ({BODY: NEW, NOTE: NEW_NOTE}, NEW),
    ({NOTE: NEW_NOTE, "a.tmp": NEW}, NEW),  # a power cut that kept the second rename alone
    ({"a.meta.json.tmp": about(OLD, "a")[:-5]}, OLD),  # new tags, cut short
    ({"a.meta.json.tmp": b""}, OLD),
]


@pytest.mark.parametrize(("left", "expected"), STEPS, ids=range(len(STEPS)))
def test_a_write_that_a_kill_cut_short_has_happened_whole_or_not_at_all(
    tmp_path: Path, bucket: Path, left: dict[str, bytes], expected: bytes
) -> None:
    sound = contents(tmp_path)
    for name, data in left.items():
        (bucket / name).write_bytes(data)
    assert mend(tmp_path) == []
    there = contents(tmp_path)
    assert there.keys() == sound.keys(), "nothing lies aside any more"
    assert there["s3/000000000000/bucket/a"] == expected
    assert json.loads(there["s3/000000000000/bucket/a.meta.json"])["size"] == len(expected)
    assert check(tmp_path) == []


def test_the_first_write_of_an_object_is_ended_or_taken_back(tmp_path: Path, bucket: Path) -> None:
    (bucket / "first").write_bytes(NEW)
    (bucket / "first.meta.json.tmp").write_bytes(about(NEW, "first", metadata={"m": "n"}))
    (bucket / "second.tmp").write_bytes(NEW)
    assert mend(tmp_path) == []
    assert json.loads((bucket / "first.meta.json").read_bytes())["metadata"] == {"m": "n"}
    assert not list(bucket.glob("second*"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "x").write_text("x")


def nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def written(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


WAYS: dict[str, Callable[[Path], object]] = {
    "empty": written(""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "list": written("[]"),
    "null": written("null"),
    "types": written('{"size": "9"}'),
    "versions": written('{"versions": [3]}'),
    "pipe": pipe,
    "folder": folder,
    "nowhere": nowhere,
    "gone": Path.unlink,
}


@pytest.mark.parametrize("way", WAYS)
def test_damaged_metadata_cost_themselves_alone(tmp_path: Path, bucket: Path, way: str) -> None:
    sound = contents(bucket)
    WAYS[way](bucket / NOTE)
    assert len(check(tmp_path)) == 1
    (told,) = mend(tmp_path)
    assert told == damage.read(tmp_path)[0]
    assert "s3://bucket/a" in told.lost
    assert "new metadata" in told.used_instead
    assert bool(told.set_aside) == (way != "gone")
    there = contents(bucket)
    assert there.pop(NOTE)
    assert there == {name: data for name, data in sound.items() if name != NOTE}
    assert mend(tmp_path) == [], "told once"


BODY_WAYS = [way for way in WAYS if way not in ("zeros", "folder")]
"""Bytes of the right size are seen when they are read; a folder has a test of its own."""


@pytest.mark.parametrize("way", BODY_WAYS)
def test_damaged_bytes_cost_their_object_alone(tmp_path: Path, bucket: Path, way: str) -> None:
    sound = contents(bucket)
    WAYS[way](bucket / BODY)
    assert check(tmp_path)
    (told,) = mend(tmp_path)
    assert told.lost == "s3://bucket/a"
    assert contents(bucket) == {name: data for name, data in sound.items() if name not in (BODY, NOTE)}
    assert mend(tmp_path) == [], "told once"


def test_turned_bytes_are_named_by_the_check(tmp_path: Path, bucket: Path) -> None:
    WAYS["zeros"](bucket / BODY)
    (problem,) = check(tmp_path)
    assert (problem.what, problem.where) == (
        "an object's bytes are not what was written",
        "s3/000000000000/bucket/a",
    )


def versioned(bucket: Path, *, kept: list[str]) -> Path:
    """Object `v`: version 1 is OLD, version 2 is NEW; of `kept` the copies are there."""
    data = {"1": OLD, "2": NEW}
    entries = [{**json.loads(about(data[name], "v")), "version_id": name} for name in data]
    for name in kept:
        copy = bucket.parent.parent / ".versions" / bucket.parent.name / bucket.name / name / "v"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(data[name])
    return put(bucket, "v", NEW, version_id="2", versions=entries)


def test_a_version_of_its_own_mends_an_object(tmp_path: Path, bucket: Path) -> None:
    path = versioned(bucket, kept=["1", "2"])
    note = (bucket / "v.meta.json").read_bytes()
    path.write_bytes(b"")
    (told,) = mend(tmp_path)
    assert (told.used_instead, told.lost) == ("version 2", "nothing")
    assert (path.read_bytes(), (bucket / "v.meta.json").read_bytes()) == (NEW, note)


def test_else_the_last_good_version_is_used_and_the_loss_is_named(tmp_path: Path, bucket: Path) -> None:
    path = versioned(bucket, kept=["1"])
    path.unlink()
    (told,) = mend(tmp_path)
    assert (told.used_instead, told.lost) == ("version 1", "s3://bucket/v")
    said = json.loads((bucket / "v.meta.json").read_bytes())
    assert (path.read_bytes(), said["version_id"], said["size"]) == (OLD, "1", len(OLD))
    assert [item["version_id"] for item in said["versions"]] == ["1"]
    assert check(tmp_path) == mend(tmp_path) == []


def test_a_folder_of_objects_in_an_objects_place_is_not_moved(tmp_path: Path, bucket: Path) -> None:
    (bucket / BODY).unlink()
    put(bucket, "a/inner", OLD)
    (told,) = mend(tmp_path)
    assert told.lost == "s3://bucket/a"
    assert (bucket / "a/inner").read_bytes() == OLD


def test_a_file_in_the_place_of_all_objects_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "s3").write_text("x")
    (told,) = mend(tmp_path)
    assert told.set_aside.startswith("damaged/")
