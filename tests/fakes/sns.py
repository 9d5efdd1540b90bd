"""SNS as far as people see it: who is subscribed, who said yes, what was sent."""

from __future__ import annotations

import pytest

from delivery.deliver import notifications

Sent = tuple[str, str, dict[str, str], str]
"""Subject, text, attributes, topic."""


class Mail:
    """Takes the place of `notifications`. `answer`: what owners of addresses say; None: they left.

    `topics`: the address of each own topic; `sharing`: who is subscribed to the topic that all shared.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[Sent] = []
        self.invited: list[str] = []
        self.topics: dict[str, str] = {}
        self.sharing: dict[str, str] = {}
        self.answer: bool | None = True
        monkeypatch.setattr(notifications, "publish", lambda *message: self.sent.append(message))
        for name in ("invite", "confirmed", "remove", "shared", "leave_shared"):
            monkeypatch.setattr(notifications, name, getattr(self, name))

    def invite(self, address: str, topic: str) -> None:
        self.invited.append(address)
        self.topics[topic] = address

    def confirmed(self, topic: str, address: str) -> bool | None:
        return self.answer if topic in self.topics else None

    def remove(self, topic: str) -> None:
        self.topics.pop(topic, None)

    def shared(self) -> dict[str, str]:
        return dict(self.sharing)

    def leave_shared(self, subscription: str) -> None:
        self.sharing = {name: arn for name, arn in self.sharing.items() if arn != subscription}

    def to(self, topic: str) -> list[Sent]:
        """What was sent to a topic, or to the own topics that are named after it."""
        return [
            message
            for message in self.sent
            if message[3].partition("/")[0] == topic and message[2]["event"] != "daily_digest"
        ]
