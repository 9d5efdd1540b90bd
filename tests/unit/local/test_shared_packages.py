"""Packages are unpacked once for each content, and those that no sandbox uses are removed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from local.hooks import shared_packages


def packed(path: Path, text: str) -> zipfile.ZipFile:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", text)
    return zipfile.ZipFile(path)


def test_one_content_is_unpacked_once_whatever_the_zip_is_called(tmp_path: Path) -> None:
    place = tmp_path / "packages"
    one, again = packed(tmp_path / "1.zip", "X = 1"), packed(tmp_path / "2.zip", "X = 1")
    other = packed(tmp_path / "3.zip", "X = 2")
    found = [shared_packages.folder_of(archive, place) for archive in (one, again, other)]
    assert found[0] == found[1] != found[2]
    assert [(folder / "app.py").read_text() for folder in found] == ["X = 1", "X = 1", "X = 2"]
    assert sorted(os.listdir(place)) == sorted({folder.name for folder in found})


def test_the_oldest_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    folders = [tmp_path / f"{number:02d}" for number in range(shared_packages.KEPT + 4)]
    for number, folder in enumerate(folders):
        folder.mkdir()
        os.utime(folder, (number, number))
    shared_packages.prune(tmp_path, {folders[1]})
    assert [folder for folder in folders if not folder.exists()] == [folders[0], folders[2], folders[3]]


TRIES = {
    "with tempfile.TemporaryDirectory() as at: open(at + '/x', 'w').close()": "",
    "os.symlink('app.py', away + '/link')": "",
    "os.link(os.path.abspath('app.py'), away + '/hard')": "",
    "open('app.py').close()": "",
    "open('new', 'w').close()": "Read-only",
    "os.remove('app.py')": "Read-only",
    "os.symlink(away, os.path.abspath('there'))": "Read-only",
    "os.rename(away + '/mine', 'app.py')": "Read-only",
    "shutil.rmtree(os.getcwd())": "Read-only",
}
"""What a function does, beginning in its package, and how AWS refuses it; empty where it may."""


def test_a_function_cannot_write_into_its_package_and_can_elsewhere(tmp_path: Path) -> None:
    package, away = tmp_path / "package", tmp_path / "away"
    package.mkdir()
    away.mkdir()
    (package / "app.py").write_text("")
    (away / "mine").write_text("")
    start = (
        f"import os, shutil, sys, tempfile\n{shared_packages._READ_ONLY}\n_ms_read_only([os.getcwd()])\n"
    )
    said = []
    for tried in TRIES:
        do = f"try:\n    {tried}\nexcept OSError as error:\n    print(error.strerror)"
        script = f"{start}away = {str(away)!r}\n{do}"
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=True)
        said.append(done.stdout[:9])
    assert dict(zip(TRIES, said, strict=True)) == TRIES
    assert os.listdir(package) == ["app.py"]
