"""SFN_WAIT_SCALE shortens the pauses of retries and of Wait states, for tests.

With 0.02 a pause of 30 s takes 0.6 s. As many retries are made as before. It holds for Step Functions, and
for Lambda's asynchronous invocations (`asynchronous`).
"""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

from local.hooks.base import private, replace


def scale() -> float:
    """So much of a pause is waited."""
    return float(os.environ.get("SFN_WAIT_SCALE", "1"))


def install() -> None:
    """Apply the hooks, unless the scale is 1."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function

    part = scale()
    if part == 1.0:
        return
    private(retrier_decl, "time")
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * part))
    interval = private(wait_function.WaitFunction, "_wait_interval")

    def scaled(self: Any, env: Any, wait_seconds: float) -> Any:
        return interval(self, env=env, wait_seconds=wait_seconds * part)

    replace(wait_function.WaitFunction, "_wait_interval", scaled)
