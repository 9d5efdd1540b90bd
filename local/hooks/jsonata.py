"""JSONata: moto parses it and leaves the evaluator unset; jsonata-python evaluates.

- Step Functions' own functions ($partition, $range, $hash, $random, $uuid, $parse) are those of ministack,
  which tests them; moto's textual stand-ins for them are removed.
- Values of variables are written as JSON: moto does not escape quotes and line ends in strings. Other
  characters stand as they are: jsonata-python reads an escaped pair (an emoji's) as two halves, which no
  function takes.

>>> declarations({"$sites": ["karoo", "kalahari"], "$n": 2})
'$sites:=["karoo", "kalahari"];$n:=2;'
"""

from __future__ import annotations

import json
import sys
from typing import Any

from local.hooks.base import private, replace

_TIMEOUT_MS = 10_000
"""How long an expression may take (ours): AWS allows a second, on faster machines."""


def evaluate(expression: str) -> Any:
    """Evaluate one expression as Step Functions would. Raises moto's JSONataException."""
    import jsonata as engine
    from ministack.services import stepfunctions
    from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata

    try:
        compiled = engine.Jsonata.jsonata(expression, timeout=_TIMEOUT_MS)
        private(stepfunctions, "_register_sfn_jsonata_functions")(compiled)
        return json.loads(json.dumps(compiled.evaluate(None)))
    except Exception as error:
        code = getattr(error, "error", None)
        text = f"{code}: {error}" if isinstance(code, str) and code else str(error)
        raise moto_jsonata.JSONataException("States.QueryEvaluationError", text) from error


def declarations(bindings: dict[str, Any]) -> str:
    """Variables as JSONata that defines them, `$name:=<JSON>;` each."""
    return "".join(
        f"{name}:={json.dumps(value, default=str, ensure_ascii=False)};" for name, value in bindings.items()
    )


def install() -> None:
    """Apply the hooks."""
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
