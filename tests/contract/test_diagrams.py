"""The diagrams of the workflows in docs/diagrams/ are those that `make diagrams` writes today."""

from __future__ import annotations

import re
from pathlib import Path

from ops import asl
from scripts import diagrams


def test_every_workflow_has_its_diagram_and_none_is_stale_missing_or_extra() -> None:
    assert diagrams.problems() == [], "run `make diagrams`"


def test_a_stale_a_missing_and_an_extra_page_are_named(tmp_path: Path) -> None:
    names = sorted(diagrams.pages())
    for name, text in diagrams.pages().items():
        (tmp_path / name).write_text(text)
    assert diagrams.problems(tmp_path) == []
    (tmp_path / names[0]).unlink()
    (tmp_path / names[1]).write_text("drawn by hand")
    (tmp_path / "gone.md").write_text("")
    assert diagrams.problems(tmp_path) == [
        f"{names[0]} is missing",
        "gone.md is extra: no workflow has this name",
        f"{names[1]} is stale",
    ]


def test_every_state_and_every_way_of_an_error_is_in_the_diagram() -> None:
    for path in asl.sources():
        text = diagrams.diagram(asl.expanded(path))
        for name, state in states(asl.expanded(path)):
            assert re.search(rf"\n *(subgraph )?{name}\W", text), name
            targets = [target for target, _ in diagrams.transitions(state)]
            for target in [*targets, *(rule["Next"] for rule in state.get("Catch", []))]:
                assert re.search(rf"\n *(errors_)?\w+.* {target}\n", text), (name, target)


def states(workflow: diagrams.Json) -> list[tuple[str, diagrams.Json]]:
    """All states of a workflow, at every depth."""
    pairs = list(workflow["States"].items())
    for state in workflow["States"].values():
        if "ItemProcessor" in state:
            pairs += states(state["ItemProcessor"])
    return pairs
