"""DynamoDB: a provisioned table or index refuses what is beyond its units.

A call is planned before it is done: on the tables as they are, with nothing written. What it would consume
is asked of the table and of each index that it reads or writes: a write is refused, too, when one of the
table's indexes has too few units. What is refused consumes nothing.

- A single call, query or scan: ProvisionedThroughputExceededException, with ThrottlingReasons.
- A batch: what does not pass comes back as UnprocessedItems or UnprocessedKeys; the error if nothing does.
- A transaction: all or nothing, TransactionCanceledException with the reason ProvisionedThroughputExceeded.
- ReadThrottleEvents and WriteThrottleEvents count each refusal of a table, or of a table and index;
  ReadProvisionedThroughputThrottleEvents and Write… say why.

Tables that are paid by request take every load here. AWS takes 4 000 writes and 12 000 reads a second of a
new one, then twice the earlier peak; this machine has no such load (docs/embedded-cloud/limits.md).
Sources: API Reference, BatchGetItem, BatchWriteItem, TransactWriteItems (cancellation reasons),
ThrottlingReason; Developer Guide, "Using global secondary indexes" (throughput), "DynamoDB metrics".
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from local import clock
from local.hooks import metrics, table_metrics, table_units
from local.hooks.base import private, replace
from local.hooks.scalable_resources import Units
from local.hooks.table_burst import Bucket
from local.hooks.table_units import TABLES, Entries, Json, parts, table_of

ERROR = "ProvisionedThroughputExceededException"
RAISE = {
    False: "The level of configured provisioned throughput for the table was exceeded. Consider increasing "
    "your provisioning level with the UpdateTable API.",
    True: "The level of configured provisioned throughput for one or more global secondary indexes of the "
    "table was exceeded. Consider increasing your provisioning level for the under-provisioned global "
    "secondary indexes with the UpdateTable API",
}
"""AWS's words, by whether an index is meant."""
_dry: ContextVar[list[tuple[str, Json]] | None] = ContextVar("dry", default=None)
"""While a call is planned: what each write of a batch costs, with its table."""
Call = Callable[[Json], Any]


@dataclass(frozen=True)
class Lack:
    """A table or index that has too few units."""

    table: str
    index: str | None
    kind: str
    arn: str

    def reason(self) -> Json:
        """As a ThrottlingReason."""
        what = "Index" if self.index else "Table"
        return {"reason": f"{what}{self.kind}ProvisionedThroughputExceeded", "resource": self.arn}

    def record(self) -> None:
        """As metrics."""
        where = {
            "TableName": self.table,
            **({"GlobalSecondaryIndexName": self.index} if self.index else {}),
        }
        for name in ("ThrottleEvents", "ProvisionedThroughputThrottleEvents"):
            metrics.record(TABLES, f"{self.kind}{name}", where, 1, "Count")


class Admission:
    """Who passes. Buckets live as long as the server: what was saved before is not known after."""

    def __init__(self, tables: Any) -> None:
        self._tables, self._lock = tables, threading.Lock()
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def bounds(self, data: Json) -> bool:
        """Whether a call names a table that has units."""
        return any(Units(name, None, "Read").capacity() for name in table_metrics.tables_of(data))

    def passes(self, entries: Entries) -> list[Lack]:
        """Take what is needed where all have it, and nothing else; what lacks, where something does."""
        now, needed, lacks = clock.now(), [], []
        with self._lock:
            for kind, entry in entries:
                for index, units in parts(entry).items():
                    if units <= 0 or (found := self._bucket(entry, index, kind, now)) is None:
                        continue
                    lack, bucket = found
                    needed.append((bucket, units))
                    if not bucket.has(units):
                        lacks.append(lack)
            for bucket, units in needed if not lacks else ():
                bucket.take(units)
        for lack in lacks:
            lack.record()
        return lacks

    def changed(self, table: str, new: bool) -> None:
        """A table is new, or its units were changed: until now it saved at the rate of before."""
        now, indexes = clock.now(), (self._tables.get(table) or {}).get("GlobalSecondaryIndexes") or []
        with self._lock:
            for index in (None, *(item["IndexName"] for item in indexes)):
                for kind in ("Read", "Write"):
                    self._bucket({"TableName": table}, index, kind, now, 0.0 if new else None)

    def _bucket(
        self, entry: Json, index: str | None, kind: str, now: float, age: float | None = None
    ) -> tuple[Lack, Bucket] | None:
        name = table_of(entry["TableName"])
        table, rate = self._tables.get(name) or {}, Units(name, index, kind).capacity()
        if not rate:
            return None
        arn = str(table.get("TableArn")) + (f"/index/{index}" if index else "")
        key = (arn, str(table.get("TableId")), kind)
        if key not in self._buckets:
            known = clock.age(float(table.get("CreationDateTime") or 0)) if age is None else age
            self._buckets[key] = Bucket.new(rate, known, now)
        self._buckets[key].saves(rate, now)
        return Lack(name, index, kind, arn), self._buckets[key]


