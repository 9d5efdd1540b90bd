"""`ona validate`: problems of configuration, template and state machines, with file, place and reason."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from ona.config import causes, parts, sources
from ona.config.files import SafeLoader, declared, read_yaml, validated
from ona.runtime.errors import InvalidConfiguration
from ona.store.registry import entering
from ooda.config import loss_function
from ooda.config.categories import categories_config
from ooda.config.event_codes import event_codes
from operations.config.catalogue import FILE as CATALOGUE
from operations.config.emergency import emergency
from operations.config.maintenance import maintenance
from ops import asl, quiet_names, templates
from ops.means import prices
from ops.target import CONFIGS, TEMPLATE, OpsError

_READ_OR_MEANT = (".yaml", ".yml", ".json")
"""Endings of files under `configs/` that somebody meant as configuration; only the first is read."""
_QUOTES = "; a text with [ ] { } : or # stands in quotes"
"""The usual mend of what is no YAML."""


def config_files() -> dict[str, type[BaseModel]]:
    """Every file under `configs/` that a module of any family declares, with its model."""
    functions = TEMPLATE.parent / "functions"
    for path in sorted([*functions.glob("*/config.py"), *functions.glob("*/config/*.py")]):
        importlib.import_module(".".join(path.relative_to(functions).with_suffix("").parts))
    return declared()


def configurations(base: Path | None = None) -> list[str]:
    """Problems of the files of a configuration: first of each by itself, then of those that must agree.

    `base` is the folder: what was deployed, for instance; without it this checkout's `configs/`.
    """
    base = base or CONFIGS
    before = os.environ.get("ONA_CONFIG_DIR")
    os.environ["ONA_CONFIG_DIR"] = str(base)
    try:
        return _problems_of_each_file(base) or _disagreements_with_causes() + _names_of_nothing()
    finally:
        os.environ["ONA_CONFIG_DIR"] = before or str(CONFIGS)


def require_configurations(then: str) -> None:
    """Raise OpsError with every problem of `configs/`. `then`: the command that comes after the mend."""
    if problems := configurations():
        told = "\n".join(f"    {problem}" for problem in problems)
        raise OpsError(
            f"configs/ cannot be used; nothing was deployed, and what runs stays as it was:\n{told}\n"
            f"Mend it, check it with `ona validate`, then `{then}`"
        )


def _problems_of_each_file(base: Path) -> list[str]:
    files = config_files()
    problems = []
    for path in sorted(path for path in base.rglob("*") if path.suffix.lower() in _READ_OR_MEANT):
        name = path.relative_to(base).as_posix()
        profile = name.startswith(f"{sources.FOLDER}/")
        if path.suffix != ".yaml":
            problems.append(f"{name}: is never read; the name of a configuration file ends in .yaml")
        elif profile and name.count("/") > 1:
            problems.append(f"{name}: is never read; profiles lie directly in {sources.FOLDER}/")
        elif profile:
            problems += _problems_of(path, name, partial(sources.read_profile, path))
        elif path.parent == base / prices.IN_CONFIGS:
            problems += _problems_of(path, name, partial(_read, path, prices.Prices, name))
        elif name not in files:
            problems.append(
                f"{name}: no module declares this file (see `ConfigFile` in functions/ona/config/files.py)"
            )
    for name, model in files.items():
        read = partial(_read, base / name, model, name)
        problems += _problems_of(base / name, name, read)
    return problems


def _read(path: Path, model: type[BaseModel], name: str) -> BaseModel:
    return validated(model, read_yaml(path), name)


def _problems_of(path: Path, name: str, read: Callable[[], object]) -> list[str]:
    """What reading one file says; of each wrong key with its line."""
    try:
        read()
    except InvalidConfiguration as error:
        if not isinstance(error.__cause__, ValidationError):
            hint = _QUOTES if isinstance(error.__cause__, yaml.MarkedYAMLError) else ""
            return [str(error).replace(str(path), name) + hint]
        node = yaml.compose(path.read_text("utf-8"), Loader=SafeLoader)
        return [
            f"{name}{_line(node, item['loc'])}: {'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}"
            for item in error.__cause__.errors()
        ]
    return []


def _line(node: yaml.Node | None, loc: tuple[int | str, ...]) -> str:
    """The line of a key, as far as the file has it: `, line 3`; empty for the file as a whole."""
    line = None
    for part in loc:
        below = None
        if isinstance(node, yaml.MappingNode):
            below = next((pair for pair in node.value if pair[0].value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            below = (node.value[part], node.value[part])
        if below is None:
            break
        line, node = below[0].start_mark.line + 1, below[1]
    return f", line {line}" if line else ""


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
    problems += [
        f"ooda/event_codes.yaml: causes.yaml has no {cause!r}"
        for cause in sorted(event_codes().causes() - set(causes.cause_rules()))
    ]
    return problems


def _names_of_nothing() -> list[str]:
    """Names in operations' files that no alert, function or workflow has: they would do nothing."""
    there = quiet_names.known()
    problems = [
        f"operations/maintenance.yaml: {window.name}: only: no alert has the name {name}"
        f"{quiet_names.near(name, there)}"
        for window in maintenance().windows
        for name in window.only
        if name not in there
    ]
    goes = {thing.about for thing in CATALOGUE.read().watched if thing.kind in ("function", "workflow")}
    problems += [
        f"operations/emergency.yaml: goes_on: no function or workflow is named {name}; there are "
        f"{', '.join(sorted(goes))}"
        for name in sorted(set(emergency().goes_on) - goes)
    ]
    return problems


def assets_file(path: Path) -> list[str]:
    """Problems of an asset registry in a file of this machine."""
    try:
        entering(path.read_bytes(), path.name)
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


def template(say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Problems of `template.yaml`, of each file of `stacks/`, and of what passes between them.

    `say` hears of each file before it is looked at.
    """
    files = [TEMPLATE, *sorted((TEMPLATE.parent / "stacks").glob("*.yaml"))]
    problems = list(templates.problems(TEMPLATE))
    for number, path in enumerate(files, 1):
        say(f"  {number} of {len(files)}: {path.name}")
        problems += cfn_lint(path)
    return problems
