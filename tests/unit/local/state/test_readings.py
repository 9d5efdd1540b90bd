"""A store is read whole, whatever other threads write into it meanwhile."""

from __future__ import annotations

import copy
import threading

import pytest

from local.hooks.durable_stores import READINGS, quietly


def test_a_reading_begins_anew_while_others_write() -> None:
    """Log streams lie inside the entry of their group: whoever put a line meanwhile got an error."""
    streams: dict[str, dict[str, int]] = {"group": {str(number): number for number in range(500)}}
    done = threading.Event()

    def write() -> None:
        for number in range(2_000):
            streams["group"][f"new-{number}"] = number
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    read = quietly(lambda: copy.deepcopy(streams))
    while not done.is_set():
        assert len(read()["group"]) >= 500
    writer.join()
    assert len(read()["group"]) == 2_500


def test_a_reading_that_never_ends_quietly_says_so() -> None:
    tries: list[int] = []

    def changing() -> None:
        tries.append(1)
        raise RuntimeError("dictionary changed size during iteration")

    with pytest.raises(RuntimeError, match="during iteration"):
        quietly(changing)()
    assert len(tries) == READINGS


def test_another_error_is_told_at_once() -> None:
    tries: list[int] = []

    def broken() -> None:
        tries.append(1)
        raise KeyError("missing")

    with pytest.raises(KeyError):
        quietly(broken)()
    assert len(tries) == 1
