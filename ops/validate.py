"""`ona validate`: configuration, template and state machines, each with file, place and reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ona import config
from ona.assets import AssetRegistry
from ona.errors import InvalidConfiguration
from ops.target import CONFIGS, TEMPLATE, use_configs


def configurations() -> list[str]:
    """Problems of the files under `configs/`."""
    use_configs()
    found = []
    for name, model in config.FILES.items():
        try:
            config.validated(model, config.read_yaml(CONFIGS / name), name)
        except InvalidConfiguration as error:
            found.append(str(error))
    try:
        config.source_profiles()
    except InvalidConfiguration as error:
        found.append(str(error))
    if found:
        return found
    categories = config.categories().root
    found += [
        f"ooda/causes.yaml: {cause}: categories.yaml has no {rule.category!r} / {rule.subcategory!r}"
        for cause, rule in config.causes().items()
        if rule.subcategory not in categories.get(rule.category, [])
    ]
    skills = set(config.loss_function().crew.specializations)
    found += [
        f"ooda/causes.yaml: {cause}.specialization: {rule.specialization!r} is not in "
        "loss_function.yaml's crew.specializations"
        for cause, rule in config.causes().items()
        if rule.specialization not in skills
    ]
    stocked = {part.component_type for part in config.parts().parts}
    found += [
        f"ooda/causes.yaml: {cause}.needs_part: parts.yaml has no {rule.needs_part!r}"
        for cause, rule in config.causes().items()
        if rule.needs_part and rule.needs_part not in stocked
    ]
    return found


def assets_file(path: Path) -> list[str]:
    """Problems of an asset registry on disk."""
    try:
        AssetRegistry.parse(config.read_yaml(path), path.name)
    except InvalidConfiguration as error:
        return [str(error)]
    return []


def state_machines() -> list[str]:
    """Problems of the definitions under `statemachines/`."""
    from local.hooks import executions

    return [
        f"{path.name}: {problem}"
        for path in sorted((TEMPLATE.parent / "statemachines").glob("*.asl.yaml"))
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
    """Problems of `template.yaml`."""
    return cfn_lint(TEMPLATE)
