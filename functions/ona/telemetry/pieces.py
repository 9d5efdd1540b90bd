"""A piece: some readings of one asset, in memory or in a temporary file.

The rows of a large file go to shared memory and then to a temporary file (`Spool`), so that memory does not
grow with the file. What must be known of all rows (how many, when, in order or not, with power or not) is
noted as they come; the values are read when somebody asks for the asset.

>>> columns, values = ("volts", "power_kw"), np.array([[np.nan, np.nan], [0.0, 5.0]])
>>> piece = Piece.of(np.array([1, 2]), values, columns)
>>> (piece.first, piece.last, piece.readings, piece.rises, piece.has_power)
(1, 2, 2, True, True)
>>> spool = Spool(columns=2)
>>> spool.holding(spool.put([piece.read()], columns)).read()[0].tolist()
[1, 2]
"""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Times, microseconds since 1970 UTC, (n,); the columns' values, (k, n)."""


IN_MEMORY = 320 << 20
"""Bytes of each process' rows that stay in memory (ours): with two processes those of a file of 0.8 GB;
of a larger one no more is held."""
MAP_NORESERVE = 0x4000
"""Linux's flag for memory that is promised only when it is filled (`mmap` names it from Python 3.13 on)."""


@dataclass(frozen=True)
class Piece:
    """At least one reading of one asset, from the time `first` to `last` (microseconds since 1970 UTC).

    `rises`: each of the `readings` is later than the one before. `has_power`: one of them has one.
    `values`: the values, or their offset in the `spool`.
    """

    readings: int
    first: int
    last: int
    rises: bool
    has_power: bool
    values: Values | int
    spool: Spool | None = None

    @classmethod
    def of(cls, time: NDArray[np.int64], numbers: NDArray[np.float64], columns: tuple[str, ...]) -> Piece:
        """From arrays in memory: times, (n,), and the columns' values, (k, n)."""
        return cls(
            readings=len(time),
            first=int(time[0]),
            last=int(time[-1]),
            rises=bool((time[1:] > time[:-1]).all()),
            has_power=bool(np.isfinite(numbers[columns.index("power_kw")]).any()),
            values=(time, numbers),
        )

    def read(self, begin: int = -(2**62), end: int = 2**62) -> Values:
        """The values from a time to before another, µs since 1970 UTC, from memory or from the file; of a
        piece that does not rise only the whole."""
        if not isinstance(self.values, tuple):
            if self.spool is None:
                raise ValueError("the piece lies in a file, and nobody said in which")
            return self.spool.read(self.values, self.readings, begin, end)
        time, numbers = self.values
        rows = slice(*np.searchsorted(time, (begin, end)).tolist())
        return time[rows], numbers[:, rows]


class Spool:
    """Pieces with so many `columns`: in memory that forks share, and behind `IN_MEMORY` bytes in a file.

    Forks share both; one of them writes. The file has no name: it ends with the last process that has it.
    """

    def __init__(self, columns: int) -> None:
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_NORESERVE
        self._memory = np.frombuffer(mmap.mmap(-1, IN_MEMORY, flags=flags), dtype=np.int64)
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # lives as long as the telemetry
        self._columns, self._end = columns, 0

    def put(self, parts: list[Values], columns: tuple[str, ...]) -> Piece:
        """One piece of several parts of one asset that follow each other, without the spool: so it can be
        sent to another process.

        Raises OSError where the disk is full.
        """
        at, readings = self._end, sum(len(time) for time, _ in parts)
        whole = self._in_memory(at, readings)
        in_file = whole is None
        if whole is None:
            at = max(at, IN_MEMORY)  # what does not fit any more, and all that comes later
            whole = np.empty((1 + self._columns, readings), dtype=np.int64)
        self._end = at + whole.nbytes
        np.concatenate([time for time, _ in parts], out=whole[0])
        np.concatenate([numbers for _, numbers in parts], axis=1, out=whole[1:].view(np.float64))
        if in_file:
            place, rest = at - IN_MEMORY, whole.data.cast("B")
            while rest:
                written = os.pwrite(self._file.fileno(), rest, place)
                place, rest = place + written, rest[written:]
        return replace(Piece.of(whole[0], whole[1:].view(np.float64), columns), values=at)

    def holding(self, piece: Piece) -> Piece:
        """A piece that `put` gave, in this process or in another, as one that can be read."""
        return replace(piece, spool=self)

    def read(self, at: int, readings: int, begin: int, end: int) -> Values:
        """Of so many readings from an offset on those of some time: a view of the memory, or a copy from
        the file, of which no more is read."""
        whole = self._in_memory(at, readings)
        times = self._from_file(at, readings) if whole is None else whole[0]
        first, last = np.searchsorted(times, (begin, end)).tolist()
        if whole is None:
            starts = (at + 8 * (n * readings + first) for n in range(1, 1 + self._columns))
            columns = [self._from_file(start, last - first) for start in starts]
            whole = np.stack([times[first:last], *columns])
            first, last = 0, last - first
        return whole[0, first:last], whole[1:, first:last].view(np.float64)

    def _from_file(self, at: int, count: int) -> NDArray[np.int64]:
        """So many words of eight bytes from an offset on."""
        words = np.empty(count, dtype=np.int64)
        place, rest = at - IN_MEMORY, words.data.cast("B") if count else b""
        while rest:
            came = os.preadv(self._file.fileno(), [rest], place)
            if not came:
                raise EOFError("the temporary file of the telemetry is shorter than what was put there")
            place, rest = place + came, rest[came:]
        return words

    def _in_memory(self, at: int, readings: int) -> NDArray[np.int64] | None:
        """The place of so many readings in memory, (1 + columns, readings); None where it is the file's."""
        first, count = at // 8, (1 + self._columns) * readings
        if first + count > len(self._memory):
            return None
        return self._memory[first : first + count].reshape(1 + self._columns, readings)
