"""A function's package that is damaged or missing is made anew from the deployment's artefacts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from local.state import damage, snapshot
from local.state.inspect import check
from local.state.journal import Journal
from local.state.packages import mend

PACKAGE = b"PK and the rest of a package"
NAME = hashlib.sha256(PACKAGE).hexdigest()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sound home with one function, and its artefact among other objects."""
    path = tmp_path / "state" / "lambda-blobs" / f"{NAME}.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(PACKAGE)
    Journal(tmp_path / "state" / "journal")
    named = json.dumps({"functions": {"f": {"code_blob_ref": NAME}}}).encode()
    snapshot.write(tmp_path / "state", 1, {"lambda": lambda: [named]})
    for key, data in {"other.zip": b"other", "f.zip": PACKAGE}.items():
        place = tmp_path / "s3" / "000000000000" / "artefacts" / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.with_name(f"{key}.meta.json").write_text(json.dumps({"key": key, "size": len(data)}))
    return path


def test_a_sound_package_is_left_alone(tmp_path: Path, package: Path) -> None:
    assert mend(tmp_path) == damage.read(tmp_path) == check(tmp_path) == []


@pytest.mark.parametrize("data", [b"", PACKAGE[:9], bytes(len(PACKAGE)), None])
def test_a_damaged_or_missing_package_is_made_anew(
    tmp_path: Path, package: Path, data: bytes | None
) -> None:
    package.unlink() if data is None else package.write_bytes(data)
    assert [problem.where for problem in check(tmp_path)] == [f"state/lambda-blobs/{NAME}.zip"]
    (told,) = mend(tmp_path)
    assert (told.lost, told.used_instead) == ("nothing", "its copy s3/000000000000/artefacts/f.zip")
    assert package.read_bytes() == PACKAGE
    assert mend(tmp_path) == check(tmp_path) == []


def test_a_package_without_a_copy_is_told_as_lost(tmp_path: Path, package: Path) -> None:
    package.write_bytes(b"x")
    (tmp_path / "s3" / "000000000000" / "artefacts" / "f.zip").write_bytes(b"y" * len(PACKAGE))
    (told,) = mend(tmp_path)
    assert "does not run" in told.lost
    assert (tmp_path / told.set_aside).read_bytes() == b"x"
