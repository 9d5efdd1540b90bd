"""SNS: the operators' topic, and the one through which single addresses are written to.

An address is subscribed to the second topic once, with a filter on its own name; SNS asks its owner to
confirm, and until then nothing reaches it.
"""

from __future__ import annotations

import json

from ona.errors import ObjectMissing
from ona.storage import client, environment, translate

OPERATORS, SUBSCRIBERS = "ALERTS_TOPIC_ARN", "SUBSCRIBERS_TOPIC_ARN"


def publish(subject: str, text: str, attributes: dict[str, str], topic: str = OPERATORS) -> None:
    """Send one message to a topic, named by its environment variable. The subject is cut at SNS's 100
    characters and brought to ASCII.

    Raises DependencyBusy.
    """
    plain = " ".join(subject.split()).encode("ascii", "replace").decode()
    try:
        client("sns").publish(
            TopicArn=environment(topic),
            Subject=plain[:100],
            Message=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        )
    except Exception as error:
        raise translate(error, "sns topic") from error


def invite(address: str, name: str) -> str:
    """Subscribe an address to what is sent to its name; SNS asks its owner. The subscription's ARN.

    Raises DependencyBusy.
    """
    try:
        return str(
            client("sns").subscribe(
                TopicArn=environment(SUBSCRIBERS),
                Protocol="email",
                Endpoint=address,
                Attributes={"FilterPolicy": json.dumps({"to": [name]})},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
        )
    except Exception as error:
        raise translate(error, "sns subscription") from error


def confirmed(arn: str) -> bool | None:
    """Whether the owner of a subscribed address said yes; None: it was not answered in time, or they left.

    Raises DependencyBusy.
    """
    try:
        known = client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    except Exception as error:
        translated = translate(error, "sns subscription")
        if isinstance(translated, ObjectMissing):
            return None
        raise translated from error
    return str(known.get("PendingConfirmation", "false")).lower() != "true"
