"""Lambda: a function that uses more memory than it has is killed, as AWS kills it.

AWS counts what the sandbox holds resident. Here the kernel keeps the greatest resident size of each worker
(`VmHWM`), so that no short peak is missed; a thread reads it while the worker runs. Handlers load the
libraries of `.venv`, built for this machine: measured sizes are near AWS's, not equal.

Where the kernel has no `/proc` (macOS) memory is not enforced.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

from local.hooks.base import private, replace

KILLED = "Runtime exited with error: signal: killed"
"""AWS's words for a sandbox that used too much memory."""
_LOOK_SECONDS = 0.1
"""How often the watcher looks. The peak is not missed between two looks, only found later."""
_local = threading.local()


def peak_bytes(pid: int) -> int:
    """The greatest resident size of a process so far, with what its children hold now. 0: it is gone.

    >>> import os
    >>> peak_bytes(os.getpid()) > 1_000_000 or not Path("/proc").exists()
    True
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024 + sum(peak_bytes(int(child)) for child in children)


class _Watched:
    """A worker while it runs an invocation."""

    def __init__(self, worker: Any) -> None:
        self.worker = worker
        self.limit = int(worker.config.get("MemorySize", 128)) * 1024 * 1024
        self.peak = 0
        self.killed = False

    def look(self) -> None:
        """Kill the worker's process when it has used too much."""
        process = self.worker._proc
        if process is None or process.poll() is not None:
            return
        self.peak = max(self.peak, peak_bytes(process.pid))
        if self.peak > self.limit:
            self.killed = True
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def install() -> None:
    """Apply the limit."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    running: set[_Watched] = set()
    lock = threading.Lock()

    def watch() -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with lock:
                now = list(running)
            for watched in now:
                watched.look()

    invoke = private(lambda_runtime.Worker, "invoke")

    def limited(self: Any, *given: Any, **named: Any) -> dict[str, Any]:
        watched = _Watched(self)
        with lock:
            running.add(watched)
        try:
            answer: dict[str, Any] = invoke(self, *given, **named)
            watched.look()
        except RuntimeError:
            if not watched.killed:  # else it died while it loaded its modules
                raise
            answer = {"status": "error", "log": ""}
        finally:
            with lock:
                running.discard(watched)
        _local.peak = watched.peak
        return {**answer, "status": "error", "error": KILLED} if watched.killed else answer

    replace(lambda_runtime.Worker, "invoke", limited)
    probe = private(lambda_svc, "_probe_peak_memory_mb")

    def used_megabytes(function: Any) -> Any:
        """For the REPORT line: what the invocation used, which just ended on this thread."""
        peak = _local.__dict__.pop("peak", 0)
        return -(-peak // (1024 * 1024)) or probe(function)

    replace(lambda_svc, "_probe_peak_memory_mb", used_megabytes)
    threading.Thread(target=watch, name="ona-memory", daemon=True).start()
