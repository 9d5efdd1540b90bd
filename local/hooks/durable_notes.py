"""Durability of what ministack keeps in memory only, and would do twice after a restart without it.

Also the notes of what was accepted and is not done: an event to deliver, a function to run. They are in the
file `ona.json`, beside the services'.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.hooks.base import private
from local.state import documents
from local.state.tracked import TrackedDict, drain, track

SCOPED = {
    "transactions": ("dynamodb", "_txn_idempotency"),
    "object_retention": ("s3", "_object_retention"),
    "object_legal_hold": ("s3", "_object_legal_hold"),
}
"""Client request tokens of transactions; locks of objects."""
PLAIN = {
    "rules_fired": ("eventbridge", "_rule_last_fired"),
    "schedules_fired": ("scheduler", "_schedule_last_fired"),
}
"""When timers went off last. Without it each restart sets them off again."""


class Notes:
    """Those stores and notes as a source of records."""

    name = "ona"

    def __init__(self) -> None:
        """Watch the stores."""
        import importlib

        self._dirty: set[tuple[str, Any]] = set()
        self._stores: dict[str, Any] = {}
        for name, (module_name, attribute) in {**SCOPED, **PLAIN}.items():
            module = importlib.import_module(f"ministack.services.{module_name}")
            store = private(module, attribute)
            mark = self._marker(name)
            if name in PLAIN:
                store = TrackedDict(store, mark)
                setattr(module, attribute, store)
            else:
                track(store, mark)
            self._stores[name] = store
        self.accepted: dict[str, dict[str, Any]] = TrackedDict({}, self._marker("accepted"))
        self._stores["accepted"] = self.accepted

    def _marker(self, store: str) -> Any:
        def mark(key: Any) -> None:
            keys = [key] if key is not None else [k for s, k in self._dirty if s == store]
            self._dirty.update((store, key) for key in keys)

        return mark

    def load(self, payload: dict[str, Any]) -> None:
        """Put what was read from disk into the stores."""
        for name, store in self._stores.items():
            if name in payload:
                store.update(payload[name])
        self._dirty.clear()

    def changed(self) -> bool:
        """As `Source`."""
        return bool(self._dirty)

    def records(self) -> list[bytes]:
        """As `Source`."""
        found = []
        for name, key in drain(self._dirty):
            store = self._stores[name]
            kind, data = ("p", store) if isinstance(store, dict) else (_kind(store), store._data)
            text = documents.encode(data[key]) if key in data else None
            written = repr(repr(key)) if name in PLAIN else repr(key)  # read back as `pieces` writes it
            found.append(documents.record(self.name, name, kind, written, [], text))
        return found

    def kept(self) -> bool:
        """As `Source`."""
        return True

    def pieces(self) -> Iterator[bytes]:
        """As `Source`. Keys of plain dicts are written as they are `repr`."""
        content = {
            name: {repr(key): value for key, value in list(store.items())} if name in PLAIN else store
            for name, store in self._stores.items()
        }
        yield documents.encode(content).encode()


def named(payload: dict[str, Any]) -> dict[str, Any]:
    """A document of this source with the keys of its plain dicts as they were.

    >>> named({"rules_fired": {"('1', 'af-south-1', 'r')": 7.0}})
    {'rules_fired': {('1', 'af-south-1', 'r'): 7.0}}
    """
    return {
        name: {_key(text): value for text, value in content.items()} if name in PLAIN else content
        for name, content in payload.items()
    }


def _key(text: Any) -> Any:
    """A key as it was. Journals of before 26 November 2026 have it so already."""
    return documents.key_of(text) if isinstance(text, str) else text


def _kind(store: Any) -> str:
    from ministack.core.responses import AccountRegionScopedDict

    return "r" if isinstance(store, AccountRegionScopedDict) else "a"
