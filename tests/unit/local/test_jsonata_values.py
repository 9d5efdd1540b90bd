"""Values of variables as data, beside the same values written into the expression, which jsonata parses."""

from __future__ import annotations

import json
from typing import Any

import jsonata
import moto.stepfunctions.parser.models  # noqa: F401 - before its parts
import pytest
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException

from local.hooks.jsonata import declarations, evaluate

DOCUMENT: dict[str, Any] = {
    "null": None, "none": [], "one": [1], "nested": [[1]], "deep": {"of": [{"g": 1}]}, "whole": 1.0,
    "text": 'a "b"\n😀 := ; $x', "nulls": [None, 1], "rows": [{"r": 1, "s": [1, 2]}, {"r": 2, "s": []}],
    "empty": {}, "half": -0.5, "yes": True,
}  # fmt: skip
VALUES = [DOCUMENT, None, [], [1], [[1]], "t", 3, {"null": [None]}, 'x;$n:=3;"']
EXPRESSIONS = [
    "$x", "$x.null", "$exists($x.null)", "$type($x.null)", "$exists($x.none)", "$count($x.none)", "$x.one",
    "$x.nested[0]", "$x.deep.of.g", "$x.deep.of", "$x.text", "$x.whole + 1", "$count($x.nulls)",
    "$x.rows.s", "$x.rows[r=2].s", "$map($x.one, function($v){$v + 1})", "$merge([$x.deep, {'n': 1}])", "$string($x)",
    "$append($x.one, 2)", "$boolean($x)", "$type($x)", "$x.**.g", "$x[0]", "$count($x)", "[$x.one]", "$n",
    "$x.half", "$x.empty", "{'a': $x.none, 'b': $x.null}", "$each($x.deep, function($v, $k){$k})", "$nope",
]  # fmt: skip


def parsed(text: str) -> Any:
    """What jsonata makes of an expression that holds the values as text."""
    return json.loads(json.dumps(jsonata.Jsonata.jsonata(text).evaluate(None)))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_value_means_the_same_as_data_and_as_text(expression: str) -> None:
    for value in VALUES:
        text = f"({declarations({'$x': value, '$n': 2})}{expression})"
        for _ in range(2):  # the second time it is not parsed again
            try:
                wanted = parsed(text)
            except jsonata.jexception.JException:
                with pytest.raises(JSONataException):
                    evaluate(text)
                continue
            assert json.dumps(evaluate(text)) == json.dumps(wanted)


def test_one_evaluation_leaves_nothing_to_the_next() -> None:
    text = "({}$b := $a + 1; $exists($c) ? $c : $b)"
    assert evaluate(text.format("$a:=1;$c:=9;")) == 9
    assert evaluate(text.format("$a:=1;")) == 2
    assert evaluate(text.format("$a:=5;")) == 6


def test_what_only_looks_like_a_declared_value_is_left_to_jsonata() -> None:
    assert evaluate("($n:=1+1;$n*2)") == 4
    assert evaluate("($f:=function($v){$v+1};$f(1))") == 2
    assert evaluate("$exists(($n:=null;$n))") is True
    with pytest.raises(JSONataException):
        evaluate("($n:=1;$n")
