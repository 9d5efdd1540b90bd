"""Arguments of an integration against the service's own model (botocore), in the form that AWS demands.

Names are in PascalCase whatever the service's own are. What is known only at run time is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ops.conformance.findings import GUIDE, Finding

SDK = GUIDE + "supported-services-awssdk.html"


@lru_cache(maxsize=1)
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


@lru_cache(maxsize=32)
def model(service: str) -> Any:
    """botocore's model of a service."""
    return _session().get_service_model(service)


def pascal(name: str) -> str:
    """A member's name as Step Functions has it.

    >>> pascal("taskDefinition"), pascal("Bucket")
    ('TaskDefinition', 'Bucket')
    """
    return name[:1].upper() + name[1:]


def service_of(sdk_name: str) -> str | None:
    """botocore's name of a service in `aws-sdk:<name>:…`, where it is the service's id in small letters.

    >>> service_of("sfn"), service_of("eventbridge"), service_of("events")
    ('stepfunctions', 'events', None)
    """
    known = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
    if sdk_name in known:
        return known[sdk_name]
    names = _session().get_available_services()
    service = sdk_name if sdk_name in names else None
    if service and str(model(service).service_id).replace(" ", "").lower() != sdk_name:
        return None
    return service


@lru_cache(maxsize=256)
def operation(service: str, action: str) -> Any | None:
    """An operation by the name of its action; actions begin with a small letter."""
    name = pascal(action)
    if not action[:1].islower() or name not in model(service).operation_names:
        return None
    return model(service).operation_model(name)


def check(where: str, shape: Any, value: Any, free: frozenset[str]) -> Iterator[Finding]:
    """What the service's model refuses; `free` are members that take any JSON (`Payload`, `Body`)."""
    if isinstance(value, str) and value.startswith("{%"):
        return
    kind = shape.type_name
    wanted: dict[str, Any] = {
        "structure": dict,
        "map": dict,
        "list": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "long": int,
    }
    if kind in wanted and (
        not isinstance(value, wanted[kind]) or (wanted[kind] is int and isinstance(value, bool))
    ):
        yield Finding(where, "argument", f"must be a {kind}, is {type(value).__name__}", SDK)
        return
    if kind == "structure":
        members = {pascal(name): member for name, member in shape.members.items()}
        for name in sorted(value.keys() - members.keys()):
            close = next((item for item in members if item.lower() == name.lower()), None)
            hint = f"; AWS writes {close}" if close else ""
            yield Finding(where, "argument", f"{shape.name} has no {name}{hint}", SDK)
        for name in sorted({pascal(item) for item in shape.required_members} - value.keys()):
            yield Finding(where, "argument", f"{shape.name} needs {name}", SDK)
        for name in sorted(value.keys() & members.keys()):
            if name not in free:
                yield from check(f"{where}.{name}", members[name], value[name], free)
    elif kind == "list":
        for index, item in enumerate(value):
            yield from check(f"{where}[{index}]", shape.member, item, free)
    elif kind == "map":
        for key, item in value.items():
            yield from check(f"{where}.{key}", shape.value, item, free)
    elif kind == "string" and shape.enum and value not in shape.enum:
        yield Finding(where, "argument", f"{value!r} is none of {', '.join(shape.enum)}", SDK)


def has_path(shape: Any, steps: list[str]) -> bool:
    """Whether a response has what an expression reads, as far as its model says."""
    for step in steps:
        if shape is None:
            return True
        while shape.type_name == "list":
            shape = shape.member
        if shape.type_name != "structure":
            return shape.type_name in ("map", "string", "blob") and shape.type_name == "map"
        members = {pascal(name): member for name, member in shape.members.items()}
        if step not in members:
            return False
        shape = members[step]
    return True
