"""What a check found, and the walk over a definition's states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg/"
"""Where most sources are: the developer guide of AWS Step Functions."""

State = dict[str, Any]
"""One state, as the definition has it."""


@dataclass(frozen=True)
class Finding:
    """Something that AWS refuses, or that can never work; `source` is the page that says so."""

    where: str
    rule: str
    text: str
    source: str

    def __str__(self) -> str:
        return f"{self.where}: [{self.rule}] {self.text} ({self.source})"


@dataclass(frozen=True)
class Scope:
    """A `States` object: the machine's own, or that of a map or a branch."""

    path: str
    states: dict[str, State]
    start: str
    outer: Scope | None = None
    distributed: bool = False
    owner: State = field(default_factory=dict)


def scopes(definition: dict[str, Any], path: str = "", outer: Scope | None = None) -> Iterator[Scope]:
    """The machine's scope, then those inside it, at every depth."""
    scope = Scope(path, definition.get("States", {}), str(definition.get("StartAt", "")), outer)
    yield from _inside(scope)


def _inside(scope: Scope) -> Iterator[Scope]:
    yield scope
    for name, state in scope.states.items():
        below = [("ItemProcessor", state.get("ItemProcessor") or state.get("Iterator"))]
        below += [(f"Branches[{i}]", branch) for i, branch in enumerate(state.get("Branches") or [])]
        for label, part in below:
            if isinstance(part, dict):
                mode = part.get("ProcessorConfig", {}).get("Mode")
                yield from _inside(
                    Scope(
                        f"{scope.path}{name}/",
                        part.get("States", {}),
                        str(part.get("StartAt", "")),
                        scope,
                        label == "ItemProcessor" and mode == "DISTRIBUTED",
                        state,
                    )
                )


def states(definition: dict[str, Any]) -> Iterator[tuple[str, State, Scope]]:
    """Every state with its path and scope."""
    for scope in scopes(definition):
        for name, state in scope.states.items():
            yield f"{scope.path}{name}", state, scope
