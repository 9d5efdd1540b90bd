"""The authorizer: which keys open something, what its answer tells, and whom it answers at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from access.account_api.handler import lambda_handler as account
from access.api_authorizer.handler import lambda_handler
from ona.api import callers
from ona.runtime import aws
from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidPayload
from ona.store import tables
from tests.fakes.lambda_wsgi import KEY, Context
from tests.fakes.tables import create_table
from tests.paths import ROOT

EVENT: dict[str, Any] = json.loads((ROOT / "events" / "access" / "api_authorizer.json").read_text())


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A key of customer-001."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "af-south-1")
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    aws.client.cache_clear()
    with mock_aws():
        create_table("customers", "id")
        item = {"customer_id": "customer-001", "tier": "standard", "status": "active"}
        tables.put("customers", {"id": callers.key_id(KEY), **item})
        yield KEY
    aws.client.cache_clear()


def asked(headers: Any = None, query: Any = None) -> dict[str, Any]:
    answer: dict[str, Any] = lambda_handler(
        EVENT | {"headers": headers, "queryStringParameters": query}, Context()
    )
    return answer


def effect(answer: dict[str, Any]) -> str:
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


RIGHT: dict[str, tuple[Any, Any]] = {
    "header": ({"X-API-Key": KEY}, None),
    "header in capitals": ({"X-API-KEY": KEY}, None),
    "query": (None, {"api_key": KEY}),
    "header beside a wrong query": ({"x-api-key": KEY}, {"api_key": "wrong"}),
}
WRONG: dict[str, tuple[Any, Any]] = {
    "none": (None, None),
    "empty": ({"X-API-Key": ""}, {"api_key": ""}),
    "unknown": ({"X-API-Key": "ona_unknown"}, None),
    "wrong header beside a right query": ({"X-API-Key": "wrong"}, {"api_key": KEY}),
    "the hash": ({"X-API-Key": callers.key_id(KEY)}, None),
    "too long": ({"X-API-Key": KEY * 100}, None),
    "not ASCII": ({"X-API-Key": KEY + "é"}, None),
    "half a character": ({"X-API-Key": "\ud800"}, None),
    "a list": ({"X-API-Key": [KEY]}, None),
    "headers a text": (f"X-API-Key: {KEY}", f"api_key={KEY}"),
}
FORGED: dict[str, Any] = {
    "null": None,
    "text": "x",
    "list": [],
    "empty": {},
    "another type": EVENT | {"type": "TOKEN"},
    "no route": {name: value for name, value in EVENT.items() if name != "methodArn"},
    "a route of another service": EVENT | {"methodArn": "arn:aws:s3:::bucket"},
    "the route as a list": EVENT | {"methodArn": [EVENT["methodArn"]]},
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_key_opens_and_the_answer_does_not_tell_it(case: str, key: str) -> None:
    answer = asked(*RIGHT[case])
    assert effect(answer) == "Allow"
    assert answer["context"] == {"customer_id": "customer-001", "tier": "standard"}
    assert key not in json.dumps(answer)
    assert "usageIdentifierKey" not in answer


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_key_opens_nothing(case: str, key: str) -> None:
    answer = asked(*WRONG[case])
    assert effect(answer) == "Deny"
    assert key not in json.dumps(answer)


@pytest.mark.parametrize("case", FORGED)
def test_an_event_of_no_api_is_refused(case: str, key: str) -> None:
    with pytest.raises(InvalidPayload, match="authorizer's event"):
        lambda_handler(FORGED[case], Context())


def test_no_api_has_a_usage_plan_which_would_want_the_key() -> None:
    """API Gateway meters by `usageIdentifierKey` only there; here the functions meter."""
    for path in (ROOT / "template.yaml", *(ROOT / "stacks").glob("*.yaml")):
        text = path.read_text()
        assert not [name for name in ("UsagePlan", "ApiKeySource", "ApiKeyRequired") if name in text], path


def test_requests_are_metered_by_what_the_authorizer_tells(key: str) -> None:
    request = json.loads((ROOT / "events" / "access" / "account_api.json").read_text())
    used = []
    for _ in range(3):
        context = request["requestContext"] | {"authorizer": asked({"X-API-Key": key})["context"]}
        answer = account(
            request | {"requestContext": context | {"apiId": aws.environment("API_ID")}}, Context()
        )
        used.append(json.loads(answer["body"])["data"]["quota_used"])
    assert used == [1, 2, 3]


# ------------------------------------------------------------------ the meter


def test_the_meter_ends_at_the_limit_and_gives_back(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(callers.TIERS, "standard", 2)
    caller, now = callers.Caller("customer-001", "standard"), utc_now()
    counts = [callers.counted("customers", caller, now) for _ in range(4)]
    assert [usage.exceeded for usage in counts] == [False, False, True, True]
    callers.give_back("customers", caller, now)
    assert not callers.counted("customers", caller, now).exceeded, "a refused request left its place"
    for _ in range(5):
        callers.give_back("customers", caller, now)
    again = [callers.counted("customers", caller, now).exceeded for _ in range(3)]
    assert again == [False, False, True], "never less than none"


BAD_COUNTS: dict[str, Any] = {
    "a text": "many",
    "a number as a text": "12",
    "a list": [1],
    "a map": {"n": 1},
    "true": True,
    "null": None,
    "bytes": b"\x01",
}
SOUND_COUNTS: dict[str, tuple[Any, int]] = {
    "none": (0, 1),
    "three": (3, 4),
    "a half": (1.5, 2),
    "below none": (-5, -4),
    "far above": (10**30, 1001),
}


@pytest.mark.parametrize("kind", BAD_COUNTS)
def test_a_count_that_is_no_number_begins_anew_and_is_named(
    key: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody wrote into the table: no request is answered 500 for it, or 429 for an hour."""
    caller, now = callers.Caller("customer-001", "standard"), utc_now()
    item = {"id": f"usage#customer-001#{now:%Y-%m-%dT%H}", "used": BAD_COUNTS[kind], "ttl": "never"}
    tables.put("customers", item)
    callers.give_back("customers", caller, now)
    assert [callers.counted("customers", caller, now).used for _ in range(3)] == [1, 2, 3]
    assert any("usage#customer-001" in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("kind", SOUND_COUNTS)
def test_a_count_that_is_a_number_goes_on(key: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    before, after = SOUND_COUNTS[kind]
    caller, now = callers.Caller("customer-001", "standard"), utc_now()
    tables.put("customers", {"id": f"usage#customer-001#{now:%Y-%m-%dT%H}", "used": before})
    assert callers.counted("customers", caller, now).used == after
    assert caplog.records == []
