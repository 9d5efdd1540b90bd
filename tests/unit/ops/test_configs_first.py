"""Nothing is deployed with a configuration that cannot be read: file, line and mend are named before."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from local import cloud
from ops import cli, validate
from ops.demo import run
from ops.deployment import check
from ops.deployment.settings import settings
from ops.doctor import Level, Subject, configuration
from ops.target import TEMPLATE, Target
from tests.paths import ROOT

FILES = sorted(path.relative_to(ROOT / "configs").as_posix() for path in (ROOT / "configs").rglob("*.yaml"))
SOURCE = "sources/acme.yaml"
PROFILE = """\
name: acme
vendor: Acme
time: {column: Zeit, zone: UTC}
asset_id: {constant: INV-1}
columns:
  power_kw: {column: "Pac [W]", unit: W}
site: {site_id: plant}
"""


def _write(name: str, text: str) -> Callable[[Path], None]:
    def write(base: Path) -> None:
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text(text)

    return write


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no YAML": (_write(SOURCE, PROFILE.replace('"', "")), "sources/acme.yaml, line 6, column "),
    "a wrong unit": (
        _write(SOURCE, PROFILE.replace("W}", "Watt}")),
        "acme.yaml: file: Value error",
    ),
    "a key too much": (_write(SOURCE, PROFILE + "sites: {}\n"), "sources/acme.yaml, line 8: sites: "),
    "a wrong pattern": (
        _write(SOURCE, PROFILE.replace("constant: INV-1", 'file_name: "(("')),
        "sources/acme.yaml, line 4: asset_id: ",
    ),
    "another name": (
        _write(SOURCE, PROFILE.replace("name: acme", "name: b")),
        "equal the file's name",
    ),
    "too deep": (_write(SOURCE, "[" * 200_000), "sources/acme.yaml: no valid YAML: nested deeper than"),
    "no such date": (_write(SOURCE, PROFILE + "since: 2025-13-45\n"), "sources/acme.yaml: no valid YAML"),
    "another ending": (_write("sources/acme.yml", PROFILE), "sources/acme.yml: is never read"),
    "JSON": (_write("ooda/parts.json", "{"), "ooda/parts.json: is never read"),
    "a folder below": (_write("sources/new/acme.yaml", PROFILE), "sources/new/acme.yaml: is never read"),
    "nobody's": (_write("ooda/more.yaml", "a: 1"), "ooda/more.yaml: no module declares this file"),
    **{
        f"not whole: {name}": (_write(name, "a: [1,\n"), f"{name}, line 2, column 1: no valid YAML")
        for name in FILES
    },
}
SOUND: dict[str, Callable[[Path], None]] = {
    "as it is": lambda base: None,
    "a new profile": _write(SOURCE, PROFILE),
    "a note": _write("sources/README.md", "Ours."),
}


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", base)
    monkeypatch.setattr(validate, "CONFIGS", base)
    return base


class Deployed(cloud.CloudError):
    """Somebody began to deploy."""


def ona(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    def begin(*_: object, **__: object) -> Any:
        raise Deployed("a deployment begins")

    monkeypatch.setattr(cloud, "start", begin)
    monkeypatch.setattr(run, "main", begin)
    done = CliRunner().invoke(
        cli.app, [command], env={"ONA_HOME": str(tmp_path / "home"), "COLUMNS": "300"}
    )
    assert done.exit_code == 1, done.output
    return done.output


@pytest.mark.parametrize("kind", BROKEN)
def test_up_refuses_before_anything_is_deployed(
    kind: str, configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, told = BROKEN[kind]
    spoil(configs)
    said = ona("up", tmp_path, monkeypatch)
    assert told in said
    assert "what runs stays as it was" in said
    assert "ona validate" in said
    assert not (tmp_path / "home").exists()
    assert any(told in problem for problem in validate.configurations()), "as `ona validate` says it"


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_sound_configuration_is_deployed(
    command: str, kind: str, configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SOUND[kind](configs)
    assert ona(command, tmp_path, monkeypatch).splitlines()[-1] == "a deployment begins"


def test_the_demo_and_the_check_before_a_deployment_refuse_it_too(
    configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, told = BROKEN["no YAML"]
    spoil(configs)
    assert told in ona("demo", tmp_path, monkeypatch)
    found = check.findings(TEMPLATE, settings(TEMPLATE.parent, "dev", None), None)
    assert any(item.state == "wrong" and item.about == "configs" and told in item.text for item in found)


@pytest.mark.parametrize("kind", [*BROKEN, *SOUND])
def test_the_doctor_sees_what_is_deployed(
    kind: str, configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (BROKEN[kind][0] if kind in BROKEN else SOUND[kind])(configs)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in configs.rglob("*"):
            archive.write(path, path.relative_to(configs))
    monkeypatch.setattr(configuration, "_layer", lambda _: ("the layer", content.getvalue()))
    target = Target("test", "stack", cast(Any, None), cast(Any, SimpleNamespace(home="")))
    target.__dict__["outputs"] = {"Environment": "dev"}
    found = list(configuration.examine(Subject(None, None, target)))
    assert {item.level for item in found} == {Level.PROBLEM if kind in BROKEN else Level.GOOD}
    if kind in BROKEN:
        assert any(BROKEN[kind][1] in item.what and item.where and item.mend for item in found)
