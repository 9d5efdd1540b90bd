"""Only the process that is meant is ended: id, start time and command line say which it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local import ports, processes
from tests.fakes.sleeper import Sleepers


@pytest.fixture
def sleepers() -> Iterator[Sleepers]:
    made = Sleepers()
    yield made
    made.end()


@pytest.fixture(params=["proc", "ps"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to look: Linux has /proc, macOS has ps alone."""
    if request.param == "ps":
        monkeypatch.setattr(processes, "PROC", Path("/nowhere"))
    elif not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc")
    return str(request.param)


def test_a_process_is_the_same_at_every_look_and_another_is_not(source: str, sleepers: Sleepers) -> None:
    one, two = sleepers.start(), sleepers.start()
    first = processes.look(one.pid)
    assert first is not None
    assert first == processes.look(one.pid)
    assert "time.sleep" in first.command
    assert first != processes.look(two.pid)


@pytest.mark.parametrize("pid", [0, -1, 2**22 - 1])
def test_no_process_has_such_an_id(source: str, pid: int) -> None:
    assert processes.look(pid) is None


def test_a_zombie_does_not_live(source: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert processes.look(ended.pid) is None
    ended.wait()


@pytest.mark.parametrize(
    "forge",
    [
        lambda process: replace(process, started="an earlier time"),
        lambda process: replace(process, command="python -m local.server /home"),
        lambda process: replace(process, started=""),
    ],
)
def test_a_foreign_process_with_the_same_id_is_let_alone(
    source: str, sleepers: Sleepers, forge: Callable[[processes.Process], processes.Process]
) -> None:
    foreign = sleepers.start()
    real = processes.look(foreign.pid)
    assert real is not None
    assert processes.send(forge(real), signal.SIGKILL) is False
    assert processes.end([forge(real)], signal.SIGKILL, 0) == []
    assert foreign.poll() is None


def test_the_process_that_is_meant_ends(source: str, sleepers: Sleepers) -> None:
    meant = sleepers.start()
    real = processes.look(meant.pid)
    assert real is not None
    assert processes.end([real], signal.SIGKILL, 5) == []
    assert processes.look(meant.pid) is None
    assert processes.send(real, signal.SIGKILL) is False, "it has ended already"


def test_processes_of_a_home_are_found_and_those_of_another_are_not(
    source: str, sleepers: Sleepers, tmp_path: Path
) -> None:
    home, other = tmp_path / "a home", tmp_path / "a home too"
    mine = sleepers.start(home)
    sleepers.start(other)
    sleepers.start(STATE_DIR=str(home / "state"))
    assert [process.pid for process, _ in processes.of_home(home)] == [mine.pid]


def test_without_a_descriptor_of_the_process_it_looks_and_signals(
    monkeypatch: pytest.MonkeyPatch, sleepers: Sleepers
) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    meant = sleepers.start()
    real = processes.look(meant.pid)
    assert real is not None
    assert processes.send(replace(real, started="earlier"), signal.SIGKILL) is False
    assert processes.end([real], signal.SIGKILL, 5) == []


LISTEN = """
import socket, threading, time
held = bytearray(1 << 28)
server = socket.create_server(("127.0.0.1", 0))
for _ in range(60):
    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
print(server.getsockname()[1], flush=True)
time.sleep(300)
"""


def test_a_process_has_ended_when_its_port_is_free_again() -> None:
    """A killed process is a zombie while its other threads still end."""
    for _ in range(5):
        meant = subprocess.Popen([sys.executable, "-c", LISTEN], stdout=subprocess.PIPE, text=True)
        assert meant.stdout is not None
        port = int(meant.stdout.readline())
        real = processes.look(meant.pid)
        assert real is not None
        assert not ports.is_free(port)
        assert processes.end([real], signal.SIGKILL, 20) == []
        assert ports.is_free(port)
