"""Bringing a home of an earlier version forward: its items take today's form, and nothing is lost.

An order of before has its whole history in its item, and experience of before is that of all customers in
one item. The function `ona-reconcile-<env>` gives the lines items of their own, and each customer its own
experience; in AWS its hourly timer does the same.
"""

from __future__ import annotations

from typing import Any

from ona.repairs import experience, history
from ooda.reconcile.report import ReconcileReport
from ops.doctor import reconcile
from ops.target import Target


def bring_forward(target: Target) -> ReconcileReport | None:
    """Bring the items of before forward; what was done, None where there is nothing to do. Raises
    OpsError."""
    return reconcile.forward(target) if _has_items_of_before(target) else None


def _has_items_of_before(target: Target) -> bool:
    """Whether an order's item holds more lines than one of today, or one item the experience of all."""
    chosen: dict[str, Any] = {
        "TableName": target.outputs["TrackingTableName"],
        "FilterExpression": "size(#history) > :tail OR begins_with(job_id, :experience)",
        "ExpressionAttributeNames": {"#history": "history"},
        "ExpressionAttributeValues": {
            ":tail": {"N": str(history.TAIL)},
            ":experience": {"S": experience.PREFIX},
        },
        "ProjectionExpression": "job_id",
    }
    pages = target.client("dynamodb").get_paginator("scan").paginate(**chosen)
    names = (item["job_id"]["S"] for page in pages for item in page["Items"])
    return any(not name.startswith(experience.PREFIX) or experience.is_shared(name) for name in names)
