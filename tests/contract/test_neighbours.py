"""Releases that are neighbours understand each other: while one is deployed, both work on one execution.

An execution keeps its definition, but its next step may run the new version of a function, and in a canary
the one after that the old version again. So a new release takes what the old one writes, and the other way
round. What payloads were in the last release stands in `data/payloads.json`; after a release
`python -m tests.contract.test_neighbours` writes it anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecasting import payloads as forecasting
from ona.documents.base import Document
from ooda import payloads as ooda
from ops import asl

FILE = Path(__file__).parent / "data" / "payloads.json"
Shape = dict[str, list[str]]


def shapes() -> dict[str, Shape]:
    """What each payload between steps may have and must have, by family and model."""
    return {
        f"{module.__name__.split('.')[0]}.{name}": {
            "may": sorted(field.alias or key for key, field in model.model_fields.items()),
            "must": sorted(key for key, field in model.model_fields.items() if field.is_required()),
        }
        for module in (ooda, forecasting)
        for name, model in sorted(vars(module).items())
        if isinstance(model, type) and issubclass(model, Document) and re.search("(Request|Result)$", name)
    }


def problems(before: Shape, after: Shape, workflows: str) -> Iterator[str]:
    """Why two releases of a payload cannot work side by side."""
    for name in sorted(set(before["may"]) - set(after["may"])):
        yield f"{name} is gone: the old step still writes it, and an unknown field is refused"
    for name in sorted(set(after["must"]) - set(before["must"])):
        yield f"{name} must be there: the old step does not always write it"
    for name in sorted(set(after["may"]) - set(before["may"])):
        if re.search(rf"\b{name}\b", workflows):
            yield f"{name} is new, and a workflow names it: give it to functions one release before"


BEFORE: dict[str, Shape] = json.loads(FILE.read_text()) if FILE.exists() else {}


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_both_releases_take_what_the_other_writes(name: str) -> None:
    workflows = "\n".join(path.read_text("utf-8") for path in asl.sources())
    after = shapes()
    assert name in after, "the old step still writes it"
    assert list(problems(BEFORE[name], after[name], workflows)) == []


def test_the_record_knows_the_loop() -> None:
    assert {"ooda.DetectRequest", "ooda.DetectResult", "forecasting.PrepareResult"} <= set(BEFORE)
    assert BEFORE["ooda.DetectRequest"]["must"] == ["execution_id", "file_id", "source"]


@pytest.mark.parametrize(
    ("after", "workflows", "said"),
    [
        ({"may": ["a", "b"], "must": ["a"]}, "a b", []),
        ({"may": ["a", "b", "c"], "must": ["a"]}, "a b cc", []),
        ({"may": ["a"], "must": ["a"]}, "", ["b is gone"]),
        ({"may": ["a", "b"], "must": ["a", "b"]}, "", ["b must be there"]),
        ({"may": ["a", "b", "c"], "must": ["a"]}, "{% $x.c %}", ["c is new"]),
    ],
)
def test_what_cannot_stand_side_by_side_is_named(after: Any, workflows: str, said: list[str]) -> None:
    found = list(problems({"may": ["a", "b"], "must": ["a"]}, after, workflows))
    assert len(found) == len(said)
    assert all(one.startswith(text) for one, text in zip(found, said, strict=True))


if __name__ == "__main__":
    FILE.write_text(json.dumps(shapes(), indent=1, sort_keys=True) + "\n")
