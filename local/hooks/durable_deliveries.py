"""Durability of what is accepted now and done later: events of objects, functions started without waiting.

What is accepted is noted with its request, and starts when that is on disk. The note goes in the same
moment as the effect comes: after a kill a delivery is done, or is still noted and is done then.
A function that was killed midway runs again, as AWS says of asynchronous invocations (at least once).
"""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from local.hooks.asynchronous import Queue
from local.hooks.base import private, replace
from local.hooks.durable_notes import Notes
from local.hooks.durable_stepfunctions import Executions
from local.state.keeper import Keeper


class Accepted:
    """What a request accepted. It starts when the request is on disk, and is dropped when that failed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[tuple[Callable[[], None], Callable[[], None]]] | None = []

    def add(self, start: Callable[[], None], drop: Callable[[], None]) -> None:
        """Hold it; started at once when the request has ended (a thread of its may go on)."""
        with self._lock:
            if self._held is not None:
                self._held.append((start, drop))
                return
        start()

    def end(self, *, stored: bool) -> None:
        """The request ended."""
        with self._lock:
            held, self._held = self._held or [], None
        for start, drop in held:
            (start if stored else drop)()


_request: contextvars.ContextVar[Accepted | None] = contextvars.ContextVar("_request", default=None)


class Deliveries:
    """Notes what was accepted, starts it, and starts it again after a kill."""

    def __init__(self, keeper: Keeper, notes: Notes, events: Queue) -> None:
        """Apply the hooks."""
        from ministack.core.responses import get_account_id, get_region, new_uuid
        from ministack.services import eventbridge, s3, scheduler

        self._keeper, self._accepted = keeper, notes.accepted
        self._scope, self._new = (get_account_id, get_region), new_uuid
        self._events = events
        events.keep(self._accepted, self._hold, keeper.together)
        self._fire = private(s3, "_fire_s3_event")
        self._has_rules = private(s3, "_bucket_notifications")
        self._sequence = private(s3, "_next_event_sequencer")
        replace(s3, "_fire_s3_event_async", self._accept_object_event)
        for module, name in ((eventbridge, "_tick_scheduled_rules"), (scheduler, "_tick_schedules")):
            self._together(module, name)

    def _together(self, module: Any, name: str) -> None:
        original = private(module, name)

        def together() -> None:
            with self._keeper.together():
                original()

        replace(module, name, together)

    def _note(self, kind: str, **content: Any) -> str:
        account, region = (value() for value in self._scope)
        note = str(self._new())
        self._accepted[note] = {"kind": kind, "account": account, "region": region, **content}
        return note

    def _done(self, note: str) -> None:
        self._accepted.pop(note, None)

    # objects' events

    def _accept_object_event(self, bucket: str, key: str, event: str, *rest: Any, **named: Any) -> None:
        if bucket not in self._has_rules:
            return
        named["sequencer"] = self._sequence(event)
        note = self._note("object", arguments=[bucket, key, event, *rest], named=named)
        self._hold(note, lambda: self._start_object_event(note))

    def _hold(self, note: str, start: Callable[[], None]) -> None:
        request = _request.get()
        if request is None:
            start()
        else:
            request.add(start, lambda: self._done(note))

    def _start_object_event(self, note: str) -> None:
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._deliver, note), daemon=True).start()

    def _deliver(self, note: str) -> None:
        content = self._accepted.get(note)
        if content is None:
            return
        with self._keeper.together():
            self._fire(*content["arguments"], **content["named"])
            self._done(note)

    # after a restart

    def resume(self, port: int) -> None:
        """Start what was accepted before the process ended, as soon as the server answers."""
        left = list(self._accepted)
        if left:
            threading.Thread(target=self._resume, args=(left, port), name="ona-resume", daemon=True).start()

    def resume_ends(self, executions: Executions, port: int) -> None:
        """Tell of the executions that a kill ended, as soon as the server answers."""
        left = executions.untold()

        def tell() -> None:
            _until_it_answers(port)
            for key in left:
                with self._keeper.together():
                    executions.tell(key)

        if left:
            threading.Thread(target=tell, name="ona-ends", daemon=True).start()

    def _resume(self, left: list[str], port: int) -> None:
        _until_it_answers(port)
        for note in left:
            content = self._accepted.get(note)
            if content is not None:
                contextvars.Context().run(self._again, note, content)

    def _again(self, note: str, content: dict[str, Any]) -> None:
        from ministack.core.responses import set_request_account_id, set_request_region

        set_request_account_id(content["account"])
        set_request_region(content["region"])
        if content["kind"] == "object":
            self._deliver(note)
            return
        self._events.resume(note)


def _until_it_answers(port: int) -> None:
    while True:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def accepting() -> Accepted:
    """Begin to gather what the present request accepts."""
    accepted = Accepted()
    _request.set(accepted)
    return accepted
