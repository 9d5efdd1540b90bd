"""Step Functions: what AWS demands of a definition beyond the grammar of moto's parser.

moto takes every field in every state, a state without a way on, and a service that does not exist. AWS
refuses them when it makes the machine. `asl_resources` knows the integrations, `asl_maps` the maps.

Sources: states-language.net/spec.html; developer guide of AWS Step Functions, "Discovering workflow
states", "Handling errors", "Transforming data with JSONata" (`$states.result` in a wrong place "will be
caught at creation, update, or validation"), "Passing data between states with variables".

>>> pass_ = {"Type": "Pass", "End": True}
>>> problems({"StartAt": "A", "States": {"A": pass_}})
[]
>>> problems({"StartAt": "A", "States": {"A": pass_, "B": pass_}})
['MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B']
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from local.hooks import asl_maps, asl_resources
from local.hooks.asl_resources import invalid

State = dict[str, Any]
LONGEST_NAME = 80
"""Letters of a state's or a variable's name."""
_LONGEST_WAIT_S = 99_999_999
_LONGEST_DELAY_S = 31_622_400
_EVERY = {"Type", "Comment", "QueryLanguage"}
_WAY = {"Next", "End", "Assign"}
_ERRORS = {"Retry", "Catch"}
_PATHS = {"InputPath", "OutputPath"}
_RESULT = _PATHS | {"Parameters", "ResultSelector", "ResultPath"}
_TOLERATED = {"ToleratedFailureCount", "ToleratedFailurePercentage"}
_MAP = {"ItemProcessor", "ItemReader", "ItemSelector", "ItemBatcher", "ResultWriter", "Label"} | _TOLERATED
_TASK = {"Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"}
FIELDS: dict[str, dict[str, set[str]]] = {
    "JSONPath": {
        "Pass": _WAY | _PATHS | {"Parameters", "Result", "ResultPath"},
        "Task": _WAY | _ERRORS | _RESULT | _TASK | {"TimeoutSecondsPath", "HeartbeatSecondsPath"},
        "Map": _WAY | _ERRORS | _RESULT | _MAP | {f"{name}Path" for name in _TOLERATED}
        | {"Iterator", "ItemsPath", "MaxConcurrency", "MaxConcurrencyPath"},
        "Parallel": _WAY | _ERRORS | _RESULT | {"Branches"},
        "Choice": _PATHS | {"Choices", "Default", "Assign"},
        "Wait": _WAY | _PATHS | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
        "Succeed": _PATHS,
        "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
    },
    "JSONata": {
        "Pass": _WAY | {"Output"},
        "Task": _WAY | _ERRORS | _TASK | {"Arguments", "Output"},
        "Map": _WAY | _ERRORS | _MAP | {"Items", "MaxConcurrency", "Output"},
        "Parallel": _WAY | _ERRORS | {"Branches", "Arguments", "Output"},
        "Choice": {"Choices", "Default", "Assign", "Output"},
        "Wait": _WAY | {"Seconds", "Timestamp", "Output"},
        "Succeed": {"Output"},
        "Fail": {"Error", "Cause"},
    },
}  # fmt: skip
"""Fields of each type of state by its query language, beside those that every state has."""
_ENDS = ("Choice", "Succeed", "Fail")
_COMPARED: dict[str, type | tuple[type, ...]] = {
    "String": str, "Numeric": (int, float), "Boolean": bool, "Timestamp": str, "Is": bool,
}  # fmt: skip
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_VARIABLE = re.compile(r"[^\W\d]\w*")
_LITERALS = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
_STATES = re.compile(r"\$states\s*\.\s*(\w+)")
_READ = re.compile(r"\$([^\W\d]\w*)(?!\s*\(|\w)")
_BOUND = re.compile(r"\$(\w+)\s*:=")
_PARAMETERS = re.compile(r"(?:function|λ)\s*\(([^)]*)\)")
_WITH_RESULT = ("Task", "Map", "Parallel")


def problems(definition: Any) -> list[str]:
    """What AWS refuses in a definition, each with its diagnostic code; empty when it takes it."""
    if not isinstance(definition, dict):
        return []
    found = list(_scope(definition, "", str(definition.get("QueryLanguage", "JSONPath")), frozenset()))
    for name, count in Counter(_names(definition)).items():
        if count > 1:
            found.append(f"DUPLICATE_STATE_NAME: Duplicate State name: {name}")
    return found


def below(state: State) -> Iterator[tuple[str, Any]]:
    """The workflows inside a Map or a Parallel, each with its place."""
    for key in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(key), dict):
            yield key, state[key]
    for index, branch in enumerate(state.get("Branches") or []):
        yield f"Branches[{index}]", branch


def _names(node: State) -> Iterator[str]:
    for name, state in _states(node).items():
        yield name
        for _, part in below(state):
            yield from _names(part)


def _states(node: Any) -> dict[str, State]:
    states = node.get("States") if isinstance(node, dict) else None
    return (
        {name: state for name, state in states.items() if isinstance(state, dict)}
        if isinstance(states, dict)
        else {}
    )


def _scope(node: State, path: str, language: str, hidden: frozenset[str]) -> Iterator[str]:
    """One workflow: the machine's own, or that of a map or a branch. `hidden`: variables out of reach."""
    states = _states(node)
    assigned = {name for state in states.values() for name in _assigned(state)}
    yield from _ways(states, str(node.get("StartAt")), path)
    for name, state in states.items():
        where = f"{path}/States/{name}"
        own = str(state.get("QueryLanguage", language))
        if len(name) > LONGEST_NAME:
            yield invalid(where, f"State name must be at most {LONGEST_NAME} characters")
        yield from _fields(where, state, own)
        yield from _numbers(where, state)
        yield from _rules(where, state, own)
        yield from asl_resources.problems(where, state, own)
        if state.get("Type") == "Map":
            yield from asl_maps.problems(where, state)
        if own == "JSONata":
            yield from _expressions(where, state, hidden - assigned)
        for place, part in below(state):
            distributed = (part.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED"
            unseen = hidden | assigned if distributed else hidden - assigned
            yield from _scope(part, f"{where}/{place}", own, frozenset(unseen))


def targets(state: State) -> list[str]:
    """The states that one may go to."""
    rules = [state, *(state.get("Choices") or []), *(state.get("Catch") or [])]
    found = [rule["Next"] for rule in rules if isinstance(rule, dict) and rule.get("Next")]
    return [str(name) for name in [*found, state.get("Default")] if name]


def _ways(states: dict[str, State], start: str, path: str) -> Iterator[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in states:
            continue
        reached.add(name)
        waiting += targets(states[name])
    if start in states:  # else `definitions` names it
        for name in states.keys() - reached:
            yield (f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {path}/States/{name}')


def _fields(where: str, state: State, language: str) -> Iterator[str]:
    kind = str(state.get("Type"))
    allowed = FIELDS.get(language, {}).get(kind)
    if allowed is None:
        return  # the parser names a type or a language that does not exist
    for name in sorted(state.keys() - allowed - _EVERY):
        yield invalid(where, f"Field '{name}' is not supported by a {kind} state in {language}")
    if kind not in _ENDS and ("Next" in state) == ("End" in state):
        yield invalid(where, "exactly one of 'Next' and 'End' is required")
    for one, other in (
        ("TimeoutSeconds", "TimeoutSecondsPath"),
        ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ):
        if one in state and other in state:
            yield invalid(where, f"'{one}' and '{other}' exclude each other")


def _numbers(where: str, state: State) -> Iterator[str]:
    for name, least in (("TimeoutSeconds", 1), ("HeartbeatSeconds", 1), ("Seconds", 0)):
        value = state.get(name)
        if isinstance(value, int) and not least <= value <= _LONGEST_WAIT_S:
            yield invalid(f"{where}/{name}", f"Expected value between {least} and {_LONGEST_WAIT_S}")


def _rules(where: str, state: State, language: str) -> Iterator[str]:
    for group in ("Retry", "Catch"):
        rules = [rule for rule in state.get(group) or [] if isinstance(rule, dict)]
        for index, rule in enumerate(rules):
            place = f"{where}/{group}[{index}]"
            names = rule.get("ErrorEquals") or []
            if "States.ALL" in names and (len(names) > 1 or index < len(rules) - 1):
                yield invalid(place, "States.ALL must appear alone and in the last rule")
            foreign = {"JSONPath": {"Output"}, "JSONata": {"ResultPath"}}.get(language, set())
            for name in sorted(foreign & rule.keys()):
                yield invalid(place, f"Field '{name}' is not supported in {language}")
            longest = rule.get("MaxDelaySeconds")
            if isinstance(longest, int) and not 0 < longest < _LONGEST_DELAY_S:
                yield invalid(place, f"MaxDelaySeconds must be above 0 and below {_LONGEST_DELAY_S}")
    for index, rule in enumerate(state.get("Choices") or []):
        if isinstance(rule, dict):
            if "Next" not in rule:
                yield invalid(f"{where}/Choices[{index}]", "'Next' is required")
            yield from _comparison(f"{where}/Choices[{index}]", rule)


def _comparison(where: str, rule: State) -> Iterator[str]:
    """A Choice Rule of JSONPath, at every depth."""
    for key, value in rule.items():
        inner = value if key in ("And", "Or") else [value] if key == "Not" else []
        for item in [item for item in inner if isinstance(item, dict)]:
            if "Next" in item:
                yield invalid(where, "'Next' is not allowed in a nested rule")
            yield from _comparison(f"{where}/{key}", item)
        kind = next((kind for kind in _COMPARED if re.match(f"{kind}[A-Z]", key)), None)
        if kind is None:
            continue
        if key.endswith("Path"):
            if not str(value).startswith("$"):
                yield invalid(f"{where}/{key}", "a reference path begins with '$'")
        elif not isinstance(value, _COMPARED[kind]) or (kind == "Numeric" and isinstance(value, bool)):
            yield invalid(f"{where}/{key}", f"a {kind.lower()} is expected")
        elif kind == "Timestamp" and not _TIMESTAMP.fullmatch(str(value)):
            yield invalid(f"{where}/{key}", "an RFC 3339 timestamp is expected")


def _assigned(state: State) -> set[str]:
    rules = [state, *(state.get("Choices") or []), *(state.get("Catch") or [])]
    given = [
        rule["Assign"] for rule in rules if isinstance(rule, dict) and isinstance(rule.get("Assign"), dict)
    ]
    return {name.removesuffix(".$") for names in given for name in names}


def _expressions(where: str, state: State, hidden: frozenset[str]) -> Iterator[str]:
    for name in sorted(_assigned(state)):
        if name == "states" or len(name) > LONGEST_NAME or not _VARIABLE.fullmatch(name):
            yield invalid(where, f"{name!r} is no valid name of a variable")
    for path, text in _texts(state, ()):
        if not (text.startswith("{%") and text.endswith("%}")):
            continue
        code = _LITERALS.sub("''", text[2:-2])
        place = f"{where}/{'/'.join(path)}"
        for name in _STATES.findall(code):
            if not _may_read(name, path, state):
                yield invalid(place, f"$states.{name} is not available here")
        own = set(_BOUND.findall(code))
        own |= {item.strip(" $\n") for found in _PARAMETERS.findall(code) for item in found.split(",")}
        for name in sorted((set(_READ.findall(code)) & hidden) - own):
            yield invalid(place, f"${name} is assigned outside of the Distributed Map and not visible here")


def _may_read(name: str, path: tuple[str, ...], state: State) -> bool:
    if name in ("input", "context"):
        return True
    in_catch = path[0] == "Catch"
    if name == "errorOutput":
        return in_catch
    return (
        name == "result"
        and not in_catch
        and path[0] in ("Output", "Assign")
        and state["Type"] in _WITH_RESULT
    )


def _texts(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a state with its place, except what stands in states below it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in ("ItemProcessor", "Iterator", "Branches", "Comment"):
                yield from _texts(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, (*path, str(index)))
    elif isinstance(node, str):
        yield path, node
