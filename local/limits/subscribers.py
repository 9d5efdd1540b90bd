"""What SNS refuses when somebody subscribes: addresses, filter policies, and too many of these.

Sources: Amazon SNS developer guide, "Filter policy constraints in Amazon SNS" (200 policies a topic, 10 000
an account unless raised, five keys, 150 combinations); API references of Subscribe and
SetSubscriptionAttributes (FilterPolicyLimitExceeded with status 403, InvalidParameter). The words behind
the colons are ours.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from local.limits.refusal import Refusal, guard
from local.limits.values import (
    SNS_POLICIES_PER_ACCOUNT,
    SNS_POLICIES_PER_TOPIC,
    SNS_POLICY_COMBINATIONS,
    SNS_POLICY_KEYS,
)

PROTOCOLS = {"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"}
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
"""The least that an e-mail address is: RFC 5321, 4.5.3.1.1, bounds what stands before the @."""


def policy_problem(policy: str, scope: str = "MessageAttributes") -> str:
    """What is wrong with a filter policy; empty when it is taken.

    >>> policy_problem('{"event": ["opened", "status"]}'), policy_problem("")
    ('', '')
    >>> policy_problem('{"event": "opened"}')
    '"event" must be an object or an array'
    """
    if not policy:
        return ""
    try:
        keys = json.loads(policy)
    except ValueError:
        return "failed to parse JSON"
    if not isinstance(keys, dict):
        return "Filter is not an object"
    if len(keys) > SNS_POLICY_KEYS:
        return f"Filter policy can not have more than {SNS_POLICY_KEYS} keys"
    for key, values in keys.items():
        if not isinstance(values, list) and (scope != "MessageBody" or not isinstance(values, dict)):
            return f'"{key}" must be an object or an array'
    if math.prod(_lengths(keys)) > SNS_POLICY_COMBINATIONS:
        return "Filter policy is too complex"
    return ""


def _lengths(keys: Mapping[str, Any]) -> Iterable[int]:
    """How many values each key has, also within an object."""
    for values in keys.values():
        if isinstance(values, dict):
            yield from _lengths(values)
        else:
            yield len(values)


def _policy(subscription: Mapping[str, Any]) -> str:
    """A subscription's filter policy; empty where it has none, `{}` included."""
    policy = str(subscription.get("attributes", {}).get("FilterPolicy") or "").strip()
    return "" if policy == "{}" else policy


def _too_many(topic: Mapping[str, Any], *of: object) -> Refusal | None:
    """One more policy on a topic. `of`: protocol and endpoint of the subscription that gets it."""
    from ministack.services import sns

    def others(each: Mapping[str, Any]) -> int:
        return sum(
            bool(_policy(item))
            for item in each["subscriptions"]
            if each is not topic or (item["protocol"], item["endpoint"]) != of
        )

    if others(topic) < SNS_POLICIES_PER_TOPIC and (
        sum(others(each) for each in sns._topics.values()) < SNS_POLICIES_PER_ACCOUNT
    ):
        return None
    text = f"Filter policy limit exceeded for topic {topic['arn']}"
    return Refusal("FilterPolicyLimitExceeded", text, 403)


def _refused(
    topic: Mapping[str, Any], protocol: str, endpoint: str, policy: str, scope: str
) -> Refusal | None:
    """Why a subscription is refused."""
    if protocol in ("email", "email-json") and not _ADDRESS.fullmatch(endpoint):
        return Refusal("InvalidParameter", "Invalid parameter: Email address")
    return _policy_refused(topic, protocol, endpoint, policy, scope)


def _policy_refused(
    topic: Mapping[str, Any], protocol: str, endpoint: str, policy: str, scope: str
) -> Refusal | None:
    """Why a subscription's filter policy is refused."""
    if problem := policy_problem(policy, scope or "MessageAttributes"):
        return Refusal("InvalidParameter", f"Invalid parameter: FilterPolicy: {problem}")
    if policy.strip() in ("", "{}"):
        return None
    return _too_many(topic, protocol, endpoint)


def subscribe(params: dict[str, Any]) -> Refusal | None:
    """Subscribe."""
    from ministack.services import sns

    topic = sns._topic_by_arn_any_scope(sns._p(params, "TopicArn"))
    if topic is None:
        return None
    protocol, endpoint = sns._p(params, "Protocol"), sns._p(params, "Endpoint")
    if protocol not in PROTOCOLS:
        return Refusal("InvalidParameter", "Invalid parameter: Does not support this protocol string")
    named = ((sns._p(params, f"Attributes.entry.{n}.key"), n) for n in range(1, len(params) + 1))
    given = {name: sns._p(params, f"Attributes.entry.{n}.value") or "" for name, n in named if name}
    policy, scope = given.get("FilterPolicy", ""), given.get("FilterPolicyScope", "")
    return _refused(topic, protocol, endpoint, policy, scope)


def changed(params: dict[str, Any]) -> Refusal | None:
    """SetSubscriptionAttributes: of a filter policy."""
    from ministack.services import sns

    arn = sns._p(params, "SubscriptionArn")
    topic = sns._topic_by_arn_any_scope(sns._sub_arn_to_topic.get(arn) or "")
    found = sns._find_subscription(topic["arn"], arn) if topic else None
    if topic is None or found is None or sns._p(params, "AttributeName") != "FilterPolicy":
        return None
    policy, scope = sns._p(params, "AttributeValue") or "", found["attributes"].get("FilterPolicyScope", "")
    return _policy_refused(topic, found["protocol"], found["endpoint"], policy, scope)


def resource(properties: dict[str, Any]) -> Refusal | None:
    """AWS::SNS::Subscription: its topic is there, its protocol exists, and the same as of Subscribe."""
    from ministack.services import sns

    topic = sns._topic_by_arn_any_scope(str(properties.get("TopicArn") or ""))
    if topic is None:
        return Refusal("NotFound", "Topic does not exist", 404)
    protocol, endpoint = str(properties.get("Protocol") or ""), str(properties.get("Endpoint") or "")
    if protocol not in PROTOCOLS:
        return Refusal("InvalidParameter", "Invalid parameter: Does not support this protocol string")
    policy = properties.get("FilterPolicy") or ""
    text = policy if isinstance(policy, str) else json.dumps(policy)
    return _refused(topic, protocol, endpoint, text, str(properties.get("FilterPolicyScope") or ""))


def install() -> None:
    """Apply the checks."""
    from ministack.services import sns

    def answer(refused: Refusal) -> Any:
        return sns._error(refused.code, refused.message, refused.status)

    guard(sns, "_subscribe", subscribe, answer)
    guard(sns, "_set_subscription_attributes", changed, answer)
