"""Durability of SQS: each message, its visibility and its count of receptions.

Six modules of ministack change queues. Queues are compared with what was written, by message, when a
request went to SQS, when the number of messages changed, and after each batch for a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.hooks.base import private, replace
from local.state import documents
from local.state.tracked import drain, track

STANDING = ("visible_at", "receive_count", "receipt_handle", "first_receive_at")
"""Fields of a message that change when it is received."""
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
Key = tuple[str, str, str]
Standing = tuple[Any, ...]


class Queues:
    """The queues as a source of records."""

    name = "sqs"

    def __init__(self) -> None:
        """Apply the hooks on what a function's poller does."""
        from ministack.services import sqs

        self._queues = private(sqs, "_queues")
        self._names = private(sqs, "_queue_name_to_url")
        self._known: dict[Key, dict[str, Standing]] = {}
        self._described: dict[Key, str] = {}
        self._fresh: set[Key] = set()
        self._suspect = False
        track(self._queues, self._mark)
        for name in ("_receive_messages_for_esm", "_delete_messages_for_esm"):
            self._watch(sqs, name)

    def _watch(self, owner: Any, name: str) -> None:
        original = private(owner, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            try:
                return original(*arguments, **named)
            finally:
                self._suspect = True

        replace(owner, name, watched)

    def _mark(self, key: Key | None) -> None:
        self._fresh.update([key] if key else [*self._known, *self._queues._data])

    def suspect(self) -> None:
        """A request went to SQS."""
        self._suspect = True

    def loaded(self) -> None:
        """The state was read from disk: all of it is written."""
        self._fresh.clear()
        self._suspect = False
        for key, queue in self._queues.all_items():
            self._known[key] = {m["id"]: _standing(m) for m in queue["messages"]}
            self._described[key] = documents.encode(_description(queue))

    def changed(self) -> bool:
        """As `Source`."""
        if self._suspect or self._fresh:
            return True
        return any(
            len(queue["messages"]) != len(self._known.get(key, ()))
            for key, queue in list(self._queues._data.items())
        )

    def records(self) -> list[bytes]:
        """As `Source`."""
        if not self.changed():
            return []
        self._suspect = False
        fresh = drain(self._fresh)
        queues = dict(self._queues._data)
        found = []
        for key in fresh | (self._known.keys() - queues.keys()):
            found.append(self._record(key, [], None))
            self._known.pop(key, None)
            self._described.pop(key, None)
        for key, queue in queues.items():
            found.extend(self._of_queue(key, queue))
        return found

    def _of_queue(self, key: Key, queue: dict[str, Any]) -> Iterator[bytes]:
        text = documents.encode(_description(queue))
        if self._described.get(key) != text:
            self._described[key] = text
            yield self._record(key, [], text)
        known, now = self._known.get(key, {}), {}
        for message in list(queue["messages"]):
            name, standing = message["id"], _standing(message)
            now[name] = standing
            before = known.get(name)
            if before is None:
                yield self._record(key, ["messages", name], documents.encode(message))
            elif before != standing:
                fields = documents.encode({field: message.get(field) for field in STANDING})
                yield self._record(key, ["messages", name, "standing"], fields)
        for name in known.keys() - now.keys():
            yield self._record(key, ["messages", name], None)
        self._known[key] = now

    def _record(self, key: Key, sub: list[str], text: str | None) -> bytes:
        return documents.record(self.name, "queues", "r", repr(key), sub, text)

    def kept(self) -> bool:
        """As `Source`."""
        return True

    def pieces(self) -> Iterator[bytes]:
        """As `Source`."""
        yield documents.encode({"queues": self._queues, "queue_name_to_url": self._names}).encode()


def _standing(message: dict[str, Any]) -> Standing:
    return tuple(message.get(field) for field in STANDING)


def _description(queue: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in queue.items() if k != "messages"}
    attributes = queue.get("attributes")
    if isinstance(attributes, dict):
        kept["attributes"] = {k: v for k, v in attributes.items() if k not in COUNTS}
    return kept
