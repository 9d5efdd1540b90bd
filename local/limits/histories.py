"""Step Functions: a standard execution has 25 000 events at most; an express one lasts five minutes.

A distributed map's children are executions of their own, with histories of their own. moto keeps those
of one map in one list, so a child's events are not limited here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from local.hooks.base import private, replace
from local.limits.values import EXPRESS_SECONDS, HISTORY_EVENTS

_ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


class HistoryFull(Exception):
    """The next event would be one too many. Its text is AWS's cause."""


def counted(add: Callable[..., Any]) -> Callable[..., Any]:
    """moto's `add_event`, which lets a limited manager's last event be the one that ends the execution."""

    def add_event(self: Any, context: Any, event_type: Any, *rest: Any, **named: Any) -> Any:
        full = private(self, "_event_id_gen")._next_id >= HISTORY_EVENTS
        kind = getattr(event_type, "value", str(event_type))
        if full and getattr(self, "ona_limited", False) and kind not in _ENDS:
            text = f"The execution reached the maximum number of history events ({HISTORY_EVENTS})."
            raise HistoryFull(text)
        return add(self, context, event_type, *rest, **named)

    return add_event


def install() -> None:
    """Apply the limits."""
    from moto.stepfunctions.parser.asl.component.program import program
    from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
    from moto.stepfunctions.parser.asl.eval.event import event_manager
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    manager = event_manager.EventManager
    replace(manager, "add_event", counted(private(manager, "add_event")))
    begin = private(ExecutionWorker, "_get_evaluation_environment")

    def environment_of(self: Any) -> Any:
        env = begin(self)
        env.event_manager.ona_limited = env.is_standard_workflow()
        return env

    replace(ExecutionWorker, "_get_evaluation_environment", environment_of)
    _ends_the_execution(CommonStateField)
    _ends_the_iteration()
    _express(program.Program)


def _ends_the_execution(state: Any) -> None:
    """A full history ends the execution with `States.Runtime` and AWS's cause, whatever is caught."""
    from moto.stepfunctions.parser.api import ExecutionFailedEventDetails

    evaluate = private(state, "_eval_body")

    def body(self: Any, env: Any) -> None:
        try:
            evaluate(self, env)
        except Exception as error:
            full = _cause(error)
            if full is None:
                raise
            env.set_error(ExecutionFailedEventDetails(error="States.Runtime", cause=str(full)))

    replace(state, "_eval_body", body)


def _ends_the_iteration() -> None:
    """A Map's worker says that its iteration failed; moto's would end silently, and the Map would wait."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker

    evaluate = private(iteration_worker.IterationWorker, "_eval_job")

    def iteration(self: Any, env: Any, job: Any) -> None:
        try:
            evaluate(self, env=env, job=job)
        except Exception as error:
            job.job_output = _cause(error) or error

    replace(iteration_worker.IterationWorker, "_eval_job", iteration)


def _cause(error: BaseException | None) -> HistoryFull | None:
    """The full history behind an exception, if there is one."""
    while error is not None:
        if isinstance(error, HistoryFull):
            return error
        error = error.__cause__ or error.__context__
    return None


def _express(program: Any) -> None:
    evaluate = private(program, "eval")

    def limited(self: Any, env: Any) -> None:
        from types import SimpleNamespace

        if env.is_frame() or env.is_standard_workflow():
            evaluate(self, env)
            return
        own = self.timeout_seconds.timeout_seconds if self.timeout_seconds else EXPRESS_SECONDS
        short = copy.copy(self)  # executions share the program, Standard ones of the same definition too
        short.timeout_seconds = SimpleNamespace(timeout_seconds=min(own, EXPRESS_SECONDS))
        evaluate(short, env)

    replace(program, "eval", limited)
