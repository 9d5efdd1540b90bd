"""`ona validate`: problems of configuration, template and state machines, with file, place and reason."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from ona.config import causes, parts, sources
from ona.config.files import declared, read_yaml, validated
from ona.runtime.errors import InvalidConfiguration
from ona.store.registry import parse_registry
from ooda.config import loss_function
from ooda.config.categories import categories_config
from ops import asl, templates
from ops.target import CONFIGS, TEMPLATE, use_configs


def config_files() -> dict[str, type[BaseModel]]:
    """Every file under `configs/` that a module of any family declares, with its model."""
    functions = TEMPLATE.parent / "functions"
    for path in sorted([*functions.glob("*/config.py"), *functions.glob("*/config/*.py")]):
        importlib.import_module(".".join(path.relative_to(functions).with_suffix("").parts))
    return declared()


def configurations() -> list[str]:
    """Problems of the files under `configs/`: first of each by itself, then of those that must agree."""
    use_configs()
    return _problems_of_each_file() or _disagreements_with_causes()


def _problems_of_each_file() -> list[str]:
    files = config_files()
    present = {str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob("*.yaml")}
    problems = [
        f"{name}: no module declares this file (see `ConfigFile` in functions/ona/config/files.py)"
        for name in sorted(present - set(files))
        if not name.startswith(f"{sources.FOLDER}/")
    ]
    for name, model in files.items():
        try:
            validated(model, read_yaml(CONFIGS / name), name)
        except InvalidConfiguration as error:
            problems.append(str(error))
    try:
        sources.source_profiles()
    except InvalidConfiguration as error:
        problems.append(str(error))
    return problems


def _disagreements_with_causes() -> list[str]:
    """Categories, skills and parts that causes.yaml names and that no other file has."""
    categories = categories_config().root
    problems = [
        f"ooda/causes.yaml: {cause}: categories.yaml has no {rule.category!r} / {rule.subcategory!r}"
        for cause, rule in causes.cause_rules().items()
        if rule.subcategory not in categories.get(rule.category, [])
    ]
    skills = set(loss_function.loss_function_config().crew.specializations)
    problems += [
        f"ooda/causes.yaml: {cause}.specialization: {rule.specialization!r} is not in "
        "loss_function.yaml's crew.specializations"
        for cause, rule in causes.cause_rules().items()
        if rule.specialization not in skills
    ]
    stocked = {part.component_type for part in parts.parts_catalogue().parts}
    problems += [
        f"ooda/causes.yaml: {cause}.needs_part: parts.yaml has no {rule.needs_part!r}"
        for cause, rule in causes.cause_rules().items()
        if rule.needs_part and rule.needs_part not in stocked
    ]
    return problems


def assets_file(path: Path) -> list[str]:
    """Problems of an asset registry in a file of this machine."""
    try:
        parse_registry(path.read_bytes(), path.name)
    except OSError as error:
        return [f"{path}: cannot be read: {error.strerror}"]
    except InvalidConfiguration as error:
        return [str(error)]
    return []


def state_machines() -> list[str]:
    """Problems of the definitions under `statemachines/`, and those that are deployed out of date."""
    from local.hooks import definitions

    problems = [f"{name} is stale: run `make asl`" for name in asl.stale()]
    return problems + [
        f"{path.name}: {problem}"
        for path in asl.sources()
        for problem in definitions.problems(json.dumps(asl.expanded(path)))
    ]


def cfn_lint(path: Path) -> list[str]:
    """Problems that cfn-lint finds in a template."""
    program = "import sys; from cfnlint.runner import main; sys.exit(main())"
    answer = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return []
    lines = (answer.stdout + answer.stderr).splitlines()
    return [line for line in lines if line.strip()] or [f"cfn-lint exited with {answer.returncode}"]


def template() -> list[str]:
    """Problems of `template.yaml`, of each file of `stacks/`, and of what passes between them."""
    files = [TEMPLATE, *sorted((TEMPLATE.parent / "stacks").glob("*.yaml"))]
    return [*templates.problems(TEMPLATE), *(problem for path in files for problem in cfn_lint(path))]
