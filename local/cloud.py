"""Starting and stopping the embedded cloud, and finding the one that runs.

One server runs from a home: it holds the home's `server.lock` for its life. Whoever starts, deploys, stops
or empties holds `change.lock` meanwhile. `local.record` tells which server runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from local import home as homes
from local import lock, ports, processes, settings
from local.errors import CloudError
from local.home import ROOT, default_home
from local.ports import DEFAULT_PORT, free_port
from local.processes import Process
from local.record import OPERATOR, RECORD, REGION, SERVER_MODULE, Cloud, is_server, running

__all__ = [
    "DEFAULT_PORT",
    "OPERATOR",
    "REGION",
    "ROOT",
    "Cloud",
    "CloudError",
    "NotRunning",
    "changing",
    "clear",
    "default_home",
    "free_port",
    "leftovers",
    "require",
    "running",
    "start",
    "stop",
    "wait_for_change",
]

START_TIMEOUT_S = 120.0
"""So long a server may take to read its state and answer (ours)."""
STOP_TIMEOUT_S = 60.0
"""So long a server may take to save its state (ours)."""
PATIENCE_S = 300.0
"""So long a command waits for another that starts, deploys or stops (ours)."""
INSTEAD = (
    "To stop at once: `ona down --kill`. It ends as a power cut would: nothing that was answered is lost, "
    "and the next `ona up` deploys again what was under way."
)
"""What a person can do who will not wait until somebody else's deployment is over."""
KILL_TIMEOUT_S = 5.0
"""So long a killed process may take to be gone."""
EXIT_HELD = 3
"""The server's exit status when another server holds the home."""
_changing: set[tuple[Path, int]] = set()
"""The homes whose `change.lock` this process holds, each with the thread that took it."""


class NotRunning(CloudError):
    """No server runs from the home."""


def require(home: Path | None = None) -> Cloud:
    """The embedded cloud of a home, when it answers. Raises CloudError with why not and what to do."""
    home = homes.resolved(home)
    homes.check(home)
    wait_for_change(home, lambda: running(home) is not None)
    cloud = running(home)
    if cloud is None:
        _refuse_unseen(home)
        raise NotRunning("the embedded cloud does not run; start it with `ona up`")
    if not _answers(cloud):
        raise NotRunning(f"the embedded cloud ended just now; look at {cloud.log}, then `ona up`")
    return cloud


def wait_for_change(home: Path, until: Callable[[], bool]) -> None:
    """Wait while another command starts, deploys or stops, and until what is awaited is there."""

    def settled() -> bool:
        mine = (home, threading.get_ident()) in _changing
        return mine or until() or not lock.is_held(home / lock.CHANGE)

    with homes.in_words(home):
        processes.wait_until(settled, PATIENCE_S)


def start(
    home: Path | None = None,
    *,
    port: int | None = None,
    keep_state: bool = True,
    extra_environment: dict[str, str] | None = None,
) -> Cloud:
    """Start the embedded cloud in a process of its own and wait until it answers.

    State lies under `home` and survives `stop` and a kill unless `keep_state` is False. One that already
    runs from the same home is returned as it is. Without `port` it is the home's last one, else a free one.
    Raises CloudError: with the end of its log, with who holds the home or the port, or with what is wrong
    with the home.
    """
    home = homes.resolved(home)
    homes.prepare(home)
    environment = settings.environment(home, keep_state) | (extra_environment or {})
    with changing(home), homes.in_words(home):
        while True:
            if earlier := _earlier(home):
                if port not in (None, earlier.port):
                    raise CloudError(
                        f"the embedded cloud of {home} runs already, on port {earlier.port}; "
                        f"to move it: `ona down`, then `ona up --port {port}`"
                    )
                return earlier
            if cloud := _started(home, port, environment):
                return cloud


def stop(home: Path | None = None, *, kill: bool = False) -> bool:
    """Stop the embedded cloud of a home folder; `kill` gives it no chance to save. False: none ran.

    Only processes of this home are ended, whatever `cloud.json` says. Raises CloudError.
    """
    home = homes.resolved(home)
    if kill and (cloud := running(home)) is not None:  # as a power cut, it waits for nobody
        processes.end([cloud.process], signal.SIGKILL, KILL_TIMEOUT_S)
        _end_leftovers(home, servers=False)  # somebody may be starting the next one
        return True
    homes.check(home)
    if not homes.is_home(home):
        return False
    with changing(home, instead=INSTEAD), homes.in_words(home):
        cloud = running(home)
        if cloud is None:
            _refuse_unseen(home)
        else:
            processes.end([cloud.process], signal.SIGTERM, STOP_TIMEOUT_S)
        _end_leftovers(home)
        (home / RECORD).unlink(missing_ok=True)
        homes.fresh_folder(home / "tmp")
    return cloud is not None


