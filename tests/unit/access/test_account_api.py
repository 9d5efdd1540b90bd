"""`/quota/usage` and `/health` on DynamoDB as moto has it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from access.account_api.handler import lambda_handler
from tests.fakes.tables import create_table
from tests.paths import ROOT


class _Context:
    function_name = "ona-accountApi-dev"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:af-south-1:000000000000:function:ona-accountApi-dev"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("AWS_DEFAULT_REGION", "af-south-1"), ("CUSTOMERS_TABLE", "customers")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    from ona.runtime import aws

    aws.client.cache_clear()
    with mock_aws():
        create_table("customers", "id")
        yield
    aws.client.cache_clear()


def call(path: str, authorizer: dict[str, str] | None) -> tuple[int, dict[str, Any]]:
    event = json.loads((ROOT / "events" / "access" / "account_api.json").read_text())
    event |= {"path": path, "resource": path}
    event["requestContext"] |= {"authorizer": authorizer, "apiId": os.environ["API_ID"]}
    answer = lambda_handler(event, _Context())
    return answer["statusCode"], json.loads(answer["body"])


CALLER = {"customer_id": "customer-001", "tier": "standard"}


def test_health_needs_no_key() -> None:
    status, body = call("/health", None)
    assert (status, body["data"]["status"]) == (200, "ok")


def test_asking_for_the_quota_counts_as_a_request() -> None:
    used = [call("/quota/usage", CALLER)[1]["data"]["quota_used"] for _ in range(3)]
    assert used == [1, 2, 3]
    status, body = call("/quota/usage", {**CALLER, "customer_id": "customer-002"})
    assert (status, body["data"]["quota_used"], body["data"]["quota_remaining"]) == (200, 1, 999)
    assert body["data"]["tier"] == "standard"


def test_a_probe_of_the_quota_is_answered_and_counts_nothing() -> None:
    """`ona tune` and `ona deploy validate` come as far as a caller does."""
    event = json.loads((ROOT / "events" / "access" / "account_api.json").read_text())
    event |= {"path": "/quota/usage", "resource": "/quota/usage"}
    event["requestContext"] |= {"authorizer": CALLER, "apiId": os.environ["API_ID"]}
    told = lambda_handler({"$probe": {"input": event}}, _Context())["probe"]
    assert (told["ok"], told["answer"]) == (True, "answered"), told
    assert "dynamodb:UpdateItem" in told["would_write"]
    assert call("/quota/usage", CALLER)[1]["data"]["quota_used"] == 1


def test_one_request_too_many_is_refused_with_the_time_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ona.api import callers

    monkeypatch.setitem(callers.TIERS, "standard", 2)
    assert [call("/quota/usage", CALLER)[0] for _ in range(3)] == [200, 200, 429]
    _, body = call("/quota/usage", CALLER)
    assert body["errors"][0]["code"] == "QUOTA_EXCEEDED"
    assert 0 < body["errors"][0]["retry_after"] <= 3601


@pytest.mark.parametrize("authorizer", [None, {}, {"customer_id": "customer-001", "tier": "gold"}])
def test_a_caller_without_an_identity_is_refused(authorizer: dict[str, str] | None) -> None:
    status, body = call("/quota/usage", authorizer)
    assert (status, body["errors"][0]["code"]) == (401, "UNAUTHORIZED")


def test_other_paths_are_not_found() -> None:
    assert call("/quota", CALLER)[0] == 404


NOBODY: dict[str, Any] = {
    "a list": {"customer_id": ["customer-001"]},
    "a number": {"customer_id": 7},
    "empty": {"customer_id": ""},
    "reserved": {"customer_id": "GLOBAL"},
    "a way out": {"customer_id": "../customer-001"},
    "a line feed": {"customer_id": "customer-001\n"},
    "NUL": {"customer_id": "customer-001\x00"},
    "a tier that is a list": {"tier": ["standard"]},
    "a tier that is an object": {"tier": {"name": "standard"}},
    "a tier of nobody": {"tier": "gold"},
}


@pytest.mark.parametrize("changes", NOBODY.values(), ids=NOBODY)
def test_a_context_that_no_authorizer_of_ours_writes_names_nobody(changes: dict[str, Any]) -> None:
    assert call("/quota/usage", {**CALLER, **changes})[0] == 401
    assert call("/quota/usage", {**CALLER, "principalId": "customer-001"})[0] == 200
