"""Waiting in tests for what comes in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What `what` returns, as soon as that is something. Raises TimeoutError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come")
        time.sleep(0.05)
    return found
