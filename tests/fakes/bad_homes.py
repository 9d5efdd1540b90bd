"""Homes that cannot be used: how each is made, and words that the message about it must have."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import home as homes

Make = Callable[[Path, pytest.MonkeyPatch], Path]
"""Makes the home at, or near, the path; returns where it is."""


def a_file(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    path.write_text("not a folder")
    return path


def below_a_file(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    path.parent.rmdir()
    path.parent.write_text("not a folder")
    return path


def a_loop_of_symlinks(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    path.symlink_to(path)
    return path


def with_a_name_too_long(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    return path.parent / ("long" * 80) / path.name


def _no_access(patch: pytest.MonkeyPatch, there: Path) -> None:
    """As for a user who is not root: tests run as root in containers, whom permissions do not stop."""
    really = os.access
    patch.setattr(os, "access", lambda p, mode: Path(p) != there and really(p, mode))


def not_writable(path: Path, patch: pytest.MonkeyPatch) -> Path:
    path.mkdir()
    _no_access(patch, path)
    return path


def in_a_folder_that_is_not_writable(path: Path, patch: pytest.MonkeyPatch) -> Path:
    _no_access(patch, path.parent)
    return path


def on_a_read_only_disk(path: Path, patch: pytest.MonkeyPatch) -> Path:
    path.mkdir()
    real = os.statvfs(path)
    fields = list(real)
    fields[8] |= os.ST_RDONLY
    patch.setattr(os, "statvfs", lambda _path: os.statvfs_result(fields))
    return path


def of_another_user(path: Path, patch: pytest.MonkeyPatch) -> Path:
    a_home(path)
    us = os.getuid()
    patch.setattr(os, "getuid", lambda: us + 1)
    return path


def of_a_newer_version(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    a_home(path)
    (path / homes.SETTINGS).write_text(json.dumps({"format": homes.FORMAT + 1}))
    return path


def of_a_version_that_counts_otherwise(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    a_home(path)
    (path / homes.SETTINGS).write_text('{"format": "2026-11"}')
    return path


def with_damaged_settings(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    a_home(path)
    (path / homes.SETTINGS).write_text('{"format": 1, "po')
    return path


def of_another_checkout(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    a_home(path)
    other = path.parent / "other-checkout"
    (other / "local").mkdir(parents=True)
    (other / "local" / "cloud.py").touch()
    (path / homes.CHECKOUT).write_text(f"{other}\n")
    return path


def somebodys_own_folder(path: Path, _patch: pytest.MonkeyPatch) -> Path:
    (path / "tmp").mkdir(parents=True)
    (path / "tmp" / "thesis.txt").write_text("years of work")
    (path / "letters").mkdir()
    return path


BAD_HOMES: dict[str, tuple[Make, str]] = {
    "a file": (a_file, "is a file"),
    "below a file": (below_a_file, "is a file"),
    "a loop of symlinks": (a_loop_of_symlinks, "no usable path|Too many levels"),
    "a name too long": (with_a_name_too_long, "too long"),
    "not writable": (not_writable, "not writable"),
    "in a folder that is not writable": (in_a_folder_that_is_not_writable, "cannot be made"),
    "on a read-only disk": (on_a_read_only_disk, "read-only"),
    "another user's": (of_another_user, "belongs to user"),
    "a newer version's": (of_a_newer_version, "newer version"),
    "a version that counts otherwise": (of_a_version_that_counts_otherwise, "newer version"),
    "damaged settings": (with_damaged_settings, "home.json is damaged"),
    "another checkout's": (of_another_checkout, "another checkout"),
    "somebody's own folder": (somebodys_own_folder, "holds other things"),
}


def a_home(path: Path) -> None:
    """A sound home that does not run, with something in it that must not be touched."""
    for folder in ("state", "s3", "tmp"):
        (path / folder).mkdir(parents=True)
    (path / "state" / "dynamodb.json").write_text('{"orders": 7}')


def contents(path: Path) -> dict[str, Any]:
    """All that lies there, to see that nothing was destroyed."""
    if path.is_symlink() or not path.is_dir():
        return {"": path.read_bytes() if path.is_file() else str(path.is_symlink())}
    files = {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    return {name: body for name, body in files.items() if not name.endswith(".lock")}
