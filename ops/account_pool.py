"""What functions reserve of the account's concurrent executions, beside what must stay unreserved.

Source: AWS Lambda Developer Guide, "Configuring reserved concurrency for a function" (100 stay unreserved).
"""

from __future__ import annotations

from collections.abc import Mapping

from ona.runtime.words import counted
from ops.target import Target

UNRESERVED = 100
"""So many must stay for functions that reserve none; of a smaller quota all."""


def overdrawn(target: Target) -> str:
    """What is wrong with the account's pool, and what mends it; empty where enough is left."""
    return told(target.client("lambda").get_account_settings()["AccountLimit"])


def told(limit: Mapping[str, int]) -> str:
    """The same of an AccountLimit.

    >>> told({"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 100})
    ''
    >>> told({"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10})
    ''
    >>> told({"ConcurrentExecutions": 500, "UnreservedConcurrentExecutions": 99})[:65]
    "functions reserve 401 of the account's 500 concurrent executions,"
    """
    quota, left = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    must = min(UNRESERVED, quota)
    if left >= must:
        return ""
    taken = f"{quota - left}" if left else f"at least {quota}"
    return (
        f"functions reserve {taken} of the account's {counted(quota, 'concurrent execution')}, "
        f"and {must} must stay unreserved: functions that reserve none are throttled. Start with a larger "
        "ONA_LOCAL_CONCURRENCY, or give some back: "
        "aws lambda delete-function-concurrency --function-name <function>"
    )
