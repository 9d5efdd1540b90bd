"""SNS as far as people see it: who is subscribed, who said yes, what was sent."""

from __future__ import annotations

import pytest

from delivery.deliver import notifications

Sent = tuple[str, str, dict[str, str], str]
"""Subject, text, attributes, topic."""


class Mail:
    """Takes the place of `notifications`. `answer`: what owners of addresses say; None: they left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[Sent] = []
        self.invited: list[str] = []
        self.answer: bool | None = True
        monkeypatch.setattr(notifications, "publish", lambda *message: self.sent.append(message))
        monkeypatch.setattr(notifications, "invite", self._invite)
        monkeypatch.setattr(notifications, "subscribers", self._subscribers)

    def _invite(self, address: str, name: str) -> None:
        self.invited.append(address)

    def _subscribers(self) -> dict[str, bool]:
        return {} if self.answer is None else dict.fromkeys(self.invited, self.answer)

    def to(self, topic: str) -> list[Sent]:
        return [
            message
            for message in self.sent
            if message[3] == topic and message[2]["event"] != "daily_digest"
        ]
