"""SNS in the embedded cloud: addresses confirm as on AWS, and a topic has only so many filter policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from local.hooks import topics
from local.limits.values import SNS_POLICIES_PER_TOPIC
from tests.fakes import mailbox
from tests.fakes.lab import Lab, unique

QUEUE = "arn:aws:sqs:af-south-1:000000000000:q"


class Bench:
    """A topic, and somebody who subscribes."""

    def __init__(self, lab: Lab) -> None:
        self.home = lab.platform.home
        self.sns = lab.platform.target.client("sns")
        self.arn = self.sns.create_topic(Name=unique("t"))["TopicArn"]

    def subscribe(self, endpoint: str, protocol: str = "email", **attributes: str) -> str:
        """The answer's ARN, also of a subscription that nobody confirmed."""
        answer = self.sns.subscribe(
            TopicArn=self.arn,
            Protocol=protocol,
            Endpoint=endpoint,
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        return str(answer["SubscriptionArn"])

    def policy(self, subscription: str, policy: str) -> None:
        self.sns.set_subscription_attributes(
            SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=policy
        )

    def listed(self) -> dict[str, str]:
        found = self.sns.list_subscriptions_by_topic(TopicArn=self.arn)["Subscriptions"]
        return {item["Endpoint"]: item["SubscriptionArn"] for item in found}


@pytest.fixture
def bench(lab: Lab) -> Bench:
    return Bench(lab)


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("protocol", topics.BY_MAIL)
def test_an_address_waits_for_its_owner(bench: Bench, protocol: str) -> None:
    address = f"{unique('a')}@example.com"
    given = {"TopicArn": bench.arn, "Protocol": protocol, "Endpoint": address}
    assert bench.sns.subscribe(**given)["SubscriptionArn"] == "pending confirmation"
    assert bench.listed() == {address: "PendingConfirmation"}
    counts = bench.sns.get_topic_attributes(TopicArn=bench.arn)["Attributes"]
    assert (counts["SubscriptionsPending"], counts["SubscriptionsConfirmed"]) == ("1", "0")
    arn = bench.subscribe(address, protocol)
    assert arn.startswith(bench.arn), "the same one, and its owner is asked again"
    assert len(set(mailbox.links(bench.home, address))) == 1
    mailbox.confirm(bench.home, address)
    assert bench.listed() == {address: arn}
    assert bench.sns.subscribe(**given)["SubscriptionArn"] == arn
    bench.sns.unsubscribe(SubscriptionArn=arn)
    assert bench.listed() == {}


def test_distractor_a_queue_has_nothing_to_confirm(bench: Bench) -> None:
    arn = bench.subscribe(QUEUE, "sqs")
    assert bench.listed() == {QUEUE: arn}


REFUSED: dict[str, tuple[Callable[[Bench], Any], str, str]] = {
    "unsubscribing one that is pending": (
        lambda b: b.sns.unsubscribe(SubscriptionArn=b.subscribe("a@example.com")),
        "InvalidParameter",
        "Cannot unsubscribe a subscription that is pending confirmation",
    ),
    "unsubscribing what the list says": (
        lambda b: b.sns.unsubscribe(SubscriptionArn="PendingConfirmation"),
        "InvalidParameter",
        "An ARN must have at least 6 elements, not 1",
    ),
    "a forged token": (
        lambda b: b.sns.confirm_subscription(TopicArn=b.arn, Token="x" * 36),
        "InvalidParameter",
        "Invalid parameter: Token",
    ),
    "an address that is none": (
        lambda b: b.subscribe("thandi.example.com"),
        "InvalidParameter",
        "Email address",
    ),
    "a protocol that is none": (
        lambda b: b.subscribe("x", "pigeon"),
        "InvalidParameter",
        "Does not support this protocol string",
    ),
    "a policy that is no JSON": (
        lambda b: b.subscribe(QUEUE, "sqs", FilterPolicy="{"),
        "InvalidParameter",
        "FilterPolicy",
    ),
    "a policy of six keys": (
        lambda b: b.subscribe(QUEUE, "sqs", FilterPolicy=json.dumps({str(n): ["a"] for n in range(6)})),
        "InvalidParameter",
        "more than 5 keys",
    ),
    "a policy of 151 combinations": (
        lambda b: b.subscribe(QUEUE, "sqs", FilterPolicy=json.dumps({"a": [str(n) for n in range(151)]})),
        "InvalidParameter",
        "too complex",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_sns_refuses(bench: Bench, what: str) -> None:
    call, code, words = REFUSED[what]
    error = refused(lambda: call(bench))
    assert error[0] == code
    assert words in error[1]


def test_another_topics_token_confirms_nothing(bench: Bench, lab: Lab) -> None:
    address, other = f"{unique('a')}@example.com", Bench(lab)
    bench.subscribe(address)
    link = mailbox.links(bench.home, address)[-1].replace(
        bench.arn.rsplit(":", 1)[-1], other.arn.rsplit(":", 1)[-1]
    )
    assert urllib3.request("GET", link, timeout=60).status == 400
    assert bench.listed() == {address: "PendingConfirmation"}


def test_a_topic_takes_its_pending_subscriptions_with_it(bench: Bench) -> None:
    bench.subscribe("a@example.com")
    bench.sns.delete_topic(TopicArn=bench.arn)
    pages = bench.sns.get_paginator("list_subscriptions").paginate()
    assert bench.arn not in [item["TopicArn"] for page in pages for item in page["Subscriptions"]]


def test_a_topic_has_two_hundred_filter_policies(bench: Bench) -> None:
    policy = '{"to": ["a"]}'
    for number in range(SNS_POLICIES_PER_TOPIC):
        last = bench.subscribe(f"{QUEUE}{number}", "sqs", FilterPolicy=policy)
    assert refused(lambda: bench.subscribe(QUEUE, "sqs", FilterPolicy=policy))[0] == (
        "FilterPolicyLimitExceeded"
    )
    plain = bench.subscribe(QUEUE, "sqs")  # without one it is taken
    assert refused(lambda: bench.policy(plain, policy))[0] == "FilterPolicyLimitExceeded"
    bench.policy(last, '{"to": ["b"]}')  # one that has a policy may have another
    bench.policy(last, "{}")
    bench.policy(plain, policy)


def test_what_nobody_confirms_ends_after_two_days() -> None:
    waiting = {"confirmed": False, "ona_asked_at": 0.0}
    assert not topics.lapsed(waiting, 48 * 3600 - 1)
    assert topics.lapsed(waiting, 48 * 3600)
    assert not topics.lapsed({**waiting, "confirmed": True}, 1e9)
    assert not topics.lapsed({"confirmed": False}, 1e9), "of a home of before: nobody knows since when"
