"""A disk that can be full, fail, or lose what was not synchronised: put this folder on PYTHONPATH.

It stands outside the embedded cloud and replaces functions of `os` in its process. Variables:

DISK_ROOT: the folder that it concerns, a home's.
DISK_FLAGS: a folder; while `full` is in it writes fail with ENOSPC, with `full-for-objects` those of
    objects' files; while `broken` is in it synchronising
    fails with EIO, while `readonly` is in it opening for writing fails with EROFS.
DISK_MIRROR: a folder for what was synchronised: contents by inode, folders' entries by inode.
DISK_KILL: "name:number": the process group is killed before that call of a function of `os`;
    "name@part:number" counts only calls on paths that contain the part.
"""

import contextlib
import errno
import json
import os
import signal
import stat

ROOT = os.path.realpath(os.environ.get("DISK_ROOT", "/nowhere"))
FLAGS = os.environ.get("DISK_FLAGS", "")
MIRROR = os.environ.get("DISK_MIRROR", "")
KILL = os.environ.get("DISK_KILL", "")
_real = {
    name: getattr(os, name)
    for name in (
        "write",
        "pwrite",
        "fsync",
        "fdatasync",
        "posix_fallocate",
        "open",
        "mkdir",
        "rename",
        "replace",
    )
}
_calls = {"count": 0}


def _concerned(handle):
    try:
        path = os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return ""
    return path if path.startswith(ROOT + os.sep) else ""


def _flag(name):
    return bool(FLAGS) and os.path.exists(os.path.join(FLAGS, name))


def _fail(number):
    raise OSError(number, os.strerror(number))


def _maybe_kill(name, *, path):
    wanted, _, number = KILL.partition(":")
    kind, _, part = wanted.partition("@")
    if kind == name and part in path:
        _calls["count"] += 1
        if _calls["count"] == int(number):
            os.killpg(0, signal.SIGKILL)


def _keep(handle):
    """What is on disk for sure now."""
    about = os.fstat(handle)
    name = os.path.join(MIRROR, str(about.st_ino))
    path = os.readlink(f"/proc/self/fd/{handle}")
    if stat.S_ISDIR(about.st_mode):
        entries = {item.name: item.inode() for item in os.scandir(path)}
        _store(name + ".dir", json.dumps(entries).encode())
    else:
        with open(f"/proc/self/fd/{handle}", "rb") as copy:
            data = copy.read()
        _store(name + ".file", str(len(data)).encode() + b"\n" + data.rstrip(b"\0"))


def _store(name, data):
    aside = name + f".{os.getpid()}.{id(data)}"
    handle = _real["open"](aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    view = memoryview(data)
    while view:
        view = view[_real["write"](handle, view) :]
    os.close(handle)
    _real["rename"](aside, name)


def _new(inode):
    for end in (".dir", ".file"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(MIRROR, f"{inode}{end}"))
    _store(os.path.join(MIRROR, f"{inode}.new"), b"")  # older names of this inode are of another file


def _writing(name):
    real = _real[name]

    def call(handle, *arguments):
        if path := _concerned(handle):
            _maybe_kill(name, path=path)
            if _flag("full") or (_flag("full-for-objects") and "/s3/" in path):
                _fail(errno.ENOSPC)
        return real(handle, *arguments)

    return call


def _syncing(name):
    real = _real[name]

    def call(handle):
        path = _concerned(handle)
        if path:
            _maybe_kill(name, path=path)
            if _flag("broken"):
                _fail(errno.EIO)
        real(handle)
        if path and MIRROR:
            _keep(handle)

    return call


def _open(path, flags, *rest, **named):
    text = os.path.abspath(os.fspath(path)) if not isinstance(path, int) else ""
    if not text.startswith(ROOT + os.sep) or not flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
        return _real["open"](path, flags, *rest, **named)
    if _flag("readonly"):
        _fail(errno.EROFS)
    there = os.path.exists(text)
    handle = _real["open"](path, flags, *rest, **named)
    if MIRROR and not there:
        _new(os.fstat(handle).st_ino)
    return handle


def _mkdir(path, *rest, **named):
    result = _real["mkdir"](path, *rest, **named)
    if MIRROR and os.path.abspath(path).startswith(ROOT + os.sep):
        _new(os.stat(path).st_ino)
    return result


def _renaming(name):
    real = _real[name]

    def call(source, target, **named):
        if os.path.abspath(target).startswith(ROOT + os.sep):
            _maybe_kill(name, path=os.path.abspath(target))
        return real(source, target, **named)

    return call


def _keep_all():
    """At the start everything that is there is on disk."""
    os.makedirs(MIRROR, exist_ok=True)
    for item in os.listdir(MIRROR):
        os.unlink(os.path.join(MIRROR, item))
    for folder, _, names in os.walk(ROOT):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            handle = _real["open"](path, os.O_RDONLY)
            try:
                _keep(handle)
            finally:
                os.close(handle)


if "DISK_ROOT" in os.environ:
    if MIRROR:
        _keep_all()
    for _name in ("write", "pwrite", "posix_fallocate"):
        setattr(os, _name, _writing(_name))
    for _name in ("fsync", "fdatasync"):
        setattr(os, _name, _syncing(_name))
    for _name in ("rename", "replace"):
        setattr(os, _name, _renaming(_name))
    os.open, os.mkdir = _open, _mkdir
    del os.environ["DISK_ROOT"]  # the functions' processes write elsewhere
