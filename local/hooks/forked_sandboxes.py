"""Lambda: sandboxes of Python are forked from a process that has loaded the libraries already.

A cold start took 0.6 to 2.5 s of CPU time, most of it for imports that all functions share. Here a fork
server (`local.forkserver`) loads once what a function's package asks for, and is forked for each sandbox. A
fork of it loads what the layers ask for beside. Each is started when it is first needed.

What a function sees is as after a start of its own:

- Only libraries that the `requirements.txt` of its package or layers names are loaded before it, in
  the very version named there, and boto3, which is the runtime's.
- A function that brings one of the loaded modules itself is started plainly, so that its own is taken.
- So is one that sets a variable that Python or a library reads while it loads.
- Modules of functions, clients and sessions are made after the fork, in each sandbox anew.

Sandboxes start plainly too where the system cannot fork safely or name a process for certain (macOS),
where a fork server has threads or has ended, and for other runtimes than Python.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local import forkserver
from local.hooks.base import private, replace

LIST = "requirements.txt"
START_SECONDS = 60.0
"""So long a fork server may take to load its libraries (ours); a busy machine takes some seconds."""
_RUNTIME = ("botocore.handlers", "boto3.session", "boto3.dynamodb.types", "boto3.dynamodb.conditions")
_RUNTIME_PYTHON = ("zoneinfo", "statistics", "concurrent.futures", "zipfile")
_LIBRARIES = {
    "pydantic": (
        "pydantic.main",
        "pydantic.types",
        "pydantic.functional_serializers",
        "pydantic.functional_validators",
        "pydantic.json_schema",
        "pydantic.root_model",
        "pydantic.plugin._loader",
        "pydantic.plugin._schema_validator",
        "pydantic._internal._generate_schema",
    ),
    "aws-lambda-powertools": (
        "aws_lambda_powertools",
        "aws_lambda_powertools.metrics",
        "aws_lambda_powertools.tracing",
        "aws_lambda_powertools.utilities.feature_flags",
    ),
    "PyYAML": ("yaml",),
    "numpy": ("numpy", "numpy.typing"),
    "pandas": ("pandas",),
    "fastparquet": ("fastparquet",),
    "highspy": ("highspy",),
    "holidays": ("holidays",),
}
"""Modules by distribution: those whose import starts no thread, opens no connection and keeps no clock."""
_READ_AT_START = re.compile(
    r"(PYTHON|LD_|DYLD_|LC_|LANG|MALLOC_|OMP_|OPENBLAS_|MKL_|NPY_|PANDAS_|PYDANTIC_|POWERTOOLS_DE).*"
    r"|AWS_EXECUTION_ENV|AWS_LAMBDA_INITIALIZATION_TYPE"
)
"""Variables that Python, the system or a library reads once: a fork server has read the server's."""
_local = threading.local()
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")


def modules_for(lists: Iterable[Path]) -> tuple[str, ...]:
    """What to load before a sandbox, by the `requirements.txt` of its package and layers.

    >>> modules_for([]) == (*_RUNTIME, *_RUNTIME_PYTHON)
    True
    """
    pins = {pin for path in lists for pin in _pins(path)}
    named = [name for name in _LIBRARIES if any(at == name and _is_here(at, there) for at, there in pins)]
    return (*_RUNTIME, *_RUNTIME_PYTHON, *(module for name in named for module in _LIBRARIES[name]))


