"""What passes between `template.yaml` and the stacks: neither SAM nor cfn-lint sees all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from local.packaging import DeployError, Template, read_template
from local.root_template import Application, applications, declared_in, references
from ona.runtime.words import counted

MOST_LINES_ROOT, MOST_LINES_STACK = 460, 700
"""A page that can be read in one go (docs/decisions/0012-one-api-a-family.md)."""
GENERATED = ("watch.yaml",)
"""Stacks that a command writes and nobody reads in one go; they may be longer."""
_USING = ("Conditions", "Globals", "Resources", "Outputs")
"""Sections that may use a parameter. What stands in `Metadata` counts where it is written out."""


def problems(root: Path) -> list[str]:
    """What does not fit together: parameters, outputs, circles, names, lengths."""
    try:
        nested = applications(read_template(root), root.parent)
        declared_in(nested)
    except DeployError as error:
        return [f"{root.name}: {error}"]
    return [
        *_unused_parameters(root.name, read_template(root)),
        *(text for item in nested.values() for text in _unused_parameters(item.path.name, item.template)),
        *_unused_outputs(read_template(root), nested),
        *_not_listed(root, nested),
        *_too_long(root, MOST_LINES_ROOT),
        *(
            text
            for item in nested.values()
            if item.path.name not in GENERATED
            for text in _too_long(item.path, MOST_LINES_STACK)
        ),
    ]


def _unused_parameters(name: str, template: Template) -> Iterator[str]:
    used = {text for _, text in references([template.get(section, {}) for section in _USING])}
    for parameter in template.get("Parameters", {}):
        if parameter not in used:
            yield f"{name}: nothing uses parameter {parameter}"


def _unused_outputs(root: Template, nested: dict[str, Application]) -> Iterator[str]:
    used = {text for _, text in references([root["Resources"], root.get("Outputs", {})])}
    for name, application in nested.items():
        for output in application.template.get("Outputs", {}):
            if f"{name}.Outputs.{output}" not in used:
                yield f"{application.path.name}: nothing uses output {output}"


def _not_listed(root: Path, nested: dict[str, Application]) -> Iterator[str]:
    listed = {application.path.resolve() for application in nested.values()}
    for path in sorted((root.parent / "stacks").glob("*.yaml")):
        if path.resolve() not in listed:
            yield f"{path.name}: {root.name} has no application of it"


def _too_long(path: Path, most: int) -> Iterator[str]:
    lines = len(path.read_text("utf-8").splitlines())
    if lines > most:
        yield f"{path.name}: {counted(lines, 'line')}, at most {most}"
