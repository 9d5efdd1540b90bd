"""A file that a comment, a configuration or a page names exists: whoever follows the name finds it.

tests/contract/test_docs.py follows the links and the backticks of the pages; this one reads every text of
the repository.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

TOP = (
    "benchmarks|configs|containers|docs|events|examples|functions|layers|local|ops|requirements|samples|"
    "scripts|stacks|statemachines|tests"
)
KINDS = "py|yaml|yml|json|md|txt|toml|csv|ipynb|sh|j2|svg|parquet"
PATH = re.compile(rf"(?<![\w/.{{}}-])(?:\.\./)?((?:{TOP})/[\w./-]*[\w-]\.(?:{KINDS}))\b(?![\w*{{<])")
"""A whole path; one with a placeholder (`<family>`, `{name}`, `*`) is none."""
TEST = re.compile(r"(?<![\w/.*-])(test_\w+\.py)\b")
"""A test's file by its name alone."""
MADE_UP = {
    "docs/adding-a-family.md": r"/reports[/.]",
    "docs/adding-a-vendor.md": r"/acme\.yaml",
    "tests/contract/test_stacks.py": r"^stacks/deliveries\.yaml$",
    "tests/contract/test_named_files.py": r"nowhere",
    "CHANGELOG.md": r"^docs/operations\.md$",
}
"""What a guide lets a reader add, what a test breaks on purpose, what the changelog says was moved."""


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the repository by its path: what git knows, and what is new."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        return
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix.lstrip(".") in {*KINDS.split("|"), ""} - {
            "csv",
            "svg",
            "parquet",
        }:
            yield name, path.read_text("utf-8", errors="ignore")


TEXTS = dict(texts()) if (ROOT / ".git").exists() else {}
TESTS = {Path(name).name for name in TEXTS}


def named_in(name: str, text: str) -> Iterator[str]:
    """Files that a text names and that do not exist, with the line."""
    made_up = MADE_UP.get(name)
    for number, line in enumerate(text.splitlines(), 1):
        for path in PATH.findall(line):
            if not (ROOT / path).exists() and not (made_up and re.search(made_up, path)):
                yield f"{name}:{number}: {path}"
        for test in TEST.findall(line):
            if test not in TESTS and not (made_up and re.search(made_up, test)):
                yield f"{name}:{number}: {test}"


@pytest.mark.skipif(not TEXTS, reason="no git repository")
def test_every_file_that_a_text_names_exists() -> None:
    assert len(TEXTS) > 500
    assert not [missing for name, text in TEXTS.items() for missing in named_in(name, text)]


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("# tests/contract/test_nowhere.py checks it", 1),
        ("see `../docs/nowhere.md`.", 1),
        ("test_nowhere.py checks it", 1),
        ("functions/nowhere/handler.py and local/cloud.py", 1),
        ("# tests/contract/test_stacks.py checks it", 0),
        ("functions/<family>/config.py, events/*/x.json, s3://b/docs/nowhere.md", 0),
        ("nowhere/functions/handler.py", 0),
        ("tests/workflow/local/test_limits*.py", 0),
    ],
)
def test_a_name_that_leads_nowhere_is_seen(line: str, missing: int) -> None:
    if not TEXTS:
        pytest.skip("no git repository")
    assert len(list(named_in("a page", line))) == missing
