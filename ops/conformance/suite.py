"""The whole suite over the platform: every machine, under every combination of conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.packaging import Template
from ops.conformance import (
    authorization,
    buses,
    capacity,
    creation,
    endings,
    errors,
    expressions,
    maps,
    physical,
    rendered,
    structure,
    tasks,
)
from ops.conformance.findings import GUIDE, Finding
from ops.conformance.machines import Machine, machines, roles
from ops.conformance.policy import Need, allows, grants, listed, uses

LEAST = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
ARNS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"


def needs(machine: Machine) -> list[Need]:
    """All that definition and settings demand of the role."""
    return [*tasks.needs(machine), *maps.needs(machine), *creation.needs(machine)]


def check_definition(definition: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with a definition, whoever runs it."""
    yield from structure.check(definition)
    yield from errors.check(definition)
    yield from expressions.check(definition)


def check_role(machine: Machine) -> Iterator[Finding]:
    """What the role lacks, what it allows for nothing, and ARNs that name nothing."""
    wanted = needs(machine)
    for need in wanted:
        if not allows(machine.role.all, need.action, need.resource):
            on = "any resource" if need.resource is None else need.resource.replace("\ue000", "…")
            yield Finding(need.where, "role", f"needs {need.action} on {on}: {need.why}", need.source)
    for statement in machine.role.statements:
        for action, resource in grants(statement):
            if not any(uses((action, resource), need) for need in wanted):
                text = f"allows {action} on {resource}, which nothing in the definition needs"
                yield Finding("/", "least privilege", text, LEAST)


def check_stack(stack: rendered.Stack) -> Iterator[Finding]:
    """Every role of a stack, that of functions too: resources that name nothing; and empty names."""
    yield from buses.check_stack(stack)
    yield from capacity.check_stack(stack)
    for name, item in stack.resources.items():
        where = f"{stack.name}/{name}"
        for key in physical.NAMES.get(item["Type"], ()):
            if item["Properties"].get(key) == "":
                yield Finding(where, "empty name", f"{key} is empty", ARNS)
    for arn, role in roles(stack).items():
        for statement in role.statements:
            for resource in listed(statement.get("Resource", [])):
                if resource != "*" and (not resource.startswith("arn:") or resource.endswith((":", "/"))):
                    text = f"{resource!r} in {statement.get('Sid')} is no ARN"
                    yield Finding(arn.rsplit("/", 1)[-1], "role", text, ARNS)
            for action, resource in grants(statement):
                if problem := authorization.problem(action, resource):
                    where = arn.rsplit("/", 1)[-1]
                    yield Finding(where, "authorization", problem, authorization.REFERENCE)


def check_machine(machine: Machine) -> list[Finding]:
    """Everything about one machine."""
    found = [
        *machine.problems,
        *check_definition(machine.definition),
        *tasks.check(machine),
        *maps.check(machine),
        *creation.check(machine),
        *endings.check(machine),
        *buses.check_machine(machine),
        *check_role(machine),
    ]
    return [
        Finding(f"{machine.name}{'' if item.where.startswith('/') else '/'}{item.where}", *_rest(item))
        for item in found
    ]


def _rest(item: Finding) -> tuple[str, str, str]:
    return item.rule, item.text, item.source


def check(root: Path, templates: dict[str, Template] | None = None) -> list[Finding]:
    """Every finding of a platform, each once, with the choice of parameters under which it shows first."""
    found: dict[tuple[str, ...], Finding] = {}
    checked: set[str] = set()
    walked: dict[int, rendered.Stack] = {}  # kept, so that no id is given twice
    number = 0
    ours: set[str] = set()
    templates = rendered.plain_templates(root) if templates is None else templates
    for deployment in rendered.deployments(root, templates):
        ours |= deployment.stacks.keys()
        chosen = ", ".join(f"{key}={value!r}" for key, value in deployment.choice.items())
        fresh = list(deployment.findings)
        for stack in deployment.stacks.values():
            if id(stack) in walked:
                continue
            walked[id(stack)] = stack
            fresh += check_stack(stack)
            for machine in machines(stack):
                number += 1
                if machine.content not in checked:
                    checked.add(machine.content)
                    fresh += check_machine(machine)
        for item in fresh:
            key = tuple(_without(text, deployment.choice) for text in (item.where, item.rule, item.text))
            found.setdefault(
                key, Finding(item.where, item.rule, f"{item.text} [with {chosen}]", item.source)
            )
    for deployment in rendered.elsewhere(root, templates):  # stacks that are made in other regions only
        for stack in (item for name, item in deployment.stacks.items() if name not in ours):
            _ = stack.resources, stack.outputs
            for item in (*stack.findings, *check_stack(stack)):
                found.setdefault((item.where, item.rule, item.text), item)
    if number == 0:
        return [Finding("/", "suite", "no state machine was found, so nothing was checked", GUIDE)]
    return list(found.values())


def _without(text: str, choice: dict[str, str]) -> str:
    """A text without the chosen values, so that one fault in three environments is one finding.

    >>> _without("ona-ooda-prod/Detect", {"Environment": "prod", "AlertEmail": ""})
    'ona-ooda-*/Detect'
    """
    for value in choice.values():
        text = re.sub(rf"\b{re.escape(value)}\b", "*", text) if value else text
    return text
