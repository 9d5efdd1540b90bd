"""Everything that this project changes inside ministack and moto, in one place.

Both are pinned exactly. Every hook takes the private names it needs through `private`, which says
which name is gone when an upgrade removes it, and `tests/workflow/test_hooks.py` tries every hook.
"""

from __future__ import annotations

from local.hooks import (
    apigateway,
    cloudformation,
    distributed_map,
    executions,
    front,
    jsonata,
    lambda_worker,
    s3_events,
    stack_refactor,
)


def install() -> None:
    """Apply all hooks, once, before the server starts. Raises HookBroken when a pin has moved."""
    cloudformation.install()
    lambda_worker.install()
    jsonata.install()
    distributed_map.install()
    executions.install()
    s3_events.install()
    apigateway.install()
    front.install()
    stack_refactor.install()
