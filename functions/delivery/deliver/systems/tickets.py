"""What all ticketing systems have in common: find before making, text that may be written again and again,
statuses both ways."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from delivery.deliver import wording
from delivery.deliver.message import OrderMessage
from delivery.deliver.systems import Ticket
from ona.config.ticketing import AtlasSystem, JiraSystem, ServiceNowSystem
from ona.documents.work_orders import OrderStatus, Priority
from ona.runtime import http
from ona.runtime.words import shortened

A_TIME = 100
"""Tickets that one request asks for."""
MOST_HISTORY = 40
"""Lines of an order's history in a ticket's text, the latest."""
LONGEST_LINE_NOTE = 300
"""Characters of a note in a ticket's text (ours): forty whole ones would be more than Jira takes."""
LONGEST_TEXT = 32_000
"""Characters of a ticket's text. Jira takes 32 767 in a field (its setting
`jira.text.field.character.limit`, https://support.atlassian.com/jira/kb/); ServiceNow and Atlas more."""
SystemT = TypeVar("SystemT", JiraSystem, ServiceNowSystem, AtlasSystem)


class Tickets(ABC, Generic[SystemT]):
    """A ticketing system. A ticket carries the order's id, and whoever creates one looks for that first: an
    answer that came too late, or not at all, makes no second ticket."""

    STATUSES: ClassVar[Mapping[str, OrderStatus]] = {}
    """Our status by the system's; a status that is not listed changes no order."""
    PRIORITIES: ClassVar[Mapping[Priority, str]] = {}
    """The system's priority by ours."""

    def __init__(self, system: SystemT, secret: str) -> None:
        self.system: SystemT = system
        self._secret = secret
        self.statuses = dict(system.statuses or self.STATUSES)
        self.priorities = {**self.PRIORITIES, **system.priorities}

    def send(self, message: OrderMessage, ticket: Ticket | None) -> Ticket:
        """Make the ticket or bring it up to date: its text first, then its status."""
        existing = ticket or self.find(message.work_order_id)
        if existing is None:
            created = self.create(message)
            existing = self.find(message.work_order_id) or created  # a gateway may have made two of it
        else:
            self.write(existing, message)
        return existing if existing.status == message.status else self.move(existing, message)

    def look_up(self, names: list[str]) -> dict[str, Ticket]:
        """What became of tickets, a hundred a time; those that are gone are left out."""
        parts = [names[first : first + A_TIME] for first in range(0, len(names), A_TIME)]
        return {ticket.name: ticket for part in parts for ticket in self.fetch(part)}

    @abstractmethod
    def find(self, work_order_id: str) -> Ticket | None:
        """The ticket of an order, the oldest of several; None when there is none."""

    @abstractmethod
    def create(self, message: OrderMessage) -> Ticket:
        """A new ticket."""

    @abstractmethod
    def write(self, ticket: Ticket, message: OrderMessage) -> None:
        """Its title, text, dates and priority as the order has them now."""

    @abstractmethod
    def move(self, ticket: Ticket, message: OrderMessage) -> Ticket:
        """Bring it to the order's status, as near as its workflow comes."""

    @abstractmethod
    def fetch(self, names: list[str]) -> list[Ticket]:
        """Those of at most `A_TIME` tickets that exist."""

    # ------------------------------------------------------------------ for those who implement it

    def ask(self, method: str, path: str, document: Any = None, **headers: str) -> Any:
        """A JSON answer of the system. Raises Busy, Refused."""
        url = f"{self.system.url}{path}"
        return http.call(
            method,
            url,
            what=f"{self.system.kind} {self.system.name}",
            document=document,
            headers={**self.authorization(), **headers},
        )

    def authorization(self) -> dict[str, str]:
        """How a request says who asks."""
        if self.system.auth_header:
            return {self.system.auth_header: self._secret}
        if ":" in self._secret:
            return {"Authorization": f"Basic {base64.b64encode(self._secret.encode()).decode()}"}
        return {"Authorization": f"Bearer {self._secret}"}

    def unreadable(self, what: str) -> http.Busy:
        """An answer without what it must hold: a gateway's page, most often, and not the system's own."""
        return http.Busy(f"{self.system.kind} {self.system.name}: the answer holds no {what}")

    def theirs(self, status: OrderStatus) -> str | None:
        """Our status in its words; None where it has none."""
        return next((name for name, ours in self.statuses.items() if ours == status), None)

    def title(self, message: OrderMessage) -> str:
        """The order's id is in it: people find it, and so do we."""
        return f"[{message.work_order_id}] {message.order.title}"[:160]

    def text(self, message: OrderMessage) -> str:
        """All that there is to say, with the latest history: writing it again changes nothing."""
        history = [
            wording.history_line(line, LONGEST_LINE_NOTE, message.tracked.zone)
            for line in message.history[-MOST_HISTORY:]
        ]
        text = wording.text(message, LONGEST_LINE_NOTE) + "\nHistory:\n" + "\n".join(history) + "\n"
        if message.correlation_id:
            text = f"{shortened(text, LONGEST_TEXT - 200)}\nCorrelation id: {message.correlation_id}\n"
        return shortened(text, LONGEST_TEXT)
