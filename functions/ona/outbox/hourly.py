"""How many messages a recipient had in an hour. Items `sent#<recipient>#<hour>` of the outbox table."""

from __future__ import annotations

from datetime import datetime, timedelta

from ona.outbox.items import OUTBOX
from ona.store import tables

COUNTS_KEPT = timedelta(days=2)
"""Nobody asks for an hour that is over; DynamoDB deletes its count within two days."""


def spend(recipient_name: str, hour: datetime, most: int) -> bool:
    """Count one more message in the hour that begins then; False when it would be one too many.

    Raises DependencyBusy.
    """
    return tables.update(
        OUTBOX.name,
        {"delivery_id": f"sent#{recipient_name}#{hour:%Y-%m-%dT%H}"},
        "ADD messages :one SET #ttl = if_not_exists(#ttl, :ttl)",
        {":one": 1, ":most": most, ":ttl": int((hour + COUNTS_KEPT).timestamp())},
        names={"#ttl": "ttl"},
        condition="attribute_not_exists(messages) OR messages < :most",
    )
