"""The notebooks of `examples/` run from top to bottom and say what their stored outputs say."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
MAX_BYTES = 400_000
DECIMAL = re.compile(r"-?\d+\.\d+")
RELATIVE, ABSOLUTE = 0.01, 0.1
"""How far a decimal may move from one processor or library to another: 1 %, or 0.1 in its own unit. Whole
numbers, names, dates and times may not."""


def texts(notebook: dict[str, Any]) -> list[str]:
    """What each cell printed or returned, with [picture] for a picture; runs of blanks are one."""
    cells = []
    for cell in notebook["cells"]:
        parts = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append(
                "[picture]" if "image/png" in data else "".join(output.get("text") or data["text/plain"])
            )
        cells.append(re.sub(r"[ \n]+", " ", "\n".join(parts)))
    return cells


def same(left: str, right: str) -> bool:
    """Whether two outputs agree, decimals within the tolerance."""
    if DECIMAL.sub("#", left) != DECIMAL.sub("#", right):
        return False
    pairs = zip(DECIMAL.findall(left), DECIMAL.findall(right), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=RELATIVE, abs_tol=ABSOLUTE) for a, b in pairs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_stored_outputs_are_current(path: Path, tmp_path: Path) -> None:
    stored = json.loads(path.read_text())
    clean = json.loads(path.read_text())
    for cell in clean["cells"]:
        if cell["cell_type"] == "code":
            cell.update(execution_count=None, outputs=[])
    (tmp_path / "clean.ipynb").write_text(json.dumps(clean))
    runner = str(ROOT / "examples" / "execute.py")
    command = [sys.executable, runner, str(tmp_path / "clean.ipynb"), str(tmp_path / "run.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr[-3000:]
    run = json.loads((tmp_path / "run.ipynb").read_text())
    for cell, old, new in zip(stored["cells"], texts(stored), texts(run), strict=True):
        assert same(old, new), f"{cell['id']} is stale: run `make examples`\nstored: {old}\nnow:    {new}"
    assert run["nbformat"] == 4
    assert path.stat().st_size < MAX_BYTES


def test_both_notebooks_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["a_customers_forecast", "a_day_of_a_plant"]


def test_a_stale_output_is_noticed() -> None:
    assert same("lost 212.3 kWh  on 1 day", "lost 212.4 kWh  on 1 day")
    assert not same("lost 212.3 kWh", "lost 220.3 kWh")
    assert not same("wo-1 is OPEN", "wo-1 is COMPLETE")
    assert not same("22 of 30", "23 of 30")
