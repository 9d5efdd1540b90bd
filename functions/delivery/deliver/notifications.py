"""SNS: the operators' topic, and a topic of its own for each address of a customer.

SNS asks an address's owner to confirm, and until then nothing reaches it. An own topic needs no filter
policy, of which a topic has 200 at most for everybody; and deleting it deletes its subscription too, also
one that nobody confirmed, which SNS deletes in no other way for 48 hours (Amazon SNS Developer Guide,
"Deleting an Amazon SNS subscription and topic"; quotas: AWS General Reference, "Amazon SNS endpoints and
quotas"). The topic that all addresses shared before still serves those who confirmed there.
"""

from __future__ import annotations

from ona.outbox.addresses import in_ascii
from ona.runtime.aws import client, environment, translate
from ona.runtime.errors import InvalidInput, ObjectMissing
from ona.runtime.identity import digest

OPERATORS, SUBSCRIBERS = "ALERTS_TOPIC_ARN", "SUBSCRIBERS_TOPIC_ARN"
_CONFIRMED = "arn:"
"""How the ARN of a subscription begins; of one that is not confirmed there is none."""


def heading(subject: str) -> str:
    """A subject as SNS takes it: one line of ASCII, less than 100 characters (API reference of Publish).

    >>> heading("Überhitzt\\nINV-07"), len(heading("x" * 200))
    ('?berhitzt INV-07', 99)
    """
    return " ".join(subject.split()).encode("ascii", "replace").decode()[:99]


def own_topic(customer_id: str, recipient_name: str) -> str:
    """The topic of one address of one customer: behind the variable of the shared one, its own ending."""
    return f"{SUBSCRIBERS}/{digest(customer_id, recipient_name)}"


def _arn(topic: str) -> str:
    """A topic's ARN, from the environment variable that names it, and its own ending where it has one."""
    variable, _, own = topic.partition("/")
    return environment(variable) + (f"-{own}" if own else "")


def publish(subject: str, text: str, attributes: dict[str, str], topic: str = OPERATORS) -> None:
    """Send one message to a topic. Raises DependencyBusy."""
    try:
        client("sns").publish(
            TopicArn=_arn(topic),
            Subject=heading(subject),
            Message=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        )
    except Exception as error:
        raise translate(error, "sns topic") from error


def invite(address: str, topic: str) -> None:
    """Make an address's own topic, and subscribe it; SNS asks its owner.

    Raises InvalidInput where SNS does not take the address, DependencyBusy.
    """
    sns, arn = client("sns"), _arn(topic)
    try:
        sns.create_topic(Name=arn.rsplit(":", 1)[-1])  # one that is there already is answered alike
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=in_ascii(address))
    except sns.exceptions.InvalidParameterException as error:
        raise InvalidInput(str(error)) from error
    except Exception as error:
        raise translate(error, "sns subscription") from error


def confirmed(topic: str, address: str) -> bool | None:
    """Whether the owner of a topic's address said yes; None where it is not subscribed: the owner left, or
    did not answer in time. What else is subscribed there says nothing of it. Raises DependencyBusy."""
    found = {in_ascii(endpoint).lower(): arn for endpoint, arn in _subscriptions(topic).items()}
    arn = found.get(in_ascii(address).lower())
    return None if arn is None else arn.startswith(_CONFIRMED)


def remove(topic: str) -> None:
    """Delete an address's own topic with its subscription, confirmed or not. Raises DependencyBusy."""
    try:
        client("sns").delete_topic(TopicArn=_arn(topic))  # one that is gone already is answered alike
    except Exception as error:
        raise translate(error, "sns topic") from error


def shared() -> dict[str, str]:
    """Who is subscribed to the topic that all addresses shared: ARNs by address in lower case, empty where
    the owner has not confirmed. Raises DependencyBusy."""
    found = _subscriptions(SUBSCRIBERS)
    return {address: arn if arn.startswith(_CONFIRMED) else "" for address, arn in found.items()}


def leave_shared(subscription: str) -> None:
    """End a confirmed subscription to the shared topic, by its ARN. Raises DependencyBusy."""
    try:
        client("sns").unsubscribe(SubscriptionArn=subscription)
    except Exception as error:
        raise translate(error, "sns subscription") from error


def _subscriptions(topic: str) -> dict[str, str]:
    """SNS's answer for each e-mail address of a topic, in lower case: an ARN, or that it is not confirmed.
    Empty for a topic that does not exist. Raises DependencyBusy."""
    pages = client("sns").get_paginator("list_subscriptions_by_topic")
    try:
        return {
            str(item["Endpoint"]).lower(): str(item["SubscriptionArn"])
            for page in pages.paginate(TopicArn=_arn(topic))
            for item in page["Subscriptions"]
            if item["Protocol"] == "email" and item["SubscriptionArn"] != "Deleted"
        }
    except Exception as error:
        known = translate(error, "sns topic")
        if isinstance(known, ObjectMissing):
            return {}
        raise known from error
