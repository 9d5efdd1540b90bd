"""Can the stored state be read?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

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
        files = [path for path in (home / "state").iterdir() if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        yield Finding.good(f"{len(files)} files, {size / (1 << 20):.1f} MiB, all readable")


def _inspected(home: Path) -> Iterator[Finding]:
    if find_spec("local.state") and find_spec("local.state.inspect"):
        for problem in import_module("local.state.inspect").check(home):
            lost = f"; lost: {problem.lost}" if problem.lost else ""
            place = str(home / problem.where)
            yield Finding.problem(f"{problem.what}{lost}", where=place, mend=problem.mend)
        return
    for path in sorted((home / "state").glob("*.json")):
        try:
            json.loads(path.read_text())
        except (OSError, ValueError) as error:
            yield Finding.problem(
                f"{path.name} cannot be read: {error}",
                where=str(path),
                mend="move it away; what it held is lost for the embedded cloud (objects stay)",
            )
