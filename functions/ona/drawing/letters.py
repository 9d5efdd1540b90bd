"""How wide a text is in Helvetica, one of the fourteen fonts that every reader of PDF has."""

from __future__ import annotations

from collections.abc import Iterator

_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
"""Of the characters from space to ~, thousandths of the size (Adobe, Core 14 font metrics: Helvetica)."""
_OTHER = 556
"""Taken for every other character: the width of a digit."""


def width(text: str, size: float) -> float:
    """The width of a line, in the unit of `size`.

    >>> width("100", 10.0)
    16.68
    """
    codes = (ord(letter) - 32 for letter in text)
    return sum(_WIDTHS[c] if 0 <= c < len(_WIDTHS) else _OTHER for c in codes) * size / 1000.0


def fitting(text: str, most: float, size: float) -> str:
    """The text, or so much of its beginning that it is at most `most` wide, with an ellipsis.

    >>> fitting("ona-forecastingApi-prod", 60.0, 10.0)
    'ona-forecas…'
    """
    if width(text, size) <= most:
        return text
    while text and width(f"{text}…", size) > most:
        text = text[:-1]
    return f"{text}…"


def broken(text: str, most: float, size: float) -> Iterator[str]:
    """A paragraph in lines that are at most `most` wide. A word that is wider stands alone, as it is.

    >>> list(broken("one two three", 40.0, 10.0))
    ['one two', 'three']
    """
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width(longer, size) > most:
            yield line
            line = word
        else:
            line = longer
    yield line
