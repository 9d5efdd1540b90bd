"""Policies are judged twice: by the embedded cloud's engine and by a small one written from AWS's text.

Source of the small one: AWS Identity and Access Management user guide, "Policy evaluation logic", "IAM JSON
policy elements: Action, NotAction, Resource, NotResource, Condition operators", "Conditions with multiple
context keys or values". It shares no code with ministack.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

import pytest

from tests.paths import ROOT

Statement = dict[str, Any]
Case = dict[str, Any]
ROLE = "arn:aws:sts::000000000000:assumed-role/detect/ona-detect-dev"


# ------------------------------------------------------------------ the small engine


def wild(text: str, pattern: str) -> bool:
    """`*` is any run of characters, `?` one character."""
    reachable = {0}
    for letter in pattern:
        if letter == "*":
            reachable = set(range(min(reachable, default=len(text) + 1), len(text) + 1))
        else:
            reachable = {i + 1 for i in reachable if i < len(text) and letter in ("?", text[i])}
    return len(text) in reachable


def arn_wild(text: str, pattern: str) -> bool:
    parts, wanted = text.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(wanted) and all(wild(a, b) for a, b in zip(parts, wanted, strict=True))


OPERATORS: dict[str, Any] = {
    "StringEquals": lambda a, b: a == b,
    "StringLike": wild,
    "StringEqualsIgnoreCase": lambda a, b: a.lower() == b.lower(),
    "ArnLike": arn_wild,
    "ArnEquals": arn_wild,
    "Bool": lambda a, b: a.lower() == b.lower(),
    "NumericLessThan": lambda a, b: float(a) < float(b),
}
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotLike": "ArnLike"}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def condition_holds(operator: str, wanted: list[str], actual: Any) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted[0] == "true")
    quantifier, _, operator = operator.rpartition(":")
    base = operator.removesuffix("IfExists")
    if actual is None:
        return operator != base or quantifier == "ForAllValues" or (base in NEGATED and not quantifier)
    compare = OPERATORS[NEGATED.get(base, base)]

    def one(value: str) -> bool:
        hit = any(compare(value, item) for item in wanted)
        return not hit if base in NEGATED else hit

    if quantifier == "ForAllValues":
        return all(one(item) for item in listed(actual))
    if quantifier == "ForAnyValue":
        return any(one(item) for item in listed(actual))
    return one(actual)


def applies(statement: Statement, case: Case) -> bool:
    def hit(name: str, value: str, lower: bool) -> bool:
        patterns = listed(statement[name])
        return any(wild(value.lower(), p.lower()) if lower else wild(value, p) for p in patterns)

    action, resource = case["action"], case["resource"]
    if not (hit("Action", action, True) if "Action" in statement else not hit("NotAction", action, True)):
        return False
    if not (
        hit("Resource", resource, False)
        if "Resource" in statement
        else not hit("NotResource", resource, False)
    ):
        return False
    return all(
        condition_holds(operator, listed(wanted), case["context"].get(key))
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def small_engine(case: Case) -> str:
    """In one account an Allow of either policy is enough; a Deny of either wins."""
    statements = [s for s in case["identity"]["Statement"] if applies(s, case)]
    for statement in (case.get("resource_policy") or {"Statement": []})["Statement"]:
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        named = principal == "*" or ROLE in listed(principal.get("AWS", []))
        if named == ("Principal" in statement) and applies(statement, case):
            statements.append(statement)
    effects = {statement["Effect"] for statement in statements}
    return "Deny" if "Deny" in effects or "Allow" not in effects else "Allow"


def engine(cases: list[Case], *options: str) -> list[str]:
    """What the embedded cloud decides."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.fakes.judge", *options],
        input="\n".join(json.dumps(case) for case in cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    )
    return done.stdout.split()


# ------------------------------------------------------------------ cases by hand


def case(
    statements: Statement | list[Statement],
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::b/a/k.csv",
    resource_policy: Statement | None = None,
    **context: Any,
) -> Case:
    shared = {"Version": "2012-10-17", "Statement": [resource_policy]} if resource_policy else None
    return {
        "identity": {"Version": "2012-10-17", "Statement": listed(statements)},
        "resource_policy": shared,
        "action": action,
        "resource": resource,
        "principal": ROLE,
        "context": {name.replace("__", ":").replace("_", "-"): value for name, value in context.items()},
    }


