"""Other people's systems behind one small interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from delivery.deliver.told import Told
from ona.documents.work_orders import OrderStatus
from ona.runtime.errors import InvalidInput


class Gone(InvalidInput):
    """What an order became over there does not exist any more: somebody deleted it."""


@dataclass(frozen=True)
class Ticket:
    """What an order became over there. `raw`: its status in their words; `status`: in ours, where it has
    one."""

    name: str
    raw: str = ""
    status: OrderStatus | None = None


class Channel(Protocol):
    """Somewhere an order is told. All calls may be repeated: the same order told twice is told once.

    Raises Busy where a later try may help, Refused where it will not.
    """

    def tell(self, told: Told, ticket: Ticket | None) -> Ticket:
        """Bring the other side up to date; `ticket` is what it has, None when it was told nothing yet."""

    def look(self, names: list[str]) -> dict[str, Ticket]:
        """What became of tickets; those that are gone are left out. Empty where nothing is told back."""
