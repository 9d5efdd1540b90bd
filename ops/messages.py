"""A message of a dead-letter queue: what failed, where, why, and the input to run it again.

A queue may hold messages that the platform did not write: they are *foreign*. Several messages of one piece
of work are one letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from ona.runtime import sentences
from ona.runtime.letters import parsed, source_of, work_of
from ona.runtime.words import counted
from ops import plain

QUARANTINE = "quarantine"
"""The kind of a quarantined file's letter: the file was read and refused."""
FOREIGN = "foreign"
"""The kind of a message that is no dead letter of ours."""


@dataclass(frozen=True)
class DeadLetter:
    """One message: what failed, where and why, and the input to run it again.

    >>> DeadLetter("1", "r", {"cause": '{"reason": "no_rows", "message": "no readings"}'}).reason
    'no_rows: no readings'
    """

    message_id: str
    receipt: str
    body: dict[str, Any]
    others: tuple[DeadLetter, ...] = ()
    """Older messages of the same work, which stay and go with this one."""

    @property
    def messages(self) -> tuple[DeadLetter, ...]:
        """All its messages."""
        return (self, *self.others)

    @property
    def kind(self) -> str:
        """What failed; `foreign` for a message that is no dead letter of ours."""
        return str(self.body.get("kind", FOREIGN))

    @property
    def what(self) -> str:
        """The work that failed: its file, else the workflow and the state.

        >>> arn = "arn:aws:states:af-south-1:000000000000:execution:ona-ooda-dev:e"
        >>> DeadLetter("1", "r", {"state": "Order", "execution": arn}).what
        'ona-ooda-dev, state Order'
        """
        key = source_of(self.body.get("input"))[1]
        parts = str(self.body.get("execution") or "").split(":")
        workflow = parts[6] if len(parts) > 7 else ""
        state = f"state {self.body['state']}" if self.body.get("state") else ""
        return key or ", ".join(part for part in (workflow, state) if part) or self.kind

    @property
    def reason(self) -> str:
        """The cause in words: the message of the function's error where there is one."""
        cause = str(self.body.get("cause") or "")
        return cause if self.body.get("kind") == FOREIGN else sentences.in_words(cause)

    @property
    def remedy(self) -> str:
        """What a quarantined file's owner can do; empty for other letters."""
        return plain.remedy_in(str(self.body.get("cause") or "")) if self.kind == QUARANTINE else ""

    @property
    def is_for_redrive(self) -> bool:
        """Whether the same work can succeed once its cause is mended. A file that is wrong itself is
        quarantined again; a foreign message has no work.

        >>> body = {"kind": "quarantine", "cause": '{"remedy": "save it as UTF-8"}'}
        >>> DeadLetter("1", "r", body).is_for_redrive
        False
        """
        if self.kind == QUARANTINE:
            return plain.REDRIVE in self.remedy
        return self.kind != FOREIGN


def body_of(text: str) -> dict[str, Any]:
    """A message's body as a dead letter. Any other text is a foreign one, with the text as its cause.

    >>> body_of('{"kind": "execution", "error": "States.Timeout"}')["kind"]
    'execution'
    >>> body_of("[1, 2]")
    {'kind': 'foreign', 'cause': '[1, 2]'}
    """
    body = parsed(text)
    return {"kind": FOREIGN, "cause": text} if body is None else body


def by_work(messages: Collection[DeadLetter]) -> list[DeadLetter]:
    """One letter a piece of work, the newest message first in it; foreign ones each for themselves."""
    groups: dict[str, list[DeadLetter]] = {}
    for message in sorted(messages, key=age_of):
        foreign = message.kind == FOREIGN or "execution" not in message.body
        groups.setdefault(message.message_id if foreign else work_of(message.body), []).append(message)
    letters = [replace(group[-1], others=tuple(group[:-1])) for group in groups.values()]
    return sorted(letters, key=age_of)


def in_words(letters: Collection[DeadLetter]) -> str:
    """How many letters there are, and of what: a quarantined file has a letter too, and is not lost.

    >>> in_words([])
    '0 letters'
    >>> kinds = ("quarantine", "quarantine", "execution", "foreign")
    >>> in_words([DeadLetter(kind, "", {"kind": kind}) for kind in kinds])
    '4 letters: 2 quarantined, 1 failed, 1 foreign'
    """
    kinds = Counter(letter.kind if letter.kind in (QUARANTINE, FOREIGN) else "failed" for letter in letters)
    words = {QUARANTINE: "quarantined", "failed": "failed", FOREIGN: FOREIGN}
    parts = ", ".join(f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind])
    return counted(len(letters), "letter") + (f": {parts}" if parts else "")


def age_of(letter: DeadLetter) -> str:
    """When a letter was written, as text that sorts; empty when it does not say."""
    return str(letter.body.get("at", ""))
