"""A part of a package is imported without the package around it, and afterwards all is as it was."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from local.hooks import light_imports


def test_a_part_is_imported_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("weighty", "weighty.part"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "weighty").mkdir()
    (tmp_path / "weighty/__init__.py").write_text("raise RuntimeError('it was loaded')")
    (tmp_path / "weighty/part.py").write_text("FOUND = 7")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(light_imports, "HEAVY", "weighty")
    with light_imports.without_batch():
        assert importlib.import_module("weighty.part").FOUND == 7
    assert "weighty" not in sys.modules
    with pytest.raises(RuntimeError, match="it was loaded"):
        importlib.import_module("weighty")


def test_what_is_loaded_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light_imports, "HEAVY", "json")
    before = sys.modules["json"]
    with light_imports.without_batch():
        assert sys.modules["json"] is before
    assert sys.modules["json"] is before
