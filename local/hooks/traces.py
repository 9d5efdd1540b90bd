"""X-Ray's trace header: one root for all that an execution calls, and a function always has one.

- A function finds `_X_AMZN_TRACE_ID` in its environment, in each invocation. It goes on with the root of
  its caller's header `X-Amzn-Trace-Id`. Without one a new root begins, sampled where tracing is Active.
- An execution has one root: that of `traceHeader` in StartExecution, which DescribeExecution tells again,
  or of the caller's header, else a new one. Each Task state sends it to the service that it calls.

No segments are kept (docs/embedded-cloud.md says why).
Sources: AWS X-Ray Developer Guide, "Tracing header"; AWS Lambda Developer Guide, "Defined runtime
environment variables"; AWS Step Functions API Reference, StartExecution and DescribeExecution.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from local.hooks import service_calls
from local.hooks.base import private, replace

HEADER = "X-Amzn-Trace-Id"
LONGEST = 256
"""Letters of StartExecution's traceHeader."""
_ROOT = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})")
_SAMPLED = re.compile(r"Sampled=([01])")
Json = dict[str, Any]
_inbound: ContextVar[str] = ContextVar("trace header", default="")
"""The header of the request at hand."""
_started_with: ContextVar[str] = ContextVar("header of the start", default="")
"""The header of the execution that is being started."""
_thread = threading.local()


def root_of(header: str) -> str:
    """The root of a trace header; empty where it has none.

    >>> root_of("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    '1-5759e988-bd862e3fe1be46a994272793'
    >>> root_of("Self=1-x"), root_of("")
    ('', '')
    """
    found = _ROOT.search(header)
    return found[1] if found else ""


def root_for(about: str, at: float) -> str:
    """A root for one thing that began at a time, seconds since 1970: always the same.

    >>> root_for("arn:a", 1465510280.0) == root_for("arn:a", 1465510280.9)
    True
    >>> root_for("arn:a", 1465510280.0)[:11]
    '1-5759e988-'
    """
    return f"1-{int(at):08x}-{hashlib.sha256(about.encode()).hexdigest()[:24]}"


def header_for(inbound: str, active: bool) -> str:
    """The header of a new part of a trace: the caller's root and decision, else a new root.

    >>> header_for("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", active=True)[-10:]
    ';Sampled=0'
    """
    root = root_of(inbound) or f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    decided = _SAMPLED.search(inbound)
    sampled = decided[1] if decided else str(int(active))
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled={sampled}"


def _of_functions() -> None:
    from ministack.services import lambda_svc

    handle = private(lambda_svc, "handle_request")
    private(lambda_svc, "_xray_trace_id_for_invocation")

    async def handled(method: str, path: str, headers: Any, *rest: Any) -> Any:
        _inbound.set(str(headers.get(HEADER.lower(), "")))
        return await handle(method, path, headers, *rest)

    def of_invocation(config: Json, inbound: str | None = None) -> str:
        active = (config.get("TracingConfig") or {}).get("Mode") == "Active"
        return header_for(inbound or _inbound.get(), active)

    replace(lambda_svc, "handle_request", handled)
    replace(lambda_svc, "_xray_trace_id_for_invocation", of_invocation)


