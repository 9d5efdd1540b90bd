"""Step Functions: what moto's interpreter lacks of distributed maps, when they run.

- Every child is recorded with its input, output or error; a child that fails counts, and more failures than
  tolerated end the map with `States.ExceedToleratedFailureThreshold`. moto swallows failures.
- Items are read and batched by `map_items`; results are written by the state's `ResultWriter`
  (`asl_grammar`, `map_results`).
- The map's counts can be read (DescribeMapRun) while the execution runs on.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

from local.hooks import map_items, map_results
from local.hooks.asl_grammar import carried
from local.hooks.base import private, replace
from local.hooks.map_items import failure, s3_of

_MOST_WORKERS = 64
"""Children side by side where `MaxConcurrency` is 0 (ours; AWS: 10 000)."""
_THRESHOLD = "States.ExceedToleratedFailureThreshold"
_local = threading.local()


def too_many(failures: int, total: int, count: int, percentage: float) -> bool:
    """Whether more children failed than are tolerated; by default none is.

    >>> too_many(1, 4, 0, 0.0), too_many(4, 4, 0, 100.0), too_many(2, 4, 2, 0.0), too_many(2, 4, 0, 25.0)
    (True, False, False, True)
    """
    by_count = failures > count and (count > 0 or percentage == 0)
    by_share = percentage > 0 and failures * 100 > percentage * total
    return by_count or by_share


def install() -> None:
    """Apply the hooks."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map import state_map
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
        distributed_item_processor_worker as processor,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
        resource_eval_s3,
    )

    evaluate = private(state_map.StateMap, "_eval_execution")

    def eval_execution(self: Any, env: Any) -> Any:
        stack = _local.__dict__.setdefault("carried", [])
        comment = getattr(getattr(self, "comment", None), "comment", "") or ""
        stack.append(carried(comment))
        try:
            return evaluate(self, env)
        finally:
            stack.pop()

    map_items.install()
    replace(state_map.StateMap, "_eval_execution", eval_execution)
    replace(distributed_iteration_component.DistributedIterationComponent, "_map_run", _map_run)
    replace(processor.DistributedItemProcessorWorker, "_eval_job", _run_child)
    replace(processor.DistributedItemProcessorWorker, "eval", _work)
    replace(resource_eval_s3.ResourceEvalS3, "_handle_put_object", staticmethod(_write_results))


def _map_run(self: Any, env: Any, eval_input: Any) -> None:
    """moto's `_map_run`: items on the stack, then the map's output."""
    from moto.stepfunctions.parser.api import MapRunStatus
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool

    settings = (_local.__dict__.get("carried") or [{}])[-1]
    items = env.stack.pop()
    if "batcher" in settings:
        items = map_items.batches(items, settings["batcher"])
    run = eval_input.map_run_record
    pool = JobPool(job_program=self._get_iteration_program(), job_inputs=items)
    run.ona_children = {}
    run.ona_pool = pool
    for _ in range(min(len(items), run.max_concurrency or _MOST_WORKERS)):
        self._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
    pool.await_jobs()
    error = pool.get_worker_exception()
    children = dict(run.ona_children)  # after a failure, children that run still may end meanwhile
    records = [children.get(index) or _pending(run, item) for index, item in enumerate(items)]
    writer = settings.get("writer", {})
    run.set_stop(status=MapRunStatus.FAILED if error is not None else MapRunStatus.SUCCEEDED)
    _publish(run)
    if "place" in writer:
        place = _evaluated(env, writer["place"])
        env.stack.append(_written(env, place, writer.get("config", {}), run, records))
    else:
        transformation = writer.get("config", {}).get("Transformation", "COMPACT")
        env.stack.append(map_results.transformed(records, transformation))
    run.ona_records = records
    if error is not None:
        raise error


def _pending(run: Any, item: Any) -> map_results.Record:
    """A child that the map's failure kept from starting."""
    arn = map_results.child_arn(run.execution_arn, run.map_state_machine_arn, str(uuid.uuid4()))
    return map_results.record(arn, run.map_state_machine_arn, item, "")


def _evaluated(env: Any, node: Any) -> Any:
    """A value with its JSONata evaluated, at every depth."""
    from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata

    if isinstance(node, dict):
        return {key: _evaluated(env, value) for key, value in node.items()}
    if isinstance(node, list):
        return [_evaluated(env, value) for value in node]
    if isinstance(node, str) and node.startswith("{%") and node.endswith("%}"):
        StringJSONata(node[2:-2].strip()).eval(env)
        return env.stack.pop()
    return node


