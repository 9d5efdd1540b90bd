"""The server process of the embedded cloud: `python -m local.server <home>`. Started by `local.cloud`.

Environment: GATEWAY_PORT, BIND_HOST (always loopback here), STATE_DIR and S3_DATA_DIR (what is kept over
a restart), TMPDIR (the sandboxes' folders), SFN_WAIT_SCALE, ONA_LOCAL_SANDBOXES, ONA_LOCAL_EXECUTIONS.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
import time
from pathlib import Path

from local import cloud, lock, record
from local.state import objects, packages

LOCK_TIMEOUT_S = 5.0
"""So long the server waits for the home's lock: somebody may be looking whether it is held."""
HOME_CHECK_S = 1.0
EXIT_HOME_GONE = 4


def _hold(home: Path) -> None:
    """Take the home for this process' life, and end at once when the home is removed or replaced.

    Python's descriptors are closed in child processes, so that the lock ends with this process.
    """
    try:
        held = lock.take(home / lock.SERVER, doing="the server", patience_s=LOCK_TIMEOUT_S)
    except lock.Held as error:
        print(error, file=sys.stderr)
        sys.exit(cloud.EXIT_HELD)
    record.write(home)

    def watch() -> None:
        while held.valid():
            time.sleep(HOME_CHECK_S)
        print(f"{home} was removed or replaced: this server ends without saving", file=sys.stderr)
        os._exit(EXIT_HOME_GONE)

    threading.Thread(target=watch, name="ona-home", daemon=True).start()


def _open_files() -> None:
    """Allow as many open files as the system does: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Take the home, install the hooks and serve until SIGTERM."""
    os.environ.setdefault("STATE_DIR", str(cloud.default_home() / "state"))
    os.environ.setdefault("GATEWAY_PORT", "4566")
    os.environ["BIND_HOST"] = "127.0.0.1"
    os.environ["MOTO_PORT"] = os.environ["GATEWAY_PORT"]  # where moto's tasks send their calls
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for function processes; the server's own is kept
    try:
        _hold(Path(os.environ["STATE_DIR"]).parent)
        if os.environ.get("PERSIST_STATE") == "1":
            home = Path(os.environ["STATE_DIR"]).parent
            for item in [*objects.mend(home), *packages.mend(home)]:
                print(item.in_words(), file=sys.stderr, flush=True)
        from local.hooks import install  # reads the state: not before the home is held

        install()
    except OSError as error:
        sys.exit(f"the home's state cannot be written: {error}")
    from ministack.app import app

    from local import serving

    _open_files()
    serving.serve(app, os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"]))


if __name__ == "__main__":
    main()