def _of_executions() -> None:
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service

    executions, machines = private(stepfunctions, "_executions"), private(stepfunctions, "_state_machines")
    start, describe = (
        private(stepfunctions, "_start_execution"),
        private(stepfunctions, "_describe_execution"),
    )
    tell = private(stepfunctions, "_emit_execution_status_event")
    handle = private(stepfunctions, "handle_request")
    task = state_task_service.StateTaskService
    evaluate, build = private(task, "_eval_execution"), private(service_calls, "_build")

    async def handled(method: str, path: str, headers: Any, *rest: Any) -> Any:
        _inbound.set(str(headers.get(HEADER.lower(), "")))
        return await handle(method, path, headers, *rest)

    def started(data: Json) -> Any:
        given = str(data.get("traceHeader") or "")
        if len(given) > LONGEST:
            text = f"1 validation error detected: Value at 'traceHeader' has more letters than {LONGEST}"
            return stepfunctions.error_response_json("ValidationException", text, 400)
        token = _started_with.set(given or _inbound.get())
        try:
            return start(data)
        finally:
            _started_with.reset(token)

    def told(record: Json) -> None:
        """ministack tells of the start between the record and the run, which may call at once."""
        if given := _started_with.get():
            record.setdefault("traceHeader", given)
            _started_with.set("")  # not of what the execution starts in turn
        tell(record)

    def described(data: Json) -> Any:
        status, headers, body = describe(data)
        known = (executions.get(str(data.get("executionArn"))) or {}).get("traceHeader")
        if status >= 400 or not known:
            return status, headers, body
        text = json.dumps({**json.loads(body), "traceHeader": known})
        return status, headers, text.encode() if isinstance(body, bytes) else text

    def header_of(arn: str) -> str:
        record = executions.get(arn) or {}
        machine = machines.get(record.get("stateMachineArn", "")) or {}
        active = _is_on(machine)
        given = str(record.get("traceHeader", ""))
        if not root_of(given):
            given = f"Root={root_for(arn, _began(record))}"
        return header_for(given, active)

    def evaluated(self: Any, env: Any) -> Any:
        context = env.states.context_object.context_object_data
        _thread.header = header_of(str(context["Execution"]["Id"]))
        try:
            return evaluate(self, env)
        finally:
            _thread.header = ""

    def built(region: str, service: str, role: str) -> Any:
        client = build(region, service, role)
        client.meta.events.register("before-call", _send)
        return client

    _kept(stepfunctions)
    replace(stepfunctions, "handle_request", handled)
    replace(stepfunctions, "_start_execution", started)
    replace(stepfunctions, "_emit_execution_status_event", told)
    replace(stepfunctions, "_describe_execution", described)
    replace(task, "_eval_execution", evaluated)
    replace(service_calls, "_build", built)


def _is_on(machine: Json) -> bool:
    """Whether a machine is traced; CloudFormation may have it as a text."""
    return str((machine.get("tracingConfiguration") or {}).get("enabled")).lower() == "true"


def _kept(stepfunctions: Any) -> None:
    """Keep a machine's tracingConfiguration, and tell it; ministack drops it."""
    machines = private(stepfunctions, "_state_machines")
    describe = private(stepfunctions, "_describe_state_machine")

    def keeping(call: Any) -> Any:
        def called(data: Json) -> Any:
            answer = call(data)
            if int(answer[0]) < 400 and "tracingConfiguration" in data:
                arn = data.get("stateMachineArn") or json.loads(answer[2])["stateMachineArn"]
                machines[arn]["tracingConfiguration"] = data["tracingConfiguration"]
            return answer

        return called

    def described(data: Json) -> Any:
        status, headers, body = describe(data)
        if status >= 400:
            return status, headers, body
        base = ":".join(str(data.get("stateMachineArn")).split(":")[:7])  # of a version and an alias too
        on = {"enabled": _is_on(machines.get(base) or {})}
        text = json.dumps({**json.loads(body), "tracingConfiguration": on})
        return status, headers, text.encode() if isinstance(body, bytes) else text

    for name in ("_create_state_machine", "_update_state_machine"):
        replace(stepfunctions, name, keeping(private(stepfunctions, name)))
    replace(stepfunctions, "_describe_state_machine", described)


def _began(record: Json) -> float:
    try:
        return datetime.fromisoformat(str(record["startDate"])).timestamp()
    except (KeyError, ValueError):
        return 0.0


def _send(params: Json, **_: Any) -> None:
    if header := getattr(_thread, "header", ""):
        params["headers"].setdefault(HEADER, header)


def install() -> None:
    """Apply the hooks, after that of the service calls. Raises HookBroken when a private name has moved."""
    _of_functions()
    _of_executions()
