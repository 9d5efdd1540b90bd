"""The outbox as a queue: put items in, list what is due, write what became of an item.

An order's deliveries are written in the same transaction as the change of the order. So what changed is
delivered, even when the function that changed it fails right after. A sender first claims an item. Then it
settles the item in one of three ways: `delivered`, `postpone`, `give_up`.
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
    AlertItem,
    DeadLetter,
    Delivery,
    Lane,
    Notice,
    Recipient,
    parse,
)
from ona.runtime import correlation
from ona.runtime.aws import client, environment, translate
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy, InvalidPayload
from ona.store import tables
from ona.store.tables import Write, assignment, to_item

LEASE = timedelta(minutes=5)
"""How long a claim is valid. After it the first sender must have failed, because a run lasts two minutes.
Another sender may then claim the item."""
LONGEST_REASON = 500
"""Characters of an error message that are stored in an item."""


@dataclass(frozen=True)
class Unreadable:
    """An item of the outbox that is no valid delivery or notice. `why` says what is wrong with it."""

    delivery_id: str
    recipient_name: str
    why: str


def where_of(item: Delivery | Notice | Unreadable) -> str:
    """Where an item lies, as people are told."""
    return f"table {OUTBOX.name}, {item.delivery_id}"


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
    """Writes that make a version of an order due to each recipient.

    They belong into the transaction that writes this version.
    """
    return [_due_to(recipient, work_order_id, version, now) for recipient in recipients]


def enqueue_again(
    work_order_id: str, version: int, recipient: Recipient, seen: Delivery | None, now: datetime
) -> Write:
    """A write that makes a version due to a recipient whose delivery is not what it should be; refused
    where it is no longer as it was seen. `seen`: None where there was none. It keeps the correlation id of
    what it was seen for."""
    with correlation.using(seen.correlation_id if seen else ""):
        write = _due_to(recipient, work_order_id, version, now)
    arguments = dict(write.arguments)
    if seen is None:
        arguments["ConditionExpression"] = "attribute_not_exists(delivery_id)"
    else:
        told = "told = :seen_told" + ("" if seen.delivered_version else " OR attribute_not_exists(told)")
        lane = "#lane = :seen_lane" if seen.lane else "attribute_not_exists(#lane)"
        arguments["ConditionExpression"] = f"wanted = :seen_wanted AND ({told}) AND {lane}"
        values: dict[str, Any] = {":seen_wanted": seen.wanted_version, ":seen_told": seen.delivered_version}
        values |= {":seen_lane": seen.lane} if seen.lane else {}
        arguments["ExpressionAttributeValues"] = {
            **arguments["ExpressionAttributeValues"],
            **to_item(values),
        }
    return Write(write.kind, arguments)


def withdraw(work_order_id: str, recipients: Sequence[Recipient]) -> list[Write]:
    """Writes, for a transaction, that delete these deliveries: the recipients get no more of the order."""
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
            **({correlation.KEY: correlation.current()} if correlation.current() else {}),
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
    """Put a notice (a message about no order) into the outbox; False where its id is there already.

    Raises DependencyBusy.
    """
    return tables.transact([OUTBOX.insertion(notice)])


def exists(name: str) -> bool:
    """Whether the outbox has an item with this delivery id. Raises DependencyBusy."""
    return tables.get(OUTBOX.name, {"delivery_id": name}) is not None


# ------------------------------------------------------------------ what is due


def due(lane: Lane, now: datetime, most: int) -> tuple[list[Delivery | Notice], list[Unreadable]]:
    """Up to `most` items of a lane that are due now, the longest due first; and items that are not valid.

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
    """Claim an item, so that no other sender delivers it at the same time; out comes its newest state.

    None where another sender has it, or it is no longer due. A claim that is never settled ends after
    `LEASE`. Raises DependencyBusy.
    """
    return OUTBOX.get(item.delivery_id) if claimed(item.delivery_id, now) else None


def claimed(name: str, now: datetime) -> bool:
    """Claim an item by its delivery id, also one that is not valid; False as in `claim`.

    A claim that no sender can have made (no time, or one far ahead) holds nobody up. Raises DependencyBusy.
    """
    return tables.update(
        OUTBOX.name,
        {"delivery_id": name},
        "SET claimed_until = :until",
        {
            ":until": iso(now + LEASE),
            ":now": iso(now),
            ":never": iso(now + 2 * LEASE),
            ":dead": "dead",
            ":text": "S",
        },
        names={"#lane": "lane"},
        condition="attribute_exists(#lane) AND #lane <> :dead AND next_at <= :now "
        "AND (attribute_not_exists(claimed_until) OR NOT attribute_type(claimed_until, :text) "
        "OR claimed_until <= :now OR claimed_until > :never)",
    )


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
    """Write that an item was delivered, with the order's version that was sent.

    `watch`: when to ask the other system for the ticket's state; None where there is nothing to ask. If the
    order has a later version by now, the item stays due. Raises DependencyBusy.
    """
    sets: dict[str, Any] = {"attempts": 0, "told_at": iso(now)}
    sets |= {"told": version} if version is not None else {}
    sets |= {"ticket": ticket} if ticket else {}
    sets |= {"remote": remote_status} if remote_status else {}
    removes = ["claimed_until", "first_failed_at", "last_error", "sending_at"]
    next_look = {"lane": "watch", "next_at": iso(watch)} if watch else {}
    over = [] if watch else ["lane", "next_at"]
    if not _settle(item.delivery_id, {**sets, **next_look}, [*removes, *over], version):
        _settle(item.delivery_id, {**sets, "next_at": iso(now)}, removes)


def postpone(item: Delivery | Notice, until: datetime, now: datetime, why: str = "") -> None:
    """Make an item due again at `until`. With a reason, a failed attempt is counted.

    Raises DependencyBusy.
    """
    sets: dict[str, Any] = {"next_at": iso(until)}
    if why:
        sets["attempts"] = item.attempts + 1
        sets["last_error"] = why[:LONGEST_REASON]
        sets["first_failed_at"] = iso(item.first_failed_at or now)
    _settle(item.delivery_id, sets, ["claimed_until", "sending_at"])


def sending(item: AlertItem, now: datetime) -> None:
    """Write that a call begins that nobody can take back: whoever finds this later does not repeat it.

    Raises DependencyBusy, also where somebody else has begun it.
    """
    begun = tables.update(
        OUTBOX.name,
        {"delivery_id": item.delivery_id},
        "SET sending_at = :now",
        {":now": iso(now)},
        condition="attribute_exists(delivery_id) AND attribute_not_exists(sending_at)",
    )
    if not begun:
        raise DependencyBusy(f"{item.delivery_id} is being sent by somebody else")


def give_up(item: Delivery | Notice | Unreadable, now: datetime, why: str) -> None:
    """Give an item up: send a dead letter to the queue, and move the item to the lane `dead`.

    The item stays in the outbox, so that a redrive can send it again. Raises DependencyBusy.
    """
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
    _settle(item.delivery_id, sets, ["claimed_until", "first_failed_at", "sending_at"])


def _settle(name: str, sets: Mapping[str, Any], removes: Sequence[str], version: int | None = None) -> bool:
    """Write what became of an item; False where it is gone, or its order is beyond `version`."""
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
