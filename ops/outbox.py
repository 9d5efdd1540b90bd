"""The outbox: the deliveries that wait or were given up, and sending the latter again."""

from __future__ import annotations

from collections.abc import Sequence

from ona.outbox.items import Delivery, Notice, parse
from ona.runtime.clock import iso, utc_now
from ona.store.tables import from_item, to_item
from ona.store.unreadable import Unreadable, readable
from ops import deadletters
from ops.messages import FOREIGN
from ops.target import Target

LANES = ("send", "watch", "dead")
"""To be sent; sent, and the ticket's status is asked for; given up after the last try."""


def items(
    target: Target, lanes: Sequence[str] = LANES, bad: list[Unreadable] | None = None
) -> list[Delivery | Notice]:
    """What is to be sent, watched, or was given up, lane by lane; the longest due first. An item that
    nobody can read is put aside."""
    pages = target.client("dynamodb").get_paginator("query")
    table = target.outputs["OutboxTableName"]
    found = (
        from_item(item)
        for lane in lanes
        for page in pages.paginate(
            TableName=table,
            IndexName="due-index",
            KeyConditionExpression="lane = :lane",
            ExpressionAttributeValues=to_item({":lane": lane}),
        )
        for item in page["Items"]
    )
    return readable(((f"table {table}, {item['delivery_id']}", item) for item in found), parse, bad)


def redrive(target: Target) -> list[str]:
    """Make all deliveries that were given up due again, and return their ids.

    A dead letter leaves the queue when its delivery is due again, or no longer exists.
    """
    dynamodb, sqs = target.client("dynamodb"), target.client("sqs")
    letters = deadletters.receive(target, deadletters.OUTBOX)
    due_again = []
    for name in [item.delivery_id for item in items(target, ["dead"])]:
        try:
            dynamodb.update_item(
                TableName=target.outputs["OutboxTableName"],
                Key=to_item({"delivery_id": name}),
                UpdateExpression="SET lane = :send, next_at = :now",
                ConditionExpression="lane = :dead",
                ExpressionAttributeValues=to_item(
                    {":send": "send", ":dead": "dead", ":now": iso(utc_now())}
                ),
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            continue  # its order changed meanwhile: it is due already
        due_again.append(name)
    foreign = [letter for letter in letters if letter.kind == FOREIGN]
    deadletters.put_back(target, foreign, deadletters.OUTBOX)  # not ours: a person removes it
    for letter in letters:
        if letter in foreign:
            continue
        sqs.delete_message(QueueUrl=target.outputs[deadletters.OUTBOX], ReceiptHandle=letter.receipt)
    return due_again
