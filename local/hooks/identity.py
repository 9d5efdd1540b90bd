"""Health: the answer says which home the server serves, so that nobody takes another for his own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from local.hooks.base import private, replace


def install() -> None:
    """Apply the hook."""
    from ministack import app

    otherwise = private(app, "_handle_health_request")
    home = str(Path(os.environ["STATE_DIR"]).parent) if "STATE_DIR" in os.environ else ""

    def health(path: str, request_id: str) -> Any:
        answer = otherwise(path, request_id)
        if answer is None:
            return None
        status, headers, body = answer
        said = {**json.loads(body), "ona": {"home": home, "pid": os.getpid()}}
        return status, headers, json.dumps(said).encode()

    replace(app, "_handle_health_request", health)
