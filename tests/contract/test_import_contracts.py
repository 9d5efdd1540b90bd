"""scripts/import_contracts.py refuses what house rule 1 forbids: each rule is broken once, in a copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

FAMILY_IMPORTS_FAMILY = "No family imports another"
ROOMS_IN_LAYERS = "The rooms of ona stand in layers"
NEW_FAMILY = "newborn: functions above shared rooms, none imports another"
BOTO3_IN_ONA = "boto3 lives in ona"


def check(functions: Path, tmp_path: Path) -> tuple[int, str]:
    """The exit status and the output of the script for a folder of functions."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "import_contracts.py"), str(functions)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "", "COLUMNS": "300"},
    )
    return done.returncode, done.stdout + done.stderr


def broken(output: str) -> set[str]:
    return set(re.findall(r"^(.+?) BROKEN", output, re.MULTILINE))


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """A copy of functions/ that a test may spoil."""
    return Path(
        shutil.copytree(
            ROOT / "functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__")
        )
    )


def add(functions: Path, name: str, text: str) -> None:
    path = functions / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_each_forbidden_import_breaks_its_contract(functions: Path, tmp_path: Path) -> None:
    """A family that imports another, a room that imports a higher one, and a family of today's first day
    whose shared room imports a function. One run, because building the import graph takes seconds."""
    add(functions, "delivery/deliver/wrong.py", "import forecasting.documents\n")
    add(functions, "ona/runtime/wrong.py", "import ona.api.callers\n")
    for package in ("newborn", "newborn/watch"):
        add(functions, f"{package}/__init__.py", "")
    add(functions, "newborn/watch/handler.py", "import boto3\n")
    add(functions, "newborn/documents.py", "import newborn.watch.handler\nimport ooda.payloads\n")
    status, output = check(functions, tmp_path)
    assert status == 1
    assert broken(output) == {FAMILY_IMPORTS_FAMILY, ROOMS_IN_LAYERS, NEW_FAMILY, BOTO3_IN_ONA}
    for line in (
        "delivery.deliver.wrong -> forecasting.documents",
        "ona.runtime.wrong -> ona.api.callers",
        "newborn.documents -> newborn.watch.handler",
        "newborn.documents -> ooda.payloads",
        "newborn.watch.handler -> boto3",
    ):
        assert line in output


def test_a_module_loose_in_ona_is_refused(functions: Path, tmp_path: Path) -> None:
    add(functions, "ona/drawer.py", "")
    status, output = check(functions, tmp_path)
    assert status == 1
    assert broken(output) == {ROOMS_IN_LAYERS}
    assert "drawer" in output
