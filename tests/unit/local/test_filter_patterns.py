"""Filter patterns of CloudWatch Logs: the examples that AWS's guide gives, and lines beside them.

Amazon CloudWatch Logs User Guide: "Filter pattern syntax", "Supported regular expressions", "Using filter
patterns to match terms in unstructured log events" and "… in JSON log events".
"""

from __future__ import annotations

import json

import pytest

from local.hooks.filter_patterns import BadPattern
from local.hooks.log_searches import means

BAD, UNAUTHORIZED = "[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED REQUEST"
MISSING, INVALID = "[ERROR 419] MISSING ARGUMENTS", "[ERROR 420] INVALID ARGUMENTS"
INTERNAL, GRANTED = "[ERROR 500] INTERNAL SERVER ERROR", "[SUCCESS 200] AUTHORIZED REQUEST"
LINES = (BAD, UNAUTHORIZED, MISSING, INVALID, INTERNAL, GRANTED, "[error 400] bad request")
EVENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "cluster.name": "c",
        "bandwidth": 75,
        "latency": 0.5,
        "ThisFlag": True,
    }
)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("", LINES),
        ("ERROR", (BAD, UNAUTHORIZED, MISSING, INVALID, INTERNAL)),
        ("error", ("[error 400] bad request",)),
        ("ERROR ARGUMENTS", (MISSING, INVALID)),
        ("?ERROR ?ARGUMENTS", (BAD, UNAUTHORIZED, MISSING, INVALID, INTERNAL)),
        ("ERROR -ARGUMENTS", (BAD, UNAUTHORIZED, INTERNAL)),
        ('"INTERNAL SERVER ERROR"', (INTERNAL,)),
        ('"[ERROR 4"', (BAD, UNAUTHORIZED, MISSING, INVALID)),
        ("%AUTHORIZED%", (UNAUTHORIZED, GRANTED)),
        (r"%ERROR\s4[01][0-9]\]%", (BAD, UNAUTHORIZED, MISSING)),
        (r"%^\[SUC%", (GRANTED,)),
    ],
)
def test_terms_mean_lines(pattern: str, meant: tuple[str, ...]) -> None:
    assert tuple(line for line in LINES if means(pattern)(line)) == meant


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ('{ $.eventType = "updatetrail" }', False),
        ('{ $.eventType = "Update*" }', True),
        ('{ $.eventType = "[U]pdateTrail" }', False),
        ('{ $.eventType = "?pdateTrail" }', False),
        ("{ $.eventType = %Trail% }", True),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress != 111.111.* }", False),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.objectList[1].id = 1 }", False),
        ('{ $.["cluster.name"] = "c" }', True),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.eventType IS NULL }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.bandwidth > 75 }", False),
        ("{ $.bandwidth >= 75 }", True),
        ("{ $.bandwidth = 7.5e1 }", True),
        ("{ $.latency < 1 }", True),
        ('{ $.latency = "*" }', True),
        ('{ $.nothing = "*" }', False),
        ('{ ($.bandwidth = 75) && ($.eventType = "x") }', False),
        ('{ ($.bandwidth = 75) || ($.eventType = "x") }', True),
        ('{ $.bandwidth = 75 && ($.latency = 9 || $.eventType = "Up*") }', True),
    ],
)
def test_a_json_pattern_means_a_document(pattern: str, meant: bool) -> None:
    assert means(pattern)(EVENT) is meant
    assert not means(pattern)("eventType = UpdateTrail"), "a line that is no JSON is never meant"


@pytest.mark.parametrize(
    "pattern",
    [
        "%something!%", "%(AUTH|UN)%", "%größe%", "%a b%", "{ $.a = %a% || $.b = %b% || $.c = %c% }",
        "{ $.a = }", "{ $.a = 1", "{ a = 1 }", "x" * 1025,
    ],
)  # fmt: skip
def test_what_aws_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        means(pattern)
