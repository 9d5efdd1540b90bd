"""JSONata: moto parses it and leaves the evaluator unset; jsonata-python evaluates.

- Step Functions' own functions ($partition, $range, $hash, $random, $uuid, $parse) are those of ministack,
  which tests them; moto's textual stand-ins for them are removed.
- Values of variables are written as JSON: moto does not escape quotes and line ends in strings. Other
  characters stand as they are: jsonata-python reads an escaped pair (an emoji's) as two halves, which no
  function takes.
- moto writes the values into the expression's text. They are taken out again and bound as data, as AWS does
  it: the text that is left is the definition's own, is parsed once, and kept.

>>> declarations({"$sites": ["karoo", "kalahari"], "$n": 2})
'$sites:=["karoo", "kalahari"];$n:=2;'
"""

from __future__ import annotations

import json
import re
import sys
from collections import OrderedDict
from threading import Lock
from typing import Any

from local.hooks.base import private, replace
from local.hooks.light_imports import without_batch

_TIMEOUT_MS = 10_000
"""How long an expression may take (ours): AWS allows a second, on faster machines."""


_MOST_PARSED = 2000
"""Expressions whose syntax trees are kept, the last used ones (ours): the template has some hundreds."""
_OPENING = re.compile(r"(?:\$(?:exists|type)\()?\(")
_DECLARED = re.compile(r"(\$[A-Za-z0-9_]+):=")


def _number(text: str) -> float | int:
    """A number as JSONata reads it: a whole one has no point, however it is written.

    >>> _number("1.0"), _number("-0.5")
    (1, -0.5)
    """
    value = float(text)
    return int(value) if value.is_integer() else value


_DECODE = json.JSONDecoder(parse_float=_number).raw_decode


class _Parsed:
    """Expressions that are parsed and not in use. One is given to one caller at a time: it has a clock of
    its own, and belongs to a thread while it evaluates."""

    def __init__(self) -> None:
        self._lock, self._free = Lock(), OrderedDict[str, list[Any]]()

    def take(self, text: str) -> Any:
        """The expression of a text, for this thread alone. Raises jsonata's error for one that is wrong."""
        import jsonata as engine
        from ministack.services import stepfunctions

        with self._lock:
            free = self._free.get(text)
            compiled = free.pop() if free else None
        if compiled is None:
            compiled = engine.Jsonata.jsonata(text)
            private(stepfunctions, "_register_sfn_jsonata_functions")(compiled)
        engine.Jsonata.CURRENT.jsonata = compiled
        compiled.environment.set_runtime_bounds(_TIMEOUT_MS, None)
        return compiled

    def give(self, text: str, compiled: Any) -> None:
        """It is not needed any more."""
        with self._lock:
            self._free.setdefault(text, []).append(compiled)
            self._free.move_to_end(text)
            while len(self._free) > _MOST_PARSED:
                self._free.popitem(last=False)


_parsed = _Parsed()


def evaluate(expression: str) -> Any:
    """Evaluate one expression as Step Functions would. Raises moto's JSONataException."""
    from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata

    try:
        text, values = split(expression)
        compiled = _parsed.take(text)
        result = json.loads(json.dumps(compiled.evaluate(None, values)))
        _parsed.give(text, compiled)
        return result
    except Exception as error:
        code = getattr(error, "error", None)
        text = f"{code}: {error}" if isinstance(code, str) and code else str(error)
        raise moto_jsonata.JSONataException("States.QueryEvaluationError", text) from error


def split(expression: str) -> tuple[str, dict[str, Any]]:
    """An expression without the variables declared at its beginning, and their values by name.

    >>> split('($sites:=["karoo"];$n:=2;$n + $count($sites))')
    ('($n + $count($sites))', {'sites': ['karoo'], 'n': 2})
    >>> split("($n:=1+1;$n)")
    ('($n:=1+1;$n)', {})
    """
    from jsonata.utils import Utils

    begun = _OPENING.match(expression)
    if begun is None:
        return expression, {}
    at, values = begun.end(), dict[str, Any]()
    while declared := _DECLARED.match(expression, at):
        try:
            value, end = _DECODE(expression, declared.end())
        except ValueError:
            break
        if expression[end : end + 1] != ";":
            break
        values[declared[1][1:]] = Utils.NULL_VALUE if value is None else value
        at = end + 1
    return begun[0] + expression[at:], values


def declarations(bindings: dict[str, Any]) -> str:
    """Variables as JSONata that defines them, `$name:=<JSON>;` each."""
    return "".join(
        f"{name}:={json.dumps(value, default=str, ensure_ascii=False)};" for name, value in bindings.items()
    )


def install() -> None:
    """Apply the hooks."""
    with without_batch():
        import moto.stepfunctions.parser.models  # noqa: F401 - brings in every module patched below
    from moto.stepfunctions.parser.asl.component.intrinsic import jsonata as intrinsic
    from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata

    replace(moto_jsonata, "_eval_jsonata", evaluate)
    stand_ins = private(intrinsic, "_DECLARATION_BY_VARIABLE_REFERENCE")
    for name in ("$hash", "$uuid", "$parse", "$partition", "$range"):
        stand_ins.pop(name)
    original = private(moto_jsonata, "encode_jsonata_variable_declarations")
    for module in list(sys.modules.values()):
        if getattr(module, "encode_jsonata_variable_declarations", None) is original:
            module.encode_jsonata_variable_declarations = declarations  # type: ignore[attr-defined]