def refused(lacks: list[Lack]) -> Any:
    """The answer to a call that does not pass."""
    return _answer(
        {
            "__type": f"com.amazonaws.dynamodb.v20120810#{ERROR}",
            "message": RAISE[all(lack.index for lack in lacks)],
            "ThrottlingReasons": [lack.reason() for lack in lacks],
        },
        ERROR,
    )


def cancelled(data: Json, lacks: list[Lack]) -> Any:
    """The answer to a transaction that does not pass: each item on a table that lacks says so."""
    reasons: list[Json] = []
    for item in data["TransactItems"]:
        table = table_of(next(iter(item.values()))["TableName"])
        own = [lack for lack in lacks if lack.table == table]
        said = {"Code": table_metrics.THROTTLED, "Message": RAISE[all(lack.index for lack in own)]}
        reasons.append(said if own else {"Code": "None"})
    codes = ", ".join(reason["Code"] for reason in reasons)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    error = "TransactionCanceledException"
    return _answer({"__type": error, "message": text, "CancellationReasons": reasons}, error)


def _answer(body: Json, error: str) -> Any:
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": error}
    return 400, headers, json.dumps(body).encode()


@contextmanager
def dry() -> Iterator[tuple[Entries, list[tuple[str, Json]]]]:
    """A call within changes no item and counts nowhere; what it would consume, in sum and by write."""
    writes: list[tuple[str, Json]] = []
    token = _dry.set(writes)
    try:
        with table_units.planning() as entries:
            yield entries, writes
    finally:
        _dry.reset(token)


def _nothing_is_written(dynamodb: Any) -> None:
    """The functions that all writes pass do nothing while a call is planned."""
    set_item, remove = private(dynamodb, "_set_item"), private(dynamodb, "_remove_item")
    emit, cost = private(dynamodb, "_emit_stream_event"), private(dynamodb, "_accumulate_write_capacity")

    def setting(table: Json, pk: Any, sk: Any, item: Json) -> Any:
        return set_item(table, pk, sk, item) if _dry.get() is None else table["items"].get(pk, {}).get(sk)

    def removing(table: Json, pk: Any, sk: Any) -> Any:
        return remove(table, pk, sk) if _dry.get() is None else table["items"].get(pk, {}).get(sk)

    def emitting(*given: Any, **more: Any) -> None:
        if _dry.get() is None:
            emit(*given, **more)

    def costing(capacity: Json, table: Json, old: Any, new: Any) -> None:
        cost(capacity, table, old, new)
        if (writes := _dry.get()) is not None:
            own: Json = {"table": 0.0, "gsi": {}, "lsi": {}}
            cost(own, table, old, new)
            indexes = {name: {"CapacityUnits": units} for name, units in own["gsi"].items()}
            total = own["table"] + sum(own["gsi"].values()) + sum(own["lsi"].values())
            entry = {"TableName": table["TableName"], "CapacityUnits": total}
            writes.append((table["TableName"], {**entry, "GlobalSecondaryIndexes": indexes}))

    replace(dynamodb, "_set_item", setting)
    replace(dynamodb, "_remove_item", removing)
    replace(dynamodb, "_emit_stream_event", emitting)
    replace(dynamodb, "_accumulate_write_capacity", costing)


def _read(call: Call, gate: Admission, lacking: Callable[[Json, list[Lack]], Any]) -> Call:
    def called(data: Json) -> Any:
        if not gate.bounds(data):
            return call(data)
        with table_units.planning() as entries:
            answer = call(data)
        if lacks := gate.passes(entries):
            return lacking(data, lacks)
        for kind, entry in entries:
            table_units.consumed(kind, [entry])
        return answer

    return called


