"""Reading the files under `configs/`: each has one module with its model, which declares it.

An unknown key or an impossible value is refused with file, key and reason. A module declares its file once,
and reads it through that declaration:

    FILE = ConfigFile("ooda/trends.yaml", TrendRules)

    def trend_rules() -> TrendRules:
        return FILE.read()

`ona validate` finds the declarations by itself (`declared`), also those of a family added tomorrow.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ona.documents.base import problems_of
from ona.runtime.errors import InvalidConfiguration

ModelT = TypeVar("ModelT", bound=BaseModel)
_Plain: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads plain values only. The one in C is eight times as fast; it is not in every PyYAML."""
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
MAX_DEPTH = 100
"""Levels of nesting in a configuration file; ours have fewer than ten."""

_declared: dict[str, type[BaseModel]] = {}
"""The model of each declared file, by the file's path below `configs/`."""


class SafeLoader(_Plain):  # type: ignore[misc]
    """Plain values, and no key twice. `22:00` is a text, as in YAML 1.2: YAML 1.1 took it for the number
    1320, to the base 60, and a turn from 22:00 on began at 00:22."""

    yaml_implicit_resolvers = {
        first: [
            (tag, re.compile(rf"(?![-+0-9_]+:)(?:{form.pattern})", re.X) if tag in _NUMBERS else form)
            for tag, form in forms
        ]
        for first, forms in _Plain.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what a mapping merges into it. Raises ConstructorError for a key that stands there twice, as
        it was written: one would be lost."""
        looked: set[int] = self.__dict__.setdefault("_looked_at", set())
        if id(node) not in looked:  # a mapping that another one merges comes twice, the second time merged
            looked.add(id(node))
            _require_once(node)
        super().flatten_mapping(node)


def _require_once(node: yaml.MappingNode) -> None:
    known: dict[str, yaml.Mark] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != "<<":
            if key.value in known:
                before = known[key.value].line + 1
                said = f"line {before} has the key {key.value} already; remove one of the two"
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            known[key.value] = key.start_mark


class ConfigFile(Generic[ModelT]):
    """One file under `configs/` and its model."""

    def __init__(self, name: str, model: type[ModelT]) -> None:
        self.name = name
        self.model = model
        _declared[name] = model

    def read(self) -> ModelT:
        """The file's content, read once a process.

        Raises InvalidConfiguration with file, key and reason.
        """
        content: ModelT = _read(self.name, self.model, directory())
        return content


def declared() -> dict[str, type[BaseModel]]:
    """The files that the modules imported so far have declared, with their models."""
    return dict(_declared)


def directory() -> Path:
    """The folder of the configuration files: `ONA_CONFIG_DIR`, which the template sets to the layer's."""
    return Path(os.environ.get("ONA_CONFIG_DIR", "/opt"))


def read_yaml(path: Path) -> Any:
    """A YAML file. Raises InvalidConfiguration, with the line, when it is absent or no YAML."""
    try:
        text = path.read_text("utf-8")
        _require_shallow(text)
        return yaml.load(text, SafeLoader)  # nosec B506: a safe loader
    except OSError as error:
        raise InvalidConfiguration(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise InvalidConfiguration(f"{path}{place}: no valid YAML: {said}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # no UTF-8; no such date; too deep
        raise InvalidConfiguration(f"{path}: no valid YAML: {' '.join(str(error).split())}") from error


def _require_shallow(text: str) -> None:
    """Raises RecursionError for what is nested deeper than MAX_DEPTH: the loader in C would crash of it."""
    depth = 0
    for event in yaml.parse(text, SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise RecursionError(f"nested deeper than {MAX_DEPTH} levels")


def validated(model: type[ModelT], document: Any, name: str) -> ModelT:
    """Check a document against its model. Raises InvalidConfiguration with file, key and reason."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidConfiguration(f"{name}: {problems_of(error, 'file')}") from error


@cache
def _read(name: str, model: type[Any], base: Path) -> Any:
    return validated(model, read_yaml(base / name), name)
