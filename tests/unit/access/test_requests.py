"""Requests that no client library sends, on every route of every API, and events that no API handed on.

`tests/unit/access/test_fuzz.py` sends what the OpenAPI document can say. Here is what it cannot: other
types of bodies, headers twice or not at all, bytes that are no text, JSON that readers read differently.
"""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from access.account_api.handler import lambda_handler as account
from forecasting.forecasting_api.handler import lambda_handler as forecasting
from ona.api import paging
from ona.api.envelope import ApiError
from ona.runtime import http
from ona.runtime.errors import InvalidPayload
from ona.store import tables
from ooda.operations_api.handler import lambda_handler as operations
from tests.builders.orders import CUSTOMER
from tests.fakes.lambda_wsgi import Context
from tests.fakes.tables import create_table
from tests.paths import ROOT

Event = dict[str, Any]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
TRAIN = {"site_id": "site-001", "start_date": "2025-01-01T00:00:00Z", "end_date": "2025-06-01T00:00:00Z"}
NOWCAST = {"site_id": "site-001", "timestamp": "2025-06-10T08:00:00Z"}
BODIES: dict[str, Any] = {
    "/upload_train": {"customer_id": CUSTOMER, "data_type": "historical", "metadata": TRAIN},
    "/upload_nowcast": {"customer_id": CUSTOMER, "data_type": "nowcast", "metadata": NOWCAST},
    "/ops/work-orders/{work_order_id}": {"version": 1, "note": "seen"},
    "/ops/work-orders/{work_order_id}/subscriptions": {"kind": "email", "endpoint": "a@example.com"},
}
"""A right body for each route that takes one."""
QUERIES = {
    "/forecast": {"customer_id": CUSTOMER},
    "/sites": {"customer_id": CUSTOMER},
    "/forecast/accuracy": {"customer_id": CUSTOMER, "site_id": "site-001"},
}
"""What the routes that demand a query are asked."""
WITH_BODY = [(method, path) for method, path, operation in OPERATIONS if "requestBody" in operation]
PAGED = [
    (method, path)
    for method, path, operation in OPERATIONS
    if any(parameter["name"] == "next" for parameter in operation.get("parameters", []))
]


@pytest.fixture
def order(world: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A customer's order and site, on moto; its id."""
    monkeypatch.setenv("LOCATIONS_TABLE", "locations")
    create_table("locations", "location_id", {"customer-location-index": ("customer_id", "location_name")})
    return world[0]


def event_of(method: str, path: str, order: str = "wo-20250611-00000001") -> Event:
    """A right request, as API Gateway hands it on."""
    full = path.replace("{work_order_id}", order).replace("{subscription_id}", "sub-0123456789ab")
    query = QUERIES.get(path)
    headers = {"Content-Type": "application/json", "Accept": "*/*"}
    return {
        "httpMethod": method,
        "path": full,
        "resource": path,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()}
        if query
        else None,
        "pathParameters": None,
        "stageVariables": None,
        "body": json.dumps(BODIES[path]) if path in BODIES else None,
        "isBase64Encoded": False,
        "requestContext": {
            "apiId": os.environ["API_ID"],
            "stage": "dev",
            "requestId": "request-1",
            "identity": {"sourceIp": "127.0.0.1"},
            "authorizer": {"customer_id": CUSTOMER, "tier": "enterprise"},
        },
    }


def send(event: Event) -> tuple[int, Any]:
    """The answer of the family's function; it always has the envelope, and says no word of Python."""
    first = event["path"].split("/")[1]
    handler = {"ops": operations, "quota": account, "health": account}.get(first, forecasting)
    answer = handler(event, Context())
    body: Any = json.loads(answer["body"]) if answer["body"] else None
    if answer["statusCode"] != 204:
        assert set(body) == {"success", "data", "metadata", "errors"}
        assert body["success"] == (answer["statusCode"] == 200)
    return answer["statusCode"], body


def typed(*values: str, name: str = "Content-Type") -> Callable[[Event], None]:
    """Set the header Content-Type, as API Gateway tells it: the last value, and all values."""

    def change(event: Event) -> None:
        event["headers"] = {"Accept": "*/*"} | ({name: values[-1]} if values else {})
        event["multiValueHeaders"] = {"Accept": ["*/*"]} | ({name: list(values)} if values else {})

    return change


