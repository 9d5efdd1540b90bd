"""The fast reader of canonical CSV: a block of whole lines as columns, without a Python object a row.

It takes a block only where every line is written alike: the time first, the asset second, UTC times of one
form, ASCII, no quotes, numbers in all other fields. For any other block `typed` returns None; the strict
reader (`strict_csv`) then reads that block and says what is wrong. Both give the same rows, which
`tests/unit/ona/test_fast_csv.py` checks on random files.

>>> names = ["timestamp", "asset_id", "power_kw"]
>>> rows = typed(b"2025-06-01T08:00:00Z,INV-1,5.5\\n2025-06-01T08:00:00Z,INV-2,6\\n", names, ("power_kw",))
>>> rows.names, rows.asset.tolist(), rows.numbers.tolist()
(['INV-1', 'INV-2'], [0, 1], [[5.5, 6.0]])
>>> typed(b"2025-06-01T08:00:00Z,INV-1,five\\n", names, ("power_kw",)) is None
True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.telemetry.blocks import MAX_LINE_BYTES
from ona.telemetry.readings import Floats, Ints, Rows

_SPARE = 64
"""Bytes behind a block, so that eight bytes can be read at once from anywhere in it. Asset ids of more
letters than this go to the strict reader."""
_MISSING = frozenset(pd._libs.parsers.STR_NA_VALUES)  # type: ignore[attr-defined]
"""Texts that pandas reads as a missing value."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")
"""A time of day: hour, minute, second."""
_DAY_MICROSECONDS = 86_400_000_000

Words = NDArray[np.uint64]
"""Eight bytes of text each, the first one lowest."""


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text.ljust(8, b"\0"), "little"))


_DASHES, _DASHED = _word(b"\0\0\0\0\xff\0\0\xff"), _word(b"\0\0\0\0-\0\0-")
_FIRST = np.array([_word(b"\xff" * n) for n in range(9)], dtype=np.uint64)
"""Masks: `_FIRST[n]` leaves the first n letters of a word."""


def typed(block: bytes, columns: list[str], wanted: tuple[str, ...]) -> Rows | None:
    """The rows of a block of whole lines, or None where the strict reader must read it.

    `columns` are the file's, in order. `wanted` are those of them that the rows are to have; they hold
    numbers.
    """
    if not block or columns[:2] != ["timestamp", "asset_id"] or b'"' in block or not block.isascii():
        return None
    padded = np.frombuffer(block + bytes(_SPARE), dtype=np.uint8)
    ends = np.flatnonzero(padded == 0x0A)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    starts = np.concatenate((np.zeros(1, dtype=ends.dtype), ends[:-1] + 1))
    if (ends - starts).max() > MAX_LINE_BYTES:
        return None
    all_commas = np.flatnonzero(padded == 0x2C)
    if len(all_commas) != len(starts) * (len(columns) - 1):
        return None
    commas = all_commas.reshape(len(starts), -1)
    if (commas[:, 0] < starts).any() or (commas[:, -1] > ends).any():
        return None  # a line with a field too many, another with one too few
    words: Words = np.ndarray((len(padded) - 7,), "<u8", padded.data, 0, (1,))
    time = _times(block, padded, words, starts)
    if time is None:
        return None
    assets = _assets(block, words, commas[:, 0] + 1, commas[:, 1] - commas[:, 0] - 1)
    numbers = _numbers(block, len(columns), [columns.index(name) for name in wanted])
    if assets is None or numbers is None or numbers.shape[1] != len(starts):
        return None
    asset, names = assets
    return Rows(time, asset, names, wanted, numbers)


