"""What a function imports is in its package: its folder, the kernel, its layers, the runtime."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

FUNCTIONS = ROOT / "functions"
RUNTIME = {"boto3", "botocore", "urllib3"}
MODULES = {
    "aws-lambda-powertools": "aws_lambda_powertools",
    "pyyaml": "yaml",
    "python-dateutil": "dateutil",
    "xgboost-cpu": "xgboost",
}
BOOSTED = {"interpolation_service", "global_training_service", "forecasting_api"}
HEAVY = {"detect", "data_ingestion", *BOOSTED}
FOLDERS = {path.parent.name: path.parent for path in sorted(FUNCTIONS.glob("*/*/handler.py"))}
FUNCTION_NAMES = sorted(FOLDERS)


def distributions(path: Path) -> set[str]:
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", path.read_text(), re.MULTILINE)
    return {MODULES.get(name.lower(), name.lower().replace("-", "_")) for name in names}


LIGHT = distributions(FUNCTIONS / "requirements.txt")
LAYER = distributions(ROOT / "layers" / "analytics" / "requirements.txt")
PLANNING = distributions(ROOT / "layers" / "planning" / "requirements.txt")
BOOSTING = distributions(ROOT / "layers" / "boosting" / "requirements.txt")


def imports(path: Path, *, at_top: bool) -> set[str]:
    """Modules that a file imports; with `at_top` only when it is imported itself."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if at_top else list(ast.walk(tree))
    imported = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return imported


def reached(entry: Path, *, at_top: bool) -> tuple[set[Path], set[str]]:
    """Our files and the foreign top-level packages that an import of `entry` reaches."""
    ours: set[Path] = set()
    foreign: set[str] = set()
    todo = [entry]
    while todo:
        path = todo.pop()
        if path in ours:
            continue
        ours.add(path)
        for module in imports(path, at_top=at_top):
            base = FUNCTIONS / module.replace(".", "/")
            local = next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()), None)
            if local:
                todo.append(local)
            elif not (FUNCTIONS / module.split(".")[0]).is_dir():
                top = module.split(".")[0]
                if top not in sys.stdlib_module_names:
                    foreign.add(top)
    return ours, foreign


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_everything_a_function_imports_is_shipped_with_it(name: str) -> None:
    _, foreign = reached(FOLDERS[name] / "handler.py", at_top=True)
    available = RUNTIME | LIGHT | (LAYER if name in HEAVY else set())
    available |= (BOOSTING if name in BOOSTED else set()) | (PLANNING if name == "schedule" else set())
    assert foreign <= available


@pytest.mark.parametrize("name", sorted({*FUNCTION_NAMES} - HEAVY | {"forecasting_api"}))
def test_light_functions_never_reach_pandas(name: str) -> None:
    """Nor does the API on its way to a stored forecast: its cold start must not pay for pandas."""
    entry = "api.py" if name == "forecasting_api" else "handler.py"
    _, foreign = reached(FOLDERS[name] / entry, at_top=True)
    heavy = {"pandas", "numpy", "scipy", "pvlib", "fastparquet", "xgboost", "lightgbm"}
    assert not foreign & (heavy - PLANNING if name == "schedule" else heavy)  # HiGHS takes NumPy's arrays


def test_time_zones_are_shipped_with_every_function() -> None:
    """`zoneinfo` needs the database; Lambda's minimal runtime is not relied on for it."""
    assert "tzdata" in LIGHT


def test_xgboost_is_never_the_one_with_the_gpu_part() -> None:
    for path in ROOT.glob("**/requirements*.txt"):
        if ".venv" not in path.parts:
            assert not re.search(r"^xgboost==", path.read_text(), re.MULTILINE)


def test_the_library_that_lightgbm_links_to_comes_with_it() -> None:
    """Lambda's image and Python's slim one have no libgomp.so.1; xgboost brings one under another name."""
    makefile = (ROOT / "layers" / "Makefile").read_text()
    assert "lightgbm" in BOOSTING
    assert 'xgboost_cpu.libs/libgomp-*.so* "$(ARTIFACTS_DIR)/lib/libgomp.so.1"' in makefile
    assert "libgomp1" in (ROOT / "containers" / "training" / "Dockerfile").read_text()


def test_lock_files_carry_names_versions_and_hashes_only() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
        assert "index-url" not in text


def test_local_dependencies_are_those_that_are_shipped() -> None:
    locked = dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", (ROOT / "requirements/dev.txt").read_text(), re.M))
    for path in (FUNCTIONS / "requirements.txt", *(ROOT / "layers").glob("*/requirements.txt")):
        for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", path.read_text(), re.M):
            assert locked[name.lower()] == version, name


def test_no_committed_secret_looks_real() -> None:
    pattern = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY")
    for path in ROOT.glob("**/*"):
        if path.is_file() and path.suffix in {".py", ".yaml", ".json", ".toml", ".md"}:
            local = {".venv", ".venv-sam", ".venv-bench", ".aws-sam", ".ona", ".git", "reports"}
            if local & set(path.parts):
                continue
            assert not pattern.search(path.read_text(errors="ignore")), path


def test_samconfig_sets_every_environment() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name in ("dev", "staging", "prod"):
        deploy = settings[name]["deploy"]["parameters"]
        assert deploy["stack_name"] == f"ona-platform-{name}"
        assert f"Environment={name}" in deploy["parameter_overrides"]
