"""Step Functions: executions run on moto's interpreter, inside ministack's service.

ministack keeps the state machines, the executions and the API; moto evaluates the definition. Also here:
definitions are checked when they are created (moto accepts a dangling `Next`), callbacks and stops
reach the interpreter, requests and responses of service integrations have AWS's shapes, execution logs
are written, and waits of retries can be scaled for tests (SFN_WAIT_SCALE).
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import threading
import time
import traceback
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import yaml

from local.hooks.base import private, replace
from local.hooks.distributed_map import normalise

RUNNING: dict[str, Any] = {}
"""moto's execution by ARN, while it runs."""


def concurrent_executions() -> int:
    """How many executions run at once; more wait their turn. ONA_LOCAL_EXECUTIONS, 8 by default."""
    return max(1, int(os.environ.get("ONA_LOCAL_EXECUTIONS", "8")))


def definition_of(text: str) -> Any:
    """A definition in JSON or, as `DefinitionUri` may hold, in YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def missing_targets(node: Any, path: str = "") -> list[str]:
    """Transitions to states that do not exist, at every depth."""
    bad: list[str] = []
    if isinstance(node, dict):
        states = node.get("States")
        if isinstance(states, dict):
            for name, state in states.items():
                targets = [state.get("Next"), state.get("Default")]
                targets += [
                    rule.get("Next") for rule in (state.get("Choices") or []) + (state.get("Catch") or [])
                ]
                bad += [
                    f"{path}/States/{name}: no state {target!r}"
                    for target in targets
                    if target and target not in states
                ]
            if node.get("StartAt") not in states:
                bad.append(f"{path}/StartAt: no state {node.get('StartAt')!r}")
        for key, value in node.items():
            bad += missing_targets(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            bad += missing_targets(value, f"{path}[{index}]")
    return bad


def problems(text: str) -> list[str]:
    """What is wrong with a definition, each with AWS's diagnostic code in front; empty when it is sound."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    try:
        definition = definition_of(text)
        AmazonStateLanguageParser.parse(json.dumps(normalise(definition)))
    except Exception as error:
        return [f"SCHEMA_VALIDATION_FAILED: {type(error).__name__}: {error}"[:800]]
    return [f"MISSING_TRANSITION_TARGET: {target}" for target in missing_targets(definition)]


def install() -> None:
    """Apply the hooks."""
    import moto.stepfunctions.parser.models  # noqa: F401 - brings in every module patched below

    clients = _one_client_a_service()
    _shape_requests(clients)
    _scale_waits()
    _run_on_moto(clients)
    _route_callbacks()
    _check_definitions()


def _one_client_a_service() -> Any:
    """One boto3 client a service and region: moto builds one a task, 40 ms each and not thread-safe."""
    from moto.stepfunctions.parser.asl.utils import boto_client

    build = private(boto_client, "boto_client_for")
    cache: dict[tuple[str, str], Any] = {}
    lock = threading.Lock()

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        del state_credentials  # loopback: the embedded cloud does not check policies
        with lock:
            if (service, region) not in cache:
                cache[(service, region)] = build(region=region, service=service)
            return cache[(service, region)]

    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is build:
            module.boto_client_for = client_for  # type: ignore[attr-defined]
    return client_for


def _shape_requests(client_for: Any) -> None:
    """moto left the request and response shaping empty; botocore's models say how it goes."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service,
    )

    task = state_task_service.StateTaskService
    to_boto, from_boto = private(task, "_to_boto_request"), private(task, "_from_boto_response")

    def operation(self: Any, service: str | None, action: str | None) -> Any:
        client = client_for("us-east-1", self._get_boto_service_name(service))
        name = client.meta.method_to_api_mapping.get(self._get_boto_service_action(action))
        return client.meta.service_model.operation_model(name) if name else None

    def parameters(
        self: Any,
        parameters: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        model = operation(self, boto_service_name, service_action_name)
        if model is not None and model.input_shape is not None:
            to_boto(self, parameters, model.input_shape)
        if model is not None and model.name == "CopyObject":
            # AWS wants it URL-encoded; boto3 encodes it once more.
            parameters["CopySource"] = unquote(parameters["CopySource"])

    def response(
        self: Any,
        response: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        model = operation(self, boto_service_name, service_action_name)
        if model is not None and model.output_shape is not None:
            from_boto(self, response, model.output_shape)

    replace(task, "_normalise_parameters", parameters)
    replace(task, "_normalise_response", response)


def _scale_waits() -> None:
    """SFN_WAIT_SCALE shortens the pauses of retries and Wait states; the retries themselves stay."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function

    scale = float(os.environ.get("SFN_WAIT_SCALE", "1"))
    if scale == 1.0:
        return
    private(retrier_decl, "time")
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale))
    interval = private(wait_function.WaitFunction, "_wait_interval")

    def scaled(self: Any, env: Any, wait_seconds: float) -> Any:
        return interval(self, env=env, wait_seconds=wait_seconds * scale)

    replace(wait_function.WaitFunction, "_wait_interval", scaled)


