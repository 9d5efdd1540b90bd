"""Dead-letter queues that take longer to read than their messages stay hidden."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from ops import deadletters


class SlowQueue:
    """A queue on a clock of its own: each call takes `call_s` seconds."""

    def __init__(self, messages: int, call_s: float) -> None:
        self.now, self.call_s = 0.0, call_s
        self.visible_at = {f"m{number:04d}": 0.0 for number in range(messages)}
        self.receipts: dict[str, str] = {}
        self._numbers = itertools.count()

    def _call(self) -> None:
        self.now += self.call_s

    def receive_message(self, **asked: Any) -> Any:
        self._call()
        shown = [name for name, at in self.visible_at.items() if at <= self.now]
        answer = []
        for name in shown[: asked["MaxNumberOfMessages"]]:
            self.visible_at[name] = self.now + asked["VisibilityTimeout"]
            self.receipts[name] = f"{name}/{next(self._numbers)}"
            answer.append({"MessageId": name, "ReceiptHandle": self.receipts[name], "Body": "{}"})
        return {"Messages": answer} if answer else {}

    def change_message_visibility_batch(self, **asked: Any) -> Any:
        """As Amazon SQS: what is not in flight fails alone, MessageNotInflight."""
        self._call()
        assert len(asked["Entries"]) <= 10
        failed = []
        for entry in asked["Entries"]:
            name = entry["ReceiptHandle"].split("/")[0]
            if self.visible_at[name] <= self.now or self.receipts[name] != entry["ReceiptHandle"]:
                failed.append({"Id": entry["Id"], "Code": "MessageNotInflight", "SenderFault": True})
            else:
                self.visible_at[name] = self.now + entry["VisibilityTimeout"]
        return {"Failed": failed}

    def delete_message(self, **asked: Any) -> None:
        """As Amazon SQS: an old receipt may delete nothing."""
        self._call()
        name = asked["ReceiptHandle"].split("/")[0]
        if self.receipts[name] == asked["ReceiptHandle"]:
            del self.visible_at[name]


def target(queue: SlowQueue) -> Any:
    outputs = {deadletters.WORKFLOWS: "url", deadletters.OUTBOX: "url"}
    return SimpleNamespace(client=lambda _: queue, outputs=outputs, embedded=None)


@pytest.mark.parametrize("call_s", [0.01, 1.0])
@pytest.mark.parametrize("messages", [0, 1, 10, 350])
def test_every_message_is_seen_once_and_visible_again(messages: int, call_s: float) -> None:
    queue = SlowQueue(messages, call_s)
    letters = deadletters.peek(target(queue))
    assert sorted(letter.message_id for letter in letters) == sorted(queue.visible_at)
    queue.now += 20  # one that was not in flight is visible by itself, soon
    assert all(at <= queue.now for at in queue.visible_at.values())


def test_a_message_that_was_seen_twice_is_deleted_by_its_newest_receipt() -> None:
    queue = SlowQueue(350, 1.0)
    assert deadletters.remove(target(queue), "m0000") == 1
    assert "m0000" not in queue.visible_at
    assert len(queue.visible_at) == 349
