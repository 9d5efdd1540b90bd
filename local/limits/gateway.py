"""Limits of API Gateway's REST APIs: 29 seconds, 10 MB, 10 240 bytes of headers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from local.hooks.base import private, replace
from local.limits.refusal import Refusal, guard
from local.limits.values import GATEWAY_BYTES, GATEWAY_HEADER_BYTES, GATEWAY_SECONDS

_BODY = 6
"""Where `_execute_in_scope` has the body among its arguments, and the headers before it."""


def seconds(integration: dict[str, Any]) -> float:
    """How long an integration may take: its own time-out, never more than 29 s.

    >>> seconds({}), seconds({"timeoutInMillis": 50}), seconds({"timeoutInMillis": 60_000})
    (29.0, 0.05, 29.0)
    """
    own = integration.get("timeoutInMillis")
    return min(GATEWAY_SECONDS, float(own) / 1000) if own else GATEWAY_SECONDS


def request(*given: Any, **_: Any) -> Refusal | None:
    """The size of a request's body and headers."""
    headers, body = given[_BODY - 1] or {}, given[_BODY] or b""
    if len(body) > GATEWAY_BYTES:
        return Refusal("REQUEST_TOO_LARGE", f"HTTP content length exceeded {GATEWAY_BYTES} bytes.", 413)
    if sum(len(str(name)) + len(str(value)) for name, value in headers.items()) > GATEWAY_HEADER_BYTES:
        return Refusal("DEFAULT_4XX", "Request Header Fields Too Large", 431)
    return None


def answer(status: int, message: str) -> Any:
    """An error as API Gateway answers it by itself."""
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()


def install() -> None:
    """Apply the limits."""
    from ministack.services import apigateway_v1

    guard(
        apigateway_v1,
        "_execute_in_scope",
        request,
        lambda refused: _answer(apigateway_v1, refused),
    )
    for handler in ("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1", "_invoke_http_proxy_v1"):
        _timed(apigateway_v1, handler)


def _answer(apigateway_v1: Any, refused: Refusal) -> Any:
    """As a gateway response where API Gateway has one, so that an API's own template shapes it."""
    if refused.code in apigateway_v1._DEFAULT_GATEWAY_RESPONSE_STATUS_CODES:
        return apigateway_v1._gw_error(refused.code, refused.message)
    return answer(refused.status, refused.message)


def _timed(apigateway_v1: Any, handler: str) -> None:
    invoke = private(apigateway_v1, handler)

    async def timed(integration: dict[str, Any], *given: Any, **named: Any) -> Any:
        call = asyncio.ensure_future(invoke(integration, *given, **named))
        try:
            # The function goes on, as on AWS: only the caller waits no longer.
            return await asyncio.wait_for(asyncio.shield(call), seconds(integration))
        except TimeoutError:
            call.add_done_callback(lambda done: done.cancelled() or done.exception())
            return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")

    replace(apigateway_v1, handler, timed)
