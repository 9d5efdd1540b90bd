"""The outbox as a queue: what is put in, what is due, what became of it.

An order's deliveries are written in the transaction that changes the order: what was changed is told, also
when whoever changed it dies the moment after. Whoever sends claims an item first, then settles it in one of
three ways: `delivered`, `postpone`, `give_up`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ona.outbox.items import (
    BY_DUE,
    OUTBOX,
    DeadLetter,
    Delivery,
    Lane,
    Notice,
    Recipient,
    parse,
)
from ona.runtime.aws import client, environment, translate
from ona.runtime.clock import iso
from ona.runtime.errors import InvalidPayload
from ona.store import tables
from ona.store.tables import Write, assignment, to_item

LEASE = timedelta(minutes=5)
"""So long a claim holds: after it another sender takes what one that died had. A run lasts two minutes."""
LONGEST_REASON = 500
"""Characters of an error that an item keeps."""


@dataclass(frozen=True)
class Unreadable:
    """An item that is no valid delivery: nobody can send it."""

    delivery_id: str
    recipient_name: str
    why: str


def delivery_id(work_order_id: str, recipient: Recipient) -> str:
    """The key of an order's delivery to a recipient.

    >>> delivery_id("wo-20250611-1f2e3d4c", Recipient("desk", "system"))
    'wo-20250611-1f2e3d4c@desk'
    """
    return f"{work_order_id}@{recipient.name}"


# ------------------------------------------------------------------ putting in


def enqueue(
    work_order_id: str, version: int, recipients: Sequence[Recipient], now: datetime
) -> list[Write]:
    """Writes, for the transaction that brings an order to a version, after which that version is due to
    recipients."""
    return [_due_to(recipient, work_order_id, version, now) for recipient in recipients]


def withdraw(work_order_id: str, recipients: Sequence[Recipient]) -> list[Write]:
    """Writes, for the transaction after which these recipients are told of an order no more."""
    return [OUTBOX.deletion(delivery_id(work_order_id, recipient)) for recipient in recipients]


def _due_to(recipient: Recipient, work_order_id: str, version: int, now: datetime) -> Write:
    update = assignment(
        {
            "lane": "send",
            "next_at": iso(now),
            "wanted": version,
            "work_order_id": work_order_id,
            "place": recipient.name,
            "kind": recipient.kind,
            "endpoint": recipient.endpoint,
        },
        defaults={"told": 0, "attempts": 0},
    )
    return Write(
        "Update",
        {
            "TableName": OUTBOX.name,
            "Key": to_item({"delivery_id": delivery_id(work_order_id, recipient)}),
            "UpdateExpression": update.expression,
            "ExpressionAttributeNames": update.names,
            "ExpressionAttributeValues": to_item(update.values),
        },
    )


def put_notice(notice: Notice) -> bool:
    """Tell the operators something that is about no order, once; False when it was told or waits already.

    Raises DependencyBusy.
    """
    return tables.transact([OUTBOX.insertion(notice)])


def exists(name: str) -> bool:
    """Whether there is an item of that name. Raises DependencyBusy."""
    return tables.get(OUTBOX.name, {"delivery_id": name}) is not None


# ------------------------------------------------------------------ what is due


def due(lane: Lane, now: datetime, most: int) -> tuple[list[Delivery | Notice], list[Unreadable]]:
    """What a lane has to be done by now, the longest due first; and those items that nobody can read.

    Raises DependencyBusy.
    """
    items: list[Delivery | Notice] = []
    unreadable = []
    for item in tables.until(OUTBOX.name, BY_DUE, ("lane", lane), ("next_at", iso(now)), most):
        try:
            items.append(parse(item))
        except InvalidPayload as error:
            unreadable.append(Unreadable(item["delivery_id"], str(item.get("place", "")), str(error)))
    return items, unreadable


def claim(item: Delivery | Notice, now: datetime) -> Delivery | Notice | None:
    """Take an item so that nobody else delivers it meanwhile, as it stands then; None when somebody has it
    or nothing is to be done any more. One that is never settled is free again after `LEASE`."""
    taken = tables.update(
        OUTBOX.name,
        {"delivery_id": item.delivery_id},
        "SET claimed_until = :until",
        {":until": iso(now + LEASE), ":now": iso(now), ":dead": "dead"},
        names={"#lane": "lane"},
        condition="attribute_exists(#lane) AND #lane <> :dead AND next_at <= :now "
        "AND (attribute_not_exists(claimed_until) OR claimed_until <= :now)",
    )
    return OUTBOX.get(item.delivery_id) if taken else None


# ------------------------------------------------------------------ what became of it


def delivered(
    item: Delivery | Notice,
    now: datetime,
    *,
    version: int | None = None,
    ticket: str = "",
    remote_status: str = "",
    watch: datetime | None = None,
) -> None:
    """An item is delivered, up to a version of its order. `watch`: when to ask what became of it.

    An order that changed meanwhile stays due. Raises DependencyBusy.
    """
    sets: dict[str, Any] = {"attempts": 0, "told_at": iso(now)}
    sets |= {"told": version} if version is not None else {}
    sets |= {"ticket": ticket} if ticket else {}
    sets |= {"remote": remote_status} if remote_status else {}
    removes = ["claimed_until", "first_failed_at", "last_error"]
    next_look = {"lane": "watch", "next_at": iso(watch)} if watch else {}
    over = [] if watch else ["lane", "next_at"]
    if not _settle(item.delivery_id, {**sets, **next_look}, [*removes, *over], version):
        _settle(item.delivery_id, {**sets, "next_at": iso(now)}, removes)


def postpone(item: Delivery | Notice, until: datetime, now: datetime, why: str = "") -> None:
    """Try an item again then; with a reason it counts as a try that failed. Raises DependencyBusy."""
    sets: dict[str, Any] = {"next_at": iso(until)}
    if why:
        sets["attempts"] = item.attempts + 1
        sets["last_error"] = why[:LONGEST_REASON]
        sets["first_failed_at"] = iso(item.first_failed_at or now)
    _settle(item.delivery_id, sets, ["claimed_until"])


def give_up(item: Delivery | Notice | Unreadable, now: datetime, why: str) -> None:
    """Give an item up: a dead letter, and the item stays to be sent again. Raises DependencyBusy."""
    letter = DeadLetter(
        state=item.recipient_name,
        cause=why,
        at=iso(now),
        delivery_id=item.delivery_id,
        input={"delivery_id": item.delivery_id},
    )
    try:
        client("sqs").send_message(
            QueueUrl=environment("OUTBOX_DEAD_LETTERS_URL"), MessageBody=json.dumps(letter.document())
        )
    except Exception as error:
        raise translate(error, "sqs outbox dead letters") from error
    sets = {"lane": "dead", "next_at": iso(now), "attempts": 0, "last_error": why[:LONGEST_REASON]}
    _settle(item.delivery_id, sets, ["claimed_until", "first_failed_at"])


def _settle(name: str, sets: Mapping[str, Any], removes: Sequence[str], version: int | None = None) -> bool:
    """Write what became of an item; False when it is gone, or its order is at a later version than this."""
    update = assignment(sets, removes=removes)
    values = update.values
    condition = "attribute_exists(delivery_id)"
    if version is not None:
        condition += " AND wanted <= :version"
        values = {**values, ":version": version}
    return tables.update(
        OUTBOX.name,
        {"delivery_id": name},
        update.expression,
        values,
        names=update.names,
        condition=condition,
    )
