"""Work orders as an operator looks at them: those that are not finished, what presses most first."""

from __future__ import annotations

from typing import get_args

from ona.documents.work_orders import Priority
from ona.repairs.tracking import BY_OPEN, TrackedOrder
from ona.store.tables import from_item, to_item
from ona.store.unreadable import Unreadable, readable
from ops.target import Target

_RANKS: tuple[str, ...] = get_args(Priority)[::-1]
"""Priorities, the most pressing first."""


def unfinished(target: Target, bad: list[Unreadable] | None = None) -> list[TrackedOrder]:
    """The orders that are neither cancelled nor verified, by priority and then by visit. One that nobody
    can read is put aside."""
    table = target.outputs["TrackingTableName"]
    pages = (
        target.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table,
            IndexName=BY_OPEN,
            KeyConditionExpression="#open = :yes",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues=to_item({":yes": "yes"}),
        )
    )
    items = (from_item(item) for page in pages for item in page["Items"])
    named = ((f"table {table}, {item.get('job_id')}", item) for item in items)
    return sorted(readable(named, TrackedOrder.read, bad), key=_pressing)


def _pressing(order: TrackedOrder) -> tuple[int, str, str]:
    rank = _RANKS.index(order.priority)
    return rank, order.scheduled_start.isoformat(), order.work_order_id
