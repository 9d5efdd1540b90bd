"""What reconciliation reads, part by part. A part that cannot be read holds up no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, get_args

from ona.documents.base import Document, S3Pointer
from ona.documents.work_orders import WorkOrder
from ona.outbox.items import NO_DELIVERIES, OUTBOX, Delivery, parse
from ona.repairs import experience, history
from ona.repairs.crews import CREWS
from ona.repairs.locks import LOCKS
from ona.repairs.tracking import ORDERS
from ona.runtime.aws import client, environment, translate
from ona.runtime.errors import InvalidInput, InvalidPayload, ObjectMissing
from ona.runtime.observability import logger
from ona.runtime.words import counted
from ona.store import s3, tables
from ona.store.layout import ASSET_HISTORY, OUTCOME, WORK_ORDER
from ona.store.unreadable import Unreadable, note, readable
from ooda.documents.asset_history import AssetHistory
from ooda.documents.diagnostics import Diagnostic
from ooda.documents.schedules import Schedule
from ooda.layout import DIAGNOSTIC, SCHEDULE
from ooda.reconcile import letters
from ooda.reconcile.plan import GRACE, settled
from ooda.reconcile.seen import Letter, Named, Part, Seen, StoredDocument

RECENT = timedelta(hours=25)
"""Objects that do not change orders are read if they were written in the last 25 hours: each run sees the
day before it, so that a problem stays on the list for a day."""
READERS = 16
"""Objects that are read at once (ours)."""
LARGEST_BYTES = 64 << 20
"""A larger object is none of ours (ours): it is named and not read."""
HIDE_S = 30
"""How long a letter is hidden from others while the queue is looked through (ours)."""
AT_ONCE = 10
"""Messages of one call (SQS's limit)."""
WAIT_S = 1
"""How long a queue is asked: without a wait, SQS asks some of its servers and may miss messages."""
QUEUES = {"dead-letter queue": "DEAD_LETTERS_URL", "outbox dead-letter queue": "OUTBOX_DEAD_LETTERS_URL"}
"""The queues of dead letters, by the environment variable that has their URL."""


def look(now: datetime, wanted: Collection[Part] = get_args(Part)) -> Seen:
    """Everything that is compared, or the parts that are `wanted`. What is announced in the transaction of
    a record is read before the records: what has come meanwhile is missing there and never the other way
    round."""
    seen = Seen()
    parts: dict[Part, Callable[[], None]] = {
        "outbox": lambda: _outbox(seen),
        "crews": lambda: _crews(seen),
        "records": lambda: _records(seen),
        "documents": lambda: _documents(seen),
        "objects": lambda: _objects(seen, now - RECENT),
        "letters": lambda: _letters(seen),
    }
    for part in (part for part in parts if part in wanted):
        try:
            parts[part]()
        except Exception as error:  # a part that cannot be read holds up no other; it is reported
            logger.exception("not compared", part=part)
            seen.missing[part] = f"{type(error).__name__}: {error}"
    return seen


# ------------------------------------------------------------------ tables


def _named(table: str, key: str, items: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"table {table}, {item.get(key)}", item) for item in items)


def _outbox(seen: Seen) -> None:
    name = OUTBOX.name
    for where, item in _named(name, "delivery_id", tables.scan(name)):
        delivery_id = str(item["delivery_id"])
        if delivery_id.startswith(NO_DELIVERIES):
            continue
        try:
            parsed = parse(item)
        except InvalidInput as error:
            note(where, error, seen.unreadable)
            seen.unread.add(delivery_id)
            continue
        if isinstance(parsed, Delivery):
            seen.deliveries[delivery_id] = parsed


def _crews(seen: Seen) -> None:
    for where, item in _named(CREWS.name, "crew_id", tables.scan(CREWS.name)):
        try:
            seen.crews.append(CREWS.parsed(item))
        except InvalidInput as error:
            note(where, error, seen.unreadable)
            seen.unread.add(str(item["crew_id"]))


def _records(seen: Seen) -> None:
    items = tables.scan(ORDERS.name, without=("job_id", history.PREFIX))
    for where, item in _named(ORDERS.name, "job_id", items):
        name = str(item["job_id"])
        try:
            if name.startswith("open#"):
                seen.locks[name] = LOCKS.parsed(item)
            elif name.startswith("wo-"):
                seen.orders[name] = ORDERS.parsed(item)
            elif experience.is_shared(name):
                seen.shared.append(experience.REPAIRS.parsed(item))
        except InvalidInput as error:
            note(where, error, seen.unreadable)
            seen.unread.add(name)


# ------------------------------------------------------------------ order documents


def _documents(seen: Seen) -> None:
    """Which documents there are. Those of open orders are read, and those that were written after their
    order was last changed."""
    bucket = environment("OUTPUT_BUCKET")
    to_read = []
    for entry in s3.list_keys(bucket, WORK_ORDER.prefix()):
        fields = WORK_ORDER.parse(entry["Key"])
        if fields is None:
            note(f"s3://{bucket}/{entry['Key']}", "its key is not that of an order", seen.unreadable)
            continue
        order = seen.orders.get(fields["work_order_id"])
        stored = StoredDocument(entry["Key"], entry["ETag"], entry["LastModified"])
        seen.documents[fields["work_order_id"]] = stored
        if order and (order.open or settled(order, stored.modified - GRACE) or not entry["Size"]):
            to_read.append(fields["work_order_id"])
    with ThreadPoolExecutor(READERS) as readers:
        for name, read in zip(
            to_read, readers.map(lambda name: _read(bucket, seen.documents[name]), to_read), strict=True
        ):
            if read is None:
                del seen.documents[name]  # deleted meanwhile
            else:
                seen.documents[name] = read


