"""Dead-letter queues that take longer to read than their messages stay hidden."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest

from ops import deadletters, messages
from tests.fakes import own_clock


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

    def get_queue_attributes(self, **_: Any) -> Any:
        """As Amazon SQS: what can be received, and what is in flight."""
        self._call()
        held = sum(at > self.now for at in self.visible_at.values())
        counts = {"": len(self.visible_at) - held, "NotVisible": held, "Delayed": 0}
        return {
            "Attributes": {
                f"ApproximateNumberOfMessages{name}": str(count) for name, count in counts.items()
            }
        }

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
    letters = deadletters.look(target(queue)).letters
    assert sorted(letter.message_id for letter in letters) == sorted(queue.visible_at)
    queue.now += 20  # one that was not in flight is visible by itself, soon
    assert all(at <= queue.now for at in queue.visible_at.values())


def test_a_message_that_was_seen_twice_is_deleted_by_its_newest_receipt() -> None:
    queue = SlowQueue(350, 1.0)
    assert deadletters.remove(target(queue), "m0000") == (1, 0)
    assert "m0000" not in queue.visible_at
    assert len(queue.visible_at) == 349


class RedrivenQueue(SlowQueue):
    """Letters that can be started, each of a file of its own, while others receive what is shown."""

    def __init__(self, letters: int, call_s: float) -> None:
        super().__init__(letters, call_s)
        self.started: list[str] = []
        self.letters = letters
        self.exceptions = SimpleNamespace(ExecutionAlreadyExists=KeyError)

    def receive_message(self, **asked: Any) -> Any:
        answer = super().receive_message(**asked)
        for item in answer.get("Messages", []):
            described = {
                "bucket": {"name": "in"},
                "object": {"key": f"observations/{item['MessageId']}.csv"},
            }
            letter = {"kind": "execution", "execution": "e", "input": {"detail": described}}
            item["Body"] = json.dumps(letter)
        return answer

    def start_execution(self, **asked: Any) -> Any:
        self._call()
        if asked["name"] in self.started:
            raise self.exceptions.ExecutionAlreadyExists
        self.started.append(asked["name"])
        super().receive_message(
            MaxNumberOfMessages=10, VisibilityTimeout=0
        )  # somebody looks into the queue
        return {"executionArn": f"arn:{asked['name']}"}

    def describe_execution(self, **asked: Any) -> Any:
        return {"status": "SUCCEEDED"}

    def delete_message(self, **asked: Any) -> None:
        """As the embedded cloud, and as AWS for a receipt that has expired."""
        name = asked["ReceiptHandle"].split("/")[0]
        if self.receipts[name] != asked["ReceiptHandle"]:
            raise RuntimeError("ReceiptHandleIsInvalid")
        super().delete_message(**asked)


@pytest.mark.parametrize("call_s", [0.01, 1.0], ids=["quick", "longer than they are hidden"])
def test_letters_that_take_long_to_start_are_started_once_each_and_removed(
    call_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred letters took longer than twenty seconds; the timer looked into the queue meanwhile, and the
    redrive ended with ReceiptHandleIsInvalid in their midst."""
    queue = RedrivenQueue(40, call_s)
    own_clock.give(monkeypatch, deadletters, monotonic=lambda: queue.now)
    whole = target(queue)
    whole.machine, whole.machines = "arn:m:stateMachine:ooda", {"ooda": "arn:m:stateMachine:ooda"}
    left: list[tuple[messages.DeadLetter, str]] = []
    sent = deadletters.redrive(whole, left)
    assert len(sent) == 40
    assert not left
    assert not queue.visible_at, "all were removed"
    assert len(set(queue.started)) == len(queue.started) == 40


def test_a_letter_that_cannot_be_removed_holds_up_no_other_and_is_not_started_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = RedrivenQueue(12, 0.01)
    own_clock.give(monkeypatch, deadletters, monotonic=lambda: queue.now)
    whole = target(queue)
    whole.machine, whole.machines = "arn:m:stateMachine:ooda", {"ooda": "arn:m:stateMachine:ooda"}
    remove = queue.delete_message

    def refused(**asked: Any) -> None:
        if asked["ReceiptHandle"].startswith("m0003/"):
            raise RuntimeError("ReceiptHandleIsInvalid")
        remove(**asked)

    monkeypatch.setattr(queue, "delete_message", refused)
    left: list[tuple[messages.DeadLetter, str]] = []
    assert len(deadletters.redrive(whole, left)) == 11
    assert [(letter.message_id, "not removed" in why) for letter, why in left] == [("m0003", True)]
    monkeypatch.setattr(queue, "delete_message", remove)
    assert len(deadletters.redrive(whole)) == 1
    assert not queue.visible_at
    assert len(queue.started) == 12, "its work was found done, and not started again"
