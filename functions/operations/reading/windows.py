"""Maintenance windows of the platform that hold now: who is not told of what, until when, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ona.runtime.clock import parse
from ona.store.tables import from_item, to_item
from operations.config.maintenance import maintenance
from operations.layout import WINDOW
from operations.reading.finding import Client, Finding
from operations.reading.inventory import Inventory

CHECK = "maintenance"
TABLE = "-alert-log"
"""How the name of the table ends in which windows lie that were opened by hand."""
_INDEX = "due-index"


def windows(client: Client, found: Inventory, now: datetime) -> Iterator[Finding]:
    """Each window that holds at `now`, UTC. One that somebody opened is a warning: alerts are quiet that
    somebody else waits for. One of the configuration is well."""
    told = [*_by_hand(client, found, now), *_recurring(now)]
    yield from told or [Finding.ok(CHECK, "platform", "no window holds: alerts are told")]


def _by_hand(client: Client, found: Inventory, now: datetime) -> Iterator[Finding]:
    dynamodb = client("dynamodb")
    for table in found.of("AWS::DynamoDB::Table"):
        if not table.endswith(TABLE):
            continue
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName=_INDEX,
            KeyConditionExpression="#lane = :window",
            ExpressionAttributeNames={"#lane": "lane"},
            ExpressionAttributeValues=to_item({":window": "window"}),
        )
        for item in (from_item(item) for page in pages for item in page["Items"]):
            begins, ends = parse(str(item["begins_at"])), parse(str(item["next_at"]))
            if not item.get("ended_at") and begins <= now < ends:
                number = str(item["alert_id"]).removeprefix(WINDOW)
                text = _in_words(item.get("only") or [], item.get("always") or [], ends)
                text = f"{text}: {item['why']} (by {item['by']}); end it: ona maintenance end {number}"
                yield Finding.warning(CHECK, f"window {number}", text, since=begins)


def _recurring(now: datetime) -> Iterator[Finding]:
    calendar = maintenance()
    for window in calendar.windows:
        until = window.until(calendar.zone, now)
        if until is not None:
            text = f"{_in_words(window.only, list(window.always), until)}: {window.why}"
            well = Finding.ok(CHECK, f"window {window.name}", text)
            yield well.model_copy(update={"since": until - timedelta(hours=window.hours)})


def _in_words(only: list[str], always: list[str], until: datetime) -> str:
    """What is quiet, and until when.

    >>> from datetime import UTC
    >>> _in_words(["ooda"], ["critical"], datetime(2026, 11, 28, 4, 0, tzinfo=UTC))
    'alerts of ooda are quiet until 2026-11-28 04:00 UTC, except critical'
    """
    of = f"alerts of {', '.join(only)}" if only else "all alerts"
    but = f", except {', '.join(always)}" if always else ""
    return f"{of} are quiet until {until:%Y-%m-%d %H:%M} UTC{but}"
