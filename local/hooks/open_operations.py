"""What a stack's part of an open deployment did, kept on the stack's record, for the way back.

It is open until the stack of its root is done, also after a restart: on AWS a nested stack can go back
until its root has ended, whatever becomes of the client that asked (CloudFormation User Guide, "Embed
stacks within other stacks using nested stacks").

A ClientRequestToken that begins with `ona-deployment-` names a deployment of all and what it deploys
(`local.deploy`): whoever deploys the same again goes on with it, as who repeats a token does on AWS.
"""

from __future__ import annotations

import base64
import copy
import importlib
import zlib
from typing import Any

from local.descriptions import OPERATION
from local.hooks.base import private
from local.state import documents

Json = dict[str, Any]
FIELD = "_operation"
"""The field of a stack's record with what is open."""
WAITING = "_removals"
"""The field with what is removed when the root is done: resources, and calls that ministack left."""


def identity(token: str) -> str:
    """What a token's deployment deploys; empty for a token of something else.

    >>> identity("ona-deployment-3f2a-77e1"), identity("mine")
    ('3f2a', '')
    """
    return token.removeprefix(OPERATION).rpartition("-")[0] if token.startswith(OPERATION) else ""


def begin(
    stack: Json, root: str, what: str, template: Json, parameters: Json, previous: Json | None
) -> None:
    """Note on a stack's record what it was before. `previous`: None where it was not there.

    What is open already stays the beginning: a deployment that goes on, and a stack that an open deployment
    made.
    """
    earlier: Json | None = stack.get(FIELD)
    replaced: list[str] = []
    if earlier and earlier["what"] == what:
        previous, replaced = was(stack)["previous"], earlier["replaced"]
    elif earlier and earlier["made"]:
        previous = None
    kept = {
        "previous": previous,
        "template": template,
        "parameters": parameters,
        "tags": list(stack.get("Tags") or []),
    }
    packed = base64.b85encode(zlib.compress(documents.encode(kept).encode(), 1)).decode()
    told = {"root": root, "what": what, "made": previous is None, "ended": False}
    stack[FIELD] = {**told, "replaced": list(replaced), "was": packed}


def was(stack: Json) -> Json:
    """The stack of before, and template, parameters and tags of the deployment."""
    found: Json = documents.decode(zlib.decompress(base64.b85decode(stack[FIELD]["was"])))
    return found


def left(stack: Json, token: str) -> bool:
    """Whether a deployment begins and another one, which nobody ended, changed the stack before."""
    operation: Json | None = stack.get(FIELD)
    return operation is not None and not operation["made"] and operation["what"] != identity(token)


def call(function: Any, given: tuple[Any, ...], named: Json) -> Json | None:
    """A call of ministack's as a document; None for a function without a name of its own."""
    module, name = function.__module__, function.__qualname__
    if getattr(importlib.import_module(module), name, None) is not function:
        return None
    plain = [sorted(one) if isinstance(one, (set, frozenset)) else one for one in given]
    return {"module": module, "name": name, "given": plain, "named": named}


def called(document: Json) -> None:
    """Do what `call` wrote down."""
    function = getattr(importlib.import_module(document["module"]), document["name"])
    function(*document["given"], **document["named"])


def take_as_done(stacks: Any, stack: Json, kept: Json, order: list[str]) -> None:
    """Take the update of a resource that a kill cut short as done, so that it goes back with the others.

    The server wrote down neither that it was done nor that it was not. It is the first, in the `order` of
    updates, whose record is not yet what the deployment makes of it. Of a new one nothing is known.
    """
    template, there = kept["template"], stack.get("_resources") or {}
    before = (kept["previous"] or {}).get("_resources") or {}
    conditions, no_value = stack.get("_conditions") or {}, private(stacks, "_NO_VALUE")
    resolve, mappings = private(stacks, "_resolve_refs"), template.get("Mappings", {})
    for logical in order:
        if logical not in before or logical not in there:
            return
        given = copy.deepcopy(template["Resources"][logical].get("Properties", {}))
        named = (stack["StackName"], stack["StackId"])
        try:
            wanted = resolve(given, there, kept["parameters"], conditions, mappings, *named)
        except Exception:  # of whatever kind: it needs what is not there yet
            return
        wanted = {key: value for key, value in wanted.items() if value is not no_value}
        if wanted != there[logical].get("Properties", {}):
            there[logical]["Properties"] = wanted
            return
