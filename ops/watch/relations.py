"""What needs what, as the stacks say: workflows and APIs need functions, letters come from workflows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from local.packaging import Template
from ops.watch.read import Watched

Key = tuple[str, str]
"""A watched thing: its kind, and its name without `ona-` and the environment."""
_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)")
_NAMED_FUNCTION = re.compile(r":function:ona-([A-Za-z0-9-]+)-\$\{Environment\}")


def key(thing: Watched) -> Key:
    """A thing's kind and name."""
    return thing.kind, thing.about


def needs(templates: dict[str, Template], things: Iterable[Watched]) -> dict[Key, frozenset[Key]]:
    """By thing, what must be well so that it can be: through other stacks, by their outputs' names.

    A workflow needs the functions that it calls, an API those that answer and that let in. A letter comes
    from a workflow, or from a function that a timer calls; an end without a letter, from a workflow.
    What a table refuses is brought about by the functions that use it: by their variables.
    """
    by_logical = {thing.logical: thing for thing in things}
    outputs = {
        name: output["Value"]
        for template in templates.values()
        for name, output in template.get("Outputs", {}).items()
    }
    named = {thing.about: thing.logical for thing in by_logical.values() if thing.kind == "function"}
    found: dict[Key, set[Key]] = {key(thing): set() for thing in by_logical.values()}

    def seen(node: Any) -> set[Key]:
        texts = {named[name] for name in _NAMED_FUNCTION.findall(str(node)) if name in named}
        logicals = {
            inner
            for name in _names(node)
            for inner in (_names(outputs[name]) if name not in by_logical and name in outputs else (name,))
        }
        return {key(by_logical[name]) for name in logicals | texts if name in by_logical}

    for template in templates.values():
        common = template.get("Globals", {}).get("Function", {})
        for logical, item in template["Resources"].items():
            thing, given = by_logical.get(logical), item.get("Properties", {})
            if thing is None:
                continue
            if thing.kind == "workflow":
                _workflow(thing, seen(given.get("DefinitionSubstitutions")), found)
            elif thing.kind == "api":
                found[key(thing)] |= seen([given.get("DefinitionBody"), given.get("Auth")])
            elif thing.kind == "ends":
                found[key(thing)] |= seen(given.get("EventPattern"))
            elif thing.kind == "function":
                for table in seen(given.get("Environment")):
                    if table[0] == "table":
                        found[table].add(key(thing))
            if thing.kind == "function" and thing.on_timer:
                for letters in seen(given.get("DeadLetterQueue", common.get("DeadLetterQueue"))):
                    found[letters].add(key(thing))
    return {thing: frozenset(_all(thing, found) - {thing}) for thing in found}


def _workflow(thing: Watched, seen: set[Key], found: dict[Key, set[Key]]) -> None:
    for other in seen:
        if other[0] == "letters":
            found[other].add(key(thing))
        elif other[0] == "function":
            found[key(thing)].add(other)


def _all(thing: Key, found: dict[Key, set[Key]]) -> set[Key]:
    """A thing, and all that it needs directly or through others."""
    return {thing}.union(*(_all(other, found) for other in found[thing]))


def _names(node: Any) -> Iterator[str]:
    """The logical ids and parameters that a part of a template refers to."""
    if isinstance(node, list):
        for item in node:
            yield from _names(item)
    elif isinstance(node, dict):
        for word, value in node.items():
            if word == "Ref":
                yield str(value).partition(".")[0]
            elif word == "Fn::GetAtt":
                yield (value if isinstance(value, str) else str(value[0])).partition(".")[0]
            else:
                yield from _names(value)
    elif isinstance(node, str):
        yield from _IN_TEXT.findall(node)
