"""JSONata in a definition: which functions exist on AWS, and what an expression may read where it stands.

A state's expressions are read into JSONata's own tree (jsonata-python), so text that looks like a function
inside a string is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ops.conformance.findings import GUIDE, Finding, Scope, State, scopes
from ops.conformance.policy import ANY

JSONATA = GUIDE + "transforming-data.html"
VARIABLES = GUIDE + "workflow-variables.html"
CONTEXT = GUIDE + "input-output-contextobject.html"
AWS_FUNCTIONS = {"partition", "range", "hash", "random", "uuid", "parse"}
"""Functions that Step Functions adds."""
_LIBRARY = """
    string length substring substringBefore substringAfter uppercase lowercase trim pad contains split
    join match replace base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl
    number abs floor ceil round power sqrt formatNumber formatBase formatInteger parseInteger
    sum max min average boolean not exists count append sort reverse shuffle distinct zip
    keys lookup spread merge sift each error assert type map filter single reduce
    now millis fromMillis toMillis
"""
FUNCTIONS = AWS_FUNCTIONS | set(_LIBRARY.split())
"""JSONata 2.0's library; `$eval` is not supported on AWS."""
CONTEXT_FIELDS = {
    "Execution": {"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"},
    "State": {"EnteredTime", "Name", "RetryCount"},
    "StateMachine": {"Id", "Name"},
    "Task": {"Token"},
    "Map": {"Item"},
}
RESULT_STATES = ("Task", "Map", "Parallel")


@dataclass
class Used:
    """What an expression uses."""

    functions: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    states: list[list[str]] = field(default_factory=list)
    contextless: set[str] = field(default_factory=set)


def expression_in(text: Any) -> str | None:
    """The expression of a value that is one; the whole text, as AWS demands."""
    if isinstance(text, str) and text.startswith("{%") and text.endswith("%}"):
        return text[2:-2].strip()
    return None


def parsed(expression: str) -> Any:
    """JSONata's tree of an expression. Raises jsonata's error."""
    from jsonata.parser import Parser

    return Parser().parse(expression)


def _parts(node: Any) -> Iterator[Any]:
    """The nodes directly below one."""
    for key, value in vars(node).items():
        if key in ("_outer_instance", "ancestor", "nextFunction", "seeking_parent"):
            continue
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, list | tuple):
                stack.extend(item)
            elif hasattr(item, "type") and hasattr(item, "value"):
                yield item


@lru_cache(maxsize=4096)
def used_by(expression: str) -> Used:
    """What an expression uses.

    >>> found = used_by("$count($orders[status='$eval(1)']) & $states.context.Execution.Id")
    >>> sorted(found.functions), sorted(found.variables), found.states
    (['count'], ['orders'], [['context', 'Execution', 'Id']])
    >>> used_by("$ & name").contextless == {"$", "name"}
    True
    """
    found = Used()
    _visit(parsed(expression), found, frozenset(), False)
    return found


def _visit(node: Any, found: Used, local: frozenset[str], nested: bool) -> None:
    kind, value = getattr(node, "type", None), getattr(node, "value", None)
    if kind == "path":
        steps = node.steps
        _visit(steps[0], found, local, nested)
        if steps[0].type == "variable" and steps[0].value == "states":
            found.states.append([str(step.value) for step in _names(steps[1:])])
        for step in steps[1:]:
            _visit(step, found, local, True)
        for part in _parts(node):
            if not any(part is step for step in steps):
                _visit(part, found, local, True)
        return
    if kind == "variable":
        _variable(str(value), found, local, nested)
    elif kind == "name" and not nested:
        found.contextless.add(str(value))
    elif kind == "function" and node.procedure.type == "variable":
        if str(node.procedure.value) not in local:
            found.functions.add(str(node.procedure.value))
        for part in _parts(node):
            if part is not node.procedure:
                _visit(part, found, local, nested)
        return
    elif kind == "lambda":
        local = local | {str(argument.value) for argument in node.arguments}
        nested = True
    elif kind == "transform":
        nested = True
    elif kind == "block":
        for part in node.expressions:
            _visit(part, found, local, nested)
            if part.type == "bind":
                local = local | {str(part.lhs.value)}
        return
    elif kind == "bind":
        _visit(node.rhs, found, local | {str(node.lhs.value)}, nested)
        return
    filters = [*(getattr(node, "stages", None) or []), *(getattr(node, "predicate", None) or [])]
    for part in _parts(node):
        _visit(part, found, local, nested or any(part is item for item in filters) or kind == "filter")


def _names(steps: list[Any]) -> Iterator[Any]:
    for step in steps:
        if step.type != "name":
            return
        yield step