def _pins(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [(found[1], found[2]) for line in lines if (found := _PIN.match(line))]


@cache
def _is_here(name: str, version: str) -> bool:
    """Whether this environment has a distribution in this very version."""
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False


class Sandbox:
    """A forked sandbox: as much of `subprocess.Popen` as a worker uses.

    Its end is seen by a descriptor of the process (pidfd_open(2)): another process is its parent.
    """

    def __init__(self, pid: int, process: int, ends: list[int]) -> None:
        self.pid, self._process = pid, process
        self.returncode: int | None = None
        self.stdin = os.fdopen(ends[0], "w", buffering=1)
        self.stdout, self.stderr = os.fdopen(ends[1]), os.fdopen(ends[2])

    def __del__(self) -> None:
        os.close(self._process)

    def poll(self) -> int | None:
        """None while it runs. How it ended is not known; nobody asks."""
        return self._ended(0)

    def _ended(self, seconds: float | None) -> int | None:
        end = select.poll()  # one of its own: threads ask at once
        end.register(self._process, select.POLLIN)
        if self.returncode is None and end.poll(None if seconds is None else seconds * 1000):
            self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if (ended := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired("sandbox", timeout or 0.0)
        return ended

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._process, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The server's side of a fork server. Raises OSError when it does not start, or has ended."""

    def __init__(self, modules: tuple[str, ...], base: ForkServer | None = None) -> None:
        """One with these modules, by a fork of `base` where that is given."""
        self._lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        """Its process, where it is no fork."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            if base:
                os.close(base._ask({"modules": modules}, [theirs.fileno()])[1])
            else:
                self.process = subprocess.Popen(
                    [sys.executable, "-P", forkserver.__file__, str(theirs.fileno()), *modules],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
        self._channel.settimeout(START_SECONDS)
        told = json.loads(self._channel.recv(forkserver.MOST_BYTES) or b"{}")
        if told.get("threads") != 1:
            self._channel.close()  # it ends with that
            raise OSError("a fork server ended while it loaded, or its libraries started threads")
        self.loaded = {name.partition(".")[0] for name in told["modules"]} - {"__main__"}

    def _ask(self, request: dict[str, Any], given: list[int]) -> tuple[int, int]:
        """The process that a request brings: its id and its descriptor."""
        with self._lock:
            try:
                socket.send_fds(self._channel, [json.dumps(request).encode()], given)
                message, processes, _, _ = socket.recv_fds(self._channel, forkserver.MOST_BYTES, 1)
            except OSError:
                self._channel.close()  # a late answer must not be taken for the next one's
                raise
        if not message:
            raise OSError("the fork server has ended")
        if not processes:
            raise OSError("the fork server's process has ended at once, or there are too many open files")
        return int(json.loads(message)["pid"]), processes[0]

    def fork(self, script: str, folder: str, environment: Mapping[str, str]) -> Sandbox:
        """A new sandbox that runs a script."""
        request = {"script": script, "folder": folder, "environment": dict(environment)}
        pipes = [os.pipe(), os.pipe(), os.pipe()]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        try:
            return Sandbox(*self._ask(request, theirs), ours)
        except OSError:
            for end in ours:
                os.close(end)
            raise
        finally:
            for end in theirs:
                os.close(end)


class ForkServers:
    """The fork servers of one embedded cloud, by what their functions' packages and layers ask for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[tuple[tuple[str, ...], tuple[str, ...]], ForkServer | None] = {}

    def start(
        self, script: str, folder: str, environment: Mapping[str, str], layers: list[str]
    ) -> Sandbox | None:
        """A sandbox, or None when it has to be started plainly. `layers`: their names."""
        if not hasattr(os, "pidfd_open") or _reads_at_start(environment):
            return None
        there = [Path(at) for at in environment.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if at]
        package = modules_for([Path(folder, LIST)])
        whole = modules_for([Path(folder, LIST), *(at / LIST for at in there), *_sources(there, layers)])
        beside = tuple(name for name in whole if name not in package)
        brought = _brought([Path(folder), *there])
        if brought & {name.partition(".")[0] for name in whole}:
            return None  # a package that was built: no fork server is started for it
        try:
            server = self._server(package, beside)
            if server is None or server.loaded & brought:
                return None
            return server.fork(script, folder, environment)
        except (OSError, ValueError) as error:
            print(f"a sandbox is started plainly: {error}", file=sys.stderr, flush=True)
            with self._lock:
                self._servers[package, beside] = None
            return None

    def _server(self, package: tuple[str, ...], beside: tuple[str, ...]) -> ForkServer | None:
        with self._lock:
            for key in {(package, ()): None, (package, beside): None}:
                if key not in self._servers:
                    self._servers[key] = None  # one that does not start is not tried again
                    base = self._servers[package, ()] if key[1] else None
                    if base or not key[1]:
                        self._servers[key] = ForkServer(key[1] or key[0], base)
            return self._servers[package, beside]


def _reads_at_start(environment: Mapping[str, str]) -> bool:
    """Whether a function sets what is read once, at the start, otherwise than the server has it."""
    names = {name for name in {*environment, *os.environ} if _READ_AT_START.fullmatch(name)}
    return any(environment.get(name) != os.environ.get(name) for name in names)


def _sources(folders: list[Path], layers: list[str]) -> list[Path]:
    """The lists of layers that a makefile builds: here they lie unbuilt, one folder for several layers.

    The layer `ona-analytics-dev` is what `analytics/requirements.txt` lists.
    """
    words = {word for name in layers for word in name.split("-")}
    return [
        path
        for at in folders
        for path in sorted(at.glob("*/requirements.txt"))
        if path.parent.name in words
    ]


def _brought(folders: list[Path]) -> set[str]:
    """The modules that a package and its layers have at the places where Python looks for them."""
    inner = ("", "python", "python/lib/*/site-packages")
    places = [place for at in folders for name in inner for place in (at.glob(name) if name else [at])]
    return {entry.partition(".")[0] for place in places if place.is_dir() for entry in os.listdir(place)}


class _Subprocess:
    """The module `subprocess` for ministack's workers: a Python worker is forked where that can be."""

    def __init__(self, plain: Any) -> None:
        self._plain, self._servers = plain, ForkServers()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def Popen(self, command: list[str], **named: Any) -> Any:  # noqa: N802 - subprocess's own name
        """As `subprocess.Popen`."""
        sandbox = None
        if command[0] == sys.executable and command[-1].endswith("_worker.py"):
            layers = getattr(_local, "layers", [])
            sandbox = self._servers.start(command[-1], named["cwd"], named["env"], layers)
        return sandbox or self._plain.Popen(command, **named)


def install() -> None:
    """Apply the hook. Raises HookBroken when a private name has moved."""
    from ministack.core import lambda_runtime

    replace(lambda_runtime, "subprocess", _Subprocess(private(lambda_runtime, "subprocess")))
    spawn = private(lambda_runtime.Worker, "_spawn")

    def spawned(self: Any) -> None:
        attached = [
            layer if isinstance(layer, str) else layer["Arn"] for layer in self.config.get("Layers") or []
        ]
        _local.layers = [arn.split(":")[6] for arn in attached]
        spawn(self)

    replace(lambda_runtime.Worker, "_spawn", spawned)
