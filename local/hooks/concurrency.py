"""CloudWatch: how many invocations run at once, as AWS/Lambda's ConcurrentExecutions.

By function, and by account without dimensions. An invocation that waits for a sandbox of this machine
counts: AWS would run it. Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions".
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace


class InFlight:
    """How many calls run, by a name."""

    def __init__(self) -> None:
        self._lock, self._running = threading.Lock(), Counter[str]()

    @contextmanager
    def running(self, name: str) -> Iterator[tuple[int, int]]:
        """While a call runs: how many of this name run then, and how many in all.

        >>> calls = InFlight()
        >>> with calls.running("a") as first, calls.running("b") as second:
        ...     first, second
        ((1, 1), (1, 2))
        >>> with calls.running("a") as again:
        ...     again
        (1, 1)
        """
        with self._lock:
            self._running[name] += 1
            now = self._running[name], self._running.total()
        try:
            yield now
        finally:
            with self._lock:
                self._running[name] -= 1


def install() -> None:
    """Apply the hook, outside of the one that waits for a sandbox. Raises HookBroken."""
    from ministack.services import lambda_svc

    run, calls = private(lambda_svc, "_execute_function_warm"), InFlight()

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        name = str(function["config"]["FunctionName"])
        with calls.running(name) as (own, every):
            metrics.record("AWS/Lambda", "ConcurrentExecutions", {"FunctionName": name}, own, "Count")
            metrics.record("AWS/Lambda", "ConcurrentExecutions", {}, every, "Count")
            return run(function, event, request_id)

    replace(lambda_svc, "_execute_function_warm", execute)
