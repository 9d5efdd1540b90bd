"""The folder of an embedded cloud, its *home*: whether it may be used, and what it remembers.

cloud.json     the server that runs, or ran last (`local.cloud.Cloud`)
home.json      the format of this folder, and the port to use again
checkout       the checkout that uses it
damage.json    damaged files that the server set aside at its start
roles.json     which permissions were used and denied (`local.hooks.roles_ledger`)
server.lock, change.lock (`local.lock`), state/, s3/, tmp/, cloud.log
invoke.log     the log of the last function that was invoked by hand (`ops.cli.executions`)
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local import lock
from local.errors import CloudError
from local.ports import DEFAULT_PORT
from local.state.files import read_file

ROOT = Path(__file__).resolve().parent.parent
FORMAT = 1
"""The format of a home that this version writes. A home without a number is older: format 0."""
SETTINGS, CHECKOUT, DAMAGE = "home.json", "checkout", "damage.json"
_MARKS = (SETTINGS, "cloud.json", "state", "s3", "cloud.log")
"""A folder that holds one of these is a home."""
_HARMLESS = {"lost+found", ".DS_Store", ".gitignore", ".gitkeep", CHECKOUT, "tmp", *lock.FILES}
"""A folder that holds only these is as good as empty."""
_MEND = "Set ONA_HOME to a folder of your own."
SPACE_NEEDED = 64 << 20
"""Bytes that must be free to start: 64 MiB, three times what a deployed, empty platform takes (ours)."""


def default_home() -> Path:
    """Where the embedded cloud of this checkout keeps its state: ONA_HOME, else `.ona/`."""
    return Path(os.environ.get("ONA_HOME") or ROOT / ".ona")


def resolved(home: Path | None) -> Path:
    """One name for a home, whatever symlinks or relative path lead there. Raises CloudError."""
    try:
        return (home or default_home()).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of symlinks, no such user, a NUL
        raise CloudError(f"{home or default_home()} is no usable path: {error}. {_MEND}") from error


def check(home: Path) -> None:
    """Whether this checkout may use the folder; it need not exist. Raises CloudError with what to do."""
    with in_words(home):
        if not _exists(home):
            _may_be_made(home)
            return
        if not home.is_dir():
            raise CloudError(f"{home} is a file, not a folder. {_MEND}")
        _belongs_to_us(home)
        _disk_is_writable(home, home)
        if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            raise CloudError(f"{home} is not writable for this user. Mend its permissions, or: {_MEND}")
        if not is_home(home) and not _as_good_as_empty(home):
            raise CloudError(
                f"{home} holds other things and is no home of the embedded cloud; nothing was touched. "
                f"{_MEND}"
            )
        _format_is_known(home)
        _checkout_is_ours(home)


def prepare(home: Path) -> None:
    """Make the folder when it is not there, and check that it can be used. Raises CloudError."""
    check(home)
    with in_words(home):
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
        if free < SPACE_NEEDED:
            raise CloudError(
                f"the disk of {home} is full: {free >> 20} MiB are free, "
                f"{SPACE_NEEDED >> 20} MiB are needed. Make room, or set ONA_HOME to a larger disk."
            )


def claim(home: Path, port: int) -> None:
    """Write down the format, the port and the checkout. Raises CloudError."""
    with in_words(home):
        write(home / CHECKOUT, f"{ROOT}\n")
        write(home / SETTINGS, json.dumps({"format": FORMAT, "port": port}))


def is_home(home: Path) -> bool:
    """Whether the folder holds, or held, an embedded cloud."""
    return any((home / name).exists() for name in _MARKS)


def settings(home: Path) -> dict[str, Any]:
    """What `home.json` says; empty for an older home, and when the file cannot be read."""
    try:
        said = json.loads(read_file(home / SETTINGS))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def last_port(home: Path) -> int:
    """The port that the home had last, else the default one."""
    said = settings(home).get("port")
    return said if isinstance(said, int) and 1 <= said <= 65535 else DEFAULT_PORT


def damage(home: Path) -> list[dict[str, Any]]:
    """The damaged files that the server set aside: time, file, set_aside, used_instead, lost."""
    try:
        said = json.loads(read_file(home / DAMAGE))
    except (OSError, ValueError):
        return []
    return [item for item in said if isinstance(item, dict)] if isinstance(said, list) else []


def write(path: Path, text: str) -> None:
    """Put a file in place whole: a reader sees the old text or the new one, never half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def fresh_folder(path: Path) -> None:
    """An empty folder at this path; what was there is removed, a symlink's target is not."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(exist_ok=True)


@contextlib.contextmanager
def in_words(home: Path) -> Iterator[None]:
    """Turn an error of the operating system into CloudError with the file and what to do."""
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else str(home)
        text = {
            errno.ENOSPC: f"no room is left on the disk of {place}. Make room, or set ONA_HOME elsewhere.",
            errno.EDQUOT: f"your disk quota is used up at {place}. Make room, or set ONA_HOME elsewhere.",
            errno.EROFS: f"{place} lies on a read-only file system. {_MEND}",
            errno.EACCES: f"{place} is not accessible for this user. Mend its permissions, or: {_MEND}",
            errno.EPERM: f"{place} is not accessible for this user. Mend its permissions, or: {_MEND}",
            errno.ENAMETOOLONG: f"the path {place[:60]}… is too long. {_MEND}",
            errno.EEXIST: f"{place} is a file, not a folder. {_MEND}",
            errno.ENOTDIR: f"a part of the path {place} is a file, not a folder. {_MEND}",
        }
        raise CloudError(text.get(error.errno or 0, f"{place}: {error.strerror or error}")) from error


def _exists(home: Path) -> bool:
    try:
        home.lstat()
    except FileNotFoundError:
        return False
    return True


def _may_be_made(home: Path) -> None:
    above = next(place for place in home.parents if place.exists())
    if not above.is_dir():
        raise CloudError(f"{above} is a file: no folder can be made at {home}. {_MEND}")
    _disk_is_writable(home, above)
    if not os.access(above, os.W_OK | os.X_OK):
        raise CloudError(f"{home} does not exist and cannot be made in {above}. {_MEND}")


def _disk_is_writable(home: Path, there: Path) -> None:
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        raise CloudError(f"{home} lies on a read-only file system. {_MEND}")


def _belongs_to_us(home: Path) -> None:
    """What another user's server wrote is not ours to change, not even for root."""
    made = next((home / name for name in _MARKS if (home / name).exists()), None)
    owner = made.lstat().st_uid if made else os.getuid()
    if owner != os.getuid():
        raise CloudError(
            f"{home} belongs to user {_name(owner)}, you are {_name(os.getuid())}: use it as that user, "
            f"or: {_MEND}"
        )


