"""Invitations: nobody is mailed who did not agree, few are asked, and what nobody wants is cleaned up.

SNS is moto's where its subscriptions are counted, else a fake that says what owners answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from delivery.deliver import notifications, subscribers
from ona.outbox import addresses
from ona.outbox.addresses import A_DAY_BY_CUSTOMER, A_MONTH_BY_ADDRESS, A_MONTH_BY_PAIR, by_mail
from ona.store import tables
from ooda.operations_api import api
from tests.builders.delivery import MINUTE
from tests.builders.orders import CUSTOMER, call, change, deliver, outbox_item
from tests.builders.plans import NOW
from tests.fakes.sns import Mail

DAY = timedelta(days=1)
THANDI, PETER = "thandi@example.com", "peter@example.com"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock of the API."""
    return lambda now: monkeypatch.setattr(api, "utc_now", lambda: now)


def subscribe(order: str, address: str, customer: str = CUSTOMER, kind: str = "email") -> tuple[int, Any]:
    body = {"kind": kind, "endpoint": address}
    return call("POST", f"/work-orders/{order}/subscriptions", body, customer=customer)


def unsubscribe(order: str, name: str, customer: str = CUSTOMER) -> int:
    return call("DELETE", f"/work-orders/{order}/subscriptions/{name}", customer=customer)[0]


def items(beginning: str = "address#") -> dict[str, dict[str, Any]]:
    found = tables.scan("outbox")
    return {str(i["delivery_id"]): i for i in found if str(i["delivery_id"]).startswith(beginning)}


# ------------------------------------------------------------------ limits


def test_one_customer_asks_so_many_new_addresses_a_day(
    world: list[str], mail: Mail, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "A_DAY_BY_CUSTOMER", 4)
    answers = []
    for number in range(7):
        order = world[number % 3]
        status, told = subscribe(order, f"stranger{number}@example.com")
        answers.append(status)
    assert answers == [200] * 4 + [429] * 3
    [error] = told
    assert error["code"] == "QUOTA_EXCEEDED"
    assert error["field"] == "endpoint"
    assert 0 < error["retry_after"] <= DAY.total_seconds()
    # distractors: who was asked is no new address, a webhook is no mail, another customer has its own day
    assert subscribe(world[1], "Stranger0@example.com")[0] == 200
    assert subscribe(world[3], "mine@example.com", "stranger")[0] == 200
    deliver()
    assert len(mail.invited) == 5
    at(NOW + DAY)
    assert subscribe(world[0], "tomorrow@example.com")[0] == 200


ASKERS: dict[str, list[str]] = {
    "one customer, again and again": [CUSTOMER] * 6,
    "two customers in turn": [CUSTOMER, "stranger"] * 3,
}


@pytest.mark.parametrize("askers", ASKERS)
@pytest.mark.parametrize("owner", ["says nothing", "leaves", "is taken off"])
def test_an_address_is_asked_so_often_a_month_whoever_asks(
    askers: str, owner: str, world: list[str], mail: Mail, at: Any
) -> None:
    mail.answer = {"says nothing": False, "leaves": True, "is taken off": False}[owner]
    now, answers = NOW, []
    for customer in ASKERS[askers]:
        order = world[3] if customer == "stranger" else world[0]
        at(now)
        status, told = subscribe(order, THANDI, customer)
        answers.append(status)
        change(order, assignees=[f"person {len(answers)}"])
        deliver(now)
        if status == 200 and owner == "is taken off":
            unsubscribe(order, told["subscription_id"], customer)
        if owner == "leaves":
            mail.topics.clear()
        now += 3 * DAY
        deliver(now)
    one = len(set(ASKERS[askers])) == 1
    assert len(mail.invited) == (A_MONTH_BY_PAIR if one else A_MONTH_BY_ADDRESS)
    assert 429 in answers
    at(datetime.fromisoformat("2025-07-01T08:00:00+00:00"))
    assert subscribe(world[0], THANDI)[0] == 200, "the next month begins anew"


def test_asking_for_what_one_has_costs_nothing(world: list[str], mail: Mail) -> None:
    for _ in range(3):
        for order in world[:3]:
            assert subscribe(order, THANDI)[0] == 200
            deliver()
    assert mail.invited == [THANDI]
    assert items("asked#mail-")[f"asked#{by_mail(THANDI).name}#2025-06-01"]["messages"] == 1


