"""However a command ends, no traceback: Ctrl-C, a reader that is gone, closed streams, a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

OPS = [sys.executable, "-m", "ops"]


def begin(
    home: Path,
    *words: str,
    path: str = f"{ROOT}:{ROOT}/functions",
    closed: int | None = None,
    **named: Any,
) -> subprocess.Popen[str]:
    environment = {**os.environ, "ONA_HOME": str(home), "PYTHONPATH": path}
    environment.pop("AWS_ENDPOINT_URL", None)
    named = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **named}

    def before() -> None:
        """Whoever runs these tests in the background ignores Ctrl-C, and a child inherits that."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if closed is not None:
            os.close(closed)

    named["preexec_fn"] = before
    return subprocess.Popen([*OPS, *words], cwd=ROOT, env=environment, text=True, **named)


def test_ctrl_c_while_it_waits_ends_without_a_traceback(tmp_path: Path) -> None:
    from local import cloud

    home = tmp_path / "home"
    (home / "state").mkdir(parents=True)
    with cloud.changing(home):
        process = begin(home, "down", start_new_session=True)
        assert process.stderr is not None
        assert "waiting for process" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == ""


def test_ctrl_c_while_it_loads_ends_without_a_traceback(tmp_path: Path) -> None:
    """A module that presses Ctrl-C when it is imported stands before the real one."""
    (tmp_path / "typer.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\n")
    process = begin(tmp_path / "home", "down", path=f"{tmp_path}:{ROOT}:{ROOT}/functions")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""


def test_a_reader_that_is_gone_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = begin(tmp_path / "home", "doctor", stdout=writing)
    os.close(writing)
    _, errors = process.communicate(timeout=60)
    assert errors == ""


@pytest.mark.parametrize("stream", [0, 1, 2])
def test_a_closed_stream_is_no_error(tmp_path: Path, stream: int) -> None:
    process = begin(tmp_path / "home", "down", closed=stream)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""
    assert output == ("" if stream == 1 else "it did not run\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        process = begin(tmp_path / "home", "doctor", stdout=full)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == "[Errno 28] No space left on device\n"


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    """A profile of AWS whose addresses lead nowhere."""
    config = tmp_path / "config"
    config.write_text(
        "[profile acme]\nregion = af-south-1\nendpoint_url = http://127.0.0.1:1\n"
        "aws_access_key_id = x\naws_secret_access_key = x\nmax_attempts = 1\n"
    )
    environment = {"AWS_CONFIG_FILE": str(config), "AWS_EC2_METADATA_DISABLED": "true"}
    process = subprocess.run(
        [*OPS, "status", "--profile", "acme"],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": f"{ROOT}:{ROOT}/functions"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 1
    assert "Could not connect to the endpoint" in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