def without_headers(event: Event) -> None:
    event["headers"] = event["multiValueHeaders"] = None


def body(text: str | bytes | None, *, encoded: bool = False) -> Callable[[Event], None]:
    def change(event: Event) -> None:
        raw = text.encode() if isinstance(text, str) else text
        event["isBase64Encoded"] = encoded
        event["body"] = base64.b64encode(raw or b"").decode() if encoded else text

    return change


def same_encoded(event: Event) -> None:
    body(event["body"], encoded=True)(event)


def same_with(addition: str) -> Callable[[Event], None]:
    """The right body with one member more at its end."""

    def change(event: Event) -> None:
        event["body"] = event["body"][:-1] + f", {addition}}}"

    return change


def twice(event: Event) -> None:
    first = next(iter(json.loads(event["body"])))
    event["body"] = event["body"][:-1] + f', "{first}": null}}'


FORM = "multipart/form-data; boundary=x"
TYPES = {
    "text": (typed("text/plain"), 415),
    "XML": (typed("application/xml"), 415),
    "form, as curl -d sends": (typed("application/x-www-form-urlencoded"), 415),
    "form with files": (typed(FORM), 415),
    "form with files, no boundary": (typed("multipart/form-data"), 415),
    "bytes": (typed("application/octet-stream"), 415),
    "image": (typed("image/png"), 415),
    "JSON:API": (typed("application/vnd.api+json"), 415),
    "only begins like JSON": (typed("application/jsonp"), 415),
    "JSON in UTF-16": (typed("application/json; charset=utf-16"), 415),
    "empty": (typed(""), 415),
    "two, the last right": (typed("text/plain", "application/json"), 415),
    "two, the last wrong": (typed("application/json", "text/plain"), 415),
    "not ASCII": (typed("täxt/plain"), 415),
    "name in capitals, wrong type": (typed("text/plain", name="CONTENT-TYPE"), 415),
    # right ones that look wrong
    "with charset": (typed("application/json; charset=utf-8"), 200),
    "type in capitals": (typed('APPLICATION/JSON;Charset="UTF-8"'), 200),
    "name in capitals": (typed("application/json", name="CONTENT-TYPE"), 200),
    "the same twice": (typed("application/json", "application/json"), 200),
    "none": (typed(), 200),
    "no headers at all": (without_headers, 200),
}
JSONS = {
    "no body": (body(None), 400),
    "empty": (body(""), 400),
    "space": (body(" \n"), 400),
    "null": (body("null"), 400),
    "a list": (body("[]"), 400),
    "a text": (body('"x"'), 400),
    "a number": (body("1"), 400),
    "half": (body('{"version": '), 400),
    "100 000 brackets": (body("[" * 100_000), 400),
    "900 brackets that close": (body("[" * 900 + "]" * 900), 400),
    "100 000 objects": (body('{"a":' * 100_000), 400),
    "one megabyte of a name": (body('{"' + "x" * 1_000_000 + '": 1}'), 400),
    "an integer of 5 000 digits": (same_with('"x": ' + "9" * 5000), 400),
    "a number that is infinite": (same_with('"x": 1e999'), 400),
    "NaN": (same_with('"x": NaN'), 400),
    "Infinity": (same_with('"x": -Infinity'), 400),
    "a name twice": (twice, 400),
    "half a character": (same_with('"x": "\\ud800"'), 400),
    "half a character as a name": (same_with('"\\udfff": 1'), 400),
    "byte order mark": (body("\ufeff{}"), 400),
    "base64 of nothing": (body(b"", encoded=True), 400),
    "base64 of no UTF-8": (body(b'{"a": "\xff\xfe"}', encoded=True), 400),
    "base64 of UTF-16": (body('{"version": 1}'.encode("utf-16"), encoded=True), 400),
    "base64 of deep JSON": (body(b"[" * 100_000, encoded=True), 400),
    # right ones that look wrong
    "base64": (same_encoded, 200),
}


def refused(cases: dict[str, tuple[Callable[[Event], None], int]]) -> list[str]:
    return [case for case, (_, expected) in cases.items() if expected != 200]