def _read(bucket: str, stored: StoredDocument) -> StoredDocument | None:
    """A document with its content, or with what is wrong with it; None where it is gone by now."""
    pointer = S3Pointer(bucket=bucket, key=stored.key)
    try:
        document, etag = s3.read_json_tagged(pointer)
        if not etag:
            return None
        order: WorkOrder = WorkOrder.read(document, stored.key)
    except InvalidInput as error:
        return StoredDocument(
            stored.key, stored.etag, stored.modified, problem=f"it cannot be read: {error}"
        )
    return StoredDocument(stored.key, etag, stored.modified, order)


# ------------------------------------------------------------------ other objects of the last day


def _orders_in(outcome: Any) -> list[str]:
    """The orders that an outcome says were opened, or that the list says which it names. Raises
    InvalidPayload, ObjectMissing, DependencyBusy."""
    if not isinstance(outcome, dict) or not isinstance(outcome.get("outcome"), str):
        raise InvalidPayload("it is no outcome")
    listed = outcome.get("orders", [])
    if isinstance(listed, dict):
        listed = s3.read_json(S3Pointer.read(listed, "orders"))
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise InvalidPayload("orders is no list of orders")
    ordered = [item for item in listed if item.get("status") == "ordered"]
    return [str(item.get("work_order_id", "")) for item in ordered]


def _objects(seen: Seen, since: datetime) -> None:
    bucket = environment("OUTPUT_BUCKET")

    def outcome(value: Any, where: str, modified: datetime) -> None:
        seen.named.extend(Named(where, name, modified) for name in _orders_in(value) if name)

    def shaped(model: type[Document]) -> Callable[[Any, str, datetime], None]:
        def check(value: Any, where: str, _: datetime) -> None:
            model.read(value, where)

        return check

    kinds = {
        OUTCOME: outcome,
        DIAGNOSTIC: shaped(Diagnostic),
        SCHEDULE: shaped(Schedule),
        ASSET_HISTORY: shaped(AssetHistory),
    }

    def read(kind: Any, entry: s3.Entry) -> Unreadable | None:
        where, bad = f"s3://{bucket}/{entry['Key']}", list[Unreadable]()

        def one(_: None) -> None:
            if kind.parse(entry["Key"]) is None:
                raise InvalidPayload("its key is none of ours")
            if entry["Size"] > LARGEST_BYTES:
                raise InvalidPayload(f"it has {counted(entry['Size'], 'byte')}")
            value = s3.read_json(S3Pointer(bucket=bucket, key=entry["Key"]))
            kinds[kind](value, where, entry["LastModified"])

        try:
            readable([(where, None)], one, bad)
        except ObjectMissing:
            return None
        return bad[0] if bad else None

    work = [
        (kind, entry)
        for kind in kinds
        for entry in s3.list_keys(bucket, kind.prefix())
        if entry["LastModified"] >= since
    ]
    seen.objects = len(work)
    with ThreadPoolExecutor(READERS) as readers:
        seen.unreadable += [bad for bad in readers.map(lambda pair: read(*pair), work) if bad]


# ------------------------------------------------------------------ letters


def _letters(seen: Seen) -> None:
    for queue, variable in QUEUES.items():
        for message_id, body in _messages(environment(variable)):
            letter, content = letters.read(queue, message_id, body)
            problem = letter.problem
            bucket, key, _ = letters.source_of(content)
            if not problem and key and bucket == environment("INPUT_BUCKET"):
                if not _exists(bucket, key):
                    problem = letters.GONE
                elif letters.done_since(content, _finished(letters.outcome_of(content))):
                    problem = letters.DONE
            seen.letters.append(Letter(queue, message_id, delivery_id=letter.delivery_id, problem=problem))


def _messages(url: str) -> list[tuple[str, str]]:
    """All messages of a queue, by id; they stay in it."""
    sqs, found, receipts = client("sqs"), dict[str, str](), []
    try:
        while True:
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HIDE_S, WaitTimeSeconds=WAIT_S
            )
            fresh = [item for item in answer.get("Messages", []) if item["MessageId"] not in found]
            if not fresh:
                break
            found |= {item["MessageId"]: item["Body"] for item in fresh}
            receipts += [item["ReceiptHandle"] for item in fresh]
        for begin in range(0, len(receipts), AT_ONCE):
            shown = [
                {"Id": str(place), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for place, receipt in enumerate(receipts[begin : begin + AT_ONCE])
            ]
            # what failed in it is visible again by itself: it was read more than HIDE_S ago
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=shown)
    except Exception as error:
        raise translate(error, f"queue {url.rsplit('/', 1)[-1]}") from error
    return list(found.items())


def _exists(bucket: str, key: str) -> bool:
    """Whether an object is there, by a listing alone: its content is none of our business."""
    return any(entry["Key"] == key for entry in _first(s3.list_keys(bucket, key)))


def _first(entries: Iterator[s3.Entry]) -> list[s3.Entry]:
    """The first of a listing: a key comes before all keys that begin with it."""
    return [entry for _, entry in zip(range(1), entries, strict=False)]


def _finished(file: str) -> datetime | None:
    """When a file's outcome was written; None where there is none."""
    key = OUTCOME.build(file_id=file)
    entries = _first(s3.list_keys(environment("OUTPUT_BUCKET"), key))
    return entries[0]["LastModified"] if entries else None