def _variable(name: str, found: Used, local: frozenset[str], nested: bool) -> None:
    if name in ("", "$"):
        if not nested:
            found.contextless.add("$" + name)
    elif name == "states":
        return
    elif name not in local:
        (found.functions if name in FUNCTIONS else found.variables).add(name)


def sample(value: Any) -> str:
    """A value as text, with ANY for what is known only at run time.

    >>> sample("{% 'outcomes/' & $id & '.json' %}") == f"outcomes/{ANY}.json"
    True
    """
    expression = expression_in(value)
    if expression is None:
        return value if isinstance(value, str) else ANY
    return _sample(expression)


@lru_cache(maxsize=4096)
def _sample(expression: str) -> str:
    try:
        return _text(parsed(expression))
    except Exception:
        return ANY


def _text(node: Any) -> str:
    if node.type == "string":
        return str(node.value)
    if node.type == "binary" and node.value == "&":
        return _text(node.lhs) + _text(node.rhs)
    return ANY


def strings(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a state with its path, except what stands in states below it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in ("ItemProcessor", "Iterator", "Branches", "Comment"):
                yield from strings(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from strings(value, (*path, str(index)))
    elif isinstance(node, str):
        yield path, node


def assigned(state: State) -> set[str]:
    """Variables that a state assigns, by itself, a rule or a Catch."""
    rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {name for rule in rules for name in rule.get("Assign", {})}


def visible(scope: Scope) -> set[str]:
    """Variables that a scope's states may read: its own and outer ones, up to a distributed map."""
    own = {name for state in scope.states.values() for name in assigned(state)}
    return own | (visible(scope.outer) if scope.outer and not scope.distributed else set())


def check(definition: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with the expressions of a definition."""
    for scope in scopes(definition):
        known = visible(scope)
        outside = visible(scope.outer) if scope.outer and not scope.distributed else set()
        for name, state in scope.states.items():
            where = f"{scope.path}{name}"
            for taken in sorted(assigned(state) & outside):
                text = f"assigns ${taken}, which an outer scope has"
                yield Finding(where, "variable", text, VARIABLES)
            if "states" in assigned(state):
                yield Finding(where, "variable", "assigns $states, which is reserved", VARIABLES)
            for path, text in strings(state):
                yield from _check_text(f"{where}.{'.'.join(path)}", path, text, state, scope, known)


def _check_text(
    where: str, path: tuple[str, ...], text: str, state: State, scope: Scope, known: set[str]
) -> Iterator[Finding]:
    expression = expression_in(text)
    if expression is None:
        if "{%" in text or "%}" in text:
            yield Finding(where, "expression", "an expression is the whole text of a field", JSONATA)
        return
    try:
        found = used_by(expression)
    except Exception as error:
        yield Finding(where, "expression", f"cannot be parsed: {error}", JSONATA)
        return
    for function in sorted(found.functions - FUNCTIONS - known):
        yield Finding(where, "function", f"${function} does not exist on AWS", JSONATA)
    for variable in sorted(found.variables - known):
        yield Finding(where, "variable", f"${variable} is assigned nowhere in reach", VARIABLES)
    for name in sorted(found.contextless):
        yield Finding(
            where, "expression", f"{name} has nothing to be read from; name $states.input", JSONATA
        )
    for steps in found.states:
        if problem := _states_problem(steps, path, state, scope):
            yield Finding(where, "$states", problem, CONTEXT if steps[:1] == ["context"] else JSONATA)


def _states_problem(steps: list[str], path: tuple[str, ...], state: State, scope: Scope) -> str:
    """Why `$states.…` cannot be read where it stands; empty when it can."""
    first = steps[0] if steps else ""
    if first == "input":
        return ""
    if first == "result":
        fits = state.get("Type") in RESULT_STATES and path[0] in ("Output", "Assign")
        return "" if fits else "$states.result is there in Output and Assign of Task, Map and Parallel only"
    if first == "errorOutput":
        fits = path[0] == "Catch" and path[2] in ("Output", "Assign")
        return "" if fits else "$states.errorOutput is there in Output and Assign of a Catch only"
    if first != "context":
        return f"$states.{first} does not exist"
    if len(steps) < 2:
        return ""
    group = steps[1]
    if group not in CONTEXT_FIELDS or (len(steps) > 2 and steps[2] not in CONTEXT_FIELDS[group]):
        return f"the context has no {'.'.join(steps[1:3])}"
    if group == "Task" and not str(state.get("Resource", "")).endswith(".waitForTaskToken"):
        return "a task token is there with .waitForTaskToken only"
    if group == "Map" and path[0] != "ItemSelector" and not _in_inline_map(scope):
        return "$states.context.Map is there in an ItemSelector and inside an inline map only"
    return ""


def _in_inline_map(scope: Scope | None) -> bool:
    if scope is None or scope.distributed:
        return False
    return scope.owner.get("Type") == "Map" or _in_inline_map(scope.outer)
