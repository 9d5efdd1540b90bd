"""Every family's API: found by its file, so that a new family is held to the same."""

from __future__ import annotations

import ast
import importlib
import json
import os
from typing import Any

import pytest

from ona.api.resolver import Api
from tests.paths import ROOT

MODULES = [
    ".".join(path.relative_to(ROOT / "functions").with_suffix("").parts)
    for path in sorted((ROOT / "functions").glob("*/*/api.py"))
]


class Context:
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:af-south-1:000000000000:function:function"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def event(method: str, path: str, **context: Any) -> dict[str, Any]:
    known = {"apiId": os.environ["API_ID"], "stage": "dev", "requestId": "request-1"}
    forged = {"customer_id": "customer-001", "tier": "enterprise"}
    return {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "body": None,
        "requestContext": {**known, "authorizer": forged, "identity": {}, **context},
    }


def call(module: str, sent: dict[str, Any]) -> tuple[int, Any]:
    handler = importlib.import_module(module.removesuffix("api") + "handler").lambda_handler
    answer = handler(sent, Context())
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


def operations(module: str) -> list[tuple[str, str]]:
    app = importlib.import_module(module).app
    paths = json.loads(app.get_openapi_json_schema(title="x", version="1"))["paths"]
    return [(method.upper(), path) for path, item in paths.items() for method in item]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "context",
    [
        {"apiId": "another"},
        {"apiId": None},
        {"stage": "prod"},
        {"stage": "Stage"},
        {"stage": "test-invoke-stage"},
    ],
)
def test_an_event_that_did_not_come_through_its_api_is_refused(
    module: str, context: dict[str, Any]
) -> None:
    for method, path in operations(module):
        status, body = call(module, event(method, path, **context))
        assert (status, body["errors"][0]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("module", MODULES)
def test_each_door_is_believed_about_its_own_credentials_only(module: str) -> None:
    arn = {"identity": {"userArn": "arn:aws:iam::123456789012:user/x"}, "authorizer": None}
    for forged in ({"apiId": os.environ["IAM_API_ID"]}, arn):
        statuses = {
            call(module, event(method, path, **forged))[0]
            for method, path in operations(module)
            if path != "/health"
        }
        assert statuses <= {400, 401}  # 400: what the document demands is not there
        assert 401 in {*statuses, *_with_what_it_demands(module, forged)}


def _with_what_it_demands(module: str, forged: dict[str, Any]) -> set[int]:
    if not module.startswith("forecasting"):
        return set()
    sent = event("GET", "/forecast", **forged)
    sent["multiValueQueryStringParameters"] = {"customer_id": ["customer-001"]}
    return {call(module, sent)[0]}


@pytest.mark.parametrize("module", MODULES)
def test_every_handler_goes_through_ona_api(module: str) -> None:
    """Its routes are an `Api`'s, and its handler calls `api.resolve`, nobody `app.resolve`."""
    assert isinstance(importlib.import_module(module).api, Api)
    folder = (ROOT / "functions").joinpath(*module.split(".")).parent
    calls = [
        ast.unparse(node.func)
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]
    assert "api.resolve" in calls
    assert not {"app.resolve", "app.get", "app.post", "app.route"} & set(calls)


@pytest.mark.parametrize("module", MODULES)
def test_every_operation_documents_its_answers(module: str) -> None:
    app = importlib.import_module(module).app
    document = json.loads(app.get_openapi_json_schema(title="x", version="1"))
    for path, item in document["paths"].items():
        for method, operation in item.items():
            answers = set(operation["responses"])
            where = f"{method} {path}"
            assert {"200", "429", "500", "504"} <= answers, where
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert schema["$ref"].startswith("#/components/schemas/Envelope_"), where
            if path != "/health":
                assert {"401", "403", "503"} <= answers, where
            if operation.get("parameters") or operation.get("requestBody"):
                assert "400" in answers, where
            if method in ("post", "patch"):
                assert "413" in answers, where