def _work(self: Any) -> None:
    """A worker: one child after the other, in a loop; moto calls itself once a child and ends at 1 000."""
    while (job := self._job_pool.next_job()) is not None:
        frame = self._env.open_inner_frame()
        self._eval_job(env=frame, job=job)
        self._env.delete_frame(frame)  # before the job is closed: the map waits for jobs, not for workers
        self._job_pool.close_job(job)
        if self.stopped():
            return


def _run_child(self: Any, env: Any, job: Any) -> None:
    """Run one child to its end, and record it."""
    run = self._map_run_record
    for counter in (run.item_counter, run.execution_counter):
        counter.total.count()
        counter.running.count()
    name, started = str(uuid.uuid4()), map_results.now()
    arn = map_results.child_arn(run.execution_arn, run.map_state_machine_arn, name)
    child = map_results.record(arn, run.map_state_machine_arn, job.job_input, started)
    context = env.states.context_object.context_object_data
    try:
        context["Map"] = {"Item": {"Index": job.job_index, "Value": job.job_input}}
        env.states.reset(job.job_input)
        env.stack.append(env.states.get_input())
        self._eval_input(env_frame=env)
        given = env.states.get_input()
        child = map_results.record(arn, run.map_state_machine_arn, given, started)
        # A child is an execution of its own: its context names itself.
        own = {"Id": arn, "Input": given, "Name": name, "StartTime": started}
        context["Execution"] = {**context["Execution"], **own}
        machine = run.map_state_machine_arn
        context["StateMachine"] = {"Id": machine, "Name": machine.split(":")[-1]}
        job.job_program.eval(env)
        ended = _ended(child, env)
    except Exception as error:
        pair = getattr(error, "extract_error_cause_pair", lambda: None)()
        ended = map_results.failed(child, *(pair or ("States.Runtime", f"{type(error).__name__}: {error}")))
    _count(run, ended["Status"])
    run.ona_children[job.job_index] = ended
    job.job_output = None
    failures = sum(
        counter.get()
        for counter in (
            run.item_counter.failed,
            run.item_counter.timed_out,
            run.item_counter.aborted,
        )
    )
    total = run.ona_pool._jobs_number
    if failures and too_many(
        failures, total, run.tolerated_failure_count, run.tolerated_failure_percentage
    ):
        job.job_output = failure(env, _THRESHOLD, "The specified tolerated failure threshold was exceeded")


def _ended(child: map_results.Record, env: Any) -> map_results.Record:
    """The record of a child from the state in which its program ended."""
    from moto.stepfunctions.parser.asl.eval import program_state

    end = env.program_state()
    if isinstance(end, program_state.ProgramError):
        detail = end.error or {}
        return map_results.failed(child, detail.get("error") or "", detail.get("cause") or "")
    if isinstance(end, program_state.ProgramTimedOut):
        return map_results.failed(child, "States.Timeout", "", "TIMED_OUT")
    if isinstance(end, program_state.ProgramStopped):
        return map_results.failed(child, end.error or "", end.cause or "", "ABORTED")
    return map_results.succeeded(child, env.states.get_input())


def _count(run: Any, status: str) -> None:
    for counter in (run.item_counter, run.execution_counter):
        counter.running.offset(-1)
        {
            "SUCCEEDED": counter.succeeded,
            "TIMED_OUT": counter.timed_out,
            "ABORTED": counter.aborted,
        }.get(status, counter.failed).count()


def _publish(run: Any) -> None:
    """Let DescribeMapRun answer for the run; `executions` does so when the whole execution has ended."""
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    region, account = run.map_run_arn.split(":")[3:5]
    owner = ":".join(run.execution_arn.split(":")[:-1]).replace(":execution:", ":stateMachine:")
    described = json.loads(to_json_str(run.describe()))
    private(private(stepfunctions, "_map_runs"), "_data")[(account, region, run.map_run_arn)] = {
        **described,
        "executionArn": run.execution_arn,
        "stateMachineArn": owner,
        "_stateMachineArn": owner,
    }


def _write_results(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    """moto's handler of `ResultWriter` in JSONPath machines: parameters and results on the stack."""
    del resource_runtime_part, state_credentials
    parameters = env.stack.pop()
    env.stack.pop()
    run = env.map_run_record_pool_manager.get_all()[-1]
    env.stack.append(_written(env, parameters, {}, run, run.ona_records))


def _written(
    env: Any, place: dict[str, Any], config: dict[str, Any], run: Any, records: list[map_results.Record]
) -> dict[str, Any]:
    """Write a map's results; returns the map's output. What fails is `States.ResultWriterFailed`."""
    try:
        s3 = s3_of(env, env.aws_execution_details.region)
        output = map_results.write(s3, place, config, run.map_run_arn, records)
    except Exception as error:
        raise failure(env, "States.ResultWriterFailed", str(error)) from error
    for counter in (run.item_counter, run.execution_counter):
        counter.results_written.count(len(records))
    _publish(run)
    return output
