"""Customers of the APIs: give an API key, take it back, list whose data each key opens."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from ona.api import callers
from ona.documents import names
from ona.runtime.clock import iso
from ona.runtime.words import counted
from ona.store.tables import from_item, to_item
from ops.target import OpsError, Target


def _table(target: Target) -> str:
    return target.outputs["CustomersTableName"]


def add_key(target: Target, customer_id: str, tier: str) -> str:
    """Make a new API key of a customer and return it; only its hash is stored.

    Raises OpsError for an unknown tier, or a name that no customer may have.
    """
    key = f"ona_{secrets.token_urlsafe(30)}"
    _put(target, callers.key_id(key), customer_id, tier)
    return key


def remove_key(target: Target, key: str) -> None:
    """Forget a key that was made for a trial; one that a customer had is revoked instead."""
    target.client("dynamodb").delete_item(
        TableName=_table(target), Key=to_item({"id": callers.key_id(key)})
    )


def add_principal(target: Target, arn: str, customer_id: str, tier: str) -> None:
    """Let an IAM role or user call as a customer. Raises OpsError as `add_key`, and for a wrong
    ARN."""
    if not arn.startswith("arn:"):
        raise OpsError(f"{arn!r} is no ARN of an IAM role or user")
    _put(target, callers.principal_id(arn), customer_id, tier)


def _put(target: Target, item_id: str, customer_id: str, tier: str) -> None:
    if tier not in callers.TIERS:
        raise OpsError(f"tier {tier!r}: use {', '.join(callers.TIERS)}")
    problem = names.customer_problem(customer_id)
    if problem:
        raise OpsError(f"customer {customer_id!r} {problem}")
    item = {
        "id": item_id,
        "customer_id": customer_id,
        "tier": tier,
        "status": "active",
        "created_at": iso(datetime.now(UTC)),
    }
    target.client("dynamodb").put_item(TableName=_table(target), Item=to_item(item))


def credentials(target: Target) -> list[dict[str, Any]]:
    """The items of all keys and principals, by customer: id, customer, tier and status."""
    pages = target.client("dynamodb").get_paginator("scan").paginate(TableName=_table(target))
    items = [from_item(item) for page in pages for item in page["Items"]]
    return sorted(
        (item for item in items if not str(item["id"]).startswith(("usage#", "upload#"))),
        key=lambda item: (str(item.get("customer_id")), str(item["id"])),
    )


def revoke(target: Target, beginning: str) -> str:
    """Take back the one key or principal whose id begins so, and return its customer.

    It stops working with the next request. Raises OpsError when none or several begin so.
    """
    matches = [
        item for item in credentials(target) if str(item["id"]).partition("#")[2].startswith(beginning)
    ]
    if len(matches) != 1:
        raise OpsError(
            f"{counted(len(matches), 'credential')} beginning with {beginning!r}; see `ona customers list`"
        )
    target.client("dynamodb").update_item(
        TableName=_table(target),
        Key=to_item({"id": matches[0]["id"]}),
        UpdateExpression="SET #status = :revoked",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues=to_item({":revoked": "revoked"}),
    )
    return str(matches[0]["customer_id"])
