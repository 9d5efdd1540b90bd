"""What a layer carries is enough for all functions, and it is compiled for their Python."""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

from tests.paths import ROOT

FUNCTIONS = ROOT / "functions"


def _package() -> ModuleType:
    """layers/package.py, which no package holds: `sam build` copies its folder and runs it there."""
    spec = importlib.util.spec_from_file_location("layer_package", ROOT / "layers" / "package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


package = _package()

ALL_IMPORTS = """
import importlib, importlib.abc, importlib.machinery, pathlib, runpy, sys, sysconfig

site = pathlib.Path(sysconfig.get_path("platlib"))
left_out = runpy.run_path(sys.argv[2])["left_out"]

class AsInTheLayer(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pvlib", "h5py", "requests", "pytz"):
            raise ImportError(f"{name} is not in the layer")
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.origin and pathlib.Path(spec.origin).is_relative_to(site):
            if left_out(pathlib.PurePosixPath(spec.origin).relative_to(site)):
                raise ImportError(f"{name} is left out of the layer")

sys.meta_path.insert(0, AsInTheLayer())
sys.path.insert(0, sys.argv[1])
for name in sys.argv[3:]:
    importlib.import_module(name)
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")) if len(sys.argv) == 3 else ():
    name = ".".join(file.relative_to(sys.argv[1]).with_suffix("").parts).removesuffix(".__init__")
    importlib.import_module(name)
if len(sys.argv) == 3:
    import fastparquet, lightgbm, xgboost, highspy, holidays
"""


def _import_as_in_the_layer(*names: str) -> subprocess.CompletedProcess[str]:
    """A fresh process that imports these modules, or all of ours and what they import later."""
    return subprocess.run(
        [sys.executable, "-c", ALL_IMPORTS, str(FUNCTIONS), str(ROOT / "layers" / "package.py"), *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ONA_CONFIG_DIR": str(ROOT / "configs")},
    )


def test_nothing_imports_what_the_layer_leaves_out() -> None:
    done = _import_as_in_the_layer()
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", ["scipy.stats", "pandas.tests", "numpy.testing.tests"])
def test_what_the_layer_leaves_out_cannot_be_imported(name: str) -> None:
    done = _import_as_in_the_layer(name)
    assert "is left out of the layer" in done.stderr


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("pandas/core/frame.py", False),
        ("pandas/tests/frame/test_take.py", True),
        ("pandas/core/testsuite.py", False),
        ("bottleneck/tests/util.py", False),  # its package imports it
        ("bottleneck/tests/move_test.py", True),
        ("scipy/stats/_distributions.py", True),
        ("scipy/sparse/_csr.py", False),
        ("scipy/version.py", False),
        ("other/stats/module.py", False),  # only SciPy's
        ("numpy/_core/include/numpy/arrayobject.h", True),
        ("numpy/conftest.py", True),
        ("scipy/_lib/_test_ccallback.so", True),
        ("bin/f2py", True),
        ("holidays/bin/data.py", False),
        ("module.py", False),
    ],
)
def test_which_files_a_layer_goes_without(path: str, *, expected: bool) -> None:
    assert package.left_out(PurePosixPath(path)) is expected


def test_trimming_deletes_what_is_left_out_and_empty_folders(tmp_path: Path) -> None:
    for path in (
        "one/module.py",
        "one/tests/test_it.py",
        "one/tests/deep/data.csv",
        "bin/one",
        "one/_c.pyx",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("A = 1\n")
    package.trim(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "one",
        "one/module.py",
    ]


def _compiled(folder: Path) -> dict[str, bytes]:
    """Byte code below a folder by file name."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.pyc"))}


def test_byte_code_is_the_same_for_the_same_sources_wherever_and_whenever(tmp_path: Path) -> None:
    for name, date in (("first", 1_000_000_000), ("second", 1_700_000_000)):
        source = tmp_path / name / "one" / "module.py"
        source.parent.mkdir(parents=True)
        source.write_text("WORDS = {'a', 'b', 'c'}\ndef f(x):\n    return x in {'a', 'b', 'c', 'd'}\n")
        os.utime(source, (date, date))
        assert package.compile_all(tmp_path / name, "/opt/python")
    first = _compiled(tmp_path / "first")
    assert first == _compiled(tmp_path / "second")
    assert len(first) == 1


def test_byte_code_is_taken_without_a_look_at_the_source_and_names_lambdas_path(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("A = 1\n")
    assert package.compile_all(tmp_path, "/opt/python")
    (code,) = _compiled(tmp_path).values()
    assert int.from_bytes(code[4:8], "little") == 1  # a hash, never checked (PEP 552)
    assert marshal.loads(code[16:]).co_filename == "/opt/python/module.py"


def test_a_module_that_cannot_be_compiled_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "sound.py").write_text("A = 1\n")
    (tmp_path / "broken.py").write_text("A = (\n")
    assert not package.compile_all(tmp_path, "/opt/python")


def test_another_python_than_the_functions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "RUNTIME", (3, 2))
    assert package.main(["code", str(tmp_path)]) == 2
    assert "python3.2" in capsys.readouterr().err


def test_the_runtime_is_the_templates() -> None:
    version = ".".join(map(str, package.RUNTIME))
    templates = [path for path in (ROOT / "stacks").glob("*.yaml") if "Runtime:" in path.read_text()]
    assert templates
    for template in templates:
        assert f"Runtime: python{version}" in template.read_text(), template.name
