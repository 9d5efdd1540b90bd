"""Other people's systems behind one small interface, and how they are made from the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from deliver.told import Told
from ona import config
from ona.errors import InvalidInput
from ona.outbox import Place
from ona.records import OrderStatus


class Gone(InvalidInput):
    """What an order became over there does not exist any more: somebody deleted it."""


@dataclass(frozen=True)
class Ticket:
    """What an order became over there. `raw`: its status in their words; `status`: in ours, where it has
    one."""

    name: str
    raw: str = ""
    status: OrderStatus | None = None
    by: str = ""


class Channel(Protocol):
    """Somewhere an order is told. All calls may be repeated: the same order told twice is told once.

    Raises Busy where a later try may help, Refused where it will not.
    """

    def tell(self, told: Told, ticket: Ticket | None) -> Ticket:
        """Bring the other side up to date; `ticket` is what it has, None when it was told nothing yet."""

    def look(self, names: list[str]) -> dict[str, Ticket]:
        """What became of tickets; those that are gone are left out. Empty where nothing is told back."""


def channel_of(place: Place) -> Channel:
    """The channel of a place. Raises InvalidConfiguration, InvalidInput when it is not configured (any
    more), DependencyBusy."""
    from deliver.systems.insurance import Insurance
    from deliver.systems.webhook import Webhook

    if place.kind == "webhook" and place.endpoint:
        return Webhook.of_subscription(place)
    if place.kind == "claim":
        service = config.custom_services().insurance_automation
        return Insurance(service, config.secret(service.api_key_parameter))
    system = next((item for item in config.ticketing().systems if item.name == place.name), None)
    if system is None:
        raise InvalidInput(f"{place.name} is not in extensions/ticketing.yaml any more")
    secret = config.secret(system.secret_parameter)
    if system.kind == "webhook":
        return Webhook(system.url, secret, system.name)
    if system.kind == "jira":
        from deliver.systems.jira import Jira

        return Jira(system, secret)
    if system.kind == "servicenow":
        from deliver.systems.servicenow import ServiceNow

        return ServiceNow(system, secret)
    from deliver.systems.atlas import Atlas

    return Atlas(system, secret)
