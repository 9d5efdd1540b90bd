"""How hooks reach and replace private names of ministack and moto."""

from __future__ import annotations

from typing import Any


class HookBroken(RuntimeError):
    """A private name that a hook needs is not there: the pinned package changed."""


def private(owner: Any, name: str) -> Any:
    """A private attribute of a module or class. Raises HookBroken with its full name."""
    try:
        return getattr(owner, name)
    except AttributeError as error:
        where = getattr(owner, "__name__", repr(owner))
        raise HookBroken(
            f"{where}.{name} is gone; the embedded cloud needs ministack 1.5.33 and moto 5.2.5 "
            "(docs/embedded-cloud.md)"
        ) from error


def replace(owner: Any, name: str, value: Any) -> Any:
    """Give a private name another value, and return the earlier one. Raises HookBroken as `private`."""
    original = private(owner, name)
    setattr(owner, name, value)
    return original
