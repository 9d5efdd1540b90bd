"""Step Functions: executions run on moto's interpreter, inside ministack's service.

ministack keeps the state machines and executions, and answers the API; moto evaluates the definition.
"""

from __future__ import annotations

import datetime
import json
import os
import threading
import traceback
from types import SimpleNamespace
from typing import Any

from local.hooks import execution_logs, machine_versions
from local.hooks.asl_grammar import normalise
from local.hooks.base import private, replace
from local.hooks.definitions import definition_of
from local.hooks.service_calls import ClientFor

RUNNING: dict[str, Any] = {}
"""moto's execution by ARN, while it runs."""


def concurrent_executions() -> int:
    """How many executions run at once; the others wait. ONA_LOCAL_EXECUTIONS, 8 by default."""
    return max(1, int(os.environ.get("ONA_LOCAL_EXECUTIONS", "8")))


def install(client_for: ClientFor) -> None:
    """Apply the hook."""
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.backend import execution as moto_execution

    executions = private(stepfunctions, "_executions")
    machines = private(stepfunctions, "_state_machines")
    versions = private(stepfunctions, "_state_machine_versions")
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
        machine = machine_versions.machine_of(record, machines, versions) if record else None
        if record is None or machine is None or record["status"] != "RUNNING":
            return
        try:
            running = begin(moto_execution.SyncExecution, arn, record, machine)
        except Exception as error:
            traceback.print_exc()
            fail(record, "States.Runtime", f"{type(error).__name__}: {error}")
            return
        finally:
            RUNNING.pop(arn, None)
        try:
            # First history, map runs and logs: they are complete when the execution is seen to have ended.
            record["events"] = [_event(event) for event in _history(running)]
            for run_record in running.exec_worker.env.map_run_record_pool_manager.get_all():
                map_runs[run_record.map_run_arn] = {
                    **_plain(run_record.describe()),
                    "executionArn": arn,
                    "stateMachineArn": record["stateMachineArn"],
                    "_stateMachineArn": record["stateMachineArn"],
                }
            execution_logs.write(machine, record, client_for)
        finally:
            if record["status"] == "RUNNING":  # else it was stopped, and that was told
                ended = {**record, **end_of(running, now_iso())}
                announce(ended)  # first: who sees that it ended finds what a rule made of that
                record.update(ended)
            record.pop(machine_versions.KEPT, None)

    replace(stepfunctions, "_run_execution", run)


def _plain(value: Any) -> Any:
    """A value of moto's as plain JSON."""
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    return json.loads(to_json_str(value))


def begin(execution_type: Any, arn: str, record: dict[str, Any], machine: dict[str, Any]) -> Any:
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


def end_of(running: Any, now: str) -> dict[str, Any]:
    """The end of an execution, as ministack's record has it."""
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    end = {"status": running.exec_status.value, "stopDate": now}
    if end["status"] == "SUCCEEDED":
        end["output"] = to_json_str(running.output, separators=(",", ":"))
    return end | {
        field: value for field in ("error", "cause") if (value := getattr(running, field)) is not None
    }


def _history(running: Any) -> list[Any]:
    return list(running.exec_worker.env.event_manager.get_event_history())


def _event(event: Any) -> Any:
    """An event of moto's history as ministack's API returns it."""
    plain = {key: value for key, value in dict(event).items() if value is not None}
    plain["type"] = getattr(plain["type"], "value", str(plain["type"]))
    moment = plain.get("timestamp")
    if isinstance(moment, datetime.datetime):
        utc = moment.astimezone(datetime.UTC)
        plain["timestamp"] = utc.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return _plain(plain)
