"""Each command of a page of docs/operations is run, and prints what the page says.

A page `<name>.md` has its scenes in `symptoms/<name with _>.py`: a context manager for each scene that its
blocks name (`sound` where they name none), which brings it about, and mends it afterwards.
"""

from __future__ import annotations

import random
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cli
from ops.cli import shared
from tests.builders import runbook
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
WIDE = 200
"""Letters of a line, so that no table is cut."""
PAGES = runbook.pages(ROOT / "docs" / "operations")
SYMPTOMS = [page for page in PAGES if page.parent.name == "symptoms"]
NOW = set(
    random.Random(",".join(page.stem for page in SYMPTOMS)).sample(SYMPTOMS, max(3, len(SYMPTOMS) // 10))
)
"""A seeded tenth of the symptoms' pages; a new page draws anew. The others are run by `make soak`."""


def drawn(page: Path) -> Any:
    late = page in SYMPTOMS and page not in NOW
    return pytest.param(page, id=page.stem, marks=pytest.mark.soak if late else ())


@pytest.mark.parametrize("page", [drawn(page) for page in PAGES])
def test_the_commands_of_a_page_print_what_it_says(
    page: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(shared.console, "_width", WIDE)  # whoever made it: it may have been for a terminal
    scenes = import_module(f"tests.workflow.operations.symptoms.{page.stem.replace('-', '_')}")
    for block in runbook.blocks(page.read_text("utf-8")):
        with getattr(scenes, block.scene)(platform):
            for step in block.steps:
                run(step, platform)


def run(step: runbook.Step, platform: Platform) -> None:
    before = len(platform.executions())
    environment = {"ONA_HOME": str(platform.home), "COLUMNS": str(WIDE), "ONA_CALLED_AS": "./ona"}
    result: Any = CliRunner().invoke(cli.app, step.words, env=environment)
    said = f"./ona {' '.join(step.words)}\n{result.output}"
    assert result.exit_code == step.exit_code, said
    assert runbook.agree(step.output, result.output.splitlines()), said
    if step.words[0] == "put" and "observations/" in result.output:
        deadline = time.monotonic() + 20
        while len(platform.executions()) == before and time.monotonic() < deadline:
            time.sleep(0.05)
    platform.idle()
