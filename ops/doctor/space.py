"""Is there room on the disk of the home?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ops.doctor.finding import Finding, Subject

TITLE = "disk"
ORDER = 40
LOW_BYTES = 1 << 30
"""Less free space than this is a problem: 1 GiB (ours; the demo leaves some 20 MB)."""


def examine(subject: Subject) -> Iterator[Finding]:
    """Free space where the home lies, or will lie."""
    if subject.home is None:
        return
    there = _existing(subject.home)
    free = shutil.disk_usage(there).free
    said = f"{free / (1 << 30):.1f} GiB free"
    if free >= LOW_BYTES:
        yield Finding.good(said)
        return
    yield Finding.problem(
        said, where=str(there), mend="make room, or move the home to a larger disk (ONA_HOME)"
    )


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if os.path.exists(place))
