"""Other people's systems behind one small interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from delivery.deliver.message import OrderMessage
from ona.documents.work_orders import OrderStatus
from ona.repairs.tracking import LONGEST_NAME
from ona.runtime.errors import InvalidInput, InvalidPayload
from ona.runtime.words import shortened


class Gone(InvalidInput):
    """What an order became over there does not exist any more: somebody deleted it."""


@dataclass(frozen=True)
class Ticket:
    """What an order became over there. `raw`: its status in their words, cut at 200 characters; `status`:
    in ours, where it has one. Raises InvalidPayload for a longer name: by a part of it nobody finds it."""

    name: str
    raw: str = ""
    status: OrderStatus | None = None

    def __post_init__(self) -> None:
        if len(self.name) > LONGEST_NAME:
            raise InvalidPayload(f"a ticket's name is longer than the bound of {LONGEST_NAME}")
        object.__setattr__(self, "raw", shortened(self.raw, LONGEST_NAME))


class Channel(Protocol):
    """Somewhere orders are sent. All calls may be repeated: the same order sent twice is there once.

    Raises Busy where a later try may help, Refused where it will not.
    """

    def send(self, message: OrderMessage, ticket: Ticket | None) -> Ticket:
        """Bring the other side up to date; `ticket` is what it has, None when it has nothing yet."""

    def look_up(self, names: list[str]) -> dict[str, Ticket]:
        """What became of tickets; those that are gone are left out. Empty where nothing comes back."""
