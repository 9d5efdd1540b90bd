"""Everything that this project changes inside ministack and moto, in one place: one hook a module.

Both packages are pinned exactly. Every hook takes the private names that it needs through `base.private`,
which says which name is gone when an upgrade removes it. `tests/workflow/local/` tries every hook.
"""

from __future__ import annotations

from local.hooks import (
    apigateway,
    callbacks,
    cloudformation,
    definitions,
    distributed_map,
    executions,
    front,
    jsonata,
    lambda_worker,
    roles,
    roles_services,
    roles_sources,
    roles_trust,
    s3_events,
    service_calls,
    stack_refactor,
    waits,
)


def install() -> None:
    """Apply all hooks, once, before the server starts. Raises HookBroken when a pin has moved."""
    roles.install()
    cloudformation.install()
    lambda_worker.install()
    jsonata.install()
    distributed_map.install()
    clients = service_calls.install()
    waits.install()
    executions.install(clients)
    callbacks.install()
    definitions.install()
    s3_events.install()
    apigateway.install()
    front.install()
    stack_refactor.install()
    roles_services.install()
    roles_sources.install()
    roles_trust.install()
