"""Attacks on invitations: spellings that go round a limit, limits that are used up for others, addresses
that SNS does not take, runs killed between its calls, messages of one customer that hold up another's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import delivery.config
from delivery.deliver import notifications, people
from ona.config import custom_services
from ona.config.custom_services import CustomServices
from ona.outbox import addresses
from ona.outbox.addresses import A_MONTH_BY_ADDRESS, A_MONTH_BY_PAIR, by_mail, mailbox
from ona.outbox.items import OPERATORS, Notice, Recipient
from ona.runtime.errors import InvalidInput
from ona.store import tables
from ooda.operations_api import api
from tests.builders.delivery import MINUTE, rules
from tests.builders.orders import CUSTOMER, call, change, dead_letters, deliver
from tests.builders.plans import NOW
from tests.fakes.sns import Mail

THANDI = "thandi@example.com"
LONG = "x" * 64


def subscribe(order: str, address: str, customer: str = CUSTOMER) -> tuple[int, Any]:
    body = {"kind": "email", "endpoint": address}
    return call("POST", f"/work-orders/{order}/subscriptions", body, customer=customer)


def unsubscribe(order: str, told: Any, customer: str = CUSTOMER) -> None:
    path = f"/work-orders/{order}/subscriptions/{told['subscription_id']}"
    assert call("DELETE", path, customer=customer)[0] == 200


def counted() -> dict[str, int]:
    """How many questions are counted, by whom."""
    found = [item for item in tables.scan("outbox") if str(item["delivery_id"]).startswith("asked#")]
    return {str(item["delivery_id"]).split("#", 1)[1]: int(item["messages"]) for item in found}


# ------------------------------------------------------------------ the operator's own address


@pytest.mark.parametrize("spelling", ["claims@insurer.example", "Claims@INSURER.example"])
def test_the_operators_address_hears_no_customers_subscription(
    world: list[str], mail: Mail, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    """Its owner consented to the operator's messages; a customer would write under that consent."""
    service = {
        "enabled": False,
        "api_endpoint": "https://insurer.example",
        "claim_threshold_usd": 1000,
        "auto_submission": False,
        "api_key_parameter": "/ona-platform/prod/insurance-api-key",
        "notification_email": "claims@insurer.example",
    }
    config = CustomServices.model_validate({"insurance_automation": service})
    monkeypatch.setattr(custom_services, "custom_services_config", lambda: config)
    status, errors = subscribe(world[0], spelling)
    assert (status, errors[0]["code"], errors[0]["field"]) == (409, "CONFLICT", "endpoint")
    assert counted() == {}
    assert subscribe(world[0], "claims@other.example")[0] == 200, "a distractor"


# ------------------------------------------------------------------ addresses

NO_ADDRESSES = {
    "an address literal": "a@[127.0.0.1]",
    "numbers instead of a host": "a@1.2.3.4",
    "65 characters before the @": f"{LONG}x@example.com",
    "a label of 64 characters": f"a@{LONG}.com",
    "255 characters": f"a@{'.'.join(['b' * 60] * 4)}.example.com",
    "320 characters": f"{'x' * 314}@e.com",
    "a dot before": ".a@example.com",
    "a dot behind": "a.@example.com",
    "two dots": "a..b@example.com",
    "a hyphen before the host": "a@-example.com",
    "a link": "mailto:a@example.com",
    "letters beyond ASCII before the @": "ünïcode@example.com",
    "full-width letters": "ａ@example.com",
    "an underscore in the host": "a@ex_ample.com",
    "a host of one letter at its end": "a@example.c",
    "two addresses": "a@example.com,b@example.com",
    "a name beside it": "Alice <a@example.com>",
    "a line more": "a@example.com\r\nBcc: b@example.com",
    "a colon behind the host": "a@example.com:25",
}
ADDRESSES = {
    "capitals": "MIXED.Case@Example.COM",
    "a plus": "a+tag@example.com",
    "an apostrophe": "o'neil@example.com",
    "signs": "{a}%b!c#d@example.com",
    "64 characters before the @": f"{LONG}@example.com",
    "a label of 63 characters": f"a@{LONG[1:]}.com",
    "a domain in its own letters": "a@bücher.example",
    "the same in Punycode": "a@xn--bcher-kva.example",
    "digits in the host": "a@4you.1and1.com",
}


@pytest.mark.parametrize("what", NO_ADDRESSES)
def test_what_can_be_no_address_is_refused_before_it_costs_anything(what: str, world: list[str]) -> None:
    status, errors = subscribe(world[0], NO_ADDRESSES[what])
    assert (status, errors[0]["code"]) == (400, "VALIDATION_ERROR")
    assert counted() == {}


