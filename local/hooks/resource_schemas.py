"""CloudFormation: a resource's properties against its type's schema, before the resource is made.

ministack writes a resource's record past the service's API. A misspelt property, a role that is missing, a
retention of ten days: the stack was complete here, and AWS rolled it back. CloudFormation checks the
properties, with all references resolved, against the schema of the resource's type. The schemas are those
of CloudFormation's registry as cfn-lint ships them, with a few of its additions.

Source: CloudFormation user guide, "Resource type schema": properties are validated before the handler runs.
A number may stand as text and text as a number: CloudFormation converts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from local.hooks.base import HookBroken, private, replace

_ADDED = {
    "AWS::Lambda::Function": [("/Environment/Variables", "aws_lambda_function/environment_variable_keys")],
    "AWS::CloudWatch::Alarm": [("", "aws_cloudwatch_alarm/period")],
    "AWS::SQS::Queue": [("", "aws_sqs_queue/properties")],
}
"""cfn-lint's own additions: the place, and the schema that holds there."""
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str, int, float),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
Schema = dict[str, Any] | bool
Path_ = tuple[str, ...]


@cache
def _folder() -> Path:
    found = find_spec("cfnlint")
    if found is None or not found.submodule_search_locations:
        raise HookBroken(
            "cfn-lint is not installed; the embedded cloud reads CloudFormation's schemas from it"
        )
    return Path(found.submodule_search_locations[0], "data", "schemas")


@cache
def _known(region: str) -> dict[str, str]:
    loaded: dict[str, str] = json.loads((_folder() / "providers" / f"{region}.json").read_text("utf-8"))
    return loaded


@cache
def schema(kind: str, region: str = "us-east-1") -> dict[str, Any] | None:
    """The schema of a resource type; None when CloudFormation has none."""
    name = _known(region).get(kind)
    if name is None:
        return None
    loaded: dict[str, Any] = json.loads((_folder() / "resources" / f"{name}.json").read_text("utf-8"))
    return loaded


@cache
def _addition(name: str) -> Schema:
    loaded: Schema = json.loads((_folder() / "extensions" / f"{name}.json").read_text("utf-8"))
    return loaded


def problems(kind: str, properties: dict[str, Any]) -> list[str]:
    """What CloudFormation refuses in a resource's properties; empty when it takes them.

    >>> problems("AWS::Logs::LogGroup", {"RetentionInDays": "14"})
    []
    >>> problems("AWS::Logs::LogGroup", {"RetentionInDays": 14, "Colour": "red"})
    ['#: extraneous key [Colour] is not permitted']
    >>> problems("AWS::Lambda::Permission", {"Action": "lambda:InvokeFunction", "FunctionName": "f"})
    ['#: required key [Principal] not found']
    """
    whole = schema(kind)
    if whole is None:
        return []
    found = list(_check(whole, properties, whole, ()))
    for place, name in _ADDED.get(kind, []):
        value: Any = properties
        for step in place.strip("/").split("/") if place else []:
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            addition = _addition(name)
            found += _check(addition, value, addition, tuple(place.strip("/").split("/")) if place else ())
    return found


def _say(path: Path_, text: str) -> str:
    return f"#{''.join('/' + step for step in path)}: {text}"


def _resolved(given: Any, root: Any) -> Any:
    while isinstance(given, dict) and str(given.get("$ref", "")).startswith("#/"):
        node = root
        for step in given["$ref"][2:].split("/"):
            node = node.get(step, True) if isinstance(node, dict) else True
        given = node
    return given


def _fits(given: Any, value: Any, root: Any) -> bool:
    return not any(_check(given, value, root, ()))


def _check(given: Any, value: Any, root: Any, path: Path_) -> Iterator[str]:
    given = _resolved(given, root)
    if given is False:
        yield _say(path, "is not permitted")
    if not isinstance(given, dict):
        return
    kinds = given.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield _say(path, f"expected type: {' or '.join(kinds)}, found: {type(value).__name__}")
        return
    yield from _scalar(given, value, path)
    if isinstance(value, dict):
        yield from _object(given, value, root, path)
    if isinstance(value, list):
        yield from _array(given, value, root, path)
    for part in given.get("allOf", []):
        yield from _check(part, value, root, path)
    for choice in ("anyOf", "oneOf"):
        if choice in given and not any(_fits(part, value, root) for part in given[choice]):
            yield _say(path, "no subschema matched")
    if "not" in given and _fits(given["not"], value, root):
        yield _say(path, f"{value!r} is not permitted")
    if "if" in given:
        branch = "then" if _fits(given["if"], value, root) else "else"
        yield from _check(given.get(branch, True), value, root, path)


def _is(value: Any, kind: str) -> bool:
    if kind == "boolean" and value in ("true", "false"):
        return True
    if kind in ("integer", "number") and isinstance(value, str):
        return bool(re.fullmatch(r"-?\d+" if kind == "integer" else r"-?\d+(\.\d+)?([eE]-?\d+)?", value))
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, _TYPES.get(kind, (object,)))


