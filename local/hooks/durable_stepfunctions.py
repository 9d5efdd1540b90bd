"""Durability of Step Functions: each execution when it starts and when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.hooks.base import private, replace
from local.hooks.durable_stores import ColdService
from local.hooks.status_events import tell_late, untold
from local.state import documents
from local.state.tracked import drain, track

HOT = {"executions": "_executions", "map_runs": "_map_runs"}
OTHERS = {
    "state_machines": "_state_machines",
    "tags": "_tags",
    "activities": "_activities",
    "state_machine_versions": "_state_machine_versions",
    "state_machine_aliases": "_state_machine_aliases",
}
RUNNING = "RUNNING"
Key = tuple[str, str, str]


class Executions:
    """The executions and map runs as a source of records."""

    name = "stepfunctions"

    def __init__(self) -> None:
        """Apply the hook on the function that runs an execution to its end."""
        from ministack.core.responses import get_account_id, get_region
        from ministack.services import stepfunctions

        self._stores = {name: private(stepfunctions, attribute) for name, attribute in HOT.items()}
        others = {name: private(stepfunctions, attribute) for name, attribute in OTHERS.items()}
        self._others = others
        self.others = ColdService(self.name, lambda: others)
        self._dirty: set[tuple[str, Key]] = set()
        self._running: set[Key] = set()
        for name, store in self._stores.items():
            track(store, partial(self._mark, name))
        for store in others.values():
            track(store, self.others.suspect)
        run = private(stepfunctions, "_run_execution")

        def ran(arn: str) -> None:
            try:
                run(arn)
            finally:
                self._mark("executions", (get_account_id(), get_region(), arn))

        replace(stepfunctions, "_run_execution", ran)

    def _mark(self, store: str, key: Key | None) -> None:
        keys = [key] if key else list(self._stores[store]._data)
        self._dirty.update((store, key) for key in keys)

    def suspect(self) -> None:
        """A request went to Step Functions."""
        self.others.suspect()

    def loaded(self) -> None:
        """The state was read from disk. Executions that ran were failed by that: that is to be written."""
        self._dirty.clear()
        for key, record in self._stores["executions"].all_items():
            if record.get("error") == "States.ServiceRestart":
                self._mark("executions", key)
        self.others.remember()

    def untold(self) -> list[Key]:
        """Executions that ended badly in the moment of a kill, or by it; nobody was told."""
        return [key for key, record in self._stores["executions"].all_items() if untold(record)]

    def tell(self, key: Key) -> None:
        """Tell of one of them."""
        tell_late([(key[0], key[1], self._stores["executions"]._data[key])])
        self._mark("executions", key)

    def changed(self) -> bool:
        """As `Source`."""
        return bool(self._dirty or self.others.changed() or self._ended())

    def _ended(self) -> list[Key]:
        """Executions that were running when they were last written, and do not any more."""
        executions = self._stores["executions"]._data
        return [
            key
            for key in list(self._running)
            if (record := executions.get(key)) is None or record.get("status") != RUNNING
        ]

    def records(self) -> list[bytes]:
        """As `Source`."""
        found = self.others.records()
        dirty = drain(self._dirty)
        dirty.update(("executions", key) for key in self._ended())
        for store, key in dirty:
            record = self._stores[store]._data.get(key)
            running = store == "executions" and record is not None and record.get("status") == RUNNING
            (self._running.add if running else self._running.discard)(key)
            text = None if record is None else documents.encode(record)
            found.append(documents.record(self.name, store, "r", repr(key), [], text))
        return found

    def kept(self) -> bool:
        """As `Source`."""
        return True

    def pieces(self) -> Iterator[bytes]:
        """As `Source`. Execution by execution, so that no request waits for all."""
        yield b"{"
        for name, store in self._stores.items():
            yield f'"{name}":{{"__account_region_scoped__":true,"data":{{'.encode()
            for n, (key, record) in enumerate(store.all_items()):
                label = documents.encode(f"{key[0]}\x00{key[1]}\x00{key[2]!r}")
                yield f"{',' if n else ''}{label}:{documents.encode(record)}".encode()
            yield b"}},"
        yield documents.encode(self._others)[1:].encode()