def _name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _as_good_as_empty(home: Path) -> bool:
    names = {path.name for path in home.iterdir()} - _HARMLESS
    demos = home == ROOT / ".ona"  # `ona demo` keeps its homes inside the default one
    return all(demos and name.startswith("demo-") for name in names)


def _format_is_known(home: Path) -> None:
    said = settings(home)
    if not said and (home / SETTINGS).exists():
        raise CloudError(
            f"{home / SETTINGS} is damaged: it does not say which version wrote this home; nothing was "
            "touched. If no newer version of the platform used it, remove that file and run `ona up`."
        )
    number = said.get("format", 0)
    if isinstance(number, int) and number <= FORMAT:
        return
    raise CloudError(
        f"{home} was written by a newer version of the platform (format {number}, this one knows "
        f"{FORMAT}); nothing was touched. Use that version, or set ONA_HOME to another folder."
    )


def _checkout_is_ours(home: Path) -> None:
    """A home is used by one checkout; one that moved, or was removed, passes it on."""
    if home.is_relative_to(ROOT):
        return
    try:
        other = Path(read_file(home / CHECKOUT).decode().strip())
    except (OSError, ValueError):
        return
    if other == ROOT or not (other / "local" / "cloud.py").exists():
        return
    raise CloudError(
        f"{home} is the home of another checkout, {other}; nothing was touched. Use `{other}/ona`, or set "
        "ONA_HOME to another folder. To hand the home over to this checkout: `ona down` there, then remove "
        f"{home / CHECKOUT}"
    )
