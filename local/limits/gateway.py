"""Limits of API Gateway's REST APIs: 29 seconds, 10 MB, 10 240 bytes of headers.

The 29 seconds do not run while a request waits for one of this machine's few sandboxes: AWS starts another.

Behind it stands Lambda's limit of a synchronous request: the whole event, 6 MiB.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from local.hooks.base import private, replace
from local.hooks.lambda_worker import Queued, queued
from local.limits.refusal import utf8
from local.limits.values import GATEWAY_BYTES, GATEWAY_HEADER_BYTES, GATEWAY_SECONDS, REQUEST_BYTES


def seconds(integration: dict[str, Any]) -> float:
    """How long an integration may take: its own time-out, never more than 29 s.

    >>> seconds({}), seconds({"timeoutInMillis": 50}), seconds({"timeoutInMillis": 60_000})
    (29.0, 0.05, 29.0)
    """
    own = integration.get("timeoutInMillis")
    return min(GATEWAY_SECONDS, float(own) / 1000) if own else GATEWAY_SECONDS


def too_large(headers: dict[str, Any], body: bytes) -> tuple[str, str] | None:
    """The gateway response, and its message, for a request that is too large.

    >>> too_large({"x-long": "x" * 10_000}, b"")
    >>> too_large({"x-long": "x" * 10_240}, b"")
    ('DEFAULT_4XX', 'Request Header Fields Too Large')
    """
    if len(body) > GATEWAY_BYTES:
        return "REQUEST_TOO_LARGE", f"HTTP content length exceeded {GATEWAY_BYTES} bytes."
    if sum(len(str(name)) + len(str(value)) for name, value in headers.items()) > GATEWAY_HEADER_BYTES:
        return "DEFAULT_4XX", "Request Header Fields Too Large"
    return None


class EventTooLarge(Exception):
    """The event that API Gateway made of a request is more than Lambda takes."""


def install() -> None:
    """Apply the limits."""
    from ministack.services import apigateway_v1

    call = private(apigateway_v1, "_call_lambda_raw")

    async def called(function: str, event: Any, **named: Any) -> Any:
        if utf8(json.dumps(event, ensure_ascii=False, default=str)) > REQUEST_BYTES:
            raise EventTooLarge
        return await call(function, event, **named)

    replace(apigateway_v1, "_call_lambda_raw", called)

    stages = private(apigateway_v1, "_stages_v1")
    execute = private(apigateway_v1, "_execute_in_scope")

    async def in_scope(
        request: dict[str, Any],
        api_id: str,
        stage: str,
        method: str,
        path: str,
        headers: Any,
        body: Any,
        *more: Any,
    ) -> Any:
        refused = too_large(headers or {}, body or b"")
        there = stages.get(api_id, {}).get(stage)
        if refused is None or there is None:
            return await execute(request, api_id, stage, method, path, headers, body, *more)
        if refused[0] == "DEFAULT_4XX":  # its status is the error's own
            return 431, {"Content-Type": "application/json"}, json.dumps({"message": refused[1]}).encode()
        request["stage"] = there  # its gateway responses shape the answer
        return apigateway_v1._gw_error(*refused)

    replace(apigateway_v1, "_execute_in_scope", in_scope)
    for handler in ("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1", "_invoke_http_proxy_v1"):
        _timed(apigateway_v1, handler)


async def within(call: asyncio.Future[Any], limit: float, waits: Queued) -> Any:
    """What a call gives within so many seconds, not counted what it waits for a sandbox.

    Raises TimeoutError. The function goes on then, as on AWS: only the caller waits no longer.
    """
    begun = time.monotonic()
    while (left := limit + waits.seconds() - (time.monotonic() - begun)) > 0:
        done, _ = await asyncio.wait({call}, timeout=left)
        if done:
            return call.result()
    raise TimeoutError


def _timed(apigateway_v1: Any, handler: str) -> None:
    invoke = private(apigateway_v1, handler)

    async def timed(integration: dict[str, Any], *given: Any, **named: Any) -> Any:
        waits = Queued()
        mark = queued.set(waits)
        call = asyncio.ensure_future(invoke(integration, *given, **named))
        queued.reset(mark)
        try:
            return await within(call, seconds(integration), waits)
        except EventTooLarge:
            return apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        except TimeoutError:
            call.add_done_callback(lambda done: done.cancelled() or done.exception())
            return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")

    replace(apigateway_v1, handler, timed)
