"""Each place against a server that takes what its provider documents, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from ona.outbox import deliveries
from ona.outbox.items import OUTBOX, AlertItem
from ona.runtime.errors import DependencyBusy
from ona.store import tables
from tests.builders.alerts import MINUTE, Night
from tests.builders.orders import dead_letters


def opened(night: Night, name: str = "ona-detect-errors") -> str:
    decision = night.alarm(name)
    assert decision.alert is not None
    return decision.alert.key


def outcomes(night: Night, key: str) -> dict[str, str]:
    return {telling.place: telling.outcome for telling in night.alert(key).told}


def test_every_place_of_a_night_takes_all_three_actions(on_call: Night) -> None:
    key = opened(on_call)
    assert on_call.deliver()["told"] == 1, "at once, in quiet hours too"
    assert len(on_call.chat.posted) == 1 and "ona-detect-errors" in on_call.chat.posted[0]  # noqa: PT018
    on_call.pass_time(30)
    assert on_call.pager.sounded == [key]
    assert [data["action"] for data in on_call.hook.heard.values()] == ["trigger"]
    assert len(on_call.mails) == 1
    on_call.person("acknowledge", key)
    on_call.deliver()
    assert on_call.pager.incidents[key] == "acknowledge"
    on_call.pass_time(60)
    assert len(on_call.chat.posted) == 2 and len(on_call.mails) == 1, "nobody further is told"  # noqa: PT018
    on_call.alarm(value="OK")
    on_call.deliver()
    assert on_call.pager.incidents[key] == "resolve"
    assert [data["action"] for data in on_call.hook.heard.values()] == ["trigger", "acknowledge", "resolve"]
    assert (len(on_call.chat.posted), len(on_call.mails)) == (3, 2)


@pytest.mark.parametrize("kind", ["fail", "throttle"])
def test_what_was_surely_not_taken_is_told_again(on_call: Night, kind: str) -> None:
    key = opened(on_call)
    on_call.fault("chat", kind)
    assert on_call.deliver()["failed"] == 1
    on_call.pass_time(6)
    assert len(on_call.chat.posted) == 1
    assert outcomes(on_call, key) == {"chat": "queued"}


@pytest.mark.parametrize("kind", ["late", "drop", "page", "drip"])
def test_a_message_that_may_be_there_is_not_sent_again_and_the_next_level_is_told(
    on_call: Night, kind: str
) -> None:
    key = opened(on_call)
    on_call.fault("chat", kind)
    on_call.deliver()
    on_call.pass_time(10)
    assert len(on_call.chat.posted) == 1, "once, although nobody saw the answer"
    told = outcomes(on_call, key)
    if kind == "drip" and told["chat"] == "queued":
        return  # the answer came just in time
    assert told == {"chat": "doubtful", "pager": "queued"}
    assert on_call.pager.sounded == [key]
    assert "doubtful" in dead_letters()[0]["cause"]


@pytest.mark.parametrize("kind", ["late", "drop", "fail", "throttle"])
@pytest.mark.parametrize("place", ["pager", "hook"])
def test_a_place_that_knows_a_message_again_is_asked_until_it_answers(
    on_call: Night, place: str, kind: str
) -> None:
    key = opened(on_call)
    on_call.fault(place, kind)
    on_call.pass_time(40)
    assert on_call.pager.sounded == [key], "one incident, however often it was asked"
    assert list(on_call.hook.heard) == [f"{key}#trigger@hook"]
    assert set(outcomes(on_call, key).values()) == {"queued"}


@pytest.mark.parametrize("why", ["channel_is_archived", "channel_not_found", "action_prohibited"])
def test_a_channel_that_is_gone_is_final(on_call: Night, why: str) -> None:
    key = opened(on_call)
    on_call.chat.gone = why
    assert on_call.deliver()["dead"] == 1
    on_call.deliver()
    assert outcomes(on_call, key) == {"chat": "undeliverable", "pager": "queued"}
    assert len(on_call.chat.requests) == 1
    assert on_call.pager.sounded == [key]


def test_a_place_that_is_down_is_given_up_and_everybody_else_hears(on_call: Night) -> None:
    key = opened(on_call)
    on_call.chat.down = True
    on_call.pass_time(20)
    assert outcomes(on_call, key)["chat"] == "undeliverable"
    assert on_call.pager.sounded == [key]
    on_call.chat.down = False
    on_call.pass_time(20)
    assert not on_call.chat.posted, "it is not told late: the others are"


def test_what_is_over_before_it_could_be_told_is_opened_first_and_then_closed(on_call: Night) -> None:
    key = opened(on_call)
    on_call.pass_time(14)
    on_call.pager.down = True
    on_call.pass_time(2)
    on_call.alarm(value="OK")
    on_call.deliver()
    on_call.pager.down = False
    on_call.pass_time(20)
    assert on_call.pager.taken == [(key, "trigger"), (key, "resolve")]


def test_nobody_reached_is_on_record(on_call: Night) -> None:
    for server in (on_call.chat, on_call.pager, on_call.hook):
        server.down = True
    on_call.mail_error = DependencyBusy("sns")
    on_call.mail_error.__cause__ = ClientError({"Error": {"Code": "Throttling"}}, "Publish")
    key = opened(on_call)
    on_call.pass_time(80)
    assert set(outcomes(on_call, key).values()) == {"undeliverable"}
    assert on_call.alert(key).unheard
    assert len(dead_letters()) == 4


def test_a_run_that_died_while_it_told_the_chat_makes_it_doubtful(on_call: Night) -> None:
    key = opened(on_call)
    item = OUTBOX.get(f"{key}#trigger@chat")
    assert isinstance(item, AlertItem)
    assert deliveries.claimed(item.delivery_id, on_call.now)
    deliveries.sending(item, on_call.now)
    with pytest.raises(DependencyBusy):
        deliveries.sending(item, on_call.now)
    on_call.deliver()
    assert outcomes(on_call, key) == {"chat": "queued"}, "the other run may still live"
    on_call.pass_time(6)
    assert outcomes(on_call, key) == {"chat": "doubtful", "pager": "queued"}
    assert not on_call.chat.requests


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ClientError({"Error": {"Code": "Throttling"}}, "Publish"), "queued"),
        (EndpointConnectionError(endpoint_url="x"), "queued"),
        (ReadTimeoutError(endpoint_url="x"), "doubtful"),
    ],
)
def test_mail_whose_answer_did_not_come_is_doubtful(on_call: Night, error: Any, outcome: str) -> None:
    key = opened(on_call, "ona-detect-duration")
    on_call.mail_error = DependencyBusy("sns")
    on_call.mail_error.__cause__ = error
    on_call.deliver()
    on_call.mail_error = None
    on_call.pass_time(2)
    assert outcomes(on_call, key) == {"mail": outcome}
    assert len(on_call.mails) == (outcome == "queued")


def test_a_secret_that_is_not_set_waits_for_somebody_to_set_it(on_call: Night) -> None:
    import boto3

    ssm = boto3.client("ssm")
    ssm.delete_parameter(Name="/ona-platform/dev/alerting-chat")
    key = opened(on_call)
    assert on_call.deliver()["failed"] == 1
    ssm.put_parameter(
        Name="/ona-platform/dev/alerting-chat", Value=on_call.chat.address, Type="SecureString"
    )
    on_call.pass_time(2)
    assert len(on_call.chat.posted) == 1
    assert outcomes(on_call, key) == {"chat": "queued"}


def test_an_alert_of_five_hundred_lines_fits_everywhere(on_call: Night) -> None:
    on_call.now += MINUTE
    alert = on_call.alarm().alert
    assert alert is not None
    table = OUTBOX.name
    item = tables.get(table, {"delivery_id": f"{alert.key}#trigger@chat"})
    assert item is not None
    tables.put(table, {**item, "subject": "<!channel>" * 60, "text": "a line & more <b>\n" * 500})
    on_call.deliver()
    assert len(on_call.chat.posted) == 1
    assert "<!channel>" not in on_call.chat.posted[0]


def test_the_servers_refuse_what_is_misspelled(on_call: Night) -> None:
    """The fakes themselves: without this the tests above prove nothing."""
    good: dict[str, Any] = {
        "routing_key": on_call.pager.ROUTING,
        "event_action": "trigger",
        "dedup_key": "k",
        "payload": {"summary": "s", "source": "o", "severity": "critical"},
    }

    def pager(body: Any) -> int:
        return on_call.pager.answer("POST", "/v2/enqueue", {"Content-Type": "application/json"}, body)[0]

    assert pager(good) == 202
    assert pager({**good, "dedupKey": "k"}) == 400
    assert pager({**good, "payload": {**good["payload"], "severity": "high"}}) == 400
    assert pager({**good, "payload": {**good["payload"], "details": {}}}) == 400
    assert pager({**good, "routing_key": "short"}) == 400

    def chat(body: Any) -> int:
        return on_call.chat.answer("POST", on_call.chat.PATH, {"Content-Type": "application/json"}, body)[0]

    assert chat({"text": "x"}) == 200
    assert chat({"message": "x"}) == 400
    wrong = {"type": "header", "text": {"type": "mrkdwn", "text": "x"}}
    assert chat({"text": "x", "blocks": [wrong]}) == 400
