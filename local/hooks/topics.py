"""SNS: e-mail addresses confirm, as on AWS; ministack 1.5.33 confirms them at once.

- Subscribe leaves an e-mail address pending, and its owner gets a mail with a link. Here the mail is a line
  in `cloud.log`: `embedded cloud: mail to thandi@example.com: …`. Opening the link confirms; it needs no
  credentials.
- A pending subscription is listed as `PendingConfirmation`, gets no message, and cannot be unsubscribed:
  it ends by itself after 48 hours, or with its topic.
- Subscriptions that were confirmed in a home of before stay so.

Sources: Amazon SNS API Reference, Subscribe, ConfirmSubscription, ListSubscriptionsByTopic; developer
guide, "Deleting an Amazon SNS subscription and topic". The words of the two refusals of Unsubscribe are
those that Terraform's provider and users of the API report.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from local.hooks.base import private, replace

LAPSED_AFTER_S = 48 * 3600
"""Seconds after which SNS deletes what nobody confirmed ("Amazon SNS now supports automatic deletion of
unconfirmed subscriptions", What's New with AWS, May 2023)."""
BY_MAIL = ("email", "email-json")
PENDING = "PendingConfirmation"
_ASKED = "ona_asked_at"
"""When the owner was asked, seconds since 1970."""


def lapsed(subscription: dict[str, Any], now: float) -> bool:
    """Whether a subscription is one that SNS has deleted by now, since nobody confirmed it.

    >>> lapsed({"confirmed": False, "ona_asked_at": 0.0}, 48 * 3600), lapsed({"confirmed": True}, 1e9)
    (True, False)
    """
    return not subscription.get("confirmed") and now - subscription.get(_ASKED, now) >= LAPSED_AFTER_S


def _drop_lapsed(sns: Any, topics: Iterable[dict[str, Any]]) -> None:
    now = time.time()
    for topic in topics:
        gone = [item for item in topic["subscriptions"] if lapsed(item, now)]
        for item in gone:
            topic["subscriptions"].remove(item)
            private(sns, "_sub_arn_to_topic").pop(item["arn"], None)
        if gone:
            private(sns, "_refresh_subscription_counts")(topic)


def _ask(sns: Any, topic: dict[str, Any], subscription: dict[str, Any], *, new: bool) -> None:
    """Make a subscription wait for its owner, and write the mail that asks. Again: the same link."""
    if new:
        subscription |= {"confirmed": False, "token": private(sns, "new_uuid")(), _ASKED: time.time()}
        subscription["attributes"] |= {PENDING: "true", "ConfirmationWasAuthenticated": "false"}
        private(sns, "_refresh_subscription_counts")(topic)
    if subscription["protocol"] not in BY_MAIL:
        return
    query = urlencode(
        {"Action": "ConfirmSubscription", "TopicArn": topic["arn"], "Token": subscription["token"]}
    )
    address = f"http://127.0.0.1:{os.environ.get('GATEWAY_PORT', '4566')}/?{query}"
    words = f"You have chosen to subscribe to the topic {topic['arn']}. To confirm, open {address}"
    print(f"embedded cloud: mail to {subscription['endpoint']}: {words}", file=sys.stderr, flush=True)


def _pending_in(answer: tuple[Any, ...], subscriptions: Iterable[dict[str, Any]]) -> tuple[Any, ...]:
    """An answer of a list, with `PendingConfirmation` where nobody has confirmed yet."""
    status, headers, body = answer
    text = body.decode() if isinstance(body, bytes) else body
    for item in subscriptions:
        if not item.get("confirmed"):
            arn = f"<SubscriptionArn>{item['arn']}</SubscriptionArn>"
            text = text.replace(arn, f"<SubscriptionArn>{PENDING}</SubscriptionArn>")
    return status, headers, text.encode() if isinstance(body, bytes) else text


def install() -> None:
    """Apply the hook."""
    from ministack.services import sns
    from ministack.services.cloudformation import provisioners

    topic_of = private(sns, "_topic_by_arn_any_scope")
    text_of, error, xml = (private(sns, name) for name in ("_p", "_error", "_xml"))
    all_topics = private(sns, "_topics")

    def invalid(reason: str) -> Any:
        return error("InvalidParameter", f"Invalid parameter: {reason}", 400)

    def subscribe(params: dict[str, Any]) -> Any:
        topic = topic_of(text_of(params, "TopicArn"))
        if topic is None:
            return original["_subscribe"](params)
        _drop_lapsed(sns, [topic])
        there = {item["arn"] for item in topic["subscriptions"]}
        answer = original["_subscribe"](params)
        if answer[0] != 200:
            return answer
        wanted = text_of(params, "Protocol"), text_of(params, "Endpoint")
        [found] = [
            item for item in topic["subscriptions"] if (item["protocol"], item["endpoint"]) == wanted
        ]
        new = found["arn"] not in there
        if new and found["protocol"] in BY_MAIL:
            _ask(sns, topic, found, new=True)
        elif new and not found["confirmed"]:
            found[_ASKED] = time.time()
        elif not found["confirmed"]:
            _ask(sns, topic, found, new=False)
        if found["confirmed"] or text_of(params, "ReturnSubscriptionArn").lower() == "true":
            shown = found["arn"]
        else:
            shown = "pending confirmation"
        inner = f"<SubscribeResult><SubscriptionArn>{shown}</SubscriptionArn></SubscribeResult>"
        return xml(200, "SubscribeResponse", inner)

    def confirm(params: dict[str, Any]) -> Any:
        topic, token = topic_of(text_of(params, "TopicArn")), text_of(params, "Token")
        if topic is not None:
            _drop_lapsed(sns, [topic])
            if not token or token not in [item.get("token") for item in topic["subscriptions"]]:
                return invalid("Token")
        return original["_confirm_subscription"](params)

    def unsubscribe(params: dict[str, Any]) -> Any:
        arn = text_of(params, "SubscriptionArn")
        if (elements := len(arn.split(":"))) < 6:
            return invalid(f"SubscriptionArn Reason: An ARN must have at least 6 elements, not {elements}")
        topic = topic_of(private(sns, "_sub_arn_to_topic").get(arn) or "")
        for item in topic["subscriptions"] if topic else []:
            if item["arn"] == arn and not item.get("confirmed"):
                words = "Cannot unsubscribe a subscription that is pending confirmation"
                return invalid(f"SubscriptionArn Reason: {words}")
        return original["_unsubscribe"](params)

    def of_all(params: dict[str, Any]) -> Any:
        topics = list(all_topics.values())
        _drop_lapsed(sns, topics)
        each = (item for topic in topics for item in topic["subscriptions"])
        return _pending_in(original["_list_subscriptions"](params), each)

    def of_topic(params: dict[str, Any]) -> Any:
        topic = topic_of(text_of(params, "TopicArn"))
        _drop_lapsed(sns, [topic] if topic else [])
        each = list(topic["subscriptions"]) if topic else []
        return _pending_in(original["_list_subscriptions_by_topic"](params), each)

    hooks = {
        "_subscribe": subscribe,
        "_confirm_subscription": confirm,
        "_unsubscribe": unsubscribe,
        "_list_subscriptions": of_all,
        "_list_subscriptions_by_topic": of_topic,
    }
    original = {name: replace(sns, name, hook) for name, hook in hooks.items()}
    _of_templates(sns, provisioners)


def _of_templates(sns: Any, provisioners: Any) -> None:
    """AWS::SNS::Subscription and the property `Subscription` of AWS::SNS::Topic ask alike."""
    handlers = private(provisioners, "_RESOURCE_HANDLERS")

    def asking(create: Any) -> Any:
        def created(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
            arn, attributes = create(logical_id, props, stack_name)
            topics = private(sns, "_topics")
            topic = topics.get(private(sns, "_sub_arn_to_topic").get(arn) or arn)
            for item in topic["subscriptions"] if topic else []:
                if arn in (item["arn"], topic["arn"]) and item["protocol"] in BY_MAIL:
                    _ask(sns, topic, item, new=True)
            return arn, attributes

        return created

    for kind in ("AWS::SNS::Subscription", "AWS::SNS::Topic"):
        handlers[kind]["create"] = asking(handlers[kind]["create"])
