"""The objects of S3 as files: `s3/<account>/<bucket>/<key>`, beside each its metadata, `<key>.meta.json`.

A write of an object is two files, which no file system replaces together. Both are written aside and
synchronised first (`<name>.tmp`), the object is put in place before its metadata. So what lies aside after
a kill says how far it had come, and `mend` ends it or takes it back.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.state.damage import Damage, set_aside, tell
from local.state.files import read_file, sync_folder, write_aside

FOLDER, VERSIONS = "s3", ".versions"
METADATA, ASIDE = ".meta.json", ".tmp"
TYPES: dict[str, type] = {
    "metadata": dict,
    "preserved_headers": dict,
    "checksums": dict,
    "tags": dict,
    "acl": dict,
    "annotations": dict,
    "versions": list,
    "size": int,
    "key": str,
    "etag": str,
    "last_modified": str,
    "version_id": str,
    "content_type": str,
    "storage_class": str,
}
"""Fields of the metadata that the server relies on; each may be missing, or null."""
MD5 = re.compile(r'"?([0-9a-f]{32})"?')
"""An ETag that is the MD5 of the bytes: of every object that was not uploaded in parts."""
Metadata = dict[str, Any]


class Unreadable(Exception):
    """The bytes of an object are not those that were stored."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a bucket's files."""

    what: str
    path: Path
    lost: str


def metadata(path: Path) -> Metadata:
    """The metadata in a file. Raises ValueError, also for what is no metadata."""
    try:
        said = json.loads(read_file(path))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from error
    if not isinstance(said, dict) or not all(
        said.get(name) is None or isinstance(said[name], kind) for name, kind in TYPES.items()
    ):
        raise ValueError("are not what was written")
    for version in said.get("versions") or []:
        if not isinstance(version, dict) or not isinstance(version.get("version_id"), str):
            raise ValueError("are not what was written")
    return said


def differs(data: bytes, about: Metadata) -> bool:
    """Whether the bytes are other ones than the metadata say, by size and MD5.

    >>> differs(b"a", {"size": 1, "etag": '"0cc175b9c0f1b6a831c399e269772661"'})
    False
    >>> differs(b"b", {"size": 1, "etag": '"0cc175b9c0f1b6a831c399e269772661"'})
    True
    >>> differs(b"b", {"size": 1, "etag": '"0cc175b9c0f1b6a831c399e269772661-2"'})
    False
    """
    if isinstance(size := about.get("size"), int) and len(data) != size:
        return True
    told = MD5.fullmatch(str(about.get("etag") or ""))
    return bool(told) and hashlib.md5(data, usedforsecurity=False).hexdigest() != told[1]  # type: ignore[index]


def faults(home: Path) -> Iterator[Fault]:
    """What is wrong with the objects of a home. Reads all bytes, changes nothing."""
    for bucket in _buckets(home):
        for path in _objects(bucket):
            about_path = _beside(path, METADATA)
            try:
                about = metadata(about_path) if os.path.lexists(about_path) else None
            except ValueError as error:
                yield Fault(f"an object's metadata {error}", about_path, "metadata, versions")
                continue
            if about is None:
                yield Fault("an object's metadata are missing", path, "metadata, versions")
            elif not about.get("is_delete_marker") and (what := _fault(path, about)):
                yield Fault(what, path, "the object")


def mend(home: Path) -> list[Damage]:
    """Before the server reads the objects: end or take back cut writes, and set damaged files aside.

    Reads sizes, not bytes: a damaged byte is seen when its object is read. Told in `damage.json`, too.
    Raises OSError when the home cannot be written.
    """
    told: list[Damage] = []
    folder = home / FOLDER
    if os.path.lexists(folder) and not folder.is_dir():
        told.append(set_aside(home, folder, used_instead="nothing", lost="all objects: it is no folder"))
    for bucket in _buckets(home):
        _settle(bucket)
        for path in _objects(bucket):
            told.extend(_mended(home, bucket, path))
    for left in (folder / VERSIONS).rglob(f"*{ASIDE}"):
        left.unlink()
    tell(home, told)
    return told


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _buckets(home: Path) -> Iterator[Path]:
    for account in _folders(home / FOLDER):
        if account.name != VERSIONS:
            yield from _folders(account)


def _folders(path: Path) -> list[Path]:
    return sorted(item for item in path.iterdir() if item.is_dir()) if path.is_dir() else []


def _objects(bucket: Path) -> list[Path]:
    """The place of each object: of its bytes, whether those or only the metadata are there."""
    found = set()
    for folder, names, files in os.walk(bucket):
        for name in [*files, *(name for name in names if name.endswith((METADATA, ASIDE)))]:
            if not name.endswith(ASIDE):
                found.add(Path(folder, name.removesuffix(METADATA)))
        names[:] = [name for name in names if not name.endswith((METADATA, ASIDE))]
    return sorted(found)