def _times(block: bytes, padded: NDArray[np.uint8], words: Words, starts: NDArray[np.intp]) -> Ints | None:
    """The lines' times, microseconds since 1970 UTC, (n,); None where they are not all written alike."""
    zone = next((zone for zone in (b"Z", b"+00:00") if block[19 : 20 + len(zone)] == zone + b","), None)
    if zone is None or block[10:11] not in (b"T", b" "):
        return None
    tail = _word(b"\xff" * (len(zone) + 1))
    first, last = words[starts], words[starts + 2]
    uniform = (
        ((words[starts + 19] & tail) == _word(zone + b",")).all()
        and (padded[starts + 10] == padded[10]).all()
        and ((first & _DASHES) == _DASHED).all()
    )
    if not uniform:
        return None
    # the eight digits of the date in one word: those of the day take the places of the dashes
    day = (
        (first & ~_DASHES)
        | ((last >> np.uint64(16)) & _word(b"\0\0\0\0\xff"))
        | (last & _word(b"\0" * 7 + b"\xff"))
    )
    days, midnights = _each(day, starts, lambda at: _midnight(block[at : at + 10]))
    clocks, since = _each(words[starts + 11], starts, lambda at: _since_midnight(block[at + 11 : at + 19]))
    if None in midnights or None in since:
        return None
    whole: Ints = np.array(midnights, dtype=np.int64)[days] + np.array(since, dtype=np.int64)[clocks]
    return whole


def _each(
    keys: Words, starts: NDArray[np.intp], read: Callable[[int], int | None]
) -> tuple[NDArray[np.intp], list[int | None]]:
    """Which of the distinct keys each row has, (n,), and what `read` returns for each distinct key.

    `read` gets the offset of the first line that has the key: a text that stands in many rows is read once.
    """
    codes, distinct = pd.factorize(keys)
    first = np.empty(len(distinct), dtype=np.intp)
    first[codes[::-1]] = starts[::-1]
    return codes, [read(int(at)) for at in first]


@cache
def _midnight(text: bytes) -> int | None:
    """Microseconds from 1970 to a day like 2025-06-01; None where there is no such day."""
    try:
        return (date.fromisoformat(text.decode()) - date(1970, 1, 1)).days * _DAY_MICROSECONDS
    except ValueError:
        return None


@cache
def _since_midnight(text: bytes) -> int | None:
    """Microseconds from midnight to a time like 08:15:00; None where there is no such time."""
    clock = _CLOCK.fullmatch(text.decode())
    if not clock:
        return None
    hours, minutes, seconds = map(int, clock.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000


def _assets(
    block: bytes, words: Words, begins: NDArray[np.intp], lengths: NDArray[np.intp]
) -> tuple[NDArray[np.intp], list[str]] | None:
    """Which asset each row is of, (n,), and the assets' names; None where a name needs the strict reader.

    Names are compared eight letters at a time.
    """
    if lengths.max() > _SPARE:
        return None
    codes: NDArray[np.intp] = np.zeros(len(begins), dtype=np.intp)
    for offset in range(0, int(lengths.max()), 8):
        part, distinct = pd.factorize(words[begins + offset] & _FIRST[np.clip(lengths - offset, 0, 8)])
        codes = pd.factorize(codes * len(distinct) + part)[0] if offset else part
    first = np.empty(int(codes.max()) + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    texts = [block[begins[n] : begins[n] + lengths[n]].decode() for n in first]
    if any(text in _MISSING or not text.isprintable() for text in texts):
        return None
    return codes, [text.strip() for text in texts]


class _BytesFile:
    """A block as a file of bytes: pandas' tokenizer reads it without decoding it first."""

    def __init__(self, block: bytes) -> None:
        self._block, self._at = block, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        taken = self._block[self._at : self._at + size if size >= 0 else None]
        self._at += len(taken)
        return taken

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


_TRUTH_VALUE = re.compile(rb",\s*(?:true|false)\s*(?:[,\r\n]|\Z)", re.IGNORECASE)
"""A field that pandas would read as 1 or 0 although it is text."""


def _numbers(block: bytes, fields: int, wanted: list[int]) -> Floats | None:
    """The values of the wanted fields, (len(wanted), n); None where one holds something else than numbers.

    `fields` is the number of fields of a line; `wanted` counts them from 0.
    """
    try:
        frame = pd.read_csv(  # type: ignore[call-overload]
            _BytesFile(block),
            header=None,
            names=range(fields),
            usecols=wanted,
            dtype=np.float64,
            on_bad_lines="skip",
            low_memory=False,
            index_col=False,
            skipinitialspace=True,
        )
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning):
        return None
    numbers = (frame if list(frame) == wanted else frame[wanted]).to_numpy().T
    # pandas makes numbers of true and false where a column has nothing else
    doubtful = any(np.fmax.reduce(c) in (0.0, 1.0) and np.fmin.reduce(c) in (0.0, 1.0) for c in numbers)
    return None if doubtful and _TRUTH_VALUE.search(block) else numbers