@pytest.mark.parametrize("case", refused(TYPES))
def test_a_body_of_another_type_is_refused_on_every_route(case: str) -> None:
    for method, path in WITH_BODY:
        event = event_of(method, path)
        TYPES[case][0](event)
        status, answer = send(event)
        assert (status, answer["errors"][0]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), (path, answer)
        assert "415" in DOCUMENT["paths"][path][method.lower()]["responses"]


@pytest.mark.parametrize("case", refused(JSONS))
def test_a_body_that_is_no_json_of_one_meaning_is_refused_on_every_route(case: str) -> None:
    for method, path in WITH_BODY:
        event = event_of(method, path)
        JSONS[case][0](event)
        status, answer = send(event)
        assert (status, answer["errors"][0]["code"]) == (400, "VALIDATION_ERROR"), (path, answer)


def test_right_bodies_that_look_wrong_are_taken_on_every_route(order: str) -> None:
    """One world for all of them: each costs a second and more to make."""
    tried = 0
    for case, (change, expected) in (TYPES | JSONS).items():
        for method, path in WITH_BODY if expected == 200 else []:
            event = event_of(method, path, order)
            change(event)
            status, answer = send(event)
            assert status == 200, (case, path, answer)
            tried += 1
    assert tried == 7 * len(WITH_BODY)


def test_what_has_no_body_does_not_look_at_its_type(order: str) -> None:
    for method, path, operation in OPERATIONS:
        if "requestBody" in operation or path in QUERIES:
            continue
        event = event_of(method, path, order)
        typed("image/png")(event)
        body(b"\xff", encoded=True)(event)
        assert send(event)[0] in (200, 404), path


def test_a_path_and_its_methods_come_before_the_type(order: str) -> None:
    for path, expected in (("/nowhere", 404), ("/ops/nowhere", 404), ("/quota/usage", 405)):
        event = event_of("POST", path)
        typed("image/png")(event)
        assert send(event)[0] == expected


