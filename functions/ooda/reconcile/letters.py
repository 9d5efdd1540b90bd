"""Dead letters and unreadable entries as what a person has to decide. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ona.runtime import clock, letters
from ona.runtime.identity import file_id
from ona.store.unreadable import Unreadable
from ooda.reconcile.mends import Decide
from ooda.reconcile.seen import Letter, Seen

FOREIGN = "it is no dead letter of this platform"
GONE = "the object that it is about is gone: its work cannot be done again"
DONE = "its file was done after it: nobody needs it any more"
REMEDIES = {
    "outcomes/": "delete the object, then `./ona dlq redrive`: the file counts as lost and runs again",
    "incidents/": "put back the object's last good version (the bucket has it), then `./ona dlq redrive`",
    "diagnostics/": "delete the object, then run its file again: put it once more",
    "schedules/": "delete the object, then run its file again: put it once more",
    "work-orders/": "look who wrote it, and delete it",
}
"""How an object that nobody can read is mended, by the beginning of its key."""


def read(queue: str, message_id: str, body: str) -> tuple[Letter, dict[str, Any]]:
    """A message as a letter, and its body; a foreign one says so."""
    parsed = letters.parsed(body)
    if parsed is None:
        return Letter(queue, message_id, problem=FOREIGN), {}
    return Letter(queue, message_id, delivery_id=str(parsed.get("delivery_id", ""))), parsed


def source_of(body: dict[str, Any]) -> tuple[str, str, str]:
    """Bucket, key and version of the file that a letter is about; empty texts where it is about none."""
    return letters.source_of(body.get("input"))


def outcome_of(body: dict[str, Any]) -> str:
    """The id of the file that a letter is about; empty where it is about none."""
    bucket, key, version = source_of(body)
    return file_id(bucket, key, version) if key else ""


def done_since(body: dict[str, Any], finished: datetime | None) -> bool:
    """Whether a letter's file was finished after the letter was written. A rejected file's letter stays: a
    person mends the file."""
    if finished is None or body.get("kind") in ("quarantine", "order"):
        return False
    try:
        return clock.parse(str(body.get("at"))) < finished
    except (ValueError, TypeError):
        return False


def decisions(seen: Seen) -> list[Decide]:
    """Letters that nobody needs, or nobody can use."""
    found = []
    for letter in seen.letters:
        problem = letter.problem
        if not problem and letter.delivery_id and seen.has("outbox"):
            item = seen.deliveries.get(letter.delivery_id)
            if (
                item is None
                and letter.delivery_id.startswith("wo-")
                and letter.delivery_id not in seen.unread
            ):
                problem = f"delivery {letter.delivery_id} is not in the outbox any more"
        if problem:
            how = f"look at it with `./ona dlq list`; `./ona dlq remove {letter.message_id}` takes it away"
            found.append(Decide(f"{letter.queue}, message {letter.message_id}", problem, how))
    return found


def how_to_mend(entry: Unreadable) -> str:
    """How an entry that nobody can read is mended."""
    for prefix, remedy in REMEDIES.items():
        if f"/{prefix}" in entry.where:
            return remedy
    return (
        "put the table's item back from a backup (point-in-time recovery), or delete it if it is not ours"
    )
