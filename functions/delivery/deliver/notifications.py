"""SNS: the operators' topic, and the one through which single addresses are written to.

An address is subscribed to the second topic once, with a filter on its own name; SNS asks its owner to
confirm, and until then nothing reaches it.
"""

from __future__ import annotations

import json

from ona.runtime.aws import client, environment, translate

OPERATORS, SUBSCRIBERS = "ALERTS_TOPIC_ARN", "SUBSCRIBERS_TOPIC_ARN"


def heading(subject: str) -> str:
    """A subject as SNS takes it: one line of ASCII, less than 100 characters (API reference of Publish).

    >>> heading("Überhitzt\\nINV-07"), len(heading("x" * 200))
    ('?berhitzt INV-07', 99)
    """
    return " ".join(subject.split()).encode("ascii", "replace").decode()[:99]


def publish(subject: str, text: str, attributes: dict[str, str], topic: str = OPERATORS) -> None:
    """Send one message to a topic, named by its environment variable. Raises DependencyBusy."""
    try:
        client("sns").publish(
            TopicArn=environment(topic),
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


def invite(address: str, name: str) -> None:
    """Subscribe an address to what is sent to its name; SNS asks its owner. Raises DependencyBusy."""
    try:
        client("sns").subscribe(
            TopicArn=environment(SUBSCRIBERS),
            Protocol="email",
            Endpoint=address,
            Attributes={"FilterPolicy": json.dumps({"to": [name]})},
        )
    except Exception as error:
        raise translate(error, "sns subscription") from error


def subscribers() -> dict[str, bool]:
    """The addresses of the subscribers' topic, in lower case, and whether their owners said yes. One that
    was not answered in two days, or whose owner left, is not there. Raises DependencyBusy."""
    pages = client("sns").get_paginator("list_subscriptions_by_topic")
    try:
        return {
            str(item["Endpoint"]).lower(): item["SubscriptionArn"].startswith("arn:")
            for page in pages.paginate(TopicArn=environment(SUBSCRIBERS))
            for item in page["Subscriptions"]
            if item["SubscriptionArn"] != "Deleted"
        }
    except Exception as error:
        raise translate(error, "sns subscribers topic") from error
