"""Who may call the APIs, and how often: the table `ona-platform-customers`.

Its items by `id`: `key#<SHA-256 of an API key>` and `iam#<ARN of a principal>` name a customer and a tier;
`usage#<customer>#<YYYY-MM-DDTHH>` counts the requests of an hour (UTC) and expires. A key is never stored.

>>> principal_id("arn:aws:sts::123456789012:assumed-role/planner/session-1")
'iam#arn:aws:iam::123456789012:role/planner'
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.documents import names
from ona.runtime.aws import client, translate
from ona.runtime.observability import logger
from ona.store import tables
from ona.store.tables import to_item

TIERS = {"standard": 1_000, "premium": 10_000, "enterprise": 100_000}
"""Requests an hour by tier (contract)."""
_USAGE_TTL_S = 86_400
"""Seconds after its hour until a count expires (ours)."""
_ASSUMED = re.compile(r"^arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+$")
"""The ARN of a session, as IAM writes it."""


@dataclass(frozen=True)
class Caller:
    """An authenticated caller."""

    customer_id: str
    tier: str

    @property
    def limit(self) -> int:
        """Requests an hour."""
        return TIERS[self.tier]


@dataclass(frozen=True)
class Usage:
    """A caller's requests in the current hour, and when the next hour begins."""

    used: int
    limit: int
    reset: datetime

    @property
    def exceeded(self) -> bool:
        """Whether the request that was just counted is one too many."""
        return self.used > self.limit


def key_id(api_key: str) -> str:
    """The id of an API key's item."""
    return f"key#{hashlib.sha256(api_key.encode()).hexdigest()}"


def principal_id(arn: str) -> str:
    """The id of an IAM principal's item; a session of a role counts as the role."""
    session = _ASSUMED.match(arn)
    if session:
        arn = f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
    return f"iam#{arn}"


def find(table: str, item_id: str) -> Caller | None:
    """The caller whom an item names; None when there is none, it is revoked, or its customer's name may be
    none. Raises DependencyBusy."""
    item = tables.get(table, {"id": item_id})
    if not item or item.get("status") != "active" or item.get("tier") not in TIERS:
        return None
    if names.customer_problem(str(item["customer_id"])):
        logger.warning("credentials of a name that no customer may have", customer_id=item["customer_id"])
        return None
    return Caller(str(item["customer_id"]), str(item["tier"]))


def counted(table: str, caller: Caller, now: datetime) -> Usage:
    """Add a request to the caller's hour, and return the count.

    The addition is atomic, so that two requests at once are two. Where the hour is used up already, nothing
    is added, and the count is one too many. Raises DependencyBusy.
    """
    hour, reset = _hour(now)
    try:
        answer = client("dynamodb").update_item(
            TableName=table,
            Key=_key(caller, hour),
            UpdateExpression="ADD #used :one SET #ttl = :ttl",
            ConditionExpression="attribute_not_exists(#used) OR #used < :limit",
            ExpressionAttributeNames={"#used": "used", "#ttl": "ttl"},
            ExpressionAttributeValues=to_item(
                {":one": 1, ":ttl": int(reset.timestamp()) + _USAGE_TTL_S, ":limit": caller.limit}
            ),
            ReturnValues="UPDATED_NEW",
        )
    except Exception as error:
        if _refused(error):
            return Usage(caller.limit + 1, caller.limit, reset)
        raise translate(error, f"table {table}") from error
    return Usage(int(answer["Attributes"]["used"]["N"]), caller.limit, reset)


def give_back(table: str, caller: Caller, now: datetime) -> None:
    """Take a request out of the caller's hour that `counted` added at `now`: it was refused.

    Raises DependencyBusy.
    """
    try:
        client("dynamodb").update_item(
            TableName=table,
            Key=_key(caller, _hour(now)[0]),
            UpdateExpression="ADD #used :less",
            ConditionExpression="#used > :none",
            ExpressionAttributeNames={"#used": "used"},
            ExpressionAttributeValues=to_item({":less": -1, ":none": 0}),
        )
    except Exception as error:
        if not _refused(error):
            raise translate(error, f"table {table}") from error


def _hour(now: datetime) -> tuple[datetime, datetime]:
    """The hour (UTC) that a request counts in, and when the next begins."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour, hour + timedelta(hours=1)


def _key(caller: Caller, hour: datetime) -> dict[str, Any]:
    return to_item({"id": f"usage#{caller.customer_id}#{hour:%Y-%m-%dT%H}"})


def _refused(error: Exception) -> bool:
    """Whether DynamoDB answered that the item is not as the condition wants it."""
    response: dict[str, Any] = getattr(error, "response", {})
    return bool(response.get("Error", {}).get("Code") == "ConditionalCheckFailedException")
