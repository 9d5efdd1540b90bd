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

_lock = threading.Lock()
_running: Counter[str] = Counter()


@contextmanager
def running(name: str) -> Iterator[tuple[int, int]]:
    """While an invocation of a function runs: how many of it run then, and how many in all.

    >>> with running("a") as first, running("b") as second:
    ...     first, second
    ((1, 1), (1, 2))
    >>> with running("a") as again:
    ...     again
    (1, 1)
    """
    with _lock:
        _running[name] += 1
        now = _running[name], _running.total()
    try:
        yield now
    finally:
        with _lock:
            _running[name] -= 1


def install() -> None:
    """Apply the hook, outside of the one that waits for a sandbox. Raises HookBroken."""
    from ministack.services import lambda_svc

    run = private(lambda_svc, "_execute_function_warm")

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        name = str(function["config"]["FunctionName"])
        with running(name) as (own, every):
            metrics.record("AWS/Lambda", "ConcurrentExecutions", {"FunctionName": name}, own, "Count")
            metrics.record("AWS/Lambda", "ConcurrentExecutions", {}, every, "Count")
            return run(function, event, request_id)

    replace(lambda_svc, "_execute_function_warm", execute)
