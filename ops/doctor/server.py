"""Does one server run from the home, does it hold the lock, does it answer?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from local import cloud, lock, ports
from local.record import RECORD
from ona.runtime.words import counted
from ops.doctor.finding import Finding, Subject

TITLE = "server"
ORDER = 20


def examine(subject: Subject) -> Iterator[Finding]:
    """The lock, the process, the answer."""
    home, running = subject.folder, subject.cloud
    if home is None:
        return
    held = lock.is_held(home / lock.SERVER)
    if lock.is_held(home / lock.CHANGE):
        yield Finding.note(f"{lock.holder(home / lock.CHANGE)} starts, deploys or stops it at this moment")
    if running is None:
        yield from _stopped(home, held)
    elif not held:
        yield Finding.problem(
            f"process {running.pid} runs without the home's lock: it is of an older version",
            where=str(home / lock.SERVER),
            mend="`ona up` stops it and starts this version's",
        )
    elif not running.healthy():
        yield Finding.problem(
            f"process {running.pid} holds the home, and {ports.listener(running.port)} is what answers "
            f"on its port {running.port}"
            if ports.health(running.port)
            else f"process {running.pid} holds the home and does not answer on port {running.port}",
            where=str(running.log),
            mend="wait if it was just started; else `ona down --kill`, then `ona up`",
        )
    else:
        yield Finding.good(f"process {running.pid} holds the lock and answers at {running.endpoint}")


def _stopped(home: Path, held: bool) -> Iterator[Finding]:
    if held:
        yield Finding.problem(
            f"{lock.holder(home / lock.SERVER)} holds the home and cannot be seen from here",
            where=str(home / lock.SERVER),
            mend="it runs on another machine, in a container or for another user: `ona down` there",
        )
    elif (home / RECORD).exists():
        yield Finding.note(
            "it does not run, and was not stopped by `ona down`: killed, or the machine was switched off",
            where=str(home / "cloud.log"),
            mend="`ona up` starts it; `ona status` then names what was lost",
        )
    else:
        yield Finding.note("it does not run", mend="`ona up` starts it")
    left = cloud.leftovers(home) if not held else []
    if left:
        names = ", ".join(str(process.pid) for process in left)
        yield Finding.problem(
            f"{counted(len(left), 'process')} of an earlier server: {names}",
            where=left[0].command,
            mend="`ona up` or `ona down` ends them",
        )
