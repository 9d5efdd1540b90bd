"""Policies are judged twice: by the embedded cloud's engine and by a small one written from AWS's text."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

import pytest

from local.hooks.roles_requests import Request, needs
from tests.fakes.small_engine import Case, Statement, listed, small_engine
from tests.paths import ROOT

ROLE = "arn:aws:sts::000000000000:assumed-role/detect/ona-detect-dev"
MACHINE = "arn:aws:states:af-south-1:123456789012:stateMachine:ona-ooda-dev"


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


@pytest.mark.parametrize(
    ("action", "seen", "member", "arn", "asked"),
    [
        ("DescribeStateMachineAlias", "*", "stateMachineAliasArn", f"{MACHINE}:live", MACHINE),
        ("DescribeStateMachine", f"{MACHINE}:3", "stateMachineArn", f"{MACHINE}:3", MACHINE),
        ("ListStateMachines", "*", "maxResults", "5", "*"),
    ],
)
def test_a_workflows_version_and_alias_are_asked_for_by_the_workflow(
    action: str, seen: str, member: str, arn: str, asked: str
) -> None:
    """AWS Step Functions Developer Guide, "Authorization for versions and aliases"."""
    body = json.dumps({member: arn}).encode()
    request = Request("states", "/", {}, body, {}, "af-south-1", "123456789012")
    [need] = needs(f"states:{action}", seen, request, lambda *_: "")
    assert (need.action, need.resource) == (f"states:{action}", asked)