def packed(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode()


OWN = {"job_id": "x", "customer_id": CUSTOMER, "created_at": "2025-06-10T08:00:00Z"}
CURSORS = {
    "no base64": "!!!",
    "base64 with what does not belong": packed({"asset_id": "x"})[:-4] + "\n*" + "====",
    "half": "e",
    "no UTF-8": packed(b"\xff\xff"),
    "no JSON": packed(b"x"),
    "a list": packed([]),
    "null": packed(None),
    "a number": packed(5),
    "nothing": packed({}),
    "other names": packed({"a": "b"}),
    "names of one's own besides": packed(OWN | {"start": "x", "crew_id": "y", "asset_id": "z"}),
    "the key alone": packed({"customer_id": CUSTOMER}),
    "a number as value": packed({"asset_id": 5}),
    "a list as value": packed({"site_id": ["x"]}),
    "an empty value": packed(OWN | {"created_at": ""}),
    "a value of 1 100 bytes": packed(OWN | {"created_at": "x" * 1100}),
    "half a character": packed(b'{"asset_id": "\\ud800"}'),
    "a name twice": packed(b'{"site_id": "a", "site_id": "b"}'),
    "deep": packed(b"[" * 1400),
    "5 000 digits cut to what fits": packed(b"9" * 1450),
    "NaN": packed(b'{"asset_id": NaN}'),
}


@pytest.mark.parametrize("case", CURSORS)
@pytest.mark.parametrize("names", [("asset_id",), ("site_id",), ("start", "crew_id"), tuple(OWN)])
def test_a_cursor_of_another_shape_is_refused(names: tuple[str, ...], case: str) -> None:
    with pytest.raises(ApiError, match="not a `next` of"):
        paging.position(CURSORS[case], *names)


def test_a_cursor_of_another_shape_is_refused_on_every_paged_route(order: str) -> None:
    where = {"location_id": "1", "customer_id": CUSTOMER, "location_name": "site-001"}
    tables.put("locations", where)
    for method, path in PAGED:
        for case, cursor in CURSORS.items():
            event = event_of(method, path, order)
            event["queryStringParameters"] = {"customer_id": CUSTOMER, "next": cursor}
            event["multiValueQueryStringParameters"] = {"customer_id": [CUSTOMER], "next": [cursor]}
            status, answer = send(event)
            assert (status, answer["errors"][0]["field"]) == (400, "next"), (case, path, answer)


def test_a_cursor_of_a_page_is_taken(order: str) -> None:
    right = {"/ops/incidents": {"asset_id": "INV-001"}, "/ops/work-orders": OWN | {"job_id": order}}
    right["/ops/schedule"] = {"start": "2025-06-10T08:00:00Z", "crew_id": "crew-001"}
    for path, key in right.items():
        event = event_of("GET", path)
        event["queryStringParameters"] = {"next": paging.cursor(key)}
        event["multiValueQueryStringParameters"] = {"next": [paging.cursor(key)]}
        assert send(event)[0] == 200, path


def test_refused_and_failed_requests_do_not_count_against_the_quota(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used() -> int:
        return int(send(event_of("GET", "/quota/usage"))[1]["data"]["quota_used"])

    assert used() == 1
    stranger = event_of("GET", "/forecast")
    stranger["queryStringParameters"] = {"customer_id": "stranger"}
    stranger["multiValueQueryStringParameters"] = {"customer_id": ["stranger"]}
    unknown = event_of("GET", "/ops/work-orders/{work_order_id}", "wo-20200101-00000000")
    stale = event_of("PATCH", "/ops/work-orders/{work_order_id}", order)
    stale["body"] = '{"version": 9}'
    assert [send(event)[0] for event in (stranger, unknown, stale)] == [403, 404, 409]
    with monkeypatch.context() as patch:
        patch.delenv("OUTPUT_BUCKET")
        assert send(event_of("GET", "/ops/work-orders/{work_order_id}", order))[0] == 503
    assert used() == 2
    assert send(event_of("GET", "/ops/work-orders/{work_order_id}", order))[0] == 200
    assert used() == 4


# ------------------------------------------------------------------ what did not come through the API


def context(**changes: Any) -> Callable[[Event], Any]:
    return lambda event: event | {"requestContext": event["requestContext"] | changes}


def without(*names: str) -> Callable[[Event], Any]:
    """The event's context without some of its members."""
    return lambda event: (
        event | {"requestContext": {n: v for n, v in event["requestContext"].items() if n not in names}}
    )


def member(name: str, value: Any) -> Callable[[Event], Any]:
    return lambda event: event | {name: value}


REQUESTS: dict[str, Callable[[Event], Any]] = {
    "context empty": member("requestContext", {}),
    "context null": member("requestContext", None),
    "context a text": member("requestContext", "abc"),
    "another API": context(apiId="other"),
    "API as a list": context(apiId=[]),
    "another stage": context(stage="prod"),
    "no stage": without("stage"),
    "no id of a request": without("requestId"),
    "id of a request a number": context(requestId=5),
    "authorizer a text": context(authorizer="customer-001"),
    "authorizer a list": context(authorizer=["customer-001"]),
    "identity a text": context(identity="arn"),
    "ARN an object": context(identity={"userArn": {}}),
    "method a number": member("httpMethod", 5),
    "method empty": member("httpMethod", ""),
    "path null": member("path", None),
    "path with half a character": member("path", "/\ud800"),
    "headers a list": member("headers", []),
    "a header null": member("headers", {"Content-Type": None}),
    "a header twice as a text": member("multiValueHeaders", {"Content-Type": "text/plain"}),
    "query a text": member("queryStringParameters", "a=b"),
    "query a number": member("multiValueQueryStringParameters", {"next": [5]}),
    "body an object": member("body", {"version": 1}),
    "body a number": member("body", 5),
    "said to be base64, and text": lambda event: event | {"body": '{"a": 1}', "isBase64Encoded": True},
    "base64 not ASCII": lambda event: event | {"body": "é", "isBase64Encoded": True},
    "flag a text": member("isBase64Encoded", "no"),
}
"""Events that say they are requests, each wrong in one thing."""
EVENTS: dict[str, Any] = {"null": None, "a text": "x", "a number": 5, "a list": [], "an empty one": {}}
"""Events that do not even say so."""
ROUTES = [("GET", "/quota/usage"), ("GET", "/forecast"), ("GET", "/ops/work-orders")]


@pytest.mark.parametrize("case", REQUESTS)
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=["account", "forecasting", "operations"])
def test_a_request_that_no_api_handed_on_is_refused(
    method: str, path: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = {"/quota/usage": account, "/forecast": forecasting, "/ops/work-orders": operations}
    answer = handlers[path](REQUESTS[case](event_of(method, path)), Context())
    assert (answer["statusCode"], json.loads(answer["body"])["errors"][0]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("case", EVENTS)
def test_an_event_that_is_no_request_and_no_task_is_refused(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTPUT_BUCKET", "b")
    assert account(EVENTS[case], Context())["statusCode"] == 403
    for handler in (forecasting, operations):
        with pytest.raises(InvalidPayload, match="use"):
            handler(EVENTS[case], Context())


def test_every_api_is_one_of_those_that_are_tried() -> None:
    """A new family's API is tried too: it must be named here."""
    assert len(list((ROOT / "functions").glob("*/*/api.py"))) == len(ROUTES)
    assert {path for _, path in WITH_BODY} == set(BODIES)


# ------------------------------------------------------------------ random ones


def random_event(choose: random.Random, order: str) -> Event:
    """A right request with one to three wrong things of those above: what API Gateway may hand on."""
    method, path, _ = choose.choice(OPERATIONS)
    event = event_of(method, path, order)
    for _ in range(choose.randint(1, 3)):
        what = choose.choice(("type", "body", "query", "header"))
        if what == "type":
            TYPES[choose.choice(list(TYPES))][0](event)
        elif what == "body":
            tried = [body(text) for text in ("", "{", "NaN", "[[]]", "\x00", '{"version": 1e400}')]
            tried += [body(choose.randbytes(choose.randint(0, 40)), encoded=True)]
            if path in BODIES:
                tried += [body(json.dumps(mutated(BODIES[path], choose)))]
            choose.choice(tried)(event)
        elif what == "query":
            name = choose.choice(
                ("next", "limit", "since", "until", "site_id", "customer_id", "status", "x")
            )
            value = choose.choice((*CURSORS.values(), *map(str, VALUES)))
            event["queryStringParameters"] = {**(event["queryStringParameters"] or {}), name: value}
            several = event["multiValueQueryStringParameters"] or {}
            event["multiValueQueryStringParameters"] = {**several, name: ["x", value]}
        else:
            name, value = (
                choose.choice(("Origin", "Accept", "Cookie", "Host", "")),
                choose.choice(("", "é" * 9)),
            )
            event["headers"] = {**(event["headers"] or {}), name: value}
            event["multiValueHeaders"] = {**(event["multiValueHeaders"] or {}), name: [value, value]}
    return event


VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    10**18,
    "9" * 5000,
    "",
    "\x00",
    "a\nb",
    "😀",
    [],
    {},
    [[[[]]]],
    "0001-01-01T00:00:00+14:00",
    "1970-01-01T00:00:00+14:00",
    "2999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59Z",
    "2025-06-10T08:00:60Z",
    "https://[::1",
    "https://[::1]/",
    "https://a:99999/",
    "https://%00/",
    "https://ex\u2100mple.com/",
    "webhook",
    "COMPLETE",
)


def mutated(content: dict[str, Any], choose: random.Random) -> dict[str, Any]:
    """The body with one value, one level down at most, that is another."""
    changed = dict(content)
    name = choose.choice([*content, "completed_at", "due_date", "actual_hours", "parts_used", "status"])
    inner = changed.get(name)
    changed[name] = mutated(inner, choose) if isinstance(inner, dict) else choose.choice(VALUES)
    return changed


def test_no_request_is_a_server_error(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_public_address", lambda *_: "192.0.2.1")
    choose, seen = random.Random(14), set[int]()
    for number in range(300):
        event = random_event(choose, order)
        status, answer = send(event)
        seen.add(status)
        assert status in (200, 204, 400, 403, 404, 405, 409, 415, 503), (number, event, answer)
        assert status != 503 or "Webhooks are not set up" in answer["errors"][0]["message"], answer
    assert {200, 400, 415} <= seen
