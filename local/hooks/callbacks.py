"""Step Functions: task tokens, heartbeats and stops reach the execution that runs in moto's interpreter.

A call that belongs to no running execution goes to ministack, which answers it as before.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

from local.hooks.base import private, replace
from local.hooks.executions import RUNNING

_START_SECONDS = 10
"""So long the start of an execution may take at most (ours; it is a part of a second)."""


def install() -> None:
    """Apply the hooks."""
    from ministack.core.responses import json_response
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.asl.eval.callback import callback

    def environments() -> list[Any]:
        return [
            execution.exec_worker.env
            for execution in list(RUNNING.values())
            if execution.exec_worker and execution.exec_worker.env is not None
        ]

    def routed(name: str, notify: Callable[[Any, dict[str, Any]], bool]) -> None:
        otherwise = private(stepfunctions, name)

        def handle(data: dict[str, Any]) -> Any:
            if any(notify(env.callback_pool_manager, data) for env in environments()):
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
        answer = stop(data)  # first: its end is told once, with the caller's error and cause
        arguments = (str(data.get("executionArn")), data.get("error"), data.get("cause"))
        if answer[0] == 200 and not _halt(*arguments):
            threading.Thread(target=_halt_soon, args=arguments, daemon=True).start()
        return answer

    replace(stepfunctions, "_stop_execution", stop_execution)


def _halt(arn: str, error: str | None, cause: str | None) -> bool:
    """Stop what runs of an execution; False when nothing of it runs, or not yet."""
    running = RUNNING.get(arn)
    if not (running and running.exec_worker and running.exec_worker.env):
        return False
    if running.exec_worker.env.program_state() is None:  # before its first state moto forgets a stop
        return False
    running.stop(datetime.datetime.now(tz=datetime.UTC), error, cause)
    return True


def _halt_soon(arn: str, error: str | None, cause: str | None) -> None:
    """The same for one that just starts: its definition is read, and nothing can be stopped yet."""
    deadline = time.monotonic() + _START_SECONDS
    while not _halt(arn, error, cause) and time.monotonic() < deadline:
        time.sleep(0.01)