def _run_on_moto(client_for: Any) -> None:
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.backend import execution as moto_execution

    executions = private(stepfunctions, "_executions")
    machines = private(stepfunctions, "_state_machines")
    map_runs = private(stepfunctions, "_map_runs")
    fail = private(stepfunctions, "_fail_execution")
    announce = private(stepfunctions, "_emit_execution_status_event")
    now_iso = private(stepfunctions, "now_iso")
    room = threading.BoundedSemaphore(concurrent_executions())

    def run(arn: str) -> None:
        with room:
            run_now(arn)

    def run_now(arn: str) -> None:
        record = executions.get(arn)
        machine = machines.get(record["stateMachineArn"]) if record else None
        if record is None or machine is None or record["status"] != "RUNNING":
            return
        try:
            running = _start(moto_execution.SyncExecution, arn, record, machine)
        except Exception as error:
            traceback.print_exc()
            fail(record, "States.Runtime", f"{type(error).__name__}: {error}")
            return
        finally:
            RUNNING.pop(arn, None)
        try:
            # history, map runs and logs first: whoever sees the end of an execution finds them complete
            record["events"] = [_event(event) for event in _history(running)]
            for run_record in running.exec_worker.env.map_run_record_pool_manager.get_all():
                map_runs[run_record.map_run_arn] = {
                    **_plain(run_record.describe()),
                    "executionArn": arn,
                    "stateMachineArn": record["stateMachineArn"],
                    "_stateMachineArn": record["stateMachineArn"],
                }
            _write_logs(machine, record, client_for)
        finally:
            _conclude(record, running, now_iso())
            announce(record)

    replace(stepfunctions, "_run_execution", run)


def _plain(value: Any) -> Any:
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    return json.loads(to_json_str(value))


def _start(execution_type: Any, arn: str, record: dict[str, Any], machine: dict[str, Any]) -> Any:
    """Run one execution to its end on moto's synchronous worker."""
    parts = arn.split(":")
    definition = json.dumps(normalise(definition_of(machine["definition"])))
    running = execution_type(
        name=record["name"],
        sm_type=machine["type"],
        role_arn=machine["roleArn"],
        exec_arn=arn,
        account_id=parts[4],
        region_name=parts[3],
        state_machine=SimpleNamespace(
            arn=machine["stateMachineArn"],
            name=machine["name"],
            sm_type=machine["type"],
            definition=definition,
            revision_id=None,
            create_date=None,
            logging_config=None,
        ),
        start_date=record["startDate"],
        cloud_watch_logging_session=None,
        activity_store={},
        input_data=record["input"] or "{}",
    )
    RUNNING[arn] = running
    running.start()
    return running


def _conclude(record: dict[str, Any], running: Any, now: str) -> None:
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    if record["status"] != "RUNNING":
        return
    record["status"] = running.exec_status.value
    record["stopDate"] = now
    if record["status"] == "SUCCEEDED":
        record["output"] = to_json_str(running.output, separators=(",", ":"))
    for field in ("error", "cause"):
        if getattr(running, field) is not None:
            record[field] = getattr(running, field)


def _history(running: Any) -> list[Any]:
    return list(running.exec_worker.env.event_manager.get_event_history())


def _event(event: Any) -> Any:
    plain = {key: value for key, value in dict(event).items() if value is not None}
    plain["type"] = getattr(plain["type"], "value", str(plain["type"]))
    moment = plain.get("timestamp")
    if isinstance(moment, datetime.datetime):
        utc = moment.astimezone(datetime.UTC)
        plain["timestamp"] = utc.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return _plain(plain)


