"""Threads that take turns, call by call: each order of their calls is one that a seed chose.

A thread waits before each of its calls of AWS until it is its turn. Only one of them runs at a time, so the
same seed gives the same interleaving again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import botocore.client
import pytest

PATIENCE_S = 60
"""A turn that does not come in this time is a deadlock."""


class Turns:
    """Takes functions, runs each in a thread, and interleaves their calls of AWS."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._random = random.Random(seed)
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._alive: set[int] = set()
        self._turn: int | None = None
        self._me = threading.local()
        self.taken: list[int] = []
        """Whose turn it was, call by call."""
        call = botocore.client.BaseClient._make_api_call

        def in_turn(client: Any, *arguments: Any) -> Any:
            number = getattr(self._me, "number", None)
            if number is not None:
                self._wait(number)
            return call(client, *arguments)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", in_turn)

    def run(self, *works: Callable[[], Any]) -> list[Any]:
        """Run them all at once; returns their results. Raises what one of them raised."""
        results: list[Any] = [None] * len(works)
        errors: list[BaseException] = []

        def one(number: int) -> None:
            self._me.number = number
            try:
                results[number] = works[number]()
            except BaseException as error:
                errors.append(error)
            finally:
                with self._changed:
                    self._alive.discard(number)
                    self._choose()

        self._alive = set(range(len(works)))
        threads = [threading.Thread(target=one, args=(number,)) for number in self._alive]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        if errors:
            raise errors[0]
        assert not self._alive, "a thread hangs"
        return results

    def _wait(self, number: int) -> None:
        with self._changed:
            self._waiting.append(number)
            self._choose()
            if not self._changed.wait_for(lambda: self._turn == number, PATIENCE_S):
                raise TimeoutError("no turn")
            self._turn = None

    def _choose(self) -> None:
        """When all that live wait, one of them goes on."""
        if self._turn is None and self._waiting and len(self._waiting) == len(self._alive):
            self._turn = self._random.choice(sorted(self._waiting))
            self._waiting.remove(self._turn)
            self.taken.append(self._turn)
            self._changed.notify_all()
