"""Services' state as documents, and the records that change them.

A record is `[service, store, kind, key, sub, value]`; without a value it removes. `kind` is how the store
is scoped: `r` account and region, `a` account, `p` a plain dict, `w` the store is one value. `sub` is empty
for an entry of the store, else a path below it: `["items", partition, sort]` or `["messages", id]`.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from typing import Any

Record = list[Any]
CHILDREN: dict[tuple[str, str], tuple[str, type]] = {
    ("dynamodb", "tables"): ("items", dict),
    ("sqs", "queues"): ("messages", list),
    ("cloudwatch_logs", "log_groups"): ("streams", dict),
}
"""Fields of an entry that have records of their own, or are kept by snapshots only."""


SCOPED = frozenset({"__account_region_scoped__", "__scoped__"})
"""How ministack marks a scoped store in JSON."""


def encode(value: Any) -> str:
    """A value as ministack's own persistence writes it. Raises TypeError for what it cannot write."""
    from ministack.core.persistence import _json_default

    return json.dumps(value, default=_json_default, separators=(",", ":"))


def decode(text: bytes) -> Any:
    """The value of `encode`. ministack's own reading calls Python for each dict; few texts need that."""
    from ministack.core.persistence import _json_object_hook

    if b'"__' not in text:
        return json.loads(text)
    if b'"__bytes__"' not in text:
        document = json.loads(text)
        stores = document.get("payload", document) if isinstance(document, dict) else None
        if isinstance(stores, dict):
            scoped = [
                name for name, store in stores.items() if isinstance(store, dict) and SCOPED & store.keys()
            ]
            if len(scoped) == sum(text.count(f'"{mark}"'.encode()) for mark in SCOPED):
                for name in scoped:
                    stores[name] = _json_object_hook(stores[name])
                return document
    return json.loads(text, object_hook=_json_object_hook)


def record(service: str, store: str, kind: str, key: str, sub: list[str], value: str | None) -> bytes:
    """A record of an encoded value; None removes.

    >>> record("sqs", "queues", "r", "k", ["messages", "1"], '{"id":"1"}')
    b'["sqs","queues","r","k",["messages","1"],{"id":"1"}]'
    """
    head = json.dumps([service, store, kind, key, sub], separators=(",", ":"))
    return (head if value is None else f"{head[:-1]},{value}]").encode()


def entries(store: Any) -> list[tuple[str, str, Any]]:
    """Kind, key and value of everything in a store; the key is `repr` of the store's own key."""
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    if isinstance(store, AccountRegionScopedDict):
        return [("r", repr(key), value) for key, value in list(store._data.items())]
    if isinstance(store, AccountScopedDict):
        return [("a", repr(key), value) for key, value in list(store._data.items())]
    if isinstance(store, dict):
        return [("p", repr(key), value) for key, value in list(store.items())]
    return [("w", "", store)]


@cache
def key_of(text: str) -> Any:
    """The key that `repr` wrote."""
    return ast.literal_eval(text)


def apply(payload: dict[str, Any], change: Record) -> None:
    """Apply one record to a service's document."""
    service, store, kind, key, sub, *value = change
    if kind == "w":
        payload.pop(store, None)
        if value:
            payload[store] = value[0]
        return
    found = _data(payload, store, kind, make=bool(value))
    if found is None:
        return
    name = key_of(key)
    if sub:
        if (parent := found.get(name)) is not None:
            _apply_below(parent, sub, value)
    elif not value:
        found.pop(name, None)
    else:
        if child := CHILDREN.get((service, store)):
            field, kind_of_child = child
            value[0][field] = (found.get(name) or {}).get(field) or kind_of_child()
        found[name] = value[0]


def _data(payload: dict[str, Any], store: str, kind: str, *, make: bool) -> dict[Any, Any] | None:
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    scoped: dict[str, type] = {"r": AccountRegionScopedDict, "a": AccountScopedDict, "p": dict}
    wanted = scoped[kind]
    if not isinstance(payload.get(store), wanted):
        if not make:
            return None
        payload[store] = wanted()
    found = payload[store]
    return found if isinstance(found, dict) else found._data


def _apply_below(parent: dict[str, Any], sub: list[str], value: list[Any]) -> None:
    field, name, *rest = sub
    if field == "items":
        rows = parent.setdefault(field, {})
        if value:
            rows.setdefault(name, {})[rest[0]] = value[0]
        elif (row := rows.get(name)) is not None:
            row.pop(rest[0], None)
            if not row:
                del rows[name]
        return
    messages = parent.setdefault(field, [])
    if isinstance(messages, list):  # by identity while records are applied; `finish` makes it a list again
        parent[field] = messages = {message["id"]: message for message in messages}
    if rest:  # some fields of a message: it was received, or its visibility changed
        if name in messages:
            messages[name].update(value[0])
    elif value:
        messages[name] = value[0]
    else:
        messages.pop(name, None)


def finish(payload: dict[str, Any]) -> None:
    """Give the document its final shape, when all records are applied."""
    for _, _, queue in entries(payload.get("queues", {})):
        if isinstance(queue, dict) and isinstance(queue.get("messages"), dict):
            queue["messages"] = list(queue["messages"].values())
