"""How many messages a recipient had in an hour, and who may do what is done once.

Items of the outbox table: `sent#<recipient>#<hour>`, `first#<recipient>#<what>#<minute>`,
`asked#<who>#<day>`.
"""

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
    return _count(f"sent#{recipient_name}#{hour:%Y-%m-%dT%H}", hour, most)


def first(recipient_name: str, what: str, minute: datetime) -> bool:
    """Whether nobody has asked the same of this minute before: of two runs at once one may.

    Raises DependencyBusy.
    """
    return _count(f"first#{recipient_name}#{what}#{minute:%Y-%m-%dT%H:%M}", minute, 1)


def spend_invitation(who: str, since: datetime, most: int, kept: timedelta) -> bool:
    """Count one more invitation of the time that begins then (a day, a month); False when it would be one
    too many. `kept`: how long the count is needed. Raises DependencyBusy."""
    return _count(f"asked#{who}#{since:%Y-%m-%d}", since, most, kept)


def give_back_invitation(who: str, since: datetime) -> None:
    """Take back one that `spend_invitation` counted. Raises DependencyBusy."""
    tables.update(
        OUTBOX.name,
        {"delivery_id": f"asked#{who}#{since:%Y-%m-%d}"},
        "ADD messages :less",
        {":less": -1, ":none": 0},
        condition="messages > :none",
    )


def _count(name: str, since: datetime, most: int, kept: timedelta = COUNTS_KEPT) -> bool:
    return tables.update(
        OUTBOX.name,
        {"delivery_id": name},
        "ADD messages :one SET #ttl = if_not_exists(#ttl, :ttl)",
        {":one": 1, ":most": most, ":ttl": int((since + kept).timestamp())},
        names={"#ttl": "ttl"},
        condition="attribute_not_exists(messages) OR messages < :most",
    )
