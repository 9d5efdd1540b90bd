"""The templates as CloudFormation evaluates them, once for each combination of their conditions.

A parameter that a condition asks for takes each value that it is compared with and one other. What cannot
be known here (an id that AWS makes) is `policy.ANY` or a name made from the resource's own.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from local.packaging import Template, Unread, read_template, transform
from local.root_template import applications
from ops.conformance import physical
from ops.conformance.findings import Finding
from ops.conformance.policy import ANY

REGION, ACCOUNT = "af-south-1", "111122223333"
"""Where the templates are evaluated: our default region, and AWS's example account."""
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
CONDITIONS = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html"
)
_HOLE = re.compile(r"\$\{(!?)([\w.:]+)\}")
_NOTHING = object()


@dataclass
class Stack:
    """One template under one choice of parameters; `resources` holds what exists, evaluated."""

    name: str
    template: Template
    parameters: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    outer: dict[str, dict[str, Any]] = field(default_factory=dict)
    place: str = ""

    @cached_property
    def conditions(self) -> dict[str, bool]:
        """Each condition's value."""
        return {name: self._holds(node) for name, node in self.template.get("Conditions", {}).items()}

    def exists(self, logical: str) -> bool:
        """Whether a declared resource exists under this choice."""
        condition = self.template["Resources"][logical].get("Condition")
        return condition is None or self.conditions.get(condition, True)

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """What exists, with plain values."""
        evaluated = {}
        for name, item in self.template["Resources"].items():
            if self.exists(name):
                self.place = name
                evaluated[name] = {**item, "Properties": self.value(item.get("Properties", {}))}
        return evaluated

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The outputs that exist."""
        declared = self.template.get("Outputs", {})
        result = {}
        for name, item in declared.items():
            if self.conditions.get(item.get("Condition", ""), True):
                self.place = f"Outputs.{name}"
                result[name] = self.value(item["Value"])
        return result

    def _holds(self, node: Any) -> bool:
        [(kind, body)] = node.items()
        if kind == "Condition":
            return self._holds(self.template["Conditions"][body])
        if kind == "Fn::Not":
            return not self._holds(body[0])
        if kind in ("Fn::And", "Fn::Or"):
            held = [self._holds(item) for item in body]
            return all(held) if kind == "Fn::And" else any(held)
        if kind == "Fn::Equals":
            return bool(self.value(body[0]) == self.value(body[1]))
        return True

    def value(self, node: Any) -> Any:
        """A value with its functions evaluated; `AWS::NoValue` vanishes."""
        if isinstance(node, list):
            return [item for item in (self.value(x) for x in node) if item is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(kind, body)] = node.items()
            if kind == "Ref" or kind.startswith("Fn::"):
                return self._function(kind, body)
        pairs = ((key, self.value(item)) for key, item in node.items())
        return {key: item for key, item in pairs if item is not _NOTHING}

    def _function(self, kind: str, body: Any) -> Any:
        if kind == "Ref":
            return self._named(str(body))
        if kind == "Fn::GetAtt":
            return self._named(body if isinstance(body, str) else ".".join(str(part) for part in body))
        if kind == "Fn::If":
            return self.value(body[1] if self.conditions.get(body[0], True) else body[2])
        if kind == "Fn::Sub":
            text, own = (body, {}) if isinstance(body, str) else body
            given = {key: self.value(item) for key, item in own.items()}
            return _HOLE.sub(
                lambda hole: (
                    f"${{{hole[2]}}}" if hole[1] else str(given.get(hole[2]) or self._named(hole[2]))
                ),
                text,
            )
        if kind == "Fn::Join":
            return str(body[0]).join(str(item) for item in self.value(body[1]))
        if kind == "Fn::Split":
            return str(self.value(body[1])).split(body[0])
        if kind == "Fn::Select":
            chosen = self.value(body[1])
            known = isinstance(chosen, list) and int(body[0]) < len(chosen)
            return chosen[int(body[0])] if known else ANY
        return ANY

    def _named(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in PSEUDO:
            return self.parameters.get(name, PSEUDO[name])
        if name.startswith("AWS::"):
            return ANY
        if name in self.parameters:
            return self.parameters[name]
        logical, _, attribute = name.partition(".")
        if logical not in self.template["Resources"]:
            self._report(f"{name} is declared nowhere")
            return ANY
        if not self.exists(logical):
            condition = self.template["Resources"][logical]["Condition"]
            self._report(f"refers to {name}, which exists only if {condition}")
            return ANY
        if attribute.startswith("Outputs."):
            output = attribute.removeprefix("Outputs.")
            if output not in self.outer.get(logical, {}):
                self._report(f"reads output {output} of {logical}, which is not there")
            return self.outer.get(logical, {}).get(output, ANY)
        item = self.template["Resources"][logical]
        properties = {
            key: self.value(item.get("Properties", {}).get(key))
            for key in physical.NAMES.get(item["Type"], ())
        }
        region = str(self._named("AWS::Region"))
        return physical.named(
            item["Type"], f"{self.name}-{logical}", properties, attribute, region, ACCOUNT
        )

    def _report(self, text: str) -> None:
        self.findings.append(Finding(f"{self.name}/{self.place}", "absent resource", text, CONDITIONS))


@dataclass(frozen=True)
class Deployment:
    """All stacks under one choice of the root's parameters."""

    choice: dict[str, str]
    stacks: dict[str, Stack]

    @property
    def findings(self) -> list[Finding]:
        """What refers to what is not there."""
        for stack in self.stacks.values():
            _ = stack.resources, stack.outputs
        return [item for stack in self.stacks.values() for item in stack.findings]


