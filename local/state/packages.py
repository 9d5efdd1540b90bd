"""The functions' packages: `state/lambda-blobs/<SHA-256>.zip`, each named by what it holds.

The deployment keeps the same bytes as an object in its bucket of artefacts, so a damaged one is made anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from local.state import snapshot
from local.state.damage import Damage, set_aside, tell
from local.state.files import read_file, sync_folder, write_aside


def damaged(home: Path) -> Iterator[Path]:
    """Packages that are not what their name says, and those that a snapshot names and that are missing."""
    folder = home / "state" / "lambda-blobs"
    names = {path.name for path in folder.glob("*.zip")}
    for number in snapshot.numbers(home / "state"):
        try:
            text = read_file(snapshot.folder_of(home / "state") / f"{number:08}" / "lambda.json")
        except OSError:
            continue
        names |= {f"{match.decode()}.zip" for match in snapshot.BLOB.findall(text)}
    for path in sorted(folder / name for name in names):
        if _sha256(path) != path.stem:
            yield path


def mend(home: Path) -> list[Damage]:
    """Set damaged packages aside and make them anew from the artefacts. Told in `damage.json`, too.

    Raises OSError when the home cannot be written.
    """
    told = []
    for path in damaged(home):
        copy = next((item for item in (home / "s3").rglob("*.zip") if _sha256(item) == path.stem), None)
        used = f"its copy {copy.relative_to(home)}" if copy else "nothing"
        lost = "nothing" if copy else "a function's package: that function does not run"
        told.append(set_aside(home, path, used_instead=used, lost=lost))
        if copy:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(write_aside(str(path), [read_file(copy)]), path)
            sync_folder(path.parent)
    tell(home, told)
    return told


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except OSError:
        return ""
