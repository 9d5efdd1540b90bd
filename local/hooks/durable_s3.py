"""Durability of S3: objects, their metadata and versions are files, synchronised before the answer.

ministack writes them unsynchronised, and logs what it could not write as if it had. Here such a write is an
error, and the object in memory is again what it was.
"""

from __future__ import annotations

import contextvars
import errno
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from local.hooks.base import private, replace
from local.state import files, objects
from local.state.files import NotStored


class Folders:
    """Folders that a request changed, to be synchronised before its answer."""

    def __init__(self) -> None:
        self._names: set[str] | None = set()

    def add(self, folder: str) -> None:
        """Remember a folder; synchronise it now when the request has ended (a thread of its may go on)."""
        if self._names is None:
            _synchronise({folder})
        else:
            self._names.add(folder)

    def __bool__(self) -> bool:
        return bool(self._names)

    def end(self) -> None:
        """Make the names in the folders durable. Raises NotStored."""
        names, self._names = self._names or set(), None
        _synchronise(names)


_folders: contextvars.ContextVar[Folders | None] = contextvars.ContextVar("_folders", default=None)
PER_VERSION = ("_object_tags", "_object_acl", "_object_annotations")


def _changed(folder: str) -> None:
    wanted = _folders.get()
    if wanted is None:
        _synchronise({folder})
    else:
        wanted.add(folder)


def gathering() -> Folders:
    """Begin to gather the folders that a request changes."""
    folders = Folders()
    _folders.set(folders)
    return folders


def _synchronise(folders: set[str]) -> None:
    try:
        for folder in folders:
            if os.path.isdir(folder):
                files.sync_folder(folder)
    except OSError as error:
        raise NotStored(error) from error


def install(settings_changed: Callable[[], None]) -> None:
    """Apply the hooks. `settings_changed` is called when a request changed a bucket, not an object."""
    from ministack.services import s3

    def folder(path: str, mode: int = 0o777, exist_ok: bool = False) -> None:
        try:
            for changed in files.make_folder(path):
                _changed(changed)
        except OSError as error:
            raise NotStored(error) from error

    def atomic_write(path: str, data: Any, *, text: bool = False) -> None:
        _put([(path, data.encode() if text else data)])

    replace(s3, "_atomic_write", atomic_write)
    replace(s3, "_persist_object", _persist_object(s3))
    replace(s3, "_read_body", _as_stored(private(s3, "_read_body")))
    replace(s3, "_version_body", _version_as_stored(private(s3, "_version_body")))
    replace(s3, "_remove_key_files", _removing(private(s3, "_remove_key_files")))
    replace(s3, "os", _Os(folder))
    replace(s3, "handle_request", _undone_when_not_stored(s3, settings_changed))


class _Os:
    """Stands for `os` in ministack's S3: its folders and removals are synchronised too."""

    def __init__(self, folder: Any) -> None:
        self.makedirs = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @staticmethod
    def remove(path: str) -> None:
        os.remove(path)
        _changed(os.path.dirname(path))


def _put(contents: list[tuple[str, bytes]]) -> None:
    """Write files so that all are there or none; a full disk is seen before the first is replaced.

    A kill between two of the replacements is ended by `objects.mend` at the next start.
    """
    aside: list[tuple[str, str]] = []
    try:
        for path, data in contents:
            aside.append((files.write_aside(path, [data]), path))
        for temporary, path in aside:
            os.replace(temporary, path)
            _changed(os.path.dirname(path))
    except OSError as error:
        for temporary, _ in aside:
            if os.path.exists(temporary):
                os.remove(temporary)
        raise NotStored(error) from error


def _persist_object(s3: Any) -> Any:
    path_of, other = private(s3, "_object_disk_path"), private(s3, "_other_key_disk_path")
    metadata, history = private(s3, "_object_meta_from_record"), private(s3, "_key_history_meta")

    def persist(bucket: str, key: str, record: Any) -> None:
        path = path_of(bucket, key)
        if path is None:
            return
        try:
            for changed in files.make_folder(os.path.dirname(path)):
                _changed(changed)
        except OSError as error:
            raise NotStored(error) from error
        known = isinstance(record, dict)
        body = record.get("body") if known else record
        about = {**metadata(record), **history(bucket, key)} if known else {}
        sidecar = (path + ".meta.json", json.dumps({**about, "key": key}).encode())
        _put([sidecar] if body is None else [(path, body), sidecar])
        if known:
            record["body"] = None  # it is on disk; memory holds no bodies
        base = os.path.join(s3.DATA_DIR, s3.get_account_id(), bucket)
        private(s3, "_remove_key_files")(other(base, key, path))

    return persist