@pytest.mark.parametrize("what", ADDRESSES)
def test_distractor_an_odd_address_that_is_one_is_taken(what: str, world: list[str]) -> None:
    status, told = subscribe(world[0], ADDRESSES[what])
    assert (status, told["endpoint"]) == (200, ADDRESSES[what])


SPELLINGS = {
    "a plus": [THANDI, "thandi+1@example.com", "thandi+2@example.com", "thandi+3@example.com"],
    "capitals and a plus": ["Thandi+A@Example.com", "tHandi+b@example.com", "thandi@EXAMPLE.com"],
    "Gmail's dots": ["th.andi@gmail.com", "thandi@googlemail.com", "t.handi@gmail.com", "thandi@gmail.com"],
    "a domain's letters": ["a@bücher.example", "a@xn--bcher-kva.example", "a+1@BÜCHER.example"],
}


@pytest.mark.parametrize("how", SPELLINGS)
def test_spellings_of_one_mailbox_are_counted_together(how: str, world: list[str], mail: Mail) -> None:
    answers = [subscribe(world[0], address)[0] for address in SPELLINGS[how]]
    assert answers == [200] * A_MONTH_BY_PAIR + [429] * (len(answers) - A_MONTH_BY_PAIR)
    deliver()
    assert len(mail.invited) == A_MONTH_BY_PAIR


def test_distractor_people_of_one_company_are_several(world: list[str]) -> None:
    for name in ("thandi", "t.handi", "than.di", "peter"):  # dots count everywhere but at Gmail
        assert subscribe(world[0], f"{name}@example.com")[0] == 200
    assert mailbox("+@example.com") == "+@example.com"


# ------------------------------------------------------------------ limits that others need