def _write_logs(machine: dict[str, Any], record: dict[str, Any], client_for: Any) -> None:
    """Execution events to the log group that the state machine names."""
    config = machine.get("loggingConfiguration") or {}
    level, destinations = config.get("level", "OFF"), config.get("destinations") or []
    if level == "OFF" or not destinations:
        return
    group_arn = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    group = group_arn.split(":log-group:")[1].split(":")[0]
    wanted = [
        event
        for event in record["events"]
        if level == "ALL" or event["type"].endswith(("Failed", "TimedOut", "Aborted"))
    ]
    stream = f"states/{machine['name']}/{record['name']}"
    logs = client_for(record["executionArn"].split(":")[3], "logs")
    stamp = int(time.time() * 1000)
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        for first in range(0, len(wanted), 500):
            logs.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[
                    {
                        "timestamp": stamp,
                        "message": json.dumps({"execution_arn": record["executionArn"], **event}),
                    }
                    for event in wanted[first : first + 500]
                ],
            )
    except Exception as error:
        print(f"embedded cloud: execution log {group} not written: {error}", file=sys.stderr)


def _route_callbacks() -> None:
    """Task tokens and stops go to the running interpreter, else to ministack."""
    from ministack.core.responses import json_response
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.asl.eval.callback import callback

    def environments() -> list[Any]:
        return [
            execution.exec_worker.env
            for execution in list(RUNNING.values())
            if execution.exec_worker and execution.exec_worker.env is not None
        ]

    def routed(name: str, tell: Any) -> None:
        otherwise = private(stepfunctions, name)

        def handle(data: dict[str, Any]) -> Any:
            if any(tell(env.callback_pool_manager, data) for env in environments()):
                return json_response({})
            return otherwise(data)

        replace(stepfunctions, name, handle)

    routed(
        "_send_task_success",
        lambda pool, data: pool.notify(
            callback_id=data.get("taskToken"),
            outcome=callback.CallbackOutcomeSuccess(
                callback_id=data.get("taskToken"), output=data.get("output", "{}")
            ),
        ),
    )
    routed(
        "_send_task_failure",
        lambda pool, data: pool.notify(
            callback_id=data.get("taskToken"),
            outcome=callback.CallbackOutcomeFailure(
                callback_id=data.get("taskToken"),
                error=data.get("error"),
                cause=data.get("cause"),
            ),
        ),
    )
    routed(
        "_send_task_heartbeat",
        lambda pool, data: pool.heartbeat(callback_id=data.get("taskToken")),
    )
    stop = private(stepfunctions, "_stop_execution")

    def stop_execution(data: dict[str, Any]) -> Any:
        running = RUNNING.get(str(data.get("executionArn")))
        if running and running.exec_worker and running.exec_worker.env:
            running.stop(datetime.datetime.now(tz=datetime.UTC), data.get("error"), data.get("cause"))
        return stop(data)

    replace(stepfunctions, "_stop_execution", stop_execution)


def _check_definitions() -> None:
    """A bad definition is refused when it is created, as AWS does."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import stepfunctions

    create = private(stepfunctions, "_create_state_machine")

    def create_state_machine(data: dict[str, Any]) -> Any:
        found = problems(data.get("definition", ""))
        if found:
            text = f"Invalid State Machine Definition: '{'; '.join(found)}'"
            return error_response_json("InvalidDefinition", text, 400)
        return create(data)

    def validate(data: dict[str, Any]) -> Any:
        found = problems(data.get("definition", ""))
        diagnostics = [{"severity": "ERROR", "code": text.split(":")[0], "message": text} for text in found]
        return json_response(
            {"result": "FAIL" if found else "OK", "truncated": False, "diagnostics": diagnostics}
        )

    replace(stepfunctions, "_create_state_machine", create_state_machine)
    update = private(stepfunctions, "_update_state_machine")

    def update_state_machine(data: dict[str, Any]) -> Any:
        found = problems(data["definition"]) if data.get("definition") else []
        if found:
            text = f"Invalid State Machine Definition: '{'; '.join(found)}'"
            return error_response_json("InvalidDefinition", text, 400)
        return update(data)

    def no_test_state(_data: dict[str, Any]) -> Any:
        # ministack would answer with its own, weaker interpreter.
        return error_response_json("NotSupported", "the embedded cloud cannot do TestState", 400)

    replace(stepfunctions, "_validate_state_machine_definition", validate)
    replace(stepfunctions, "_update_state_machine", update_state_machine)
    replace(stepfunctions, "_test_state", no_test_state)
