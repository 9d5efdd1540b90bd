"""The quick way through a canonical CSV: blocks of whole lines whose first two columns are the time,
written one way, and the asset.

`typed` reads such a block without making a Python object a row, or returns None for a block with anything
unusual in it: quotes, other letters than ASCII, ragged or blank lines, text among the numbers, a time
written otherwise. That block then goes through the careful reader in `ona/telemetry.py`, which says
what is wrong; both give the same rows (`tests/unit/test_blocks.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.telemetry.readings import Floats, Ints, Rows

BLOCK_BYTES = 4 << 20
MAX_LINE_BYTES = 64 * 1024
_SPARE = 64
"""Bytes behind a block, so that eight bytes can be read at once from anywhere in it."""
_MISSING = frozenset(pd._libs.parsers.STR_NA_VALUES)  # type: ignore[attr-defined]
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)")
_DAY_MICROSECONDS = 86_400_000_000

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Source:
    """A file's bytes: how many, and what comes from an offset on, in pieces."""

    size: int
    pieces: Callable[[int], Iterator[bytes]]

    @classmethod
    def of(cls, data: bytes) -> Source:
        """What is in memory already."""
        return cls(len(data), lambda start: iter([data[start:]]))

    def lines(self, start: int, end: int) -> Iterator[bytes]:
        """The lines that begin from `start` up to before `end`, in blocks."""
        at, begun = max(start - 1, 0), start == 0
        for block in whole_lines(self.pieces(at)):
            if not begun:  # with the rest of a line that began before
                rest = block.find(b"\n") + 1 or len(block)
                begun = block[rest - 1 : rest] == b"\n"
                at, block = at + rest, block[rest:]
            if at + len(block) >= end:
                if at < end:
                    yield block[: block.find(b"\n", end - 1 - at) + 1 or len(block)]
                return
            at += len(block)
            yield block


def whole_lines(chunks: Iterable[bytes], size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The bytes in blocks of about `size` that end where a line does, but for a line that is too long."""
    held: list[bytes] = []
    length = 0
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            piece = chunk[start : start + size]
            held.append(piece)
            length += len(piece)
            if length >= size:
                block = b"".join(held)
                end = block.rfind(b"\n") + 1 or (len(block) if len(block) > MAX_LINE_BYTES else 0)
                if end:
                    yield block[:end]
                held, length = [block[end:]], len(block) - end
    if length:
        yield b"".join(held)


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text.ljust(8, b"\0"), "little"))


_DASHES, _DASHED = _word(b"\0\0\0\0\xff\0\0\xff"), _word(b"\0\0\0\0-\0\0-")
_FIRST = np.array([_word(b"\xff" * n) for n in range(9)], dtype=np.uint64)
"""What keeps the first n letters of a word."""


def typed(block: bytes, columns: list[str], wanted: tuple[str, ...]) -> Rows | None:
    """Rows of a block, or None where it needs care. `columns` are the file's, in order; `wanted` the
    numeric ones of them that rows are to have."""
    if not block or columns[:2] != ["timestamp", "asset_id"] or b'"' in block or not block.isascii():
        return None
    padded = np.frombuffer(block + bytes(_SPARE), dtype=np.uint8)
    ends = np.flatnonzero(padded == 0x0A)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    starts = np.concatenate((np.zeros(1, dtype=ends.dtype), ends[:-1] + 1))
    if (ends - starts).max() > MAX_LINE_BYTES:
        return None
    found = np.flatnonzero(padded == 0x2C)
    if len(found) != len(starts) * (len(columns) - 1):
        return None
    commas = found.reshape(len(starts), -1)
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
    """Microseconds since 1970, (n,), where all times are written alike."""
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
    """Which of the distinct keys each row has, and what `read` makes of the first row with each."""
    codes, known = pd.factorize(keys)
    first = np.empty(len(known), dtype=np.intp)
    first[codes[::-1]] = starts[::-1]
    return codes, [read(int(at)) for at in first]


@cache
def _midnight(text: bytes) -> int | None:
    try:
        return (date.fromisoformat(text.decode()) - date(1970, 1, 1)).days * _DAY_MICROSECONDS
    except ValueError:
        return None


@cache
def _since_midnight(text: bytes) -> int | None:
    found = _TIME.fullmatch(text.decode())
    if not found:
        return None
    hours, minutes, seconds = map(int, found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000


def _assets(
    block: bytes, words: Words, begins: NDArray[np.intp], lengths: NDArray[np.intp]
) -> tuple[NDArray[np.intp], list[str]] | None:
    """Which asset each row is of, (n,), and their names; eight letters at a time."""
    if lengths.max() > _SPARE:
        return None
    codes: NDArray[np.intp] = np.zeros(len(begins), dtype=np.intp)
    for offset in range(0, int(lengths.max()), 8):
        part, known = pd.factorize(words[begins + offset] & _FIRST[np.clip(lengths - offset, 0, 8)])
        codes = pd.factorize(codes * len(known) + part)[0] if offset else part
    first = np.empty(int(codes.max()) + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    texts = [block[begins[n] : begins[n] + lengths[n]].decode() for n in first]
    if any(text in _MISSING or not text.isprintable() for text in texts):
        return None
    return codes, [text.strip() for text in texts]


class _Source:
    """A block as pandas' tokenizer reads it: bytes, not decoded on the way."""

    def __init__(self, block: bytes) -> None:
        self._block, self._at = block, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        taken = self._block[self._at : self._at + size if size >= 0 else None]
        self._at += len(taken)
        return taken

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


_TRUTH = re.compile(rb",\s*(?:true|false)\s*(?:[,\r\n]|\Z)", re.IGNORECASE)


def _numbers(block: bytes, fields: int, wanted: list[int]) -> Floats | None:
    """Some of a block's fields, (len(wanted), n), or None where one holds something else than numbers."""
    try:
        frame = pd.read_csv(  # type: ignore[call-overload]
            _Source(block),
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
    return None if doubtful and _TRUTH.search(block) else numbers
