"""The operating system holds the lock: one holder, and it is free when the holder is gone."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import cloud, lock
from local.errors import CloudError
from tests.paths import ROOT

HOLD = """
import subprocess, sys, time
from pathlib import Path
from local import lock
held = lock.take(Path(sys.argv[1]), doing="the other", patience_s=0)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print(child.pid, flush=True)
time.sleep(300)
"""


def test_one_holds_it_and_the_next_is_told_who(tmp_path: Path) -> None:
    path = tmp_path / lock.SERVER
    assert not lock.is_held(path)
    held = lock.take(path, doing="ona up", patience_s=0)
    assert lock.is_held(path)
    with pytest.raises(lock.Held, match=r"held by process \d+ \(ona up\) on "):
        lock.take(path, doing="ona down", patience_s=0)
    held.release()
    assert not lock.is_held(path)
    lock.take(path, doing="ona down", patience_s=0).release()


def test_who_waits_hears_for_whom_how_long_and_what_else_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, free = tmp_path / lock.CHANGE, tmp_path / lock.SERVER
    held = lock.take(path, doing="ona up", patience_s=0)
    with pytest.raises(lock.Held, match=r"process \d+ \(ona up\).*nothing was done. Do this instead"):
        lock.take(path, doing="ona down", patience_s=1.3, instead="Do this instead")
    [line] = capsys.readouterr().err.splitlines()
    for word in ("(ona up)", "at most", "Do this instead", str(tmp_path)):
        assert word in line
    held.release()
    lock.take(free, doing="ona down", patience_s=1.3, instead="Do this instead").release()
    assert capsys.readouterr().err == "", "who need not wait hears nothing"


def test_a_kill_releases_it_although_a_child_lives_on(tmp_path: Path) -> None:
    import os
    import signal

    path = tmp_path / lock.SERVER
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    child = int(other.stdout.readline())
    try:
        assert lock.is_held(path)
        other.kill()
        other.wait()
        os.kill(child, 0)
        assert not lock.is_held(path)
    finally:
        os.kill(child, signal.SIGKILL)


def test_looking_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / lock.SERVER
    lock.take(path, doing="x", patience_s=0).release()
    for _ in range(50):
        lock.is_held(path)
        lock.take(path, doing="x", patience_s=0).release()


def test_a_lock_on_a_removed_file_is_no_longer_valid_and_keeps_its_holder_out(tmp_path: Path) -> None:
    path = tmp_path / lock.SERVER
    first = lock.take(path, doing="x", patience_s=0)
    assert first.valid()
    path.unlink()
    assert not first.valid()
    second = lock.take(path, doing="y", patience_s=0)
    assert second.valid()
    assert not first.valid()
    first.release()
    second.release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(number, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(CloudError, match="has no file locks"):
        lock.take(tmp_path / lock.SERVER, doing="x", patience_s=0)
    with pytest.raises(CloudError, match="local disk"):
        cloud.start(tmp_path / "home")


def test_the_same_command_may_take_it_again(tmp_path: Path) -> None:
    with cloud.changing(tmp_path), cloud.changing(tmp_path):
        assert lock.is_held(tmp_path / lock.CHANGE)
        cloud.wait_for_change(tmp_path, lambda: False)  # nobody waits for himself
    assert not lock.is_held(tmp_path / lock.CHANGE)


def test_it_may_be_taken_before_the_home_exists(tmp_path: Path) -> None:
    with cloud.changing(tmp_path / "a" / "home"):
        assert lock.is_held(tmp_path / "a" / "home" / lock.CHANGE)


def test_another_thread_is_another_command(tmp_path: Path) -> None:
    import threading

    refused: list[Exception] = []

    def other() -> None:
        try:
            with cloud.changing(tmp_path, patience_s=0):
                pass
        except lock.Held as error:
            refused.append(error)

    with cloud.changing(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
