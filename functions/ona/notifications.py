"""Telling people: SNS messages in plain text, with attributes to filter subscriptions by; the attribute
`order` holds the same as JSON for machines that listen."""

from __future__ import annotations

from ona.storage import client, environment, translate


def publish(subject: str, text: str, attributes: dict[str, str]) -> None:
    """Send one message to the alerts topic. The subject is cut at SNS's 100 characters.

    Raises DependencyBusy.
    """
    try:
        client("sns").publish(
            TopicArn=environment("ALERTS_TOPIC_ARN"),
            Subject=subject.replace("\n", " ")[:100],
            Message=text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        )
    except Exception as error:
        raise translate(error, "sns alerts topic") from error