def _scalar(given: dict[str, Any], value: Any, path: Path_) -> Iterator[str]:
    if isinstance(value, (dict, list)):
        return
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "enum" in given and text not in {str(item).lower() if isinstance(item, bool) else str(item)
                                        for item in given["enum"]}:  # fmt: skip
        yield _say(path, f"#: {text} is not a valid enum value")
    if "const" in given and text != str(given["const"]):
        yield _say(path, f"{text} is not {given['const']}")
    if isinstance(value, str):
        if len(value) > given.get("maxLength", len(value)):
            yield _say(path, f"expected maxLength: {given['maxLength']}, actual: {len(value)}")
        if len(value) < given.get("minLength", 0):
            yield _say(path, f"expected minLength: {given['minLength']}, actual: {len(value)}")
        if "pattern" in given and not _matches(given["pattern"], value):
            yield _say(path, f"string [{value}] does not match pattern {given['pattern']}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        return
    if "maximum" in given and number > given["maximum"]:
        yield _say(path, f"{value} is not less or equal to {given['maximum']}")
    if "minimum" in given and number < given["minimum"]:
        yield _say(path, f"{value} is not greater or equal to {given['minimum']}")
    if "multipleOf" in given and number % given["multipleOf"]:
        yield _say(path, f"{value} is not a multiple of {given['multipleOf']}")


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:
        return None  # Unicode classes and others that Python's expressions do not have


def _matches(pattern: str, value: str) -> bool:
    compiled = _pattern(pattern)
    return compiled is None or compiled.search(value) is not None


def _object(given: dict[str, Any], value: dict[str, Any], root: Any, path: Path_) -> Iterator[str]:
    for name in given.get("required", []):
        if name not in value:
            yield _say(path, f"required key [{name}] not found")
    for word, least, most in (("requiredOr", 1, len(value) + 1), ("requiredXor", 1, 1)):
        there = [name for name in given.get(word, []) if name in value]
        if word in given and not least <= len(there) <= most:
            yield _say(path, f"one of {given[word]} is required")
    for name, excluded in given.get("dependentExcluded", {}).items():
        if name in value and (both := [other for other in excluded if other in value]):
            yield _say(path, f"[{name}] and {both} exclude each other")
    for name, needed in given.get("dependentRequired", {}).items():
        if name in value and (missing := [other for other in needed if other not in value]):
            yield _say(path, f"[{name}] needs {missing}")
    named, patterns = given.get("properties", {}), given.get("patternProperties", {})
    for name, item in value.items():
        below = [named[name]] if name in named else []
        below += [part for pattern, part in patterns.items() if _matches(pattern, name)]
        if not below and given.get("additionalProperties") is False:
            yield _say(path, f"extraneous key [{name}] is not permitted")
        for part in below:
            yield from _check(part, item, root, (*path, name))
        if "propertyNames" in given:
            yield from _check(given["propertyNames"], name, root, (*path, name))


def _array(given: dict[str, Any], value: list[Any], root: Any, path: Path_) -> Iterator[str]:
    if len(value) > given.get("maxItems", len(value)):
        yield _say(path, f"expected maximum item count: {given['maxItems']}, found: {len(value)}")
    if len(value) < given.get("minItems", 0):
        yield _say(path, f"expected minimum item count: {given['minItems']}, found: {len(value)}")
    for index, item in enumerate(value):
        yield from _check(given.get("items", True), item, root, (*path, str(index)))


def not_in_region(kinds: set[str], region: str) -> list[str]:
    """Types that CloudFormation has, and not in this region.

    >>> not_in_region({"AWS::Budgets::Budget", "AWS::S3::Bucket"}, "af-south-1")
    ['AWS::Budgets::Budget']
    >>> not_in_region({"AWS::Budgets::Budget", "AWS::S3::Bucket"}, "eu-west-1")
    []
    """
    try:
        here = _known(region)
    except FileNotFoundError:  # newer than this cfn-lint
        return []
    return sorted(kind for kind in kinds if kind in _known("us-east-1") and kind not in here)


def _supported(original: Callable[..., Any]) -> Callable[..., Any]:
    """A template names no type that the region lacks: one refusal before anything is made, as on AWS
    (aws-cloudformation/cloudformation-coverage-roadmap issue 2177)."""
    from ministack.core.responses import get_region

    def check(template: dict[str, Any], conditions: dict[str, Any], *rest: Any, **more: Any) -> Any:
        resources = (template.get("Resources") or {}) if not template.get("Transform") else {}
        there = [
            item
            for item in resources.values()
            if isinstance(item, dict) and conditions.get(str(item.get("Condition")), True)
        ]
        if missing := not_in_region({str(item.get("Type")) for item in there}, get_region()):
            raise ValueError(f"Template format error: Unrecognized resource types: [{', '.join(missing)}]")
        return original(template, conditions, *rest, **more)

    return check


def install() -> None:
    """Apply the hooks."""
    from ministack.services.cloudformation import changesets, provisioners
    from ministack.services.cloudformation import handlers as requests

    for module in (changesets, requests):
        support = private(module, "validate_template_support")
        replace(module, "validate_template_support", _supported(support))
    handlers: dict[str, dict[str, Any]] = private(provisioners, "_RESOURCE_HANDLERS")
    for kind, handler in handlers.items():
        if "create" in handler and not kind.startswith("AWS::CloudFormation::"):
            handlers[kind] = _checked(kind, handler)


def _checked(kind: str, handler: dict[str, Any]) -> dict[str, Any]:
    def demand(name: str, properties: dict[str, Any]) -> None:
        if found := problems(kind, properties):
            shown = ", ".join(found)
            raise ValueError(f"Properties validation failed for resource {name} with message:\n[{shown}]")

    create, update = handler["create"], handler.get("update")

    def creating(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        demand(logical_id, properties)
        return create(logical_id, properties, *rest)

    if update is None:
        return {**handler, "create": creating}

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        demand(physical_id, new)
        return update(physical_id, old, new, *rest)

    return {**handler, "create": creating, "update": updating}
