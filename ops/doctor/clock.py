"""Is the machine's clock plausible? Orders, retries and file dates follow it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from local.home import ROOT
from ops.doctor.finding import Finding, Subject

TITLE = "clock"
ORDER = 90
AHEAD_S = 120.0
"""A file may be so much younger than now: clocks of network disks differ (ours)."""


def examine(subject: Subject) -> Iterator[Finding]:
    """No file of the home, nor this program, can come from the future."""
    if subject.home is None:
        return
    now = time.time()
    for path in [ROOT / "template.yaml", *_files(subject.folder)]:
        ahead = path.stat().st_mtime - now
        if ahead > AHEAD_S:
            yield Finding.problem(
                f"{path.name} was written {ahead:.0f} s from now: the clock was set back, or was wrong",
                where=str(path),
                mend="set the machine's clock; if it is right now, `touch` that file",
            )
            return
    yield Finding.good(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")


def _files(home: Path | None) -> list[Path]:
    if home is None:
        return []
    return [path for path in [home / "cloud.log", *(home / "state").glob("*")] if path.is_file()]
