"""JSONata: expressions give what Step Functions gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.lab import Lab

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$states.input.a + 1", 3),
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$hash('x', 'SHA-256')", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("$parse('{\"z\": [1]}').z[0]", 1),
        ("$count($states.input.rows[kind='b'])", 1),
        ("$substring('abcdef', 1, 3)", "bcd"),
        ("$encodeUrlComponent('a b/ü')", "a%20b%2F%C3%BC"),
        ("$exists($states.input.nothing)", False),
        ("$text", 'quote " and \\ backslash\nnew line {% x %} é'),
    ],
)
def test_jsonata_expressions(lab: Lab, expression: str, expected: Any) -> None:
    given = {"a": 2, "rows": [{"kind": "a"}, {"kind": "b"}]}
    text = 'quote " and \\ backslash\nnew line {% x %} é'
    assign = {"text": "{% $states.input.text %}"}
    got = lab.jsonata({"v": "{% " + expression + " %}"}, {**given, "text": text}, assign)
    assert got == {"v": expected}


def test_an_undefined_result_fails_by_name(lab: Lab) -> None:
    done = lab.jsonata({"v": "{% $states.input.nothing.at.all %}"})
    assert (done["status"], done["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_uuid_and_random_vary(lab: Lab) -> None:
    got = lab.jsonata({"a": "{% $uuid() %}", "b": "{% $uuid() %}", "r": "{% $random() %}"})
    assert got["a"] != got["b"]
    assert 0 <= got["r"] < 1
