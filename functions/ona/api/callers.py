"""Who may call the API, and how often: table `ona-platform-customers`.

Items, by `id`: `key#<SHA-256 of an API key>` and `iam#<ARN of a principal>` name a customer and a tier;
`usage#<customer>#<YYYY-MM-DDTHH>` counts an hour's requests and expires. A key itself is never stored.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ona.runtime.aws import client, translate
from ona.store import tables
from ona.store.tables import to_item

TIERS = {"standard": 1_000, "premium": 10_000, "enterprise": 100_000}
"""Requests an hour."""
_ASSUMED = re.compile(r"^arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+$")


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
    """An hour's count."""

    used: int
    limit: int
    reset: datetime

    @property
    def exceeded(self) -> bool:
        """Whether the request that was just counted is one too many."""
        return self.used > self.limit


def key_id(api_key: str) -> str:
    """Id of a key's item."""
    return f"key#{hashlib.sha256(api_key.encode()).hexdigest()}"


def principal_id(arn: str) -> str:
    """Id of an IAM principal's item; a session of a role counts as the role."""
    found = _ASSUMED.match(arn)
    if found:
        arn = f"arn:{found['partition']}:iam::{found['account']}:role/{found['role']}"
    return f"iam#{arn}"


def find(table: str, item_id: str) -> Caller | None:
    """The caller of an item, or None when it is unknown or revoked. Raises DependencyBusy."""
    item = tables.get(table, {"id": item_id})
    if not item or item.get("status") != "active" or item.get("tier") not in TIERS:
        return None
    return Caller(str(item["customer_id"]), str(item["tier"]))


def counted(table: str, caller: Caller, now: datetime, *, add: int = 1) -> Usage:
    """Count a request (or, with 0, only look): one atomic addition, so no two callers share a count.

    Raises DependencyBusy.
    """
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    reset = hour + timedelta(hours=1)
    try:
        answer = client("dynamodb").update_item(
            TableName=table,
            Key=to_item({"id": f"usage#{caller.customer_id}#{hour:%Y-%m-%dT%H}"}),
            UpdateExpression="ADD #used :one SET #ttl = :ttl",
            ExpressionAttributeNames={"#used": "used", "#ttl": "ttl"},
            ExpressionAttributeValues=to_item({":one": add, ":ttl": int(reset.timestamp()) + 86_400}),
            ReturnValues="UPDATED_NEW",
        )
    except Exception as error:
        raise translate(error, f"table {table}") from error
    return Usage(int(answer["Attributes"]["used"]["N"]), caller.limit, reset)
