"""The commands of a page of docs/operations, as a test runs them, and what the page says they print.

A page has blocks that begin with ```` ```console ````, or ```` ```console <scene> ````. In a block, a line
`$ ./ona …` is a command, the lines below it are its output, `…` stands for any number of lines, and
`# exit 1` below an output says with which code the command ends (0 where nothing is said).

>>> agree(["2 letters at 08:15", "…", "well"], ["7 letters at 23:59", "a", "b", "well"])
True
>>> agree(["2 letters"], ["2 letters", "and one line more"])
False
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ANY = "…"
_BLOCK = re.compile(r"^```console(?: (?P<scene>[a-z_]+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"^# exit (\d+)$")
_CHANGING = re.compile(
    r"[▁-█](?:[▁-█ ]*[▁-█])?|(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?\d{4}-\d\d-\d\d"
    r"|\d\d:\d\d(?::\d\d)?"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{8,}|\d+(?:[.,]\d+)*"
)
"""Lines of values, days with their names, times, ids, digests, numbers: they are others on every run."""


@dataclass(frozen=True)
class Step:
    """One command: its words behind `./ona`, the lines that it should print, and its exit code."""

    words: list[str]
    output: list[str]
    exit_code: int


@dataclass(frozen=True)
class Block:
    """Commands that are run one after another in a scene: what was brought about before."""

    scene: str
    steps: list[Step]


def blocks(text: str) -> list[Block]:
    """The blocks of a page. Raises ValueError for one without a command of ours."""
    return [
        Block(found["scene"] or "sound", list(_steps(found["body"]))) for found in _BLOCK.finditer(text)
    ]


def pages(folder: Path) -> list[Path]:
    """The pages that have a block, at every depth."""
    return [page for page in sorted(folder.rglob("*.md")) if _BLOCK.search(page.read_text("utf-8"))]


def _steps(body: str) -> Iterator[Step]:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    if parts[0].strip() or len(parts) == 1:
        raise ValueError(f"a block begins with a command: {body[:60]!r}")
    for part in parts[1:]:
        command, *lines = part.splitlines()
        called, *words = shlex.split(command)
        if called != "./ona":
            raise ValueError(f"only ./ona is run: {command!r}")
        codes = [int(found[1]) for line in lines if (found := _EXIT.match(line))]
        yield Step(words, [line for line in lines if not _EXIT.match(line)], codes[0] if codes else 0)


def skeleton(line: str) -> str:
    """A line without what changes from run to run.

    >>> skeleton("  done 7 at 2026-11-28 08:44, 12,5 s")
    'done # at # #, # s'
    >>> skeleton("Sat 2026-11-28: 0 files") == skeleton("Sun 2026-11-29: 3 files")
    True
    """
    return " ".join(_CHANGING.sub("#", line).split())


def agree(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Whether an output has the skeleton that a page gives, in the same order."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == ANY else re.escape(skeleton(line)) + r"\n" for line in expected
    )
    return re.fullmatch(pattern, "".join(f"{skeleton(line)}\n" for line in got)) is not None
