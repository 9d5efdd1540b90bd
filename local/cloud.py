"""Starting and stopping the embedded cloud, and finding the one that runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REGION = "af-south-1"
ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 4566
START_TIMEOUT_S = 60.0
OPERATOR = "embedded"
"""Both halves of the operator's credentials, the account's root (`local/hooks/roles.py`)."""


class CloudError(RuntimeError):
    """The embedded cloud cannot be started or reached; the text says why and what to do."""


@dataclass(frozen=True)
class Cloud:
    """A running embedded cloud."""

    pid: int
    port: int
    home: str

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Its log."""
        return Path(self.home) / "cloud.log"

    def environment(self) -> dict[str, str]:
        """What AWS tools need to talk to it (`eval "$(ona env)"`)."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": OPERATOR,
            "AWS_SECRET_ACCESS_KEY": OPERATOR,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """A boto3 client for it."""
        import boto3
        from botocore.config import Config

        environment = self.environment()
        return boto3.client(
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                inject_host_prefix=False,
                s3={"addressing_style": "path"},
                retries={"max_attempts": 3},
            ),
        )

    def healthy(self) -> bool:
        """Whether it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[-1].split()[0] == "Z")


def free_port(preferred: int = DEFAULT_PORT) -> int:
    """The preferred port when nobody has it, else one that is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CloudError("no free port on 127.0.0.1")


def default_home() -> Path:
    """Where the embedded cloud of this checkout keeps its state: ONA_HOME, else `.ona/`."""
    return Path(os.environ.get("ONA_HOME", ROOT / ".ona"))


def running(home: Path | None = None) -> Cloud | None:
    """The embedded cloud that runs from a home folder, or None."""
    record = (home or default_home()) / "cloud.json"
    try:
        cloud = Cloud(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return cloud if _alive(cloud.pid) else None


def start(
    home: Path | None = None,
    *,
    port: int | None = None,
    keep_state: bool = True,
    extra_environment: dict[str, str] | None = None,
) -> Cloud:
    """Start the embedded cloud in a process of its own and wait until it answers.

    State lies under `home` and survives `stop` and a kill unless `keep_state` is False. One that already
    runs from the same home is returned as it is. Raises CloudError with the end of its log.
    """
    home = (home or default_home()).resolve()
    earlier = running(home)
    if earlier and earlier.healthy():
        return earlier
    home.mkdir(parents=True, exist_ok=True)
    scratch = home / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    chosen = port or free_port()
    environment = _environment(home, chosen, keep_state=keep_state) | (extra_environment or {})
    with (home / "cloud.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.server"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cloud = Cloud(pid=process.pid, port=chosen, home=str(home))
    (home / "cloud.json").write_text(json.dumps(asdict(cloud)))
    deadline = time.monotonic() + START_TIMEOUT_S
    while not cloud.healthy():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(cloud.log.read_text(errors="replace").splitlines()[-15:])
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise CloudError(f"the embedded cloud did not start on port {chosen}; {cloud.log}:\n{tail}")
        time.sleep(0.05)
    return cloud


def _environment(home: Path, port: int, *, keep_state: bool) -> dict[str, str]:
    """The server's environment: ours without the variables of AWS and of tests, and its own settings."""
    ours = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AWS_", "PYTEST_", "COV_")) and key != "PYTHONPATH"
    }
    persist = "1" if keep_state else "0"
    return ours | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "TMPDIR": str(home / "tmp"),
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
        "PERSIST_STATE": persist,
        "S3_PERSIST": persist,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "LAMBDA_WARM_TTL_SECONDS": "600",
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def stop(home: Path | None = None, *, kill: bool = False) -> bool:
    """Stop the embedded cloud of a home folder; `kill` gives it no chance to save. False: none ran."""
    home = (home or default_home()).resolve()
    cloud = running(home)
    if cloud is None:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if kill:
            os.killpg(cloud.pid, signal.SIGKILL)
        else:
            os.kill(cloud.pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while _alive(cloud.pid) and time.monotonic() < deadline:
        _reap(cloud.pid)
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(cloud.pid, signal.SIGKILL)  # sandboxes that outlived it
    _reap(cloud.pid)
    (home / "cloud.json").unlink(missing_ok=True)
    shutil.rmtree(home / "tmp", ignore_errors=True)
    return True


def _reap(pid: int) -> None:
    """Collect the process when it is our own child; `_alive` would see a zombie otherwise."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
