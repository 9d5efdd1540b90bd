"""What is deployed, as contract tests read it: the root, the stacks, their resources, the workflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.packaging import read_template
from ops import asl
from tests.paths import ROOT

ROOT_TEMPLATE = read_template(ROOT / "template.yaml")
STACKS = {path.stem: read_template(path) for path in sorted((ROOT / "stacks").glob("*.yaml"))}
RESOURCES: dict[str, dict[str, Any]] = {
    name: item for stack in STACKS.values() for name, item in stack["Resources"].items()
}
"""Every stack's resources; no two stacks have the same name (test_stacks.py)."""
WORKFLOWS = asl.sources()


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by name."""
    return {name: item for name, item in RESOURCES.items() if item["Type"] == kind}


def functions() -> dict[str, dict[str, Any]]:
    """Every function's properties, with what its stack's Globals give to all."""
    return {
        name: {**stack["Globals"]["Function"], **item["Properties"]}
        for stack in STACKS.values()
        for name, item in stack["Resources"].items()
        if item["Type"] == "AWS::Serverless::Function"
    }


def definition(path: Any) -> Any:
    """A workflow's definition, with the shared retries in their places."""
    return asl.expanded(path)


def states(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state at every depth, by name."""
    if isinstance(node, dict):
        yield from (node.get("States") or {}).items()
        for value in node.values():
            yield from states(value)
    elif isinstance(node, list):
        for value in node:
            yield from states(value)


ALL_STATES = [(path.name, name, state) for path in WORKFLOWS for name, state in states(definition(path))]
TASKS = [item for item in ALL_STATES if item[2]["Type"] == "Task"]


def state_machines() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each state machine's definition file and properties."""
    for name, stack in STACKS.items():
        for item in stack["Resources"].values():
            if item["Type"] == "AWS::Serverless::StateMachine":
                where = (ROOT / "stacks" / f"{name}.yaml").parent / item["Properties"]["DefinitionUri"]
                yield where.resolve(), item["Properties"]
