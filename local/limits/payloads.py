"""Step Functions: states pass 256 KiB at most. What is larger fails with `States.DataLimitExceeded`.

Measured is compact JSON as UTF-8. moto measures it with spaces and escapes. It measures neither the input
of a task after its arguments, nor the raw result of a Map or Parallel, nor variables.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from local.hooks.base import private, replace
from local.hooks.state_errors import CAUGHT_BY_NAME_ONLY, failure
from local.limits.refusal import utf8
from local.limits.values import STATE_BYTES, VARIABLE_BYTES, VARIABLES_BYTES


def json_bytes(value: Any) -> int:
    """The size of a value, in bytes, as Step Functions passes it on.

    >>> json_bytes({"a": ["ü", 1]})
    14
    """
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except TypeError:  # a timestamp, bytes: as moto writes them
        text = to_json_str(value, separators=(",", ":"))
    return utf8(text)


def fits(value: Any) -> bool:
    """Whether a value may be passed on."""
    return json_bytes(value) <= STATE_BYTES


def _too_large(env: Any, what: str) -> Exception:
    cause = (
        f"The state/task '{what}' returned a result with a size exceeding "
        "the maximum number of bytes service limit."
    )
    return failure(env, CAUGHT_BY_NAME_ONLY, cause)


def install() -> None:
    """Apply the limits."""
    import moto.stepfunctions.parser.models  # noqa: F401 - brings in every module patched below
    from moto.stepfunctions.parser import quotas

    measured = private(quotas, "is_within_size_quota")
    for module in list(sys.modules.values()):
        if getattr(module, "is_within_size_quota", None) is measured:
            module.is_within_size_quota = fits  # type: ignore[attr-defined]
    _results()
    _inputs()
    _variables()


def _results() -> None:
    """The raw result of a Map or Parallel, before `ResultSelector` or `Output` makes it smaller."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
    from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import (
        StateParallel,
    )

    for kind in (StateMap, StateParallel):
        evaluate = private(kind, "_eval_execution")

        def evaluated(self: Any, env: Any, _evaluate: Any = evaluate) -> None:
            _evaluate(self, env)
            if env.stack and not fits(env.stack[-1]):
                raise _too_large(env, self.name)

        replace(kind, "_eval_execution", evaluated)


def _inputs() -> None:
    """The input of a task after its arguments, and that of a distributed map's child."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
        distributed_item_processor_worker as children,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask

    evaluate = private(StateTask, "_eval_parameters")

    def parameters(self: Any, env: Any) -> Any:
        given = evaluate(self, env)
        if not fits(given):
            raise _too_large(env, self.name)
        return given

    replace(StateTask, "_eval_parameters", parameters)
    worker = children.DistributedItemProcessorWorker
    evaluate_input = private(worker, "_eval_input")

    def child_input(self: Any, env_frame: Any) -> None:
        evaluate_input(self, env_frame=env_frame)
        if not fits(env_frame.states.get_input()):
            raise _too_large(env_frame, self._work_name)

    replace(worker, "_eval_input", child_input)


def _variables() -> None:
    from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl

    evaluate = private(AssignDecl, "_eval_body")

    def assigned(self: Any, env: Any) -> None:
        store = env.variable_store
        before = dict(store._inner_scope)
        evaluate(self, env)
        new = {key: value for key, value in store._inner_scope.items() if before.get(key) is not value}
        everything = {**store._outer_scope, **store._inner_scope}
        if (
            sum(json_bytes(value) for value in new.values()) > VARIABLE_BYTES
            or sum(json_bytes(value) for value in everything.values()) > VARIABLES_BYTES
        ):
            cause = "The variables assigned exceed the maximum number of bytes service limit."
            raise failure(env, CAUGHT_BY_NAME_ONLY, cause)

    replace(AssignDecl, "_eval_body", assigned)
