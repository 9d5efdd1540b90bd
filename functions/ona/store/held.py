"""What was made of objects, kept in a process' memory while the objects are the same.

A listing tells the ETags of many objects at the price of one call: those that have not changed need not be
read again, and one that was repaired or damaged meanwhile is read at the next request. What cannot be made
is not kept.

>>> held: Held[int] = Held(most=10, size=lambda number: number)
>>> held.get("a", '"1"', lambda: 7), held.get("a", '"1"', lambda: 8), held.get("a", '"2"', lambda: 9)
(7, 7, 9)
>>> held.get("b", '"1"', lambda: 5), held.get("a", '"2"', lambda: 3)  # 9 + 5 are too many: "a" has left
(5, 3)
>>> held.read("c", '"1"', lambda: (4, '"2"')), held.get("c", '"2"', lambda: 6)  # it was read as "2"
(4, 4)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


def _one(_: object) -> int:
    return 1


@dataclass(frozen=True)
class _Kept(Generic[ValueT]):
    stamp: Hashable
    value: ValueT
    size: int


class Held(Generic[ValueT]):
    """At most `most` of what `size` counts; without it things are counted. What nobody asked for since the
    longest time leaves first. Several threads may ask. Nobody may change what is held.
    """

    def __init__(self, most: int, size: Callable[[ValueT], int] = _one) -> None:
        self._most, self._size = most, size
        self._kept: dict[Hashable, _Kept[ValueT]] = {}
        self._lock = threading.Lock()

    def get(self, name: Hashable, stamp: Hashable, make: Callable[[], ValueT]) -> ValueT:
        """What is held under a name with this stamp; else what `make` gives, which is held from now on.

        Raises what `make` raises: then nothing is held.
        """
        return self.read(name, stamp, lambda: (make(), stamp))

    def read(self, name: Hashable, stamp: Hashable, read: Callable[[], tuple[ValueT, Hashable]]) -> ValueT:
        """What is held under a name with this stamp; else what `read` gives, with the stamp of what it has
        read: that may be newer than the listing that told the stamp. Without a stamp ("") nothing is held.

        Raises what `read` raises: then nothing is held.
        """
        with self._lock:
            kept = self._kept.pop(name, None)
            if kept is not None and kept.stamp == stamp:
                self._kept[name] = kept
                return kept.value
        made, stamp = read()
        if stamp == "":
            return made
        with self._lock:
            self._kept[name] = _Kept(stamp, made, self._size(made))
            held = sum(each.size for each in self._kept.values())
            while held > self._most:
                held -= self._kept.pop(next(iter(self._kept))).size
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
