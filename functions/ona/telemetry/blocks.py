"""A file's bytes in blocks of whole lines, so that its size does not matter.

>>> [*Source.of(b"a\\nbb\\nccc\\n").lines(0, 9)]
[b'a\\nbb\\nccc\\n']
>>> [*Source.of(b"a\\nbb\\nccc\\n").lines(1, 6)]
[b'bb\\nccc\\n']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

BLOCK_BYTES = 1 << 20
"""Bytes of a block (ours): some 20 000 readings: what is computed of them stays in a core's cache."""
MAX_LINE_BYTES = 64 * 1024
"""Bytes of a line (ours). A reading has about 60; a file with longer lines has wrong line endings."""


@dataclass(frozen=True)
class Source:
    """A file's bytes: how many there are, and a function that gives those from an offset on, in pieces."""

    size: int
    pieces: Callable[[int], Iterator[bytes]]

    @classmethod
    def of(cls, data: bytes) -> Source:
        """A file that is in memory already."""
        return cls(len(data), lambda start: iter([data[start:]]))

    def lines(self, start: int, end: int) -> Iterator[bytes]:
        """The lines whose first byte lies from offset `start` up to before `end`, in blocks."""
        at, begun = max(start - 1, 0), start == 0
        for block in whole_lines(self.pieces(at)):
            if not begun:  # the block begins with the rest of a line that began before `start`
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
    """The bytes of all chunks, in blocks of about `size` bytes that end where a line does.

    A line of more than `MAX_LINE_BYTES` is cut, so that it does not fill the memory.
    """
    waiting: list[bytes] = []
    length = 0
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            piece = chunk[start : start + size]
            waiting.append(piece)
            length += len(piece)
            if length >= size:
                block = b"".join(waiting)
                end = block.rfind(b"\n") + 1 or (len(block) if len(block) > MAX_LINE_BYTES else 0)
                if end:
                    yield block[:end]
                waiting, length = [block[end:]], len(block) - end
    if length:
        yield b"".join(waiting)
