"""Durability of what changes seldom: stacks, rules, parameters, functions, keys, buckets' settings.

A service is compared entry by entry with what was last written, when something may have changed it:
a request that is no reading, a store that got or lost an entry, a stack whose status changed.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from local.hooks.base import private
from local.state import documents
from local.state.tracked import TrackedDict, track

SETTLE_SECONDS = 3.0
"""A service is compared once more so long after a change: functions turn from Pending to Active."""
BY_SNAPSHOT: dict[str, frozenset[str]] = {
    "cloudformation": frozenset(),
    "cloudwatch": frozenset({"metrics", "alarm_history"}),
    "cloudwatch_logs": frozenset({"queries", "log_records"}),
}
"""Services whose comparison copies nothing, with their stores without records: data points and searches, of
which nobody waits for one. Log lines are likewise left out, below their group."""
UNMARKED = frozenset({"_log_records", "_metrics"})
"""Module values that each log line or data point changes, and of which no record tells: no comparison is
due. An alarm that changes its state by them marks itself (`alarm_states`)."""

CHANGED = "during iteration"
"""How Python ends what it says of a dictionary or a queue that another thread changed under a copy."""
TRIES, PAUSE_S = 50, 0.002
"""A copy is made anew so often, with so many seconds between (ours): functions write log lines from threads
of their own, and a copy of all takes milliseconds."""

State = dict[str, Any]
T = TypeVar("T")


def steady(read: Callable[[], T]) -> Callable[[], T]:
    """What is read of a service's stores, read anew when another thread changed one of them meanwhile.

    ministack copies without a lock. Raises RuntimeError when it changed at each try.
    """

    def copied() -> T:
        for _ in range(TRIES):
            try:
                return read()
            except RuntimeError as error:
                if not str(error).endswith(CHANGED):
                    raise
                time.sleep(PAUSE_S)
        return read()

    return copied


def for_comparison(name: str, module: Any) -> Callable[[], State | None]:
    """A service's stores as they are compared: as they lie there where they are large or grow, else a copy.

    An entry becomes text before another thread may go on, so that no copy is needed; a copy of all stacks
    took most of the time of a deployment. Names follow ministack: the store `log_groups` of a state is the
    module's `_log_groups`, of which those without records are left out.
    """
    if name not in BY_SNAPSHOT:
        copied: Callable[[], State | None] = module.get_state
        return copied
    stores = [store for store in module.get_state() if store not in BY_SNAPSHOT[name]]
    return lambda: {store: private(module, f"_{store}") for store in stores}


class ColdService:
    """One service of which all stores are compared."""

    def __init__(
        self,
        name: str,
        read: Callable[[], State | None],
        whole: Callable[[], State | None] | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        """`read` gives the stores to compare, `whole` those for a snapshot (the same when not given)."""
        self.name = name
        self._read, self._whole, self._then = read, steady(whole or read), changed
        self._known: dict[tuple[str, str, str], bytes] = {}
        self._suspect = False
        self._again = 0.0
        self._unused: str | None = None
        self._refused: set[str] = set()
        self.remember()
        self._unused = self._text()

    def kept(self) -> bool:
        """As `Source`."""
        if self._unused is not None and self._unused != self._text():
            self._unused = None  # once it was used, no text is needed to say so
        return self._unused is None

    def used(self) -> None:
        """It was read from disk."""
        self._unused = None

    def _text(self) -> str:
        texts = {store: self._encoded(store, content) for store, content in (self._whole() or {}).items()}
        parts = [f"{documents.encode(store)}:{text}" for store, text in texts.items() if text is not None]
        return "{" + ",".join(parts) + "}"

    def _encoded(self, store: str, value: Any) -> str | None:
        """As text; None for what has no text (a socket, a lock), which is said once."""
        try:
            return documents.encode(value)
        except (TypeError, ValueError) as error:
            if store not in self._refused:
                self._refused.add(store)
                print(f"state: {self.name}.{store} cannot be kept: {error}", file=sys.stderr, flush=True)
            return None

    def suspect(self, _key: object = None) -> None:
        """Compare at the next occasion."""
        self._suspect = True

    def changed(self) -> bool:
        """Whether a comparison is due."""
        if self._again and time.monotonic() >= self._again:
            self._again, self._suspect = 0.0, True
        return self._suspect

    def remember(self) -> None:
        """Take what is there now as written."""
        self._known = {place: digest for place, _, digest in self._all()}

    def _all(self) -> list[tuple[tuple[str, str, str], str, bytes]]:
        """Each entry's place, text and digest."""
        return steady(lambda: list(self._entries()))()

    def _entries(self) -> Iterator[tuple[tuple[str, str, str], str, bytes]]:
        skipped = BY_SNAPSHOT.get(self.name, frozenset())
        for store, content in (self._read() or {}).items():
            if store in skipped:
                continue
            child = documents.CHILDREN.get((self.name, store))
            for kind, key, value in documents.entries(content):
                kept = {k: v for k, v in value.items() if k != child[0]} if child else value
                text = self._encoded(store, kept)
                if text is None:
                    continue
                yield (store, kind, key), text, hashlib.blake2b(text.encode(), digest_size=16).digest()

    def records(self) -> list[bytes]:
        """As `Source`."""
        if not self.changed():
            return []
        self._suspect = False
        found, gone = [], dict(self._known)
        try:
            entries = self._all()
        except BaseException:
            self._suspect = True  # the next request compares
            raise
        for place, text, digest in entries:
            if gone.pop(place, None) != digest:
                store, kind, key = place
                found.append(documents.record(self.name, store, kind, key, [], text))
                self._known[place] = digest
        for place in gone:
            store, kind, key = place
            found.append(documents.record(self.name, store, kind, key, [], None))
            del self._known[place]
        if found:
            self._again = time.monotonic() + SETTLE_SECONDS
            if self._then:
                self._then()
        return found

    def pieces(self) -> Iterator[bytes]:
        """As `Source`."""
        yield self._text().encode()