def _write(
    call: Call, gate: Admission, lacking: Callable[[Json, list[Lack]], Any], done: Callable[[Json], bool]
) -> Call:
    """`done`: whether a transaction is sent once more, which writes nothing."""

    def called(data: Json) -> Any:
        if not gate.bounds(data) or done(data):
            return call(data)
        with dry() as (entries, _):
            trial = copy.deepcopy(data)
            trial.pop("ClientRequestToken", None)
            answer = call(trial)
        if lacks := gate.passes(entries):
            return lacking(data, lacks)
        if answer[0] < 400:
            return call(data)
        for kind, entry in entries:  # a condition that does not hold
            table_units.consumed(kind, [entry])
        return answer

    return called


def _batch(call: Call, gate: Admission, reads: bool, costs: Callable[[Json], Any]) -> Call:
    """`costs`: the answer to a trial, and what each item of the batch costs, in its order."""
    left_name, kind = ("UnprocessedKeys", "Read") if reads else ("UnprocessedItems", "Write")

    def called(data: Json) -> Any:
        if not gate.bounds(data):
            return call(data)
        trial, prices = costs(data)
        if trial[0] >= 400:
            return trial
        at, fits, left, lacks = iter(prices), {}, {}, []  # type: ignore[var-annotated]
        for table, wanted in data["RequestItems"].items():
            for one in wanted["Keys"] if reads else wanted:
                lack = gate.passes([(kind, next(at))])
                lacks += lack
                (left if lack else fits).setdefault(table, []).append(one)
        if not fits:
            return refused(list(dict.fromkeys(lacks)))
        if not left:
            return call(data)

        def shaped(some: Json) -> Json:
            asked = data["RequestItems"]
            return {name: {**asked[name], "Keys": keys} for name, keys in some.items()} if reads else some

        status, headers, body = call({**data, "RequestItems": shaped(fits)})
        answer = json.loads(body)
        answer[left_name] = {**(answer.get(left_name) or {}), **shaped(left)}
        return status, headers, json.dumps(answer, ensure_ascii=False).encode()

    return called


def _noted(call: Call, gate: Admission, *, new: bool) -> Call:
    def called(data: Json) -> Any:
        answer = call(data)
        if answer[0] < 400:
            gate.changed(table_of(data.get("TableName")), new)
        return answer

    return called


def install() -> None:
    """Apply the hooks, outside of what counts units. Raises HookBroken."""
    from ministack.services import dynamodb

    gate = Admission(private(dynamodb, "_tables"))
    known_token = private(dynamodb, "_txn_token_lookup")
    batch_get, batch_write = private(dynamodb, "_batch_get_item"), private(dynamodb, "_batch_write_item")
    _nothing_is_written(dynamodb)

    def single(_data: Json, lacks: list[Lack]) -> Any:
        return refused(lacks)

    def sent_before(data: Json) -> bool:
        token = data.get("ClientRequestToken")
        return bool(token) and known_token(token) is not None

    def writes(data: Json) -> Any:
        with dry() as (_, prices):
            answer = batch_write(copy.deepcopy(data))
        return answer, [entry for _, entry in prices]

    def reads(data: Json) -> Any:
        with table_units.planning():
            answer = batch_get(copy.deepcopy(data))
        return answer, table_units.each_read(data) if answer[0] < 400 else []

    for name in ("_create_table", "_update_table"):
        replace(dynamodb, name, _noted(private(dynamodb, name), gate, new=name == "_create_table"))
    for name in ("_get_item", "_query", "_scan"):
        replace(dynamodb, name, _read(private(dynamodb, name), gate, single))
    replace(
        dynamodb, "_transact_get_items", _read(private(dynamodb, "_transact_get_items"), gate, cancelled)
    )
    for name in ("_put_item", "_update_item", "_delete_item"):
        replace(dynamodb, name, _write(private(dynamodb, name), gate, single, lambda _: False))
    transact = private(dynamodb, "_transact_write_items")
    replace(dynamodb, "_transact_write_items", _write(transact, gate, cancelled, sent_before))
    replace(dynamodb, "_batch_get_item", _batch(batch_get, gate, True, reads))
    replace(dynamodb, "_batch_write_item", _batch(batch_write, gate, False, writes))
