"""Docs name what exists: links and paths lead somewhere, every page is linked, prose lines stay short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GENERATED = ROOT / "docs" / "diagrams"
"""`make diagrams` writes these pages; their own test checks them."""
WRITTEN = [page for page in PAGES if GENERATED not in page.parents]
TOP = (
    "benchmarks|configs|containers|docs|events|examples|functions|layers|local|ops|requirements|samples|"
    "scripts|stacks|statemachines|tests"
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(rf"`((?:\.ci|{TOP})/[\w./-]*)`")
"""A path of the repository in backticks; one with a placeholder such as `<family>` is no such path."""
MADE_UP = re.compile(r"/reports[/.]|/acme\.yaml")
"""What the guides `adding-a-family.md` and `adding-a-vendor.md` let a reader add."""
LONGEST_LINE = 160
"""Characters of a line of prose; tables and code are as long as they must be."""
names = [str(page.relative_to(ROOT)) for page in WRITTEN]


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page with their numbers, without code blocks."""
    fenced = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            yield number, line


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = (line.lstrip("#").strip() for _, line in prose(page) if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", WRITTEN, ids=names)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for number, line in prose(page):
        for target in LINK.findall(line):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            if not there.exists():
                broken.append(f"{number}: {target}")
            elif anchor and there.suffix == ".md" and anchor not in anchors(there):
                broken.append(f"{number}: {target}: no such heading")
    assert not broken


@pytest.mark.parametrize("page", WRITTEN, ids=names)
def test_every_path_of_the_repository_in_backticks_exists(page: Path) -> None:
    missing = [
        f"{number}: {path}"
        for number, line in prose(page)
        for path in PATH.findall(_without_old_paths(page, line))
        if not (ROOT / path).exists() and not (MADE_UP.search(path) and "adding-a-" in page.name)
    ]
    assert not missing


def _without_old_paths(page: Path, line: str) -> str:
    """The line without what it says of former paths: the first cell of the table of decision 11, and
    what the changelog says became another file."""
    if page.name == "0011-families.md" and line.startswith("|"):
        return line.split("|", 2)[2]
    if page.name == "CHANGELOG.md":
        return re.sub(r"`[^`]+` became", "", line)
    return line


@pytest.mark.parametrize("page", WRITTEN, ids=names)
def test_no_line_of_prose_is_too_long(page: Path) -> None:
    long = [number for number, line in prose(page) if len(line) > LONGEST_LINE and not line.startswith("|")]
    assert not long


def test_every_page_is_linked_from_the_readme_or_the_index() -> None:
    linked = set()
    for index in (ROOT / "README.md", ROOT / "docs" / "README.md"):
        for _, line in prose(index):
            linked |= {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(line)}
    unlinked = [name for name, page in zip(names, WRITTEN, strict=True) if page.resolve() not in linked]
    assert not [name for name in unlinked if name.startswith("docs/")], unlinked


@pytest.mark.parametrize("page", WRITTEN, ids=names)
def test_a_variable_of_an_example_is_set_on_the_same_page(page: Path) -> None:
    text = page.read_text("utf-8")
    used = set(re.findall(r"\$(API|KEY|ORDER)\b", text))
    assert not [name for name in used if not re.search(rf"^(?:\$ )?{name}=\S", text, re.MULTILINE)]
