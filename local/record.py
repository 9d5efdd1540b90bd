"""Which server runs from a home: what `cloud.json` says, and whether that is true.

`cloud.json` is written by the server. It is believed only while the process of that id, start time and
command line lives; else the home's lock and the process table tell.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import home as homes
from local import lock, ports, processes
from local.processes import Process
from local.state.files import read_file

REGION = "af-south-1"
RECORD = "cloud.json"
SERVER_MODULE = "local.server"
OPERATOR = "embedded"
"""Both halves of the operator's credentials, the account's root (`local/hooks/roles.py`)."""


@dataclass(frozen=True)
class Cloud:
    """A running embedded cloud. `started` and `command` say which process `pid` meant."""

    pid: int
    port: int
    home: str
    started: str = ""
    command: str = ""

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Its log."""
        return Path(self.home) / "cloud.log"

    @property
    def process(self) -> Process:
        """Its process; it may have ended."""
        return Process(self.pid, self.started, self.command)

    def environment(self) -> dict[str, str]:
        """What AWS tools need to talk to it (`eval "$(ona env)"`)."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": OPERATOR,
            "AWS_SECRET_ACCESS_KEY": OPERATOR,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """A boto3 client for it, one a service: to make one costs as much as ten calls."""
        return _client(self, service)

    def healthy(self) -> bool:
        """Whether it answers on its port, and it is this home's server that answers."""
        return ports.served(ports.health(self.port)) == (self.home, self.pid)


@functools.cache
def _client(cloud: Cloud, service: str) -> Any:
    """Of this server: one that is started after it has clients of its own."""
    import boto3
    from botocore.config import Config

    environment = cloud.environment()
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


def is_server(process: Process) -> bool:
    """Whether a process of a home is its server; the others are sandboxes."""
    return f"-m {SERVER_MODULE}" in process.command


def running(home: Path | None = None) -> Cloud | None:
    """The embedded cloud that runs from a home folder, or None. It may not answer yet: `require` waits."""
    home = homes.resolved(home)
    cloud = _recorded(home)
    if cloud and cloud.home == str(home) and cloud.started and processes.look(cloud.pid) == cloud.process:
        return cloud
    with homes.in_words(home):
        if not (cloud and not cloud.started) and not lock.is_held(home / lock.SERVER):
            return None  # only a server of a version before the locks runs without one
    return _in_process_table(home)


def _recorded(home: Path) -> Cloud | None:
    """What `cloud.json` says, when it has the right form."""
    try:
        said = json.loads(read_file(home / RECORD))
        cloud = Cloud(**said)
    except (OSError, ValueError, TypeError):
        return None
    texts = (cloud.home, cloud.started, cloud.command)
    numbers = (cloud.pid, cloud.port)
    sound = all(type(text) is str for text in texts) and all(type(number) is int for number in numbers)
    return cloud if sound else None


def write(home: Path) -> None:
    """Write `cloud.json` for this process, which is the server and holds the lock."""
    process = processes.look(os.getpid())
    port = int(os.environ["GATEWAY_PORT"])
    if process is not None:
        cloud = Cloud(process.pid, port, str(home), process.started, process.command)
        homes.write(home / RECORD, json.dumps(asdict(cloud)))


def _in_process_table(home: Path) -> Cloud | None:
    """The home's server, found among the processes: `cloud.json` is missing, damaged or old."""
    for process, environment in processes.of_home(home):
        port = environment.get("GATEWAY_PORT", "")
        if is_server(process) and port.isdigit():
            return Cloud(process.pid, int(port), str(home), process.started, process.command)
    return None
