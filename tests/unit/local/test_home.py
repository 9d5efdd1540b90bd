"""Which folders may be a home: what is refused, in words and untouched; what looks odd and is accepted."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from local import cloud
from local import home as homes
from local.errors import CloudError
from tests.fakes.bad_homes import BAD_HOMES, a_home, contents


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "above").mkdir()
    return tmp_path / "above" / "home"


@pytest.mark.parametrize("kind", BAD_HOMES)
@pytest.mark.parametrize("act", [cloud.start, cloud.stop, cloud.require, cloud.clear])
def test_a_bad_home_is_refused_in_words_and_left_as_it_is(
    kind: str, act: Callable[[Path], object], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, word = BAD_HOMES[kind]
    home = make(place, monkeypatch)
    before = contents(place.parent)
    with pytest.raises(CloudError, match=word):
        act(home)
    assert contents(place.parent) == before


@pytest.mark.parametrize("act", [cloud.start, cloud.clear])
def test_a_full_disk_is_refused_in_words(
    act: Callable[[Path], object], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 30, (1 << 30) - (5 << 20), 5 << 20))
    with pytest.raises(CloudError, match="is full: 5 MiB are free, 64 MiB are needed"):
        act(place)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_an_error_of_the_operating_system_names_the_file_and_what_to_do(place: Path, number: int) -> None:
    with pytest.raises(CloudError, match=str(place / "x")), homes.in_words(place):
        raise OSError(number, os.strerror(number), str(place / "x"))


@pytest.mark.parametrize("name", ["a home", "Häuschen ☀", 'it\'s "one"; $HOME', "-dash", "l" * 120])
def test_an_odd_name_is_a_good_name(name: str, tmp_path: Path) -> None:
    homes.prepare(tmp_path / name)
    homes.claim(tmp_path / name, 4711)
    homes.check(tmp_path / name)
    assert homes.last_port(tmp_path / name) == 4711


def test_an_empty_folder_an_old_home_and_one_of_a_checkout_that_is_gone_are_accepted(place: Path) -> None:
    place.mkdir()
    (place / "lost+found").mkdir()
    homes.check(place)
    a_home(place)
    homes.check(place)
    (place / homes.CHECKOUT).write_text("/a/checkout/that/was/moved\n")
    homes.check(place)
    homes.claim(place, 4711)
    assert (place / homes.CHECKOUT).read_text().strip() == str(homes.ROOT)


def test_folders_above_are_made(tmp_path: Path) -> None:
    homes.prepare(tmp_path / "a" / "b" / "home")
    assert (tmp_path / "a" / "b" / "home").is_dir()


def test_the_default_home_may_hold_those_of_demos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(homes, "ROOT", tmp_path)
    (tmp_path / ".ona" / "demo-demo").mkdir(parents=True)
    homes.check(tmp_path / ".ona")
    (tmp_path / ".ona" / "thesis").mkdir()
    with pytest.raises(CloudError, match="holds other things"):
        homes.check(tmp_path / ".ona")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": 1, "port": 1}', "\0\0"])
def test_a_damaged_record_of_a_home_that_does_not_run_is_no_hindrance(place: Path, text: str) -> None:
    a_home(place)
    (place / "cloud.json").write_text(text)
    assert cloud.running(place) is None
    assert cloud.stop(place) is False


@pytest.mark.parametrize("text", ["", "{", "{}", '["x"]', "[1]"])
def test_a_damaged_list_of_damage_is_no_hindrance(place: Path, text: str) -> None:
    place.mkdir()
    (place / homes.DAMAGE).write_text(text)
    assert homes.damage(place) == []
    item = {"time": "2026-11-26T10:00:00Z", "file": "state/sqs.json"}
    (place / homes.DAMAGE).write_text(json.dumps([item]))
    assert homes.damage(place) == [item]


def test_a_fresh_folder_does_not_follow_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    (tmp_path / "tmp").symlink_to(tmp_path / "mine")
    homes.fresh_folder(tmp_path / "tmp")
    assert (tmp_path / "mine" / "letter").read_text() == "dear"
    assert not (tmp_path / "tmp").is_symlink()


def test_symlinks_and_relative_paths_are_one_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to("home")
    monkeypatch.chdir(tmp_path)
    wanted = (tmp_path / "home").resolve()
    for name in ("home", "link", "./home/../link", str(tmp_path / "link")):
        assert homes.resolved(Path(name)) == wanted
    monkeypatch.setenv("ONA_HOME", "link")
    assert homes.resolved(None) == wanted


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", [homes.SETTINGS, homes.CHECKOUT, homes.DAMAGE, "cloud.json", "roles.json"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    """Nobody writes to it, so reading it as a file would never end."""
    from local import record
    from local.hooks.roles_ledger import Ledger
    from local.state import damage

    (tmp_path / "state").mkdir()
    os.mkfifo(tmp_path / name)
    with contextlib.suppress(CloudError):
        homes.check(tmp_path)
    assert homes.settings(tmp_path) == {}
    assert homes.damage(tmp_path) == damage.read(tmp_path) == []
    assert record.running(tmp_path) is None
    Ledger().load(tmp_path / "roles.json")
