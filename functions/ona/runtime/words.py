"""Counted nouns in messages for people: 0 files, 1 file, 2 files.

Every message that counts something says it by `counted`, and without a verb that would have to agree.
`tests/contract/test_counted_nouns.py` finds one that does not.

>>> [counted(number, "lost file") for number in (0, 1, 2)]
['0 lost files', '1 lost file', '2 lost files']
>>> f"{counted(1, 'delivery')} given up"
'1 delivery given up'
"""

from __future__ import annotations

from collections.abc import Sequence

_HISSING = ("s", "x", "ch", "sh")
MOST_DIGITS = 6
"""Digits behind the point of a number that is written to be above, or below, a limit."""


def counted(number: float, noun: str, spec: str = "") -> str:
    """A number with its noun, given in the singular. `spec`: how the number is written.

    >>> counted(1200, "reading", ","), counted(1.0, "day", "g"), counted(1.5, "day", "g")
    ('1,200 readings', '1 day', '1.5 days')
    """
    text = format(number, spec)
    return f"{text} {noun if text == '1' else plural(noun)}"


def number_above(value: float, limit: float, digits: int = 0) -> str:
    """A number that is above a limit, written so that it still is: with as many digits as that takes.

    >>> number_above(130.4, 100.0), number_above(100.3, 100.0)
    ('130', '100.3')
    """
    while digits < MOST_DIGITS and round(value, digits) <= limit:
        digits += 1
    return f"{value:.{digits}f}"


def number_below(value: float, limit: float, digits: int = 0) -> str:
    """A number that is below a limit, written so that it still is.

    >>> number_below(12.0, 50.0, 2), number_below(49.9996, 50.0, 2)
    ('12.00', '49.9996')
    """
    while digits < MOST_DIGITS and round(value, digits) >= limit:
        digits += 1
    return f"{value:.{digits}f}"


def shortened(text: str, most: int) -> str:
    """A text of at most `most` characters; what was longer ends with an ellipsis.

    >>> shortened("the machine stood", 11), shortened("short", 11)
    ('the machin…', 'short')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def at_a_word(text: str, most: int) -> str:
    """A text of at most `most` characters, cut between two words; what was longer ends with an ellipsis.

    >>> at_a_word("the machine stood", 14), at_a_word("short", 14), at_a_word("unbroken", 5)
    ('the machine …', 'short', 'unbr…')
    """
    if len(text) <= most:
        return text
    head = text[: most - 1].rpartition(" ")[0]
    return f"{head} …" if head else shortened(text, most)


def listed(names: Sequence[str], most: int) -> str:
    """The first `most` names, and how many there are beside them.

    >>> listed(["a", "b", "c"], 2), listed(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def plural(noun: str) -> str:
    """More than one of a regular noun.

    >>> [plural(noun) for noun in ("retry", "day", "crash", "piece of work")]
    ['retries', 'days', 'crashes', 'pieces of work']
    """
    head, separator, rest = noun.partition(" of ")
    if head.endswith("y") and head[-2:-1] not in "aeiou":
        head = f"{head[:-1]}ies"
    else:
        head += "es" if head.endswith(_HISSING) else "s"
    return head + separator + rest