def test_one_customer_cannot_use_up_an_address_that_another_needs(
    world: list[str], mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, answers = NOW, []
    for _ in range(5):
        monkeypatch.setattr(api, "utc_now", lambda now=now: now)
        status, told = subscribe(world[0], THANDI)
        answers.append(status)
        if status == 200:
            unsubscribe(world[0], told)
        deliver(now)
        now += timedelta(minutes=10)
    assert answers == [200] * A_MONTH_BY_PAIR + [429] * 3
    assert subscribe(world[3], THANDI, "stranger")[0] == 200, "its own customer can still ask"
    assert A_MONTH_BY_PAIR < A_MONTH_BY_ADDRESS


@pytest.mark.parametrize("limit", ["A_MONTH_BY_PAIR", "A_MONTH_BY_ADDRESS", "A_DAY_BY_CUSTOMER"])
def test_a_question_that_is_refused_costs_nothing(
    limit: str, world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(addresses, limit, 1)
        assert subscribe(world[0], THANDI)[0] == 200
        before = counted()
        for number in range(3):
            assert subscribe(world[0], f"thandi+{number}@example.com")[0] == 429
        assert {who: many for who, many in counted().items() if many} == before
    assert subscribe(world[0], "thandi+3@example.com")[0] == 200


# ------------------------------------------------------------------ what SNS refuses, and kills


@pytest.fixture
def topics(world: list[str]) -> Callable[[], list[str]]:
    """Topics of single addresses, as SNS has them."""
    sns = boto3.client("sns")
    for name in ("alerts", "subscribers"):
        sns.create_topic(Name=name)
    return lambda: [t["TopicArn"] for t in sns.list_topics()["Topics"] if ":subscribers-" in t["TopicArn"]]


def test_an_address_that_sns_does_not_take_is_dropped_without_an_alarm(
    world: list[str], topics: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sns = notifications.client("sns")
    refusal = sns.exceptions.InvalidParameterException(
        {"Error": {"Code": "InvalidParameter", "Message": "Invalid parameter: Email address"}}, "Subscribe"
    )

    def refuses(**_: Any) -> None:
        raise refusal

    monkeypatch.setattr(sns, "subscribe", refuses)
    subscribe(world[0], THANDI)
    counts = [deliver(NOW + minutes * MINUTE) for minutes in (0, 1, 60, 24 * 60 * 4)]
    assert [(count["failed"], count["dead"]) for count in counts] == [(0, 0)] * 4
    assert (topics(), dead_letters()) == ([], [])


@pytest.mark.parametrize("killed_at", ["subscribe", "change"])
def test_a_run_that_is_killed_while_it_asks_leaves_no_topic_behind(
    killed_at: str, world: list[str], topics: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = subscribe(world[0], THANDI)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if killed_at == "subscribe":
            patched.setattr(notifications.client("sns"), "subscribe", killed)
        else:
            patched.setattr(addresses, "change", killed)
        with pytest.raises(KeyboardInterrupt):
            deliver()
    assert len(topics()) == 1, "the run died behind CreateTopic"
    unsubscribe(world[0], told)
    for hours in (0, 2, 49):
        deliver(NOW + timedelta(hours=hours))
    assert topics() == []


def test_who_else_is_subscribed_to_an_addresss_topic_says_nothing_of_it(
    topics: Callable[[], list[str]],
) -> None:
    topic = notifications.own_topic(CUSTOMER, by_mail(THANDI).name)
    notifications.invite("peter@example.com", topic)
    assert notifications.confirmed(topic, THANDI) is None
    notifications.invite(THANDI, topic)
    assert notifications.confirmed(topic, "Thandi@Example.com") is True


def test_a_domain_in_its_own_letters_that_was_confirmed_before_stays_so(
    topics: Callable[[], list[str]],
) -> None:
    sns, own = boto3.client("sns"), notifications.own_topic(CUSTOMER, by_mail("a@bücher.example").name)
    name = f"subscribers-{own.partition('/')[2]}"
    arn = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@bücher.example")  # as it was written then
    assert notifications.confirmed(own, "a@bücher.example") is True
    assert notifications.confirmed(own, "a@xn--bcher-kva.example") is True


# ------------------------------------------------------------------ one customer's messages, another's


def test_what_is_due_of_another_customer_keeps_no_address(world: list[str], mail: Mail) -> None:
    _, told = subscribe(world[0], THANDI)
    deliver()
    mail.answer = False  # of the other customer's question: its message waits for days
    subscribe(world[3], THANDI, "stranger")
    deliver(NOW + MINUTE)
    assert len(mail.topics) == 2
    unsubscribe(world[0], told)
    deliver(NOW + 2 * MINUTE)
    assert list(mail.topics) == [notifications.own_topic("stranger", by_mail(THANDI).name)]


def test_urgent_messages_of_one_customer_take_no_turn_of_anothers(
    world: list[str], mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery.config, "notification_rules", lambda: rules(messages_an_hour=1))
    subscribe(world[0], THANDI)
    subscribe(world[3], THANDI, "stranger")
    deliver()
    mail.sent.clear()
    slot = NOW.replace(minute=NOW.minute // people.URGENT_EVERY * people.URGENT_EVERY)
    for ten in range(1, 4):
        change(world[0], assignees=[f"person {ten}"])
        change(world[3], assignees=[f"person {ten}"])
        for minute in (-1, 0):
            deliver(slot + (ten * people.URGENT_EVERY + minute) * MINUTE)
    told = [topic for _, _, _, topic in mail.to(notifications.SUBSCRIBERS)]
    mine, others = (notifications.own_topic(name, by_mail(THANDI).name) for name in (CUSTOMER, "stranger"))
    assert (told.count(mine), told.count(others)) == (3, 3)


@pytest.mark.parametrize("bad", [0, 7, 39])
@pytest.mark.parametrize("refusal", ["of SNS", "of ours"])
def test_a_message_that_nobody_takes_is_given_up_alone(
    bad: int, refusal: str, world: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Mail(monkeypatch)

    def publish(subject: str, text: str, attributes: dict[str, str], topic: str) -> None:
        if "poison" in text:
            if refusal == "of ours":
                raise InvalidInput("the text is none")
            raise ClientError({"Error": {"Code": "InvalidParameter", "Message": "Message"}}, "Publish")
        sent.sent.append((subject, text, attributes, topic))

    monkeypatch.setattr(notifications, "publish", publish)
    notes = []
    for number in range(40):
        words = "poison" if number == bad else f"file {number:02d}"
        notice = Notice.to_operators(f"quarantine#{number:02d}", "file_rejected", "high", words, words, NOW)
        tables.put("outbox", notice.item())
        notes.append(people.note_of(notice))
    teller = people.Teller(Recipient(OPERATORS, "people"), rules(), NOW)
    teller.tell(notes)
    assert teller.counts["told"] == 39
    assert [note.item.delivery_id for part, _ in teller.refused for note in part] == [
        f"quarantine#{bad:02d}"
    ]
    assert {
        f"file {n:02d}" in "".join(text for _, text, _, _ in sent.sent) for n in range(40) if n != bad
    } == {True}
    assert len(sent.sent) <= 6, "halves, not one by one"