class ColdServices:
    """All services that have state and no hook of their own, as they are loaded."""

    def __init__(self, modules: dict[str, str], own: set[str], add: Callable[[ColdService], None]) -> None:
        """`modules`: module names by the name of the state; `own`: names that others keep."""
        self._modules = {name: module for name, module in modules.items() if name not in own}
        self._add = add
        self.found: dict[str, ColdService] = {}
        self._read: set[str] = set()
        self._by_module: dict[str, list[str]] = {}
        for name, module in modules.items():
            self._by_module.setdefault(module, []).append(name)

    def read(self, names: Iterable[str]) -> None:
        """These were read from disk."""
        self._read.update(names)
        self.discover()

    def discover(self) -> None:
        """Take up services that were loaded since."""
        for name, module_name in list(self._modules.items()):
            module = sys.modules.get(f"ministack.services.{module_name}")
            if module is None or not hasattr(module, "get_state") or not hasattr(module, "handle_request"):
                continue
            del self._modules[name]
            stacks = name == "cloudformation"
            read = for_comparison(name, module)
            service = ColdService(
                name, read, module.get_state, changed=self.suspect_all if stacks else None
            )
            for attribute, value in vars(module).items():
                watch(value, _unmarked if attribute in UNMARKED else service.suspect)
            self.found[name] = service
            if name in self._read:
                service.used()
            self._add(service)

    def suspect(self, module: str) -> None:
        """Compare the services of a module."""
        self.discover()
        for name in self._by_module.get(module, [module]):
            if name in self.found:
                self.found[name].suspect()

    def suspect_all(self) -> None:
        """Compare all: a stack changes resources of every service."""
        self.discover()
        for service in self.found.values():
            service.suspect()


def _unmarked(_key: object) -> None:
    """The store is tracked, so that its copy bears other threads' changes; nothing is due."""


def watch(value: Any, mark: Callable[[object], None]) -> None:
    """Watch a module's value when it is a store that nobody watches yet."""
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    scoped = isinstance(value, AccountRegionScopedDict | AccountScopedDict)
    if scoped and not isinstance(value._data, TrackedDict):
        track(value, mark)
