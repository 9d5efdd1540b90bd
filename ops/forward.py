"""Bringing a home of an earlier version forward: its items take today's form, and nothing is lost.

An order of before has its whole history in its item. The function `ona-reconcile-<env>` gives the lines
items of their own; in AWS its hourly timer does the same.
"""

from __future__ import annotations

from typing import Any

from ona.repairs import history
from ooda.reconcile.report import ReconcileReport
from ops.doctor import reconcile
from ops.target import Target


def bring_forward(target: Target) -> ReconcileReport | None:
    """Bring the orders of before forward; what was done, None where there is nothing to do. Raises
    OpsError."""
    return reconcile.forward(target) if _has_long_histories(target) else None


def _has_long_histories(target: Target) -> bool:
    """Whether an order's item holds more lines than one of today."""
    chosen: dict[str, Any] = {
        "TableName": target.outputs["TrackingTableName"],
        "FilterExpression": "size(#history) > :tail",
        "ExpressionAttributeNames": {"#history": "history"},
        "ExpressionAttributeValues": {":tail": {"N": str(history.TAIL)}},
        "ProjectionExpression": "job_id",
    }
    pages = target.client("dynamodb").get_paginator("scan").paginate(**chosen)
    return any(page["Items"] for page in pages)