def _removing(original: Any) -> Any:
    def remove(path: str | None) -> None:
        original(path)
        if path and os.path.isdir(os.path.dirname(path)):
            _changed(os.path.dirname(path))

    return remove


_overwrites: contextvars.ContextVar[bool] = contextvars.ContextVar("_overwrites", default=False)
"""Whether the request replaces or removes the object: its old bytes may be damaged then."""


def _as_stored(original: Any) -> Any:
    def read(bucket: str, key: str, record: Any) -> bytes:
        return _sound(original(bucket, key, record), record, f"s3://{bucket}/{key}")

    return read


def _version_as_stored(original: Any) -> Any:
    def read(bucket: Any, name: str, key: str, version: Any) -> bytes | None:
        body: bytes | None = original(bucket, name, key, version)
        return body if body is None else _sound(body, version, f"s3://{name}/{key}")

    return read


LARGE = 1024 * 1024
"""Bytes from which on an object is checked once a process: a client reads it in many ranges."""
_checked: set[tuple[str, Any]] = set()


def _sound(body: bytes, about: Any, name: str) -> bytes:
    """The bytes of an object. Raises Unreadable for other ones than were stored."""
    mark = (name, about.get("etag"))
    if _overwrites.get() or (mark in _checked and len(body) == about.get("size")):
        return body
    if objects.differs(body, about):
        raise objects.Unreadable(f"the bytes of {name} are damaged: `ona doctor` names the file")
    if len(body) >= LARGE:
        _checked.add(mark)
    return body


def _undone_when_not_stored(s3: Any, settings_changed: Callable[[], None]) -> Any:
    original = private(s3, "handle_request")

    async def handle(
        method: str, path: str, headers: Any, body: bytes, query: Any, *rest: Any, **named: Any
    ) -> Any:
        _overwrites.set(method in ("PUT", "POST", "DELETE") and "x-amz-copy-source" not in headers)
        if method in ("GET", "HEAD"):
            try:
                return await original(method, path, headers, body, query, *rest, **named)
            except objects.Unreadable as error:
                raise NotStored(OSError(errno.EIO, str(error))) from error
        before = _Before(s3, path)
        try:
            return await original(method, path, headers, body, query, *rest, **named)
        except objects.Unreadable as error:
            raise NotStored(OSError(errno.EIO, str(error))) from error
        except NotStored:
            before.restore()
            raise
        finally:
            if "/" not in path.strip("/"):
                settings_changed()

    return handle


class _Before:
    """An object as it was before a request."""

    def __init__(self, s3: Any, path: str) -> None:
        self._s3 = s3
        self._bucket, _, self._key = path.lstrip("/").partition("/")
        self._objects: dict[str, Any] | None = (s3._buckets.get(self._bucket) or {}).get("objects")
        if not self._key or self._objects is None:
            self._objects = None
            return
        self._object = self._objects.get(self._key)
        self._fields = dict(self._object) if self._object is not None else None
        self._versions = [dict(item) for item in s3._object_versions.get((self._bucket, self._key)) or []]
        self._about = dict(self._all_about())

    def _all_about(self) -> Iterator[tuple[tuple[str, Any], Any]]:
        names = [None, *(item["version_id"] for item in self._versions)]
        for store in PER_VERSION:
            for version in names:
                place = (self._bucket, self._key, version)
                if (value := private(self._s3, store).get(place)) is not None:
                    yield (store, place), value

    def restore(self) -> None:
        """Put it back."""
        if self._objects is None:
            return
        if self._object is None or self._fields is None:
            self._objects.pop(self._key, None)
        else:
            self._object.clear()
            self._object.update(self._fields)
            self._objects[self._key] = self._object
        place = (self._bucket, self._key)
        if self._versions:
            self._s3._object_versions[place] = self._versions
        else:
            self._s3._object_versions.pop(place, None)
        for store in PER_VERSION:
            self._restore_about(store)

    def _restore_about(self, store: str) -> None:
        values = private(self._s3, store)
        for version in (None, *(item["version_id"] for item in self._versions)):
            place = (self._bucket, self._key, version)
            if (store, place) in self._about:
                values[place] = self._about[store, place]
            else:
                values.pop(place, None)
