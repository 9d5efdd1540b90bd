"""Who may call the APIs, and how often: the table `ona-platform-customers`.

Its items by `id`: `key#<SHA-256 of an API key>` and `iam#<ARN of a principal>` name a customer and a tier;
`usage#<customer>#<YYYY-MM-DDTHH>` counts the requests of an hour (UTC) and expires. A key is never stored.
`upload#<upload id>` names the one version of the one file that this upload id has brought (workflow
`forecast_upload`), for thirty days.

>>> principal_id("arn:aws:sts::123456789012:assumed-role/planner/session-1")
'iam#arn:aws:iam::123456789012:role/planner'
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ona.documents import names
from ona.runtime import probe
from ona.runtime.aws import client, translate
from ona.store import tables
from ona.store.tables import to_item
from ona.store.unreadable import note

TIERS = {"standard": 1_000, "premium": 10_000, "enterprise": 100_000}
"""Requests an hour by tier (contract)."""
LONGEST_ID = 40
"""Characters of an item's id in the log: enough to find it, and not the whole of it."""
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


def authorized(context: Mapping[str, Any]) -> Caller | None:
    """The caller whom the authorizer names in a request's context; None where it names none in its form.

    >>> authorized({"customer_id": "customer-001", "tier": "standard"})
    Caller(customer_id='customer-001', tier='standard')
    >>> authorized({"customer_id": ["customer-001"], "tier": "standard"}) is None
    True
    """
    customer_id, tier = context.get("customer_id"), context.get("tier")
    if not isinstance(customer_id, str) or not isinstance(tier, str):
        return None
    return None if tier not in TIERS or names.customer_problem(customer_id) else Caller(customer_id, tier)


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
    if not item or item.get("status") != "active":
        return None
    tier, customer_id = item.get("tier"), item.get("customer_id")
    where = f"table {table}, {item_id[:LONGEST_ID]}"
    if not isinstance(tier, str) or tier not in TIERS:
        note(where, "it names no tier")
        return None
    if not isinstance(customer_id, str):
        note(where, "it names no customer")
        return None
    if problem := names.customer_problem(customer_id):
        note(where, f"its customer {customer_id[:LONGEST_ID]!r} {problem}")
        return None
    return Caller(customer_id, tier)


def counted(table: str, caller: Caller, now: datetime) -> Usage:
    """Add a request to the caller's hour, and return the count.

    The addition is atomic, so that two requests at once are two. Where the hour is used up already, nothing
    is added, and the count is one too many. A count that is no number is begun anew. Raises DependencyBusy.
    """
    _, reset = _hour(now)
    used = _added(table, caller, now)
    if used is None and _begun_anew(table, caller, now):
        used = _added(table, caller, now)
    return Usage(caller.limit + 1 if used is None else used, caller.limit, reset)


def _added(table: str, caller: Caller, now: datetime) -> int | None:
    """The count with one request more; None where the hour is used up, or its count is no number."""
    hour, reset = _hour(now)
    try:
        answer = client("dynamodb").update_item(
            TableName=table,
            Key=to_item(_key(caller, hour)),
            UpdateExpression="ADD #used :one SET #ttl = :ttl",
            ConditionExpression="attribute_not_exists(#used) OR "
            "(attribute_type(#used, :number) AND #used < :limit)",
            ExpressionAttributeNames={"#used": "used", "#ttl": "ttl"},
            ExpressionAttributeValues=to_item(
                {
                    ":one": 1,
                    ":ttl": int(reset.timestamp()) + _USAGE_TTL_S,
                    ":limit": caller.limit,
                    ":number": "N",
                }
            ),
            ReturnValues="UPDATED_NEW",
        )
    except Exception as error:
        if tables.refused(error):
            return None
        raise translate(error, f"table {table}") from error
    if probe.running():
        return 1  # nothing was added, and nothing of the answer is there
    return int(float(answer["Attributes"]["used"]["N"]))


def _begun_anew(table: str, caller: Caller, now: datetime) -> bool:
    """Whether the hour's count was no number, and was taken out: whoever wrote it, callers are served."""
    key = _key(caller, _hour(now)[0])
    wrong = tables.update(
        table,
        key,
        "REMOVE #used",
        {":number": "N"},
        names={"#used": "used"},
        condition="attribute_exists(#used) AND NOT attribute_type(#used, :number)",
    )
    if wrong:
        note(f"table {table}, {key['id'][:LONGEST_ID]}", "its count is no number; it begins anew")
    return wrong


def give_back(table: str, caller: Caller, now: datetime) -> None:
    """Take a request out of the caller's hour that `counted` added at `now`: it was refused.

    Raises DependencyBusy.
    """
    tables.update(
        table,
        _key(caller, _hour(now)[0]),
        "ADD #used :less",
        {":less": -1, ":none": 0, ":number": "N"},
        names={"#used": "used"},
        condition="attribute_type(#used, :number) AND #used > :none",
    )


def _hour(now: datetime) -> tuple[datetime, datetime]:
    """The hour (UTC) that a request counts in, and when the next begins."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour, hour + timedelta(hours=1)


def _key(caller: Caller, hour: datetime) -> dict[str, str]:
    return {"id": f"usage#{caller.customer_id}#{hour:%Y-%m-%dT%H}"}
