"""Can the stored state be read?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from local.state import inspect
from ona.runtime.words import counted
from ops.doctor.finding import Finding, Subject

TITLE = "state"
ORDER = 60


def examine(subject: Subject) -> Iterator[Finding]:
    """Every file under `state/`."""
    home = subject.folder
    if home is None or not (home / "state").is_dir():
        return
    problems = list(_inspected(home))
    yield from problems
    if not problems:
        files = [path for path in (home / "state").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        yield Finding.good(f"{counted(len(files), 'file')}, {size / (1 << 20):.1f} MiB, all readable")


def _inspected(home: Path) -> Iterator[Finding]:
    for problem in inspect.check(home):
        lost = f"; lost: {problem.lost}" if problem.lost else ""
        place = str(home / problem.where)
        yield Finding.problem(f"{problem.what}{lost}", where=place, mend=problem.mend)
