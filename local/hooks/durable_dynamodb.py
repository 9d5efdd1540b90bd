"""Durability of DynamoDB: each item that was set or removed, by whatever did it, is a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.hooks.base import private, replace
from local.hooks.durable_stores import ColdService
from local.state import documents
from local.state.tracked import drain, track

DERIVED = ("_index_members", "ItemCount", "TableSizeBytes")
"""Fields of a table that follow from its items."""
OTHERS = {
    "tags": "_tags",
    "ttl_settings": "_ttl_settings",
    "pitr_settings": "_pitr_settings",
    "kinesis_destinations": "_kinesis_destinations",
    "contributor_insights": "_contributor_insights",
    "backups": "_backups",
    "resource_policies": "_resource_policies",
    "exports": "_exports",
    "imports": "_imports",
}
Key = tuple[str, str, str]


class Tables:
    """The tables as a source of records."""

    name = "dynamodb"

    def __init__(self) -> None:
        """Apply the hooks on the functions that all item writes pass."""
        from ministack.services import dynamodb

        self._tables = private(dynamodb, "_tables")
        self._counted = private(dynamodb, "_update_counts")
        self._items: set[tuple[Key, Any, Any]] = set()
        self._fresh: set[Key] = set()
        self._described: dict[Key, str] = {}
        others = {name: private(dynamodb, attribute) for name, attribute in OTHERS.items()}
        self.others = ColdService(self.name, lambda: others)
        self._others = others
        set_item = private(dynamodb, "_set_item")
        remove_item = private(dynamodb, "_remove_item")
        items_replaced = private(dynamodb, "_items_replaced")

        def setting(table: dict[str, Any], pk: Any, sk: Any, item: Any) -> Any:
            before = set_item(table, pk, sk, item)
            self._items.add((_key(table), pk, sk))
            return before

        def removing(table: dict[str, Any], pk: Any, sk: Any) -> Any:
            before = remove_item(table, pk, sk)
            self._items.add((_key(table), pk, sk))
            return before

        def replaced(table: dict[str, Any]) -> None:
            items_replaced(table)
            self._fresh.add(_key(table))

        replace(dynamodb, "_set_item", setting)
        replace(dynamodb, "_remove_item", removing)
        replace(dynamodb, "_items_replaced", replaced)
        track(self._tables, self._mark)
        for store in others.values():
            track(store, self.others.suspect)

    def _mark(self, key: Key | None) -> None:
        self._fresh.update([key] if key else [*self._described, *self._tables._data])

    def suspect(self) -> None:
        """A request changed tables, not items."""
        self.others.suspect()

    def loaded(self) -> None:
        """The state was read from disk: all of it is written."""
        self._items.clear()
        self._fresh.clear()
        for key, table in self._tables.all_items():
            self._counted(table)
            self._described[key] = documents.encode(_description(table))
        self.others.remember()

    def changed(self) -> bool:
        """As `Source`."""
        return bool(self._items or self._fresh or self.others.changed())

    def records(self) -> list[bytes]:
        """As `Source`. The values are today's: what changed twice is written once."""
        compare = self.others.changed()
        found = self.others.records() if compare else []
        items, fresh = drain(self._items), drain(self._fresh)
        tables = dict(self._tables._data)
        for key in fresh | {key for key, _, _ in items if key not in self._described}:
            found.extend(self._all_of(key, tables.get(key)))
        if compare:
            for key, table in tables.items():
                described = documents.encode(_description(table))
                if self._described.get(key) != described:
                    self._described[key] = described
                    found.append(self._record(key, [], described))
        for key, pk, sk in items:
            if key in fresh or key not in tables:
                continue
            item = tables[key]["items"].get(pk, {}).get(sk)
            text = None if item is None else documents.encode(item)
            found.append(self._record(key, ["items", pk, sk], text))
        return found

    def _all_of(self, key: Key, table: dict[str, Any] | None) -> Iterator[bytes]:
        yield self._record(key, [], None)
        if table is None:
            self._described.pop(key, None)
            return
        text = self._described[key] = documents.encode(_description(table))
        yield self._record(key, [], text)
        for pk, row in list(table["items"].items()):
            for sk, item in list(row.items()):
                yield self._record(key, ["items", pk, sk], documents.encode(item))

    def _record(self, key: Key, sub: list[Any], text: str | None) -> bytes:
        return documents.record(self.name, "tables", "r", repr(key), sub, text)

    def kept(self) -> bool:
        """As `Source`."""
        return True

    def pieces(self) -> Iterator[bytes]:
        """As `Source`. Item by item, so that no request waits for a whole table."""
        yield b'{"tables":{"__account_region_scoped__":true,"data":{'
        for n, (key, table) in enumerate(self._tables.all_items()):
            name = documents.encode(f"{key[0]}\x00{key[1]}\x00{key[2]!r}")
            head = documents.encode(_description(table))[:-1]
            yield f'{"," if n else ""}{name}:{head},"items":{{'.encode()
            for m, (pk, row) in enumerate(list(table["items"].items())):
                yield f"{',' if m else ''}{documents.encode(pk)}:{documents.encode(dict(row))}".encode()
            yield b"}}"
        yield b"}}"
        for name, store in self._others.items():
            yield f',"{name}":{documents.encode(store)}'.encode()
        yield b"}"


def _key(table: dict[str, Any]) -> Key:
    parts = str(table["TableArn"]).split(":")
    return parts[4], parts[3], str(table["TableName"])


def _description(table: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in list(table.items()) if k != "items" and k not in DERIVED}
