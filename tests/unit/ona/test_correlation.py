"""The correlation id of an invocation: whose it is, who gets it, and that nobody else's is taken for it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ona.runtime import correlation, events, http
from ona.runtime.observability import handler, logger


class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "f", 512, "arn", "req-1"


@pytest.fixture(autouse=True)
def _no_id() -> Iterator[None]:
    correlation.end()
    yield
    correlation.end()


@pytest.mark.parametrize(
    ("event", "own"),
    [
        ({"task": "train", "correlation_id": "c-1"}, "c-1"),
        (
            {"detail-type": "Object Created", "id": "17793124", "detail": {"object": {"key": "a"}}},
            "17793124",
        ),
        ({"detail-type": "Site Day Due", "id": "b", "detail": {"id": "d", "correlation_id": "c-1"}}, "c-1"),
        ({"requestContext": {"requestId": "gateway"}, "id": "body"}, "gateway"),
        ({"task": "send"}, "req-1"),
        ("no object", "req-1"),
        ({"correlation_id": {"not": "a text"}}, "req-1"),
        ({"correlation_id": "two\nlines"}, "req-1"),
        ({"correlation_id": "x" * 129}, "req-1"),
        ({"id": "an order's, not an event's"}, "req-1"),
        ({"detail-type": "Object Created", "id": 7, "detail": None}, "req-1"),
    ],
)
def test_whose_id_it_is(event: Any, own: str) -> None:
    correlation.begin(event, "req-1")
    assert correlation.current() == own


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def test_a_handler_never_sees_the_key_and_each_of_its_lines_has_it(capsys: Any, log: io.StringIO) -> None:
    seen: list[Any] = []

    @handler
    def work(event: Any, _context: Any) -> Any:
        seen.append((event, correlation.current()))
        logger.info("working", key="observations/a.csv")
        return {"done": True}

    given = {"task": "train", "correlation_id": "c-1", "inner": {"correlation_id": "stays"}}
    work(given, Context())
    assert seen == [({"task": "train", "inner": {"correlation_id": "stays"}}, "c-1")]
    assert given["correlation_id"] == "c-1", "the caller's event is not changed"
    printed = log.getvalue() + capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    own = [line for line in lines if "ColdStart" not in line]
    assert len(own) >= 3, "a line of the log, and one of each metric"
    assert {line["correlation_id"] for line in own} == {"c-1"}
    assert correlation.current() == "", "it ended"


def test_an_invocation_does_not_inherit_the_id_of_the_one_before(capsys: Any, log: io.StringIO) -> None:
    @handler
    def work(_event: Any, _context: Any) -> Any:
        logger.info("working")
        return {}

    work({"correlation_id": "first"}, Context())
    first = log.getvalue() + capsys.readouterr().out
    assert first.count("first") >= 3
    log.truncate(0)
    work({}, Context())
    assert "first" not in log.getvalue() + capsys.readouterr().out


def test_each_thread_may_work_for_another() -> None:
    """As Deliver does: eight recipients at once, each item with the id of what put it there."""
    seen: dict[str, list[str]] = {}
    together = threading.Barrier(3)

    def work(own: str) -> None:
        with correlation.using(own):
            together.wait(5)
            seen[own] = [correlation.current()]
        seen[own].append(correlation.current())

    correlation.begin({}, "the-run")
    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a": ["a", "the-run"], "b": ["b", "the-run"], "": ["the-run", "the-run"]}


def test_events_have_it_unless_they_say_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[Any] = []

    class Bus:
        def put_events(self, Entries: list[Any]) -> dict[str, int]:  # noqa: N803
            put.extend(Entries)
            return {"FailedEntryCount": 0}

    monkeypatch.setattr(events, "client", lambda _name: Bus())
    correlation.begin({"correlation_id": "c-1"}, "")
    events.publish([events.Event("A Thing Done", {"id": "1"})])
    events.publish([events.Event("A Thing Done", {"id": "2", "correlation_id": "own"})])
    correlation.end()
    events.publish([events.Event("A Thing Done", {"id": "3"})])
    details = [json.loads(entry["Detail"]) for entry in put]
    assert [detail.get("correlation_id") for detail in details] == ["c-1", "own", None]


def test_other_peoples_servers_get_it_as_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, str]] = []

    def send(*_arguments: Any, headers: dict[str, str], **_more: Any) -> http.Answer:
        sent.append(headers)
        return http.Answer(200, b"{}")

    monkeypatch.setattr(http, "send", send)
    with correlation.using("c-1"):
        http.call("POST", "https://desk.example/", what="desk", document={})
    http.call("POST", "https://desk.example/", what="desk", document={})
    assert [headers.get("X-Correlation-Id") for headers in sent] == ["c-1", None]
