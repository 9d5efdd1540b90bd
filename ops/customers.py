"""Customers of the APIs: give an API key, take it back, list whose data each key opens."""

from __future__ import annotations

import difflib
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from ona.api import callers
from ona.documents import names
from ona.runtime.clock import iso
from ona.runtime.words import counted
from ona.store.tables import from_item, to_item
from ops import identifiers, registry
from ops.target import OpsError, Target

LIKE = 0.8
"""From this likeness on (difflib's ratio, 0 to 1; ours) a new name may be a slip of one that there is."""
SHORTEST_BEGINNING = 8
"""So many letters of a key's hash must be given, so that a slip takes back no other (ours)."""
_ARN = re.compile(
    r"arn:aws[\w-]*:(iam::\d{12}:(role|user)/[\w+=,.@/-]+|sts::\d{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)",
    re.ASCII,
)
"""An IAM role, user or session of a role (AWS IAM User Guide, "IAM identifiers")."""


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
    """Let an IAM role or user call as a customer. Raises OpsError as `add_key`, for a wrong ARN, and for
    one that may call as another customer."""
    _check(customer_id, tier)
    if not _ARN.fullmatch(arn):
        told = identifiers.otherwise(arn, "role's or user's ARN")
        raise OpsError(f"{identifiers.shown(arn)} is no ARN of an IAM role or user{told}")
    _put(target, callers.principal_id(arn), customer_id, tier)


def like(target: Target, customer_id: str) -> tuple[bool, str]:
    """Whether an asset or a credential is of a customer already; and where not, the customer whose name is
    so like it that a slip is likely, or an empty text. Names that differ in digits alone are no slip."""
    known = known_customers(target)
    if customer_id in known:
        return True, ""
    by_letters = {name.lower(): name for name in sorted(known) if _letters(name) != _letters(customer_id)}
    near = difflib.get_close_matches(customer_id.lower(), by_letters, 1, LIKE)
    return False, by_letters[near[0]] if near else ""


def known_customers(target: Target) -> set[str]:
    """The customers of whom there is an asset or a credential."""
    try:
        registered = registry.read(target)
    except OpsError:  # it cannot be read; `ona put` says so
        registered = None
    known = {asset.customer_id for asset in registered.assets} if registered else set()
    return known | {str(item.get("customer_id")) for item in credentials(target)}


def _letters(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def _check(customer_id: str, tier: str) -> None:
    if tier not in callers.TIERS:
        raise OpsError(f"tier {tier!r}: use {', '.join(callers.TIERS)}")
    problem = names.customer_problem(customer_id)
    if identifiers.kind_of(customer_id)[0] == "API key":  # it would stand in the table, and in messages
        problem = "is no name"
    if problem:
        told = identifiers.otherwise(customer_id, "")
        raise OpsError(f"customer {identifiers.shown(customer_id)} {problem}{told}")


def _put(target: Target, item_id: str, customer_id: str, tier: str) -> None:
    _check(customer_id, tier)
    item = {
        "id": item_id,
        "customer_id": customer_id,
        "tier": tier,
        "status": "active",
        "created_at": iso(datetime.now(UTC)),
    }
    dynamodb = target.client("dynamodb")
    try:
        dynamodb.put_item(
            TableName=_table(target),
            Item=to_item(item),
            ConditionExpression="attribute_not_exists(id) OR customer_id = :mine OR #status = :revoked",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_item({":mine": customer_id, ":revoked": "revoked"}),
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        _, _, name = item_id.partition("#")
        raise OpsError(
            f"{name} may call as another customer already; see `ona customers list`, and take it back "
            f"first: `ona customers revoke {name}`"
        ) from error


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

    It stops working with the next request. Raises OpsError when none or several begin so, and for a
    beginning that is too short: 8 letters of a hash, of an ARN all until the role's or user's name.
    """
    if len(beginning) < SHORTEST_BEGINNING or (beginning.startswith("arn:") and "/" not in beginning):
        least = counted(SHORTEST_BEGINNING, "letter")
        raise OpsError(
            f"{beginning!r} is too short: give at least {least} of the key's hash, or the ARN with its "
            "role's or user's name; see `ona customers list`"
        )
    matches = [
        item for item in credentials(target) if str(item["id"]).partition("#")[2].startswith(beginning)
    ]
    if len(matches) != 1:
        raise OpsError(
            f"{counted(len(matches), 'credential')} beginning with {identifiers.shown(beginning)}; see "
            f"`ona customers list`{'' if matches else identifiers.otherwise(beginning, '')}"
        )
    target.client("dynamodb").update_item(
        TableName=_table(target),
        Key=to_item({"id": matches[0]["id"]}),
        UpdateExpression="SET #status = :revoked",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues=to_item({":revoked": "revoked"}),
    )
    return str(matches[0]["customer_id"])
