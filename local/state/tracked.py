"""A store's dict that says which of its keys were set or removed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Mark = Callable[[Any], None]
"""Called with a key; with None when all keys may have changed."""


class TrackedDict(dict[Any, Any]):
    """A dict whose own changes are seen. Changes inside its values are not."""

    __slots__ = ("_mark",)

    def __init__(self, data: dict[Any, Any], mark: Mark) -> None:
        """`mark` is called after each change."""
        super().__init__(data)
        self._mark = mark

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._mark(key)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._mark(key)

    def pop(self, key: Any, *default: Any) -> Any:
        """As dict."""
        there = key in self
        value = super().pop(key, *default)
        if there:
            self._mark(key)
        return value

    def popitem(self) -> tuple[Any, Any]:
        """As dict."""
        key, value = super().popitem()
        self._mark(key)
        return key, value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As dict."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **named: Any) -> None:
        """As dict."""
        for key, value in dict(*others, **named).items():
            self[key] = value

    def clear(self) -> None:
        """As dict."""
        super().clear()
        self._mark(None)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return {copy.deepcopy(key, memo): copy.deepcopy(value, memo) for key, value in list(self.items())}

    def __copy__(self) -> dict[Any, Any]:
        return dict(self)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def track(store: Any, mark: Mark) -> None:
    """Watch a scoped store of ministack's."""
    store._data = TrackedDict(store._data, mark)


def drain(marked: set[T]) -> set[T]:
    """Empty a set to which other threads add; returns what was in it."""
    taken = set()
    while marked:
        taken.add(marked.pop())
    return taken
