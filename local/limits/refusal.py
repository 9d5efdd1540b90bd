"""How a limit refuses: a check looks at a request before its handler does, and may answer in its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.hooks.base import private, replace


@dataclass(frozen=True)
class Refusal:
    """What AWS answers instead of doing it."""

    code: str
    message: str
    status: int = 400
    extra: dict[str, str] = field(default_factory=dict)
    """S3 only: elements behind the message."""


Check = Callable[..., Refusal | None]
"""Gets what the handler gets. None: the limit is kept."""


def as_json(refusal: Refusal) -> Any:
    """A refusal as services with a JSON protocol send it."""
    from ministack.core.responses import error_response_json

    return error_response_json(refusal.code, refusal.message, refusal.status)


def guard(owner: Any, handler: str, check: Check, answer: Callable[[Refusal], Any] = as_json) -> None:
    """Let a check stand before a handler, a function of ministack. Raises HookBroken when it is gone."""
    original = private(owner, handler)

    if inspect.iscoroutinefunction(original):

        async def guarded_async(*args: Any, **named: Any) -> Any:
            refusal = check(*args, **named)
            return await original(*args, **named) if refusal is None else answer(refusal)

        _put(owner, handler, original, guarded_async)
        return

    def guarded(*args: Any, **named: Any) -> Any:
        refusal = check(*args, **named)
        return original(*args, **named) if refusal is None else answer(refusal)

    _put(owner, handler, original, guarded)


def _put(owner: Any, handler: str, original: Any, guarded: Any) -> None:
    """Put a guarded handler in its place, in the module's tables of handlers too."""
    replace(owner, handler, guarded)
    for table in [value for value in vars(owner).values() if type(value) is dict]:
        for action in [key for key, value in table.items() if value is original]:
            table[action] = guarded


def utf8(text: str) -> int:
    """How many bytes a text has as UTF-8.

    >>> utf8("ü")
    2
    """
    return len(text.encode("utf-8", "surrogatepass"))
