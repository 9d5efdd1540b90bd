"""Customers of the API: keys handed out, taken back, and what each key opens."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from ona.api import callers
from ona.runtime.clock import iso
from ona.store.tables import from_item, to_item
from ops.target import OpsError, Target


def _table(target: Target) -> str:
    return target.outputs["CustomersTableName"]


def add_key(target: Target, customer_id: str, tier: str) -> str:
    """A new API key of a customer. It is shown this once; only its hash is kept."""
    key = f"ona_{secrets.token_urlsafe(30)}"
    _put(target, callers.key_id(key), customer_id, tier)
    return key


def add_principal(target: Target, arn: str, customer_id: str, tier: str) -> None:
    """Let an IAM role or user call as a customer."""
    if not arn.startswith("arn:"):
        raise OpsError(f"{arn!r} is no ARN of an IAM role or user")
    _put(target, callers.principal_id(arn), customer_id, tier)


def _put(target: Target, item_id: str, customer_id: str, tier: str) -> None:
    if tier not in callers.TIERS:
        raise OpsError(f"tier {tier!r}: use {', '.join(callers.TIERS)}")
    item = {
        "id": item_id,
        "customer_id": customer_id,
        "tier": tier,
        "status": "active",
        "created_at": iso(datetime.now(UTC)),
    }
    target.client("dynamodb").put_item(TableName=_table(target), Item=to_item(item))


def credentials(target: Target) -> list[dict[str, Any]]:
    """All keys (by the beginning of their hash) and principals, with customer, tier and status."""
    pages = target.client("dynamodb").get_paginator("scan").paginate(TableName=_table(target))
    items = [from_item(item) for page in pages for item in page["Items"]]
    return sorted(
        (item for item in items if not str(item["id"]).startswith("usage#")),
        key=lambda item: (str(item["customer_id"]), str(item["id"])),
    )


def revoke(target: Target, beginning: str) -> str:
    """Take back the one key or principal whose id begins so. It stops working with the next request."""
    found = [
        item for item in credentials(target) if str(item["id"]).partition("#")[2].startswith(beginning)
    ]
    if len(found) != 1:
        raise OpsError(f"{len(found)} credentials begin with {beginning!r}; see `ona customers list`")
    target.client("dynamodb").update_item(
        TableName=_table(target),
        Key=to_item({"id": found[0]["id"]}),
        UpdateExpression="SET #status = :revoked",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues=to_item({":revoked": "revoked"}),
    )
    return str(found[0]["customer_id"])
