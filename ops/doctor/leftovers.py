"""Files that nobody needs any more: half-written ones, and the folders of functions of a killed server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from local import cloud, lock
from local import home as homes
from ona.runtime.words import counted
from ops.doctor.finding import Finding, Subject

TITLE = "leftovers"
ORDER = 35


def examine(subject: Subject) -> Iterator[Finding]:
    """Only while no server runs: a running one needs its files."""
    home = subject.folder
    if home is None or subject.cloud is not None or not homes.is_home(home):
        return
    if lock.is_held(home / lock.SERVER):
        return
    if not (left := _left(home)):
        yield Finding.good("none")
    elif subject.repair:
        cloud.stop(home)  # as `ona down`: ends processes and empties tmp/
        for path in _left(home):
            path.unlink(missing_ok=True)
        yield Finding.mended(f"removed {len(left)}", where=str(home))
    else:
        yield Finding.note(
            f"{counted(len(left), 'entry')} of a server that was killed",
            where=str(left[0]),
            mend="`ona up`, `ona down` or `ona doctor --repair` removes them",
        )


def _left(home: Path) -> list[Path]:
    """What is in `tmp/`, and what a writer did not finish."""
    half_written = [*home.glob(".*.json.[0-9]*"), *home.glob(f".{homes.CHECKOUT}.[0-9]*")]
    return [*(home / "tmp").glob("*"), *half_written]
