"""Maintenance mode, and a route that a flag opens."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from access.account_api.handler import lambda_handler
from ona.config import flags
from tests.builders.flags import only, switched
from tests.builders.orders import Context
from tests.paths import ROOT
from tests.unit.access.test_account_api import CALLER, call, table

__all__ = ["table"]


def asked(path: str, method: str = "GET") -> dict[str, Any]:
    event = json.loads((ROOT / "events" / "access" / "account_api.json").read_text())
    event |= {"path": path, "resource": path, "httpMethod": method}
    event["requestContext"] |= {"authorizer": CALLER, "apiId": os.environ["API_ID"], "httpMethod": method}
    event["headers"] = {**(event.get("headers") or {}), "Origin": "https://localhost"}
    event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    answer: dict[str, Any] = lambda_handler(event, Context())
    return answer


def headers(answer: dict[str, Any]) -> dict[str, Any]:
    several = {name: values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
    return several | (answer.get("headers") or {})


def test_in_maintenance_callers_get_503_and_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    switched(monkeypatch, maintenance_mode=True)
    answer = asked("/quota/usage")
    [error] = json.loads(answer["body"])["errors"]
    assert (answer["statusCode"], error["code"], error["retry_after"]) == (503, "MAINTENANCE", 300)
    assert headers(answer)["Retry-After"] == "300"
    assert headers(answer)["Access-Control-Allow-Origin"] == "https://localhost", "a page may read it"
    status, body = call("/health", None)
    assert (status, body["data"]["status"]) == (200, "maintenance")
    assert asked("/quota/usage", "OPTIONS")["statusCode"] == 204
    switched(monkeypatch, maintenance_mode=False)
    status, body = call("/quota/usage", CALLER)
    assert (status, body["data"]["quota_used"]) == (200, 1), "what was refused counts nothing"


def test_a_strange_event_is_refused_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    switched(monkeypatch, maintenance_mode=True)
    assert lambda_handler({"path": "/quota/usage"}, Context())["statusCode"] == 403


def test_the_newest_route_is_there_for_whom_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("/features", CALLER)[0] == 404
    switched(monkeypatch, {"enable_new_api_endpoint": only(True, "customer-001")})
    status, body = call("/features", CALLER)
    assert status == 200
    assert set(body["data"]["features"]) == set(flags.flags_config()) - {
        "maintenance_mode",
        "enable_new_api_endpoint",
    }
    assert body["data"]["features"]["webhooks"] is True
    status, body = call("/features", {**CALLER, "customer_id": "customer-002"})
    assert (status, body["errors"][0]["code"]) == (404, "NOT_FOUND")