def clear(home: Path) -> None:
    """Stop the embedded cloud of a home and remove all that the home holds. Raises CloudError."""
    home = homes.resolved(home)
    homes.prepare(home)
    with changing(home), homes.in_words(home):
        stop(home)
        for path in home.iterdir():
            if path.name in lock.FILES:
                continue  # a lock on a removed file keeps nobody out
            if path.is_dir() and not path.is_symlink():
                homes.fresh_folder(path)
                path.rmdir()
            else:
                path.unlink()


@contextlib.contextmanager
def changing(
    home: Path | None = None, *, patience_s: float = PATIENCE_S, instead: str = ""
) -> Iterator[None]:
    """Keep others from starting, stopping, deploying and emptying meanwhile. May be taken again inside.

    Raises `lock.Held` with who holds it after `patience_s`. `instead`: what else a person can do.
    """
    home = homes.resolved(home)
    mine = (home, threading.get_ident())
    if mine in _changing:
        yield
        return
    homes.check(home)
    with homes.in_words(home):
        home.mkdir(parents=True, exist_ok=True)
        doing = processes.this_command()
        held = lock.take(home / lock.CHANGE, doing=doing, patience_s=patience_s, instead=instead)
    _changing.add(mine)
    try:
        yield
    finally:
        _changing.discard(mine)
        held.release()


def leftovers(home: Path) -> list[Process]:
    """Processes of a home's earlier server that live on without it."""
    return [] if running(home) else [process for process, _ in processes.of_home(home)]


def _earlier(home: Path) -> Cloud | None:
    """The server that runs from the home and answers; None when there is none. Raises CloudError."""
    cloud = running(home)
    if cloud is None:
        _refuse_unseen(home)
        return None
    if not lock.is_held(home / lock.SERVER):  # a server of a version before the locks
        processes.end([cloud.process], signal.SIGTERM, STOP_TIMEOUT_S)
        return None
    return cloud if _answers(cloud) else None


def _answers(cloud: Cloud) -> bool:
    """Wait while it starts; False when it ends meanwhile. Raises CloudError when it hangs."""
    gone = False

    def settled() -> bool:
        nonlocal gone
        gone = processes.look(cloud.pid) != cloud.process
        return gone or cloud.healthy()

    if not processes.wait_until(settled, START_TIMEOUT_S):
        raise CloudError(
            f"the embedded cloud of {cloud.home} (process {cloud.pid}) does not answer on port "
            f"{cloud.port}; end it with `ona down --kill`, then `ona up`"
        )
    return not gone


def _started(home: Path, port: int | None, environment: dict[str, str]) -> Cloud | None:
    """Start a server; None: another was quicker, or took the port that was chosen. Raises CloudError."""
    _end_leftovers(home)
    homes.fresh_folder(home / "tmp")
    if port is not None:
        ports.require(port)
    chosen = port or ports.free_port(homes.last_port(home))
    with (home / "cloud.log").open("ab") as log:
        begun = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER_MODULE, str(home)],
            cwd=ROOT,
            env=environment | {"GATEWAY_PORT": str(chosen)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cloud = Cloud(process.pid, chosen, str(home))
    try:
        processes.wait_until(lambda: process.poll() is not None or cloud.healthy(), START_TIMEOUT_S)
        found = running(home) if process.poll() is None and cloud.healthy() else None
        if found is not None:
            homes.claim(home, chosen)
            return found
    except BaseException:
        process.kill()
        process.wait()
        raise
    status = process.poll()
    process.kill()
    process.wait()
    if status == EXIT_HELD:
        return None
    said = cloud.log.read_bytes()[begun:].decode(errors="replace")
    tail = "\n".join(said.splitlines()[-15:])
    # Whoever took the port may be gone again by now: then only the server's last words tell of it.
    if status is not None and (f":{chosen} is already in use" in tail or not ports.is_free(chosen)):
        if port is not None:
            ports.require(port)
        return None
    raise CloudError(f"the embedded cloud did not start on port {chosen}; {cloud.log}:\n{tail}")


def _end_leftovers(home: Path, *, servers: bool = True) -> None:
    """End what an earlier server of this home left behind. Raises CloudError when it does not end."""
    found = [process for process, _ in processes.of_home(home)]
    if not servers:
        found = [process for process in found if not is_server(process)]
    left = processes.end(found, signal.SIGKILL, KILL_TIMEOUT_S)
    if left:
        raise CloudError(f"process {left[0].pid} of {home} cannot be ended: {left[0].command}")


def _refuse_unseen(home: Path) -> None:
    """Raise CloudError when somebody holds the home who is not among the processes here.

    A server that was killed holds it a little longer than it is seen: until its last thread has ended.
    """
    if not processes.wait_until(lambda: not lock.is_held(home / lock.SERVER), KILL_TIMEOUT_S):
        raise CloudError(
            f"{home} is held by {lock.holder(home / lock.SERVER)}, which cannot be seen from here: it "
            "runs on another machine, in a container or for another user. Stop it there with `ona down`."
        )
