"""The channel that a place of the outbox names, made from the configuration."""

from __future__ import annotations

from deliver.systems import Channel
from deliver.systems.atlas import Atlas
from deliver.systems.insurance import Insurance
from deliver.systems.jira import Jira
from deliver.systems.servicenow import ServiceNow
from deliver.systems.webhook import Webhook
from ona import config
from ona.errors import InvalidInput
from ona.outbox import Place


def channel_of(place: Place) -> Channel:
    """The channel of a place. Raises InvalidConfiguration, InvalidInput when it is not configured (any
    more), DependencyBusy."""
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
        return Jira(system, secret)
    if system.kind == "servicenow":
        return ServiceNow(system, secret)
    return Atlas(system, secret)
