"""Who is told of an order: operators, the systems that the configuration names, an insurer, subscribers."""

from __future__ import annotations

from ona.config import custom_services, ticketing
from ona.outbox.addresses import by_mail
from ona.outbox.items import OPERATORS, Recipient
from ona.repairs.tracking import TrackedOrder


def recipients_of(order: TrackedOrder) -> list[Recipient]:
    """Everybody who is told of an order, each once."""
    recipients = [Recipient(OPERATORS, "people")]
    recipients += [
        Recipient(system.name, "webhook" if system.kind == "webhook" else "system")
        for system in ticketing.ticketing_config().systems
        if system.takes(order.customer_id)
    ]
    insurance = custom_services.custom_services_config().insurance_automation
    if insurance.covers(order.at_stake_usd):
        if insurance.auto_submission:
            recipients.append(Recipient("insurance", "claim"))
        if insurance.notification_email:
            recipients.append(by_mail(insurance.notification_email))
    recipients += subscribers_of(order)
    return list({recipient.name: recipient for recipient in recipients}.values())


def operators_address() -> str:
    """The one e-mail address that the configuration names, of claims, in lower case; "" without one.
    Its owner consented to the operator's messages, not to those of whoever subscribes it."""
    return (custom_services.custom_services_config().insurance_automation.notification_email or "").lower()


def subscribers_of(order: TrackedOrder) -> list[Recipient]:
    """Who subscribed to an order: its own record names them, no configuration does."""
    return [
        by_mail(subscription.endpoint)
        if subscription.kind == "email"
        else Recipient(name, "webhook", subscription.endpoint)
        for name, subscription in order.subscriptions.items()
    ]


def added(before: TrackedOrder, after: TrackedOrder) -> list[Recipient]:
    """Who is told of an order after a change and was not before it."""
    names = {recipient.name for recipient in recipients_of(before)}
    return [recipient for recipient in recipients_of(after) if recipient.name not in names]
