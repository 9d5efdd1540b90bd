"""Limits that a service's own API model names, as botocore ships it: lengths of texts and lists, ranges.

boto3 checks the smallest lengths of a request and leaves the greatest to the service. So do we: here they
are checked when the request has come.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from local.limits.refusal import Refusal, as_json, guard


@cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def _constraint(path: str, value: Any, shape: Any, what: str, bound: str) -> Refusal:
    shown = "" if shape.metadata.get("sensitive") else f" '{value}'"
    return Refusal(
        "ValidationException",
        f"1 validation error detected: Value{shown} at '{path}' failed to satisfy constraint: "
        f"Member must have {what} {bound}",
    )


def violation(shape: Any, value: Any, path: str = "") -> Refusal | None:
    """The first member that is longer, shorter, greater or less than its shape allows.

    >>> shape = _model("stepfunctions").operation_model("StartExecution").input_shape
    >>> refusal = violation(shape, {"stateMachineArn": "a", "name": "n" * 81})
    >>> refusal.message.partition(" at ")[2]
    "'name' failed to satisfy constraint: Member must have length less than or equal to 80"
    """
    if value is None:
        return None
    kind, limits = shape.type_name, shape.metadata
    if kind in ("string", "list", "map") and isinstance(value, (str, list, dict)):
        size, what = len(value), "length"
    elif kind in ("integer", "long") and isinstance(value, int):
        size, what = value, "value"
    else:
        size, what = None, ""
    if size is not None:
        if "max" in limits and size > limits["max"]:
            return _constraint(path, value, shape, what, f"less than or equal to {limits['max']}")
        if "min" in limits and size < limits["min"]:
            return _constraint(path, value, shape, what, f"greater than or equal to {limits['min']}")
    return _inside(shape, value, path)


def _inside(shape: Any, value: Any, path: str) -> Refusal | None:
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            place = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
            if name in value and (found := violation(member, value[name], place)):
                return found
    elif shape.type_name == "list" and isinstance(value, list):
        for index, item in enumerate(value, start=1):
            if found := violation(shape.member, item, f"{path}.{index}.member"):
                return found
    return None


def install(module: Any, service: str) -> None:
    """Guard every operation of a JSON service of ministack by its model."""
    from botocore import xform_name

    model = _model(service)
    for operation in model.operation_names:
        handler = f"_{xform_name(operation)}"
        shape = model.operation_model(operation).input_shape
        function = getattr(module, handler, None)
        if shape is None or function is None or inspect.iscoroutinefunction(function):
            continue

        def check(data: Any, *_: Any, _shape: Any = shape, **__: Any) -> Refusal | None:
            return violation(_shape, data)

        guard(module, handler, check, as_json)