# ------------------------------------------------------------------ consent


def test_what_was_confirmed_for_one_customer_opens_no_address_to_another(
    world: list[str], mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(world[0], THANDI)
    deliver()
    assert len(mail.to(notifications.SUBSCRIBERS)) == 1
    said_yes = notifications.own_topic(CUSTOMER, by_mail(THANDI).name)
    monkeypatch.setattr(notifications, "confirmed", lambda topic, _: topic == said_yes)
    subscribe(world[3], THANDI, "stranger")
    deliver(NOW + MINUTE)
    assert [topic for _, _, _, topic in mail.to(notifications.SUBSCRIBERS)] == [said_yes]
    assert mail.invited == [THANDI, THANDI], "asked for each customer"
    change(world[0], status="IN_PROGRESS")
    deliver(NOW + 2 * MINUTE)
    assert len(mail.to(notifications.SUBSCRIBERS)) == 2, "the one who agreed goes on being told"


# ------------------------------------------------------------------ clean-up


def _sns() -> tuple[list[str], int]:
    """Topics of subscribers, and subscriptions, in SNS."""
    sns = boto3.client("sns")
    topics = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
    return [arn for arn in topics if ":subscribers" in arn], len(sns.list_subscriptions()["Subscriptions"])


def test_subscribing_and_unsubscribing_leaves_nothing_behind(
    world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the attack did, with which 4 subscriptions became 64. No subscription has a filter policy."""
    monkeypatch.setattr(addresses, "A_DAY_BY_CUSTOMER", 6)
    sns = boto3.client("sns")
    for name in ("alerts", "subscribers"):
        sns.create_topic(Name=name)
    kept = subscribe(world[1], PETER)[1]["subscription_id"]
    deliver()
    before, most, moment = _sns(), 0, NOW
    for number in range(8):
        moment += timedelta(minutes=1)
        status, told = subscribe(world[0], f"stranger{number}@example.com")
        deliver(moment)
        most = max(most, _sns()[1])
        if status == 200:
            assert unsubscribe(world[0], told["subscription_id"]) == 200
        deliver(moment)
    assert most == before[1] + 1
    for subscription in sns.list_subscriptions()["Subscriptions"]:
        arn = subscription["SubscriptionArn"]
        assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert _sns() == before
    assert [item["endpoint"] for item in items().values()] == [PETER]
    assert unsubscribe(world[1], kept) == 200
    deliver(moment + MINUTE)
    assert _sns() == ([arn for arn in before[0] if arn.endswith(":subscribers")], 0)


def _released(world: list[str], name: str) -> None:
    unsubscribe(world[0], name)


def _closed(world: list[str], name: str) -> None:
    change(world[0], status="CANCELLED")


def _nothing(world: list[str], name: str) -> None:
    pass


# what happens to the one order, what the owner says, days later, and whether the topic is still there
LIVES: dict[str, tuple[Callable[[list[str], str], None], bool | None, float, bool]] = {
    "taken off, confirmed": (_released, True, 0, False),
    "taken off, pending": (_released, False, 0, False),
    "order closed, pending": (_closed, False, 2.1, False),
    "order closed, confirmed, next day": (_closed, True, 2, True),
    "order closed, confirmed, after ninety days": (_closed, True, 91, False),
    "never confirmed": (_nothing, False, 2.1, False),
    "owner left": (_nothing, None, 1.1, False),
    "distractor: open and confirmed for months": (_nothing, True, 100, True),
    "distractor: asked yesterday": (_nothing, False, 1, True),
}


@pytest.mark.parametrize("life", LIVES)
def test_a_topic_lives_as_long_as_it_is_needed(life: str, world: list[str], mail: Mail) -> None:
    what, answer, days, stays = LIVES[life]
    mail.answer = answer if answer is not None else True
    name = subscribe(world[0], THANDI)[1]["subscription_id"]
    deliver()
    mail.answer = answer
    what(world, name)
    for day in sorted({0, 1, days / 2, days - 1, days}):
        if 0 <= day <= days:
            deliver(NOW + day * DAY + MINUTE)
    deliver(NOW + days * DAY + 2 * MINUTE)
    assert bool(mail.topics) is stays
    assert len(mail.invited) == 1


def test_an_address_that_another_order_wants_stays(world: list[str], mail: Mail) -> None:
    names = [subscribe(order, THANDI)[1]["subscription_id"] for order in world[:2]]
    deliver()
    unsubscribe(world[0], names[0])
    deliver(NOW + MINUTE)
    change(world[1], status="IN_PROGRESS")
    deliver(NOW + 2 * MINUTE)
    assert len(mail.topics) == 1
    assert mail.invited == [THANDI]
    assert "in progress" in mail.to(notifications.SUBSCRIBERS)[-1][1]


def test_the_last_message_of_a_closed_order_waits_for_the_morning_and_comes(
    world: list[str], mail: Mail
) -> None:
    tables.update("tracking", {"job_id": world[0]}, "SET priority = :low", {":low": "low"})
    names = [subscribe(order, THANDI)[1]["subscription_id"] for order in world[:2]]
    deliver()
    night = NOW.replace(hour=20)
    change(world[0], status="CANCELLED")
    unsubscribe(world[1], names[1])  # nothing but the message wants the address now
    for hour in range(9):
        deliver(night + timedelta(hours=hour))
    deliver(night + timedelta(hours=10))
    assert world[0] in mail.to(notifications.SUBSCRIBERS)[-1][1]
    assert mail.invited == [THANDI], "the owner is not asked again for it"
    assert "cancelled" in mail.to(notifications.SUBSCRIBERS)[-1][1]


def test_an_address_without_a_readable_item_holds_up_no_other(world: list[str], mail: Mail) -> None:
    tables.put(
        "outbox", {"delivery_id": "address#broken", "lane": "address", "next_at": "2025-01-01T00:00:00Z"}
    )
    name = subscribe(world[0], THANDI)[1]["subscription_id"]
    deliver()
    unsubscribe(world[0], name)
    deliver(NOW + MINUTE)
    assert mail.topics == {}
    assert any("address#broken" in str(item.get("text")) for item in items("trouble#").values())


SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 40))]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_killed_what_is_left_is_what_open_orders_want(
    seed: int, world: list[str], mail: Mail, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random subscribing, unsubscribing and runs that are killed at a call of SNS or a write."""
    chance, now = random.Random(seed), NOW
    for most in ("A_MONTH_BY_ADDRESS", "A_MONTH_BY_PAIR"):
        monkeypatch.setattr(addresses, most, 1000)
    calls = {"left": -1}

    def killed(real: Any) -> Any:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            if calls["left"] == 0:
                raise KeyboardInterrupt
            calls["left"] -= 1
            return real(*arguments, **more)

        return wrapped

    for module, names in (
        (notifications, ("invite", "confirmed", "remove")),
        (addresses, ("change", "delete", "put")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, killed(getattr(module, name)))
    subscribed: dict[tuple[str, str], str] = {}
    for _ in range(16):
        now += timedelta(minutes=7)
        at(now)
        order, address = chance.choice(world[:3]), chance.choice([THANDI, PETER])
        calls["left"] = chance.randrange(6) if chance.random() < 0.4 else -1
        try:
            what = chance.choice(["on", "off", "run", "run"])
            if what == "on":
                status, told = subscribe(order, address)
                assert status == 200, told
                subscribed[order, address] = told["subscription_id"]
            elif what == "off" and (order, address) in subscribed:
                unsubscribe(order, subscribed[order, address])
                del subscribed[order, address]
            else:
                deliver(now)
        except KeyboardInterrupt:
            pass
    calls["left"] = -1
    for name in world[:3]:
        change(name, assignees=[f"person {seed}"])
    for _ in range(4):
        now += DAY
        deliver(now)
    wanted = {
        endpoint
        for order in world[:3]
        for endpoint in (
            item["endpoint"] for item in tables.get("tracking", {"job_id": order})["subscriptions"].values()
        )
    }
    assert sorted(mail.topics.values()) == sorted(wanted)
    assert {item["endpoint"] for item in items().values()} == wanted


# ------------------------------------------------------------------ what was before


def _before(world: list[str], address: str, order: str | None, *, gone: bool = False) -> None:
    """What commit 851e08e left: an item without customer, and a subscription of an order."""
    name = by_mail(address).name
    item = {"delivery_id": f"address#{name}", "invited_at": "2025-06-01T00:00:00Z", "gone": gone}
    tables.put("outbox", item)
    if order is not None:
        subscribe(order, address)
        boto3.client("dynamodb").delete_item(
            TableName="outbox", Key={"delivery_id": {"S": f"address#{name}#{CUSTOMER}"}}
        )


BEFORE: dict[str, tuple[str, bool, bool, int, int]] = {
    # its subscription, whether its owner was gone, whether an order wants it -> messages, what is left
    "confirmed and wanted": ("arn:aws:sns:x:1:subscribers:1", False, True, 1, 1),
    "confirmed, wanted by nobody": ("arn:aws:sns:x:1:subscribers:1", False, False, 0, 0),
    "pending and wanted": ("", False, True, 0, 1),
    "pending, wanted by nobody: SNS deletes it": ("", False, False, 0, 1),
    "gone": ("none", True, True, 0, 0),
}


@pytest.mark.parametrize("case", BEFORE)
def test_a_home_of_before_goes_on(case: str, world: list[str], mail: Mail) -> None:
    subscription, gone, wanted, messages, left = BEFORE[case]
    _before(world, THANDI, world[0] if wanted else None, gone=gone)
    if subscription != "none":
        mail.sharing[THANDI] = subscription
    deliver()
    deliver(NOW + 61 * MINUTE)
    assert mail.invited == [], "nobody is asked again"
    sent = mail.to(notifications.SUBSCRIBERS)
    assert len(sent) == messages
    assert all(attributes["to"] == by_mail(THANDI).name for _, _, attributes, _ in sent), (
        "the shared filter"
    )
    assert len(mail.sharing) == left
    assert mail.topics == {}


def test_an_address_that_somebody_subscribed_by_hand_stays(world: list[str], mail: Mail) -> None:
    mail.sharing[PETER] = "arn:aws:sns:x:1:subscribers:2"
    deliver()
    deliver(NOW + 61 * MINUTE)
    assert list(mail.sharing) == [PETER]


def test_an_order_of_before_whose_subscriber_was_never_asked_is_asked(world: list[str], mail: Mail) -> None:
    _before(world, THANDI, world[0])
    boto3.client("dynamodb").delete_item(
        TableName="outbox", Key={"delivery_id": {"S": f"address#{by_mail(THANDI).name}"}}
    )
    deliver()
    assert mail.invited == [THANDI]
    assert len(mail.to(notifications.SUBSCRIBERS)) == 1


def test_other_subscriptions_of_the_shared_topic_stay(cloud: None) -> None:
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="subscribers")["TopicArn"]
    queue = boto3.client("sqs").create_queue(QueueName="archive")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:af-south-1:123456789012:archive")
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="Thandi@example.com")
    assert queue["QueueUrl"]
    assert list(notifications.shared()) == [THANDI]
    notifications.leave_shared(notifications.shared()[THANDI])
    assert [item["Protocol"] for item in sns.list_subscriptions()["Subscriptions"]] == ["sqs"]


def test_a_topic_that_is_gone_is_no_error(cloud: None) -> None:
    topic = notifications.own_topic("c", "mail-1")
    assert notifications.confirmed(topic, THANDI) is None
    notifications.remove(topic)
    notifications.invite(THANDI, topic)
    notifications.invite(THANDI, topic)
    assert notifications.confirmed(topic, THANDI) is not None
    notifications.remove(topic)
    assert boto3.client("sns").list_subscriptions()["Subscriptions"] == []


def test_reconciliation_takes_no_address_and_no_count_for_a_delivery(world: list[str], mail: Mail) -> None:
    from ooda.reconcile.seen import Seen
    from ooda.reconcile.store import _outbox

    subscribe(world[0], THANDI)
    deliver()
    kinds = {name.partition("#")[0] for name in (*items(""),) if "#" in name}
    assert {"address", "first", "asked", "sent"} <= kinds
    seen = Seen()
    _outbox(seen)
    assert seen.unreadable == []
    assert outbox_item(world[0], by_mail(THANDI).name)["delivery_id"] in seen.deliveries


def test_the_bounds_are_those_that_are_told() -> None:
    assert subscribers.ANSWERED_WITHIN == 2 * DAY
    assert (A_DAY_BY_CUSTOMER, A_MONTH_BY_ADDRESS, A_MONTH_BY_PAIR) == (20, 3, 2)
