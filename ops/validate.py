"""`ona validate`: configuration, template and state machines, each with file, place and reason."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from ona.config import causes, parts, sources
from ona.config.files import declared, read_yaml, validated
from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidConfiguration
from ooda.config import loss_function
from ooda.config.categories import categories_config
from ops import templates
from ops.target import CONFIGS, TEMPLATE, use_configs


def config_files() -> dict[str, type[BaseModel]]:
    """Every file under `configs/` that some module declares, with its model, whatever family it is of."""
    functions = TEMPLATE.parent / "functions"
    for path in sorted([*functions.glob("*/config.py"), *functions.glob("*/config/*.py")]):
        importlib.import_module(".".join(path.relative_to(functions).with_suffix("").parts))
    return declared()


def configurations() -> list[str]:
    """Problems of the files under `configs/`."""
    use_configs()
    files = config_files()
    there = {str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob("*.yaml")}
    found = [
        f"{name}: no module declares this file (see `ConfigFile` in functions/ona/config/files.py)"
        for name in sorted(there - set(files))
        if not name.startswith("sources/")
    ]
    for name, model in files.items():
        try:
            validated(model, read_yaml(CONFIGS / name), name)
        except InvalidConfiguration as error:
            found.append(str(error))
    try:
        sources.source_profiles()
    except InvalidConfiguration as error:
        found.append(str(error))
    if found:
        return found
    categories = categories_config().root
    found += [
        f"ooda/causes.yaml: {cause}: categories.yaml has no {rule.category!r} / {rule.subcategory!r}"
        for cause, rule in causes.cause_rules().items()
        if rule.subcategory not in categories.get(rule.category, [])
    ]
    skills = set(loss_function.loss_function_config().crew.specializations)
    found += [
        f"ooda/causes.yaml: {cause}.specialization: {rule.specialization!r} is not in "
        "loss_function.yaml's crew.specializations"
        for cause, rule in causes.cause_rules().items()
        if rule.specialization not in skills
    ]
    stocked = {part.component_type for part in parts.parts_catalogue().parts}
    found += [
        f"ooda/causes.yaml: {cause}.needs_part: parts.yaml has no {rule.needs_part!r}"
        for cause, rule in causes.cause_rules().items()
        if rule.needs_part and rule.needs_part not in stocked
    ]
    return found


def assets_file(path: Path) -> list[str]:
    """Problems of an asset registry on disk."""
    try:
        AssetRegistry.parse(read_yaml(path), path.name)
    except InvalidConfiguration as error:
        return [str(error)]
    return []


def state_machines() -> list[str]:
    """Problems of the definitions under `statemachines/`."""
    from local.hooks import executions

    return [
        f"{path.name}: {problem}"
        for path in sorted((TEMPLATE.parent / "statemachines").glob("*/*.asl.yaml"))
        for problem in executions.problems(path.read_text("utf-8"))
    ]


def cfn_lint(path: Path) -> list[str]:
    """Problems that cfn-lint finds in a template."""
    program = "import sys; from cfnlint.runner import main; sys.exit(main())"
    answer = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return []
    said = (answer.stdout + answer.stderr).splitlines()
    return [line for line in said if line.strip()] or [f"cfn-lint exited with {answer.returncode}"]


def template() -> list[str]:
    """Problems of `template.yaml`, of each file of `stacks/`, and of what passes between them."""
    files = [TEMPLATE, *sorted((TEMPLATE.parent / "stacks").glob("*.yaml"))]
    return [*templates.problems(TEMPLATE), *(problem for path in files for problem in cfn_lint(path))]
