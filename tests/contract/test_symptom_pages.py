"""No page of a symptom without a command that is run, and each page in the same order.

The commands are run by `tests/workflow/operations/test_pages.py`, in the scene that a block names.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from tests.builders import runbook
from tests.paths import ROOT

FOLDER = ROOT / "docs" / "operations" / "symptoms"
PAGES = sorted(FOLDER.glob("*.md"))
SECTIONS = ["What you see", "What it means", "Commands", "Afterwards"]
CATALOGUE = yaml.safe_load((ROOT / "configs" / "operations" / "catalogue.yaml").read_text())["alarms"]


def scene_of(page: Path, name: str) -> Callable[..., object] | None:
    """The scene of a page's block: what brings its symptom about."""
    module = import_module(f"tests.workflow.operations.symptoms.{page.stem.replace('-', '_')}")
    return getattr(module, name, None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_a_command_that_is_run_in_a_scene_that_exists(page: Path) -> None:
    blocks = runbook.blocks(page.read_text("utf-8"))
    assert blocks, "```console and a command `$ ./ona …` with its output"
    for block in blocks:
        assert block.steps
        assert callable(scene_of(page, block.scene)), block.scene
        assert all(step.output for step in block.steps), "a command without its output shows nothing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_is_seen_what_it_means_what_to_do_and_what_comes_after(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    heads = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert [head for head in heads if head in SECTIONS] == SECTIONS


def test_every_alarm_has_its_page() -> None:
    assert {entry["page"] for entry in CATALOGUE} <= {page.stem for page in PAGES}


def test_this_test_would_see_a_page_without_a_command(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n```\n./ona status\n```\n")
    assert runbook.blocks(page.read_text()) == []
    assert scene_of(FOLDER / "workflow-failed.md", "a_scene_that_nobody_wrote") is None
