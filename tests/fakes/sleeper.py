"""Processes that only sleep: foreign ones that must survive, and sandboxes that a server left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Sleepers:
    """Starts sleeping processes, each leader of a group of its own, and ends them afterwards."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(
        self, home: Path | None = None, *arguments: str, **environment: str
    ) -> subprocess.Popen[bytes]:
        """One that sleeps; with `home` it looks like a process of that home's server."""
        marks = {"STATE_DIR": str(home / "state"), "TMPDIR": str(home / "tmp")} if home else {}
        process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(300)", *arguments],
            env={**os.environ, **marks, **environment},
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """End them all."""
        for process in self._started:
            process.kill()
            process.wait()