def plain_templates(root: Path) -> dict[str, Template]:
    """Each stack's template after the SAM transform, definitions inlined, by its application's name."""
    packager = Unread()
    nested = applications(read_template(root), root.parent)
    return {
        name: transform(packager.package(item.template, item.path.parent), {"Release": "0" * 12}, REGION)
        for name, item in nested.items()
    }


ALONE = ("Alerting", "ApiCache", "MonthlyBudgetUsd", "Rollout", "TableBilling", "Tracing")
"""Parameters whose conditions meet no other condition in one resource: each is varied alone (ours)."""
ELSEWHERE = ("us-east-1", "eu-west-1", "ap-south-1")
"""Regions that have what ours lacks: one of each list of the root's conditions."""


def choices(root: Template, templates: dict[str, Template]) -> Iterator[dict[str, str]]:
    """Each combination of the values of those root parameters that a condition depends on.

    Those of `ALONE` take their other values in two combinations only: the first and the last of all others.
    """
    compared: dict[str, set[str]] = {}
    _compared(root.get("Conditions", {}), compared, {})
    for name, template in templates.items():
        given = root["Resources"][name].get("Properties", {}).get("Parameters", {})
        passed = {
            key: item["Ref"] for key, item in given.items() if isinstance(item, dict) and "Ref" in item
        }
        _compared(template.get("Conditions", {}), compared, passed)
    declared = root.get("Parameters", {})
    values = {}
    for parameter, literals in sorted(compared.items()):
        if parameter not in declared:
            continue  # the region; or what the root gives one stack and nobody chooses
        allowed = [str(item) for item in declared.get(parameter, {}).get("AllowedValues", [])]
        values[parameter] = allowed or [*sorted(literals), f"given-{parameter.lower()}"]
    alone = {name: values[name] for name in ALONE if name in values}
    first = {name: values.pop(name)[0] for name in ALONE if name in values}
    every = [dict(zip(values, found, strict=True)) for found in itertools.product(*values.values())]
    yield from ({**first, **found} for found in every)
    for found in (every[0], every[-1]):
        yield from ({**first, **found, name: value} for name in alone for value in alone[name][1:])


def _compared(node: Any, into: dict[str, set[str]], names: dict[str, str]) -> None:
    """Parameters and the literals that conditions compare them with; `names` are those of the root."""
    if isinstance(node, dict):
        sides: list[Any] = node.get("Fn::Equals") or []
        for side, other in ((0, 1), (1, 0)) if sides else ():
            if isinstance(sides[side], dict) and "Ref" in sides[side] and isinstance(sides[other], str):
                parameter = sides[side]["Ref"]
                into.setdefault(names.get(parameter, parameter), set()).add(sides[other])
        for item in node.values():
            _compared(item, into, names)
    elif isinstance(node, list):
        for item in node:
            _compared(item, into, names)


def deployments(root_path: Path, templates: dict[str, Template] | None = None) -> Iterator[Deployment]:
    """The platform in our region under every combination of its conditions."""
    root = read_template(root_path)
    plain = templates if templates is not None else plain_templates(root_path)
    yield from _deployments(root, plain, choices(root, plain))


def elsewhere(root_path: Path, templates: dict[str, Template] | None = None) -> Iterator[Deployment]:
    """The platform in each region of `ELSEWHERE`, with all that its conditions make there."""
    root = read_template(root_path)
    plain = templates if templates is not None else plain_templates(root_path)
    seen: dict[str, dict[str, None]] = {}
    for choice in choices(root, plain):
        for key, value in choice.items():
            seen.setdefault(key, {})[value] = None
    last = {key: list(values)[-1] for key, values in seen.items()}
    yield from _deployments(root, plain, ({**last, "AWS::Region": region} for region in ELSEWHERE))


def _deployments(
    root: Template, plain: dict[str, Template], chosen: Iterable[dict[str, str]]
) -> Iterator[Deployment]:
    defaults = {name: str(item.get("Default", "")) for name, item in root.get("Parameters", {}).items()}
    known: dict[str, Stack] = {}  # the same template with the same parameters is evaluated once
    for choice in chosen:
        outputs: dict[str, dict[str, Any]] = {}
        whole = Stack("root", root, {**defaults, **choice}, outer=outputs)
        stacks = {"root": whole}
        for name, template in plain.items():
            if not whole.exists(name):
                continue
            whole.place = name
            given = whole.value(root["Resources"][name].get("Properties", {}).get("Parameters", {}))
            own = {key: item.get("Default", "") for key, item in template.get("Parameters", {}).items()}
            region = {key: value for key, value in choice.items() if key in PSEUDO}
            parameters = {**own, **given, **region}
            key = json.dumps([name, parameters], sort_keys=True)
            stacks[name] = known.setdefault(key, Stack(name, template, parameters))
            outputs[name] = stacks[name].outputs
        yield Deployment(choice, stacks)
