"""Lambda: aliases with two versions.

- A call through an alias runs one of its versions by their weights, whichever way it comes in: an
  invocation, an event, an API, a queue. ministack always ran the first. X-Amz-Executed-Version says which.
- The function hears the alias in its own ARN.
- AWS/Lambda has Invocations, Errors and Duration by `Resource` (function and alias), and by that and
  `ExecutedVersion`, as AWS has them.
- A call that was throttled counts in Throttles, once, and is neither an invocation nor an error. ministack
  counted it twice, as all three.
- The function's reserved concurrency holds for all its versions together. ministack asked the version,
  which has none.
- CreateAlias and UpdateAlias refuse what AWS refuses: a version that is not there, $LATEST beside a weight,
  versions of different roles or dead-letter queues.

Sources: AWS Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias" and "Types
of metrics for Lambda functions", "Configuring reserved concurrency for a function"; AWS Lambda API
Reference, Invoke.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from local.hooks import metrics
from local.hooks.base import private, replace

Json = dict[str, Any]
_dice = random.Random(os.environ.get("ONA_LOCAL_SEED", "ona"))
_executed: ContextVar[list[str] | None] = ContextVar("executed_version", default=None)


def choose(alias: Json, between_0_and_1: float) -> str:
    """The version that an alias gives to one call.

    >>> alias = {"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}
    >>> choose(alias, 0.05), choose(alias, 0.5)
    ('2', '1')
    """
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    for version, weight in weights.items():
        if between_0_and_1 < float(weight):
            return str(version)
    return str(alias.get("FunctionVersion", "$LATEST"))


def refused(function: Json, alias: Json) -> str:
    """What is wrong with an alias as it would be; empty when nothing is."""
    primary = str(alias.get("FunctionVersion", ""))
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    for version in (primary, *weights):
        if version != "$LATEST" and version not in function["versions"]:
            return f"Function version {version} does not exist."
    if not weights:
        return ""
    if len(weights) > 1:
        return "Number of items in AdditionalVersionWeights cannot be greater than 1."
    [(other, weight)] = weights.items()
    if not 0.0 <= float(weight) <= 1.0:
        return f"Value {weight} at 'routingConfig.additionalVersionWeights' must be between 0.0 and 1.0."
    if "$LATEST" in (primary, other):
        return "$LATEST is not supported for an alias pointing to more than 1 version."
    if primary == other:
        return f"Invalid function version {other}. Function version {primary} is already included."
    one, two = (function["versions"][version]["config"] for version in (primary, other))
    for what, name in (("Role", "execution role"), ("DeadLetterConfig", "dead-letter configuration")):
        if (one.get(what) or None) != (two.get(what) or None):
            return f"Function versions {primary} and {other} must have the same {name}."
    return ""


def _measure(name: str, qualifier: str, version: str, answer: Json, milliseconds: float) -> None:
    of_alias = {"FunctionName": name, "Resource": f"{name}:{qualifier}"}
    failed = bool(answer.get("error")) and not answer.get("throttle")
    for dimensions in (of_alias, of_alias | {"ExecutedVersion": version}):
        if answer.get("throttle"):
            metrics.record("AWS/Lambda", "Throttles", dimensions, 1.0, "Count")
            continue
        metrics.record("AWS/Lambda", "Invocations", dimensions, 1.0, "Count")
        metrics.record("AWS/Lambda", "Errors", dimensions, float(failed), "Count")
        metrics.record("AWS/Lambda", "Duration", dimensions, milliseconds, "Milliseconds")


def install() -> None:
    """Apply the hooks."""
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    functions = private(lambda_svc, "_functions")
    elsewhere = private(lambda_svc, "_function_config_scope_mismatch")

    def of_qualifier(function: Json | None, qualifier: str | None) -> tuple[Json | None, Json | None]:
        record, config = effective(function, qualifier)
        if function is None or record is None or config is None or qualifier not in function["aliases"]:
            return record, config
        config = {**config, "FunctionArn": function["aliases"][qualifier]["AliasArn"]}
        return {**record, "config": config}, config

    def execute(function: Json, event: Any) -> Json:
        config = function.get("config") or function
        name, _, qualifier = str(config.get("FunctionArn", "")).partition(":function:")[2].partition(":")
        base = None if elsewhere(config) else functions.get(name)
        alias = (base or {}).get("aliases", {}).get(qualifier)
        if base is not None and function is not base:
            function = {**function, "concurrency": base.get("concurrency")}
        if base is None or alias is None:
            return run(function, event)
        version = choose(alias, _dice.random())
        record = base if version == "$LATEST" else base["versions"].get(version, function)
        record = {**record, "concurrency": base.get("concurrency")}
        if (seen := _executed.get()) is not None:
            seen.append(version)
        begun = time.monotonic()
        heard = {**record["config"], "FunctionArn": alias["AliasArn"]}
        answer: Json = run({**record, "config": heard}, event)
        _measure(name, qualifier, version, answer, (time.monotonic() - begun) * 1000)
        return answer

    def counted(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if not throttle:
            emit(function_name, duration_ms, error, throttle)
        elif error or _executed.get() is None:  # a caller's refusal comes again with its answer, an error
            dimensions = {"FunctionName": function_name}
            metrics.record("AWS/Lambda", "Throttles", dimensions, 1.0, "Count")

    async def invoke(*given: Any, **named: Any) -> Any:
        seen: list[str] = []
        token = _executed.set(seen)
        try:
            status, headers, body = await asked(*given, **named)
        finally:
            _executed.reset(token)
        return status, {**headers, "X-Amz-Executed-Version": seen[0]} if seen else headers, body

    def checked(call: Callable[..., Any]) -> Callable[..., Any]:
        def change(name: str, *rest: Any) -> Any:
            function, data = functions.get(name), rest[-1]
            if function is not None:
                before = function["aliases"].get(rest[0], {}) if len(rest) > 1 else {}
                if text := refused(function, {"FunctionVersion": "", **before, **data}):
                    return error_response_json("InvalidParameterValueException", text, 400)
            return call(name, *rest)

        return change

    effective = replace(lambda_svc, "_effective_func_record_for_qualifier", of_qualifier)
    run = replace(lambda_svc, "_execute_function", execute)
    asked = replace(lambda_svc, "_invoke", invoke)
    emit = replace(lambda_svc, "_emit_lambda_metrics", counted)
    for call in ("_create_alias", "_update_alias"):
        replace(lambda_svc, call, checked(private(lambda_svc, call)))
