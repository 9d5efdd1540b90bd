"""The channel to a recipient, made from the configuration."""

from __future__ import annotations

from delivery.deliver.systems import Channel
from delivery.deliver.systems.atlas import Atlas
from delivery.deliver.systems.insurance import Insurance
from delivery.deliver.systems.jira import Jira
from delivery.deliver.systems.servicenow import ServiceNow
from delivery.deliver.systems.webhook import Webhook
from ona.config import custom_services, parameters, ticketing
from ona.outbox.items import Recipient
from ona.runtime.errors import InvalidInput


def channel_of(recipient: Recipient) -> Channel:
    """The channel to a recipient. Raises InvalidConfiguration, InvalidInput when it is not configured (any
    more), DependencyBusy."""
    if recipient.kind == "webhook" and recipient.endpoint:
        return Webhook.of_subscription(recipient)
    if recipient.kind == "claim":
        service = custom_services.custom_services_config().insurance_automation
        return Insurance(service, parameters.secret(service.api_key_parameter))
    system = next(
        (item for item in ticketing.ticketing_config().systems if item.name == recipient.name), None
    )
    if system is None:
        raise InvalidInput(f"{recipient.name} is not in extensions/ticketing.yaml any more")
    secret = parameters.secret(system.secret_parameter)
    if system.kind == "webhook":
        return Webhook(system.url, secret, system.name)
    if system.kind == "jira":
        return Jira(system, secret)
    if system.kind == "servicenow":
        return ServiceNow(system, secret)
    return Atlas(system, secret)
