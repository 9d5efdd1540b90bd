"""The families' handlers behind one WSGI application: API Gateway as far as a client can tell.

It routes by the front's first path segment, checks the key as the authorizer does, and decodes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from access.account_api.handler import lambda_handler as account
from forecasting.forecasting_api.handler import lambda_handler as forecasting
from ooda.operations_api.handler import lambda_handler as operations

HANDLERS = {"ops": operations, "quota": account, "health": account}
KEY = "ona_known_key"


class Context:
    function_name = "function"
    memory_limit_in_mb = 3008
    invoked_function_arn = "arn:aws:lambda:af-south-1:000000000000:function:function"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


class Application:
    """WSGI. `guarded` holds the operations that want a key: method and path as the document has them."""

    def __init__(self, document: dict[str, Any], customer_id: str) -> None:
        self.document, self.customer_id = document, customer_id
        self.guarded = {
            (method.upper(), path)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if operation["security"]
        }

    def _guards(self, method: str, path: str) -> bool:
        parts = path.split("/")
        for known_method, known in self.guarded:
            names = known.split("/")
            if known_method == method and len(names) == len(parts):
                pairs = zip(names, parts, strict=True)
                if all(name == part or (name.startswith("{") and part) for name, part in pairs):
                    return True
        return False

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        if path == "/openapi.json":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.document).encode()]
        method, query = environ["REQUEST_METHOD"], parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        authorizer = None
        if self._guards(method, path):
            given = headers.get("X-Api-Key") or query.get("api_key", [""])[0]
            if given != KEY:
                problem = [{"code": "UNAUTHORIZED", "message": "No valid API key"}]
                meta = {"request_id": "r", "timestamp": "2025-06-10T08:00:00Z", "version": "v1.0"}
                text = json.dumps({"success": False, "data": None, "metadata": meta, "errors": problem})
                start("401 Unauthorized", [("Content-Type", "application/json")])
                return [text.encode()]
            authorizer = {"customer_id": self.customer_id, "tier": "enterprise"}
        event = {
            "httpMethod": method,
            "path": path,
            "resource": path,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "body": body.decode("utf-8", "replace") if body else None,
            "isBase64Encoded": False,
            "requestContext": {
                "apiId": os.environ["API_ID"],
                "stage": "dev",
                "requestId": "request-1",
                "identity": {},
                "authorizer": authorizer,
            },
        }
        handler = HANDLERS.get(path.split("/")[1] if "/" in path else "", forecasting)
        answer = handler(event, Context())
        sent = [
            (name, value)
            for name, values in answer.get("multiValueHeaders", {}).items()
            for value in values
        ]
        sent += list(answer.get("headers", {}).items())
        status = answer["statusCode"]
        start(f"{status} {HTTPStatus(status).phrase}", sent)
        return [answer["body"].encode()]
