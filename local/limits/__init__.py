"""AWS's limits, enforced in the embedded cloud: what AWS refuses is refused here, in AWS's words.

`values` is the one table of the limits. Each other module enforces those of its services on ministack and
on moto's interpreter. Limits that ministack enforces itself (most of DynamoDB, SQS, SNS) stand only once;
`tests/workflow/local/test_limits.py` tries them too.
"""

from __future__ import annotations

from local.limits import (
    dashboards,
    deployments,
    functions,
    gateway,
    histories,
    memory,
    messages,
    payloads,
    policies,
    schedules,
    storage,
    stores,
    subscribers,
    triggers,
    workflows,
)


def install() -> None:
    """Apply all limits, after every other hook. Raises HookBroken when a pin has moved."""
    messages.install()
    storage.install()
    functions.install()
    schedules.install()
    policies.install()
    triggers.install()
    stores.install()
    subscribers.install()
    dashboards.install()
    deployments.install()
    memory.install()
    workflows.install()
    payloads.install()
    histories.install()
    gateway.install()
