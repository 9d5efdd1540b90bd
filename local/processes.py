"""Processes by identity, so that nobody ends one that is not meant.

A process id is used again after its process ended. A process is therefore known by its id, its start time
and its command line, read from `/proc` (Linux) or from `ps` (macOS). All processes that a server started
carry its home's folders in their environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_START_FIELD = 19
"""Field 22 of /proc/<pid>/stat (proc(5)): clock ticks from boot to start; counted after the name."""
_POLL_S = 0.02
_PS = "/bin/ps"
"""Where Linux and macOS have it."""
_LSTART_LETTERS = 24
"""Length of ps's `lstart` in the C locale: "Thu Nov 26 15:32:10 2026"."""


@dataclass(frozen=True)
class Process:
    """A living process: two of these are equal only when they are the same process."""

    pid: int
    started: str
    command: str


def look(pid: int) -> Process | None:
    """The living process of this id, or None. A zombie does not live."""
    if pid <= 0:
        return None
    return _from_proc(pid) if _has_proc() else _from_ps(pid)


def _has_proc() -> bool:
    return (PROC / "self" / "stat").exists()


def _from_proc(pid: int) -> Process | None:
    try:
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rsplit(")", 1)[-1].split()
        command = (PROC / str(pid) / "cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    boot = ""
    with contextlib.suppress(OSError):
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    if not fields or fields[0] in "ZX":
        return None
    words = os.fsdecode(command.rstrip(b"\0").replace(b"\0", b" "))
    return Process(pid, f"{fields[_START_FIELD]} ticks after boot {boot}", words)


def _from_ps(pid: int) -> Process | None:
    told = _ps("-ww", "-o", "lstart=", "-o", "stat=", "-o", "command=", "-p", str(pid)).strip("\n")
    state, _, command = told[_LSTART_LETTERS:].strip().partition(" ")
    if not state or state.startswith("Z"):
        return None
    return Process(pid, told[:_LSTART_LETTERS], command.strip())


def _ps(*arguments: str) -> str:
    """What `ps` prints. Start times and names do not depend on the locale."""
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run([_PS, *arguments], env=environment, capture_output=True, check=False)
    return os.fsdecode(done.stdout)


def of_home(home: Path) -> list[tuple[Process, dict[str, str]]]:
    """The server of a home and all that it started, each with its environment; without this process.

    They are found whoever their parent is now: sandboxes outlive a server that was killed.
    """
    wanted = {"STATE_DIR": str(home / "state"), "TMPDIR": str(home / "tmp")}
    found = []
    for pid, environment in _environments(wanted):
        if pid != os.getpid() and wanted.items() <= environment.items() and (process := look(pid)):
            found.append((process, environment))
    return found


def _environments(wanted: dict[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Process ids and environments, of the processes that this user may read."""
    if not _has_proc():
        yield from _environments_by_ps(wanted)
        return
    marks = [os.fsencode(f"{name}={value}\0") for name, value in wanted.items()]
    for pid in filter(str.isdigit, os.listdir(PROC)):
        with contextlib.suppress(OSError):
            block = (PROC / pid / "environ").read_bytes()
            if all(mark in block for mark in marks):
                lines = os.fsdecode(block).split("\0")
                yield int(pid), dict(line.partition("=")[::2] for line in lines)


def _environments_by_ps(wanted: dict[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
    """`ps` writes command and environment in one line; a value ends where the next name begins."""
    own = f"-{'E' if sys.platform == 'darwin' else 'e'}"
    for line in _ps(own, "-x", "-ww", "-o", "pid=", "-o", "command=").splitlines():
        pid, _, rest = line.strip().partition(" ")
        held = {name: value for name, value in wanted.items() if f" {name}={value} " in f"{rest} "}
        port = rest.partition(" GATEWAY_PORT=")[2].split(" ", 1)[0]
        yield int(pid), held | {"GATEWAY_PORT": port}


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to this very process. False: it has ended, and whoever has its id now is let alone.

    Linux holds the process by a descriptor between the look and the signal (pidfd_open(2)). Raises
    PermissionError when it belongs to another user.
    """
    descriptor = None
    if hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal"):
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return False
        except OSError:  # a kernel or a sandbox without pidfd_open: look, then signal
            descriptor = None
    try:
        if look(process.pid) != process:
            return False
        if descriptor is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return True


def end(processes: Iterable[Process], number: signal.Signals, patience_s: float) -> list[Process]:
    """Signal these processes and wait for their end; returns those that live on after `patience_s`."""
    left = [process for process in processes if send(process, number)]
    return left if not wait_until(lambda: not _living(left), patience_s) else []


def _living(processes: list[Process]) -> bool:
    for process in processes:
        with contextlib.suppress(ChildProcessError):  # our own child: collect it
            os.waitpid(process.pid, os.WNOHANG)
    return any(look(process.pid) == process or _ending(process) for process in processes)


def _ending(process: Process) -> bool:
    """Whether a process was killed and is not gone yet: until then it holds its files, locks and port.

    First its command line is empty, then it is a zombie while other threads of it still end.
    """
    folder = PROC / str(process.pid)
    try:
        fields = (folder / "stat").read_text(errors="replace").rsplit(")", 1)[-1].split()
        same = process.started.startswith(f"{fields[_START_FIELD]} ")
        return same and (fields[0] not in "ZX" or len(os.listdir(folder / "task")) > 1)
    except (OSError, IndexError):
        return False


def wait_until(done: Callable[[], bool], patience_s: float) -> bool:
    """Whether it became true within so many seconds."""
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def this_command() -> str:
    """This command in a few words, for those who wait for it."""
    program = Path(sys.argv[0]) if sys.argv else Path("python")
    name = {"ops": "ona"}.get(program.parent.name, program.parent.name)
    return " ".join([name if program.name == "__main__.py" else program.name, *sys.argv[1:3]])[:60]
