"""State machines of an evaluated stack: definition with its substitutions, role, and surroundings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ops.conformance.findings import Finding
from ops.conformance.policy import ANY, Statement
from ops.conformance.rendered import ACCOUNT, REGION, Stack

MACHINE = "AWS::StepFunctions::StateMachine"
IAM = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/"
_MANAGED = {
    "AWSXrayWriteOnlyAccess": [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
    ]
}
"""Managed policies that our roles have, with what they allow on `*`."""


@dataclass(frozen=True)
class Role:
    """A role: who may take it, and its own statements; `managed` are those of AWS's policies."""

    arn: str
    trusted: list[str]
    statements: list[Statement]
    managed: list[Statement] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[Statement]:
        """Every statement."""
        return [*self.statements, *self.managed]


@dataclass(frozen=True)
class Machine:
    """A state machine as it would be created."""

    name: str
    arn: str
    definition: dict[str, Any]
    role: Role
    properties: dict[str, Any]
    stack: Stack
    problems: list[Finding] = field(default_factory=list)

    def resource(self, kind: str, reference: str) -> dict[str, Any] | None:
        """The resource of the same stack that an ARN or a name stands for."""
        for name, item in self.stack.resources.items():
            if item["Type"] == kind and reference in (
                self.stack.value({"Ref": name}),
                _arn(self.stack, name),
            ):
                return item
        return None

    def objects(self) -> Iterator[str]:
        """What may have started the machine: `<bucket>/<key>` of rules that name it or its alias."""
        for item in self.stack.resources.values():
            properties = item["Properties"]
            targets = properties.get("Targets", []) if item["Type"] == "AWS::Events::Rule" else []
            if any(f"{target.get('Arn')}:".startswith(f"{self.arn}:") for target in targets):
                detail = properties.get("EventPattern", {}).get("detail", {})
                for bucket in detail.get("bucket", {}).get("name", []):
                    for key in detail.get("object", {}).get("key", []):
                        text = key.get("wildcard", "*") if isinstance(key, dict) else key
                        yield f"{bucket}/{text.replace('*', ANY)}"

    @property
    def content(self) -> str:
        """The same content needs no second check."""
        own = [self.arn, self.definition, self.role.__dict__, self.properties]
        return json.dumps(own, sort_keys=True, default=str)


def _arn(stack: Stack, logical: str) -> str:
    return str(stack.value({"Fn::GetAtt": [logical, "Arn"]}))


def definition_of(properties: dict[str, Any]) -> dict[str, Any]:
    """The definition with its substitutions filled in. Raises ValueError when it is no JSON then."""
    text = properties.get("DefinitionString")
    if text is None:
        text = json.dumps(properties.get("Definition", {}))
    values = properties.get("DefinitionSubstitutions", {})
    filled = re.sub(r"\$\{(\w+)\}", lambda hole: str(values.get(hole[1], hole[0])), text)
    parsed: dict[str, Any] = json.loads(filled)
    return parsed


def roles(stack: Stack) -> dict[str, Role]:
    """The stack's roles by ARN, with policies that stand beside them."""
    found = {}
    for name, item in stack.resources.items():
        if item["Type"] != "AWS::IAM::Role":
            continue
        properties = item["Properties"]
        inline = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        inline += [
            other["Properties"]["PolicyDocument"]
            for other in stack.resources.values()
            if other["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            and stack.value({"Ref": name}) in other["Properties"].get("Roles", [])
        ]
        managed = [str(arn).rsplit("/", 1)[-1] for arn in properties.get("ManagedPolicyArns", [])]
        arn = _arn(stack, name)
        found[arn] = Role(
            arn,
            [
                service
                for statement in properties["AssumeRolePolicyDocument"]["Statement"]
                for service in _listed(statement.get("Principal", {}).get("Service", []))
            ],
            [statement for document in inline for statement in _statements(document)],
            [
                {"Effect": "Allow", "Action": _MANAGED[policy], "Resource": "*"}
                for policy in managed
                if policy in _MANAGED
            ],
            [policy for policy in managed if policy not in _MANAGED],
        )
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(document: dict[str, Any]) -> list[Statement]:
    return _listed(document.get("Statement", []))


def machines(stack: Stack) -> Iterator[Machine]:
    """The stack's state machines."""
    known = roles(stack)
    for logical, item in stack.resources.items():
        if item["Type"] != MACHINE:
            continue
        properties = {key: value for key, value in item["Properties"].items() if key != "DefinitionString"}
        name = str(properties.get("StateMachineName", logical))
        problems: list[Finding] = []
        try:
            definition = definition_of(item["Properties"])
        except ValueError as error:
            problems.append(Finding(name, "definition", f"is no JSON: {error}", MACHINE))
            definition = {}
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
        role = known.get(str(properties.get("RoleArn")))
        if role is None:
            problems.append(Finding(name, "role", "has no role of its stack", MACHINE))
            role = Role("", [], [])
        problems += [
            Finding(name, "role", f"the suite does not know the managed policy {policy}", IAM)
            for policy in role.unknown
        ]
        yield Machine(name, arn, definition, role, properties, stack, problems)