def _settle(bucket: Path) -> None:
    """End or take back the writes that a kill cut short."""
    for folder, _, files in os.walk(bucket):
        for name in sorted(name for name in files if name.endswith(ASIDE)):
            left = Path(folder, name)
            place = left.with_name(name.removesuffix(ASIDE))
            if name.endswith(METADATA + ASIDE):
                body = place.with_name(place.name.removesuffix(METADATA))
                finished = not os.path.lexists(_beside(body, ASIDE)) and _fits(left, body)
            else:  # its metadata are in place only when a power cut kept the later rename alone
                about = _beside(place, METADATA)
                waiting = os.path.lexists(_beside(about, ASIDE))
                finished = not waiting and not _fits(about, place) and _fits(about, left)
            os.replace(left, place) if finished else left.unlink(missing_ok=True)
            sync_folder(folder)


def _fits(about_path: Path, body: Path) -> bool:
    try:
        about = metadata(about_path)
        return bool(about.get("is_delete_marker")) or not differs(read_file(body), about)
    except (OSError, ValueError):
        return False


def _fault(path: Path, about: Metadata) -> str | None:
    try:
        return "an object's bytes are not what was written" if differs(read_file(path), about) else None
    except FileNotFoundError:
        return "an object's bytes are missing"
    except OSError as error:
        return f"an object's bytes cannot be read: {error.strerror}"


def _mended(home: Path, bucket: Path, path: Path) -> Iterator[Damage]:
    about_path, name = _beside(path, METADATA), f"s3://{bucket.name}/{path.relative_to(bucket)}"
    lost = f"metadata, tags and earlier versions of {name}"
    try:
        about = metadata(about_path) if os.path.lexists(about_path) else None
        if about and about.get("key"):
            name = f"s3://{bucket.name}/{about['key']}"
    except ValueError as error:
        used = "its bytes with new metadata" if path.is_file() else "nothing"
        text = f"{lost}: the metadata {error}"
        yield set_aside(home, about_path, used_instead=used, lost=text)
        about = None
    else:
        if about is None and _is_file(path):
            yield set_aside(
                home,
                about_path,
                used_instead="its bytes with new metadata",
                lost=f"{lost}: they are missing",
            )
    if about is None and _is_file(path):
        data = read_file(path)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        _put(about_path, json.dumps({"size": len(data), "etag": f'"{etag}"'}).encode())
    elif about is None:
        if os.path.lexists(path):
            yield set_aside(home, path, used_instead="nothing", lost=f"{name}: it is no file")
    elif not about.get("is_delete_marker") and not _has_its_size(path, about):
        yield _replaced(home, bucket, path, about, name)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _has_its_size(path: Path, about: Metadata) -> bool:
    return _is_file(path) and about.get("size") in (None, path.stat().st_size)


def _replaced(home: Path, bucket: Path, path: Path, about: Metadata, name: str) -> Damage:
    """Put the object's own copy in place of damaged bytes, else its last good version, else nothing."""
    if path.is_dir():  # other objects may lie in it
        return set_aside(home, _beside(path, METADATA), used_instead="nothing", lost=name)
    own = {**about, "version_id": about.get("version_id") or "null"}
    others = [item for item in about.get("versions") or [] if item["version_id"] != own["version_id"]]
    copies = bucket.parent.parent / VERSIONS / bucket.parent.name / bucket.name
    key = about.get("key") or str(path.relative_to(bucket))
    for version, lost in [(own, "nothing"), *((item, name) for item in reversed(others))]:
        if version.get("is_delete_marker"):
            break  # the object is deleted in its last good version
        copy = _copy(copies / version["version_id"], key, version)
        if copy is None:
            continue
        told = set_aside(home, path, used_instead=f"version {version['version_id']}", lost=lost)
        _put(path, copy)
        if version is not own:
            kept = others[: others.index(version) + 1]
            said = {**about, "metadata": {}, **version, "versions": kept, "key": key}
            _put(_beside(path, METADATA), json.dumps(said).encode())
        return told
    told = set_aside(home, path, used_instead="nothing", lost=name)
    set_aside(home, _beside(path, METADATA), used_instead="", lost="")
    return told


def _copy(folder: Path, key: str, version: Metadata) -> bytes | None:
    """The bytes of a version, when they are there and sound."""
    from urllib.parse import quote

    encoded = quote(key, safe="").replace(".", "%2E")
    for path in (folder / key, folder / ".ministack-keys" / encoded):
        if _fits_version(path, version):
            return read_file(path)
    return None


def _fits_version(path: Path, version: Metadata) -> bool:
    try:
        return not differs(read_file(path), version)
    except (OSError, ValueError):
        return False


def _put(path: Path, data: bytes) -> None:
    os.replace(write_aside(str(path), [data]), path)
    sync_folder(path.parent)
