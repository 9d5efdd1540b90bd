"""The server process of the embedded cloud: `python -m local.server`. Started by `local.cloud`.

Environment: GATEWAY_PORT, BIND_HOST (always loopback here), STATE_DIR and S3_DATA_DIR (what is kept over
a restart), TMPDIR (the sandboxes' folders), SFN_WAIT_SCALE, ONA_LOCAL_SANDBOXES, ONA_LOCAL_EXECUTIONS.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Install the hooks and serve until SIGTERM."""
    os.environ.setdefault("GATEWAY_PORT", "4566")
    os.environ["BIND_HOST"] = "127.0.0.1"
    os.environ["MOTO_PORT"] = os.environ["GATEWAY_PORT"]  # where moto's tasks send their calls
    # The home's lock is taken here, before anything reads or writes the state.
    from local.hooks import install

    try:
        install()
    except OSError as error:
        sys.exit(f"the home's state cannot be written: {error}")
    from ministack.app import main as serve

    sys.argv = sys.argv[:1]
    serve()


if __name__ == "__main__":
    main()
