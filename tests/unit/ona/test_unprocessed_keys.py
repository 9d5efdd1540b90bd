"""BatchGetItem may leave keys unread; AWS strongly recommends "an exponential backoff algorithm" then."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ona.runtime.errors import DependencyBusy
from ona.store import tables
from tests.fakes import own_clock

KEYS = [{"id": f"k{n}"} for n in range(5)]


class Short:
    """A DynamoDB that reads so many keys of each call."""

    def __init__(self, *reads: int) -> None:
        self.reads, self.asked = list(reads), list[int]()

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        keys = RequestItems["weather"]["Keys"]
        self.asked.append(len(keys))
        done = self.reads.pop(0) if self.reads else 0
        left = {"weather": {**RequestItems["weather"], "Keys": keys[done:]}} if keys[done:] else {}
        return {"Responses": {"weather": keys[:done]}, "UnprocessedKeys": left}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seen: list[float] = []
    own_clock.give(monkeypatch, tables, sleep=seen.append)
    return seen


def test_what_was_not_read_is_asked_for_later(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    short = Short(2, 0, 1, 2)
    monkeypatch.setattr(tables, "client", lambda _: short)
    found = tables.get_many("weather", KEYS)
    assert sorted(item["id"] for item in found) == ["k0", "k1", "k2", "k3", "k4"]
    assert short.asked == [5, 3, 3, 2]
    assert len(waits) == 3
    assert all(before < after * 1.001 for before, after in pairwise(waits)), waits


def test_a_whole_answer_waits_for_nothing(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    monkeypatch.setattr(tables, "client", lambda _: Short(5))
    assert len(tables.get_many("weather", KEYS)) == 5
    assert waits == []


def test_keys_that_are_never_read_end_the_patience(
    monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    short = Short(3)
    monkeypatch.setattr(tables, "client", lambda _: short)
    with pytest.raises(DependencyBusy, match="2 keys of 5"):
        tables.get_many("weather", KEYS)
    assert len(short.asked) == len(waits) + 1 < 20
    assert sum(waits) < 30, "a function has seconds"
