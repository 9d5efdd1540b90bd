"""Limits of Lambda: payloads, configuration, layers.

Time-outs, reserved concurrency and the size of an unzipped package are ministack's own. `memory` kills a
function that uses more than it has; `local.hooks.asynchronous` lets throttled events wait.
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.hooks.base import private, replace
from local.limits.refusal import Refusal, guard, utf8
from local.limits.values import (
    ASYNCHRONOUS_BYTES,
    ENVIRONMENT_BYTES,
    EPHEMERAL_MIB,
    LAYERS,
    MEMORY_MIB,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    TIMEOUT_SECONDS,
)

RESERVED = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}  # fmt: skip
"""Names that Lambda keeps for itself (developer guide, "Defined runtime environment variables")."""
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations/?$")


def payload(
    method: str, path: str, headers: dict[str, str], body: bytes, *_: Any, **__: Any
) -> Refusal | None:
    """Invoke: the payload's size by its invocation type, and that it is JSON."""
    if method != "POST" or not _INVOKE.search(path):
        return None
    kind = headers.get("x-amz-invocation-type") or "RequestResponse"
    limit = ASYNCHRONOUS_BYTES if kind == "Event" else REQUEST_BYTES
    if len(body) > limit:
        text = f"{len(body)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        return Refusal("RequestEntityTooLargeException", text, 413)
    try:
        json.loads(body or b"{}")
    except ValueError as error:
        text = f"Could not parse request body into json: {error}"
        return Refusal("InvalidRequestContentException", text)
    return None


def _range(name: str, value: Any, least: int, greatest: int) -> Refusal | None:
    if value is None or least <= int(value) <= greatest:
        return None
    bound = (
        f"less than or equal to {greatest}"
        if int(value) > greatest
        else f"greater than or equal to {least}"
    )
    return Refusal(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {bound}",
    )


def configuration(data: dict[str, Any]) -> Refusal | None:
    """What a function may be configured with: CreateFunction's members, which are CloudFormation's too.

    >>> configuration({"Environment": {"Variables": {"LONG": "x" * 4_000}}, "Timeout": 900})
    >>> configuration({"Timeout": 901}).message.partition(": Member ")[2]
    'must have value less than or equal to 900'
    """
    ephemeral = (data.get("EphemeralStorage") or {}).get("Size")
    problems = (
        _range("timeout", data.get("Timeout"), 1, TIMEOUT_SECONDS),
        _range("memorySize", data.get("MemorySize"), *MEMORY_MIB),
        _range("ephemeralStorage.size", ephemeral, *EPHEMERAL_MIB),
    )
    if found := next((problem for problem in problems if problem), None):
        return found
    if len(data.get("Layers") or []) > LAYERS:
        return Refusal("InvalidParameterValueException", f"Cannot reference more than {LAYERS} layers.")
    variables = (data.get("Environment") or {}).get("Variables") or {}
    if taken := sorted(RESERVED & variables.keys()):
        return Refusal(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables "
            "you have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(taken)}",
        )
    if wrong := next((name for name in variables if not _VARIABLE.fullmatch(name)), None):
        return Refusal(
            "ValidationException",
            f"1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: "
            f"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
            f"[a-zA-Z]([a-zA-Z0-9_])+] ({wrong})",
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if utf8(measured) > ENVIRONMENT_BYTES:
        return Refusal(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables "
            f"you have provided exceeded the 4KB limit. String measured: {measured}",
        )
    return None


def response(answer: dict[str, Any]) -> dict[str, Any]:
    """What an invocation returned, or AWS's error when it is too large."""
    text = json.dumps(answer.get("body"), ensure_ascii=False, default=str)
    # every character has four bytes at most
    if len(text) * 4 <= RESPONSE_BYTES or utf8(text) <= RESPONSE_BYTES:
        return answer
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
    return {
        "body": {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"},
        "error": True,
        "log": answer.get("log", ""),
    }


def install() -> None:
    """Apply the limits."""
    from ministack.services import lambda_svc

    guard(lambda_svc, "handle_request", payload)
    guard(lambda_svc, "_create_function", configuration)
    guard(lambda_svc, "_update_config", lambda _name, data: configuration(data))
    run = private(lambda_svc, "_execute_function_warm")
    replace(lambda_svc, "_execute_function_warm", lambda *given: response(run(*given)))