def allow(action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/*", **more: Any) -> Statement:
    return {**allow(action, resource, **more), "Effect": "Deny"}


RULE = "arn:aws:events:af-south-1:000000000000:rule/r"
EVERYBODY = allow("s3:*", "*")
BY_HAND: dict[str, tuple[Case, str]] = {
    "nothing allows": (case([]), "Deny"),
    "allowed": (case(allow()), "Allow"),
    "a deny wins": (case([allow(), deny()]), "Deny"),
    "a deny aside": (case([allow(), deny(resource="arn:aws:s3:::b/z/*")]), "Allow"),
    "action in other case": (case(allow("S3:getobject")), "Allow"),
    "resource in other case": (case(allow(resource="arn:aws:s3:::b/A/*")), "Deny"),
    "question mark is one letter": (case(allow(resource="arn:aws:s3:::b/?/k.csv")), "Allow"),
    "question mark is not two": (case(allow(resource="arn:aws:s3:::b/?k.csv")), "Deny"),
    "a dot is a dot": (case(allow(resource="arn:aws:s3:::b/a/k?csv")), "Allow"),
    "a bucket is not its objects": (case(allow(resource="arn:aws:s3:::b")), "Deny"),
    "objects are not their bucket": (case(allow("s3:*"), "s3:ListBucket", "arn:aws:s3:::b"), "Deny"),
    "a bucket that begins alike": (case(allow(), resource="arn:aws:s3:::bb/a"), "Deny"),
    "no resource type, one named": (
        case(allow("s3:ListAllMyBuckets", "arn:aws:s3:::*"), "s3:ListAllMyBuckets", "*"),
        "Deny",
    ),
    "no resource type, all": (case(allow("s3:ListAllMyBuckets", "*"), "s3:ListAllMyBuckets", "*"), "Allow"),
    "allow all but": (
        case({"Effect": "Allow", "NotAction": "s3:Delete*", "Resource": "*"}, "s3:DeleteObject"),
        "Deny",
    ),
    "allow all but, another": (
        case({"Effect": "Allow", "NotAction": "s3:Delete*", "Resource": "*"}),
        "Allow",
    ),
    "deny all but": (
        case([EVERYBODY, {"Effect": "Deny", "NotAction": "s3:List*", "Resource": "*"}]),
        "Deny",
    ),
    "not resource": (
        case({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/a/*"}),
        "Deny",
    ),
    "a key that is absent": (case(allow(Condition={"StringEquals": {"s3:prefix": "a"}})), "Deny"),
    "absent, negated": (case(allow(Condition={"StringNotEquals": {"s3:prefix": "a"}})), "Allow"),
    "absent, if exists": (case(allow(Condition={"StringEqualsIfExists": {"s3:prefix": "a"}})), "Allow"),
    "for all of none": (
        case(allow(Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}})),
        "Allow",
    ),
    "for all": (
        case(
            allow(Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}}),
            dynamodb__LeadingKeys=["a", "b"],
        ),
        "Deny",
    ),
    "an ARN, part by part": (
        case(
            allow(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}}),
            aws__SourceArn=RULE,
        ),
        "Allow",
    ),
    "a star does not pass a colon": (
        case(
            allow(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:events:*:rule/*"}}), aws__SourceArn=RULE
        ),
        "Deny",
    ),
    "a variable": (
        case(allow(resource="arn:aws:s3:::b/${s3:prefix}/*"), s3__prefix="a"),
        "Allow",
    ),
    "a variable of another": (
        case(allow(resource="arn:aws:s3:::b/${s3:prefix}/*"), s3__prefix="z"),
        "Deny",
    ),
    "a variable without value": (case(allow(resource="arn:aws:s3:::b/${s3:prefix}*")), "Deny"),
    "deny by a variable": (
        case([allow(), deny(resource="arn:aws:s3:::b/${s3:prefix}/*")], s3__prefix="a"),
        "Deny",
    ),
    "the resource's policy allows": (
        case([], resource_policy={**allow(), "Principal": {"AWS": ROLE}}),
        "Allow",
    ),
    "the resource's policy denies": (case(allow(), resource_policy={**deny(), "Principal": "*"}), "Deny"),
    "denied to all but me": (
        case(allow(), resource_policy={**deny(), "NotPrincipal": {"AWS": ROLE}}),
        "Allow",
    ),
    "denied to all but another": (
        case(allow(), resource_policy={**deny(), "NotPrincipal": {"AWS": f"{ROLE}x"}}),
        "Deny",
    ),
    "tls demanded": (
        case(
            allow(),
            resource_policy={
                **deny("s3:*", "*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
                "Principal": "*",
            },
        ),
        "Allow",
    ),
}
MENDED = {
    "a star does not pass a colon",
    "a variable",
    "deny by a variable",
    "denied to all but another",
    "tls demanded",
}
"""Cases that ministack decides otherwise, without our hooks."""


def test_every_documented_case_is_decided_as_aws_does() -> None:
    decided = engine([given for given, _ in BY_HAND.values()])
    expected = {name: decision for name, (_, decision) in BY_HAND.items()}
    assert dict(zip(BY_HAND, decided, strict=True)) == expected


def test_the_small_engine_knows_the_documented_cases() -> None:
    """Except variables and the transport, which it has not."""
    for name, (given, decision) in BY_HAND.items():
        if "${" not in json.dumps(given):
            given["context"].setdefault("aws:SecureTransport", "true")
            assert small_engine(given) == decision, name


def test_each_mend_of_ministack_is_needed() -> None:
    """When this fails, an upgrade of ministack decides as AWS does: take the mend out."""
    decided = engine([BY_HAND[name][0] for name in sorted(MENDED)], "--as-it-comes")
    right = [
        name for name, decision in zip(sorted(MENDED), decided, strict=True) if decision == BY_HAND[name][1]
    ]
    assert not right


# ------------------------------------------------------------------ cases by chance


ACTIONS = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutObject",
    "dynamodb:GetItem",
    "lambda:InvokeFunction",
]
ACTION_PATTERNS = [*ACTIONS, "s3:Get*", "S3:*", "*", "dynamodb:?etItem", "lambda:invoke*", "s3:GetObject?"]
RESOURCES = [
    "arn:aws:s3:::b/a/k.csv",
    "arn:aws:s3:::b",
    "arn:aws:dynamodb:af-south-1:000000000000:table/t",
    "arn:aws:dynamodb:af-south-1:000000000000:table/t/index/i",
    "arn:aws:lambda:af-south-1:000000000000:function:f:live",
    "*",
]
RESOURCE_PATTERNS = [
    *RESOURCES,
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::?/a/*",
    "arn:aws:dynamodb:*:*:table/*",
    "arn:aws:lambda:af-south-1:000000000000:function:f",
    "arn:aws:lambda:*:function:?",
    "arn:aws:S3:::b/*",
]
KEYS: dict[str, list[Any]] = {
    "cloudwatch:namespace": ["Ona", "ona", "Other"],
    "dynamodb:LeadingKeys": [["a"], ["a", "b"], ["c"]],
    "aws:SourceArn": [RULE, "arn:aws:s3:::b"],
    "iam:PassedToService": ["states.amazonaws.com", "events.amazonaws.com"],
}
CONDITIONS: list[dict[str, Any]] = [
    {"StringEquals": {"cloudwatch:namespace": ["Ona", "Else"]}},
    {"StringNotEquals": {"cloudwatch:namespace": "Ona"}},
    {"StringLike": {"cloudwatch:namespace": "O*"}},
    {"StringEqualsIgnoreCase": {"cloudwatch:namespace": "ONA"}},
    {"StringEqualsIfExists": {"cloudwatch:namespace": "Ona"}},
    {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a", "c"]}},
    {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["b*"]}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}},
    {"ArnNotLike": {"aws:SourceArn": "arn:aws:events:*:rule/*"}},
    {"Null": {"aws:SourceArn": "true"}},
    {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}, "Null": {"aws:SourceArn": "false"}},
]


def by_chance(seed: int, count: int) -> list[Case]:
    chance = random.Random(seed)

    def statement() -> Statement:
        made: Statement = {"Effect": chance.choices(["Allow", "Deny"], [4, 1])[0]}
        for name, patterns in (("Action", ACTION_PATTERNS), ("Resource", RESOURCE_PATTERNS)):
            prefix = "Not" if chance.random() < 0.15 else ""
            made[prefix + name] = chance.sample(patterns, chance.randint(1, 3))
        if chance.random() < 0.4:
            made["Condition"] = chance.choice(CONDITIONS)
        return made

    made = []
    for _ in range(count):
        shared = None
        if chance.random() < 0.3:
            whom = chance.choice(["*", {"AWS": ROLE}, {"AWS": f"{ROLE}x"}])
            shared = {"Statement": [{**statement(), "Principal": whom}]}
        made.append(
            {
                "identity": {"Statement": [statement() for _ in range(chance.randint(0, 3))]},
                "resource_policy": shared,
                "action": chance.choice(ACTIONS),
                "resource": chance.choice(RESOURCES),
                "principal": ROLE,
                "context": {key: chance.choice(v) for key, v in KEYS.items() if chance.random() < 0.6},
            }
        )
    return made


@pytest.mark.parametrize("seed", range(2))
def test_two_engines_decide_alike(seed: int) -> None:
    cases = by_chance(seed, 2000)
    here = engine(cases)
    differing = [
        (given, decided, own)
        for given, decided in zip(cases, here, strict=True)
        if decided != (own := small_engine(given))
    ]
    assert not differing, differing[:2]
    assert 200 < here.count("Allow") < 1800, "both decisions occur"
