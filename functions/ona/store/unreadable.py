"""Entries that others may have written: an entry that cannot be read is named and holds up no other.

Whoever reads many objects, items or messages reads each by itself. One that is no valid entry is put aside
as `Unreadable`; the reader goes on and says at its end how many there were.

>>> bad: list[Unreadable] = []
>>> from ona.runtime.errors import InvalidPayload
>>> def length(text: str) -> int:
...     if not text:
...         raise InvalidPayload("empty")
...     return len(text)
>>> readable({"a": "one", "b": "", "c": "three"}.items(), length, bad)
[3, 5]
>>> bad
[Unreadable(where='b', why='empty')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError

from ona.runtime.aws import is_refused
from ona.runtime.errors import InvalidInput
from ona.runtime.observability import count, logger
from ona.runtime.words import counted

LONGEST_REASON = 300
"""Characters of a reason that are kept: a whole object may stand in it."""
OF_THE_ENTRY = (
    InvalidInput,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What reading raises for an entry that is not as it should be: a text where a number is expected, a number
that is too large for a time, a name that is missing, brackets without end."""
METRIC = "EntriesUnreadable"
"""Counts the entries that a function could not read."""


@dataclass(frozen=True)
class Unreadable:
    """An entry that nobody can read. `where`: bucket and key, table and key, or queue and message id."""

    where: str
    why: str


def note(where: str, why: object, bad: list[Unreadable] | None = None) -> None:
    """Put an entry aside: into `bad` where the caller keeps a list and tells of it, else into the log and
    the metric."""
    entry = Unreadable(where, str(why)[:LONGEST_REASON])
    if bad is not None:
        bad.append(entry)
        return
    logger.error("unreadable", where=entry.where, why=entry.why)
    count(METRIC, 1)


EntryT = TypeVar("EntryT")
ReadT = TypeVar("ReadT")


def readable(
    entries: Iterable[tuple[str, EntryT]],
    read: Callable[[EntryT], ReadT],
    bad: list[Unreadable] | None = None,
) -> list[ReadT]:
    """What `read` makes of the entries, each with where it lies; those it refuses are put aside.

    Only errors of the entry itself count: a service that is busy is none.
    """
    result = []
    for where, entry in entries:
        try:
            result.append(read(entry))
        except OF_THE_ENTRY as error:
            note(where, error, bad)
    return result


def attempted(read: Callable[[], ReadT]) -> tuple[ReadT | None, str]:
    """What `read` gives and "", or None and why it gives nothing: the entry is damaged, missing, or may not
    be read.

    Raises what is no error of the entry itself: a service that is busy.

    >>> attempted(lambda: int("7"))
    (7, '')
    >>> attempted(lambda: int("seven"))
    (None, "invalid literal for int() with base 10: 'seven'")
    """
    try:
        return read(), ""
    except OF_THE_ENTRY as error:
        return None, str(error)[:LONGEST_REASON] or type(error).__name__
    except ClientError as error:
        if not is_refused(error):
            raise
        return None, str(error)[:LONGEST_REASON]


def summary(bad: list[Unreadable]) -> str:
    """The line that ends a report; empty where everything could be read.

    >>> summary([Unreadable("s3://bucket/outcomes/x.json", "no JSON")])
    '1 entry could not be read'
    """
    if not bad:
        return ""
    return f"{counted(len(bad), 'entry')} could not be read"
