"""The fork server: a process that has loaded the libraries that sandboxes share, and forks sandboxes.

A new Python process that imports boto3, pydantic and pandas takes half a second of CPU time; a fork of a
process that has them takes some milliseconds, and shares their memory. Started as a script by
`local.hooks.forked_sandboxes`, it loads modules only: no client, no session, no thread. What a sandbox has
beyond them is its own: environment, folder, module path, standard streams, random numbers.

Messages go over a socket of packets, in JSON. To the server once: the names of all modules that are loaded
and how many threads there are. From the server for each sandbox: the script, its environment and its
folder, with its three streams. To the server: the sandbox's process id, with a descriptor of the process,
so that the id is never mistaken for a later process's. A request that names modules, with a socket, makes a
fork server that has loaded these too. It ends when the server does.

Nothing but Python's own modules is imported at the top: a sandbox would see it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from typing import Any

MOST_BYTES = 1 << 18
"""Of one message. A larger one ends the fork server, and sandboxes start plainly then."""
STREAMS = 3
"""Standard input, output and error."""


def load(names: list[str]) -> None:
    """Load modules; one that cannot be loaded here is left to the sandbox, which then says why."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def ready(channel: socket.socket, names: list[str]) -> None:
    """Load modules and tell the server what is here now."""
    load(names)
    gc.collect()
    gc.freeze()  # the collector writes into no page that sandboxes share
    told = {"modules": sorted(sys.modules), "threads": len(os.listdir("/proc/self/task"))}
    channel.send(json.dumps(told).encode())


def serve(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork sandboxes until the server ends (None). In a sandbox: what it is to run, and its streams."""
    while True:
        message, given, _, _ = socket.recv_fds(channel, MOST_BYTES, STREAMS)
        if not message:
            return None
        request = json.loads(message)
        pid = os.fork()
        if pid == 0:
            channel.close()
            if "modules" not in request:
                return request, given
            channel = socket.socket(fileno=given[0])
            ready(channel, request["modules"])
            continue
        for descriptor in given:
            os.close(descriptor)
        answer = [json.dumps({"pid": pid}).encode()]
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:  # it has ended at once, killed for lack of memory
            channel.send(answer[0])
            continue
        socket.send_fds(channel, answer, [process])
        os.close(process)


def become(request: dict[str, Any], streams: list[int]) -> str:
    """Make this process the sandbox of a script, as if Python had been started with it; the script."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    if "numpy.random" in sys.modules:  # Python's own generator is sown anew by the fork
        sys.modules["numpy.random"].seed()
    script = str(request["script"])
    sys.argv[:] = [script]
    sys.path.insert(0, os.path.dirname(script))
    return script


def main() -> str:
    """Load, serve, and answer what to run in a sandbox; nothing where the server has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended sandboxes leave nothing to collect
    channel = socket.socket(fileno=int(sys.argv[1]))
    ready(channel, sys.argv[2:])
    asked = serve(channel)
    return become(*asked) if asked else ""


if __name__ == "__main__" and (_script := main()):
    runpy.run_path(_script, run_name="__main__")
