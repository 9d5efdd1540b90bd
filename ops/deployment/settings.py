"""What `sam deploy --config-env <env>` would deploy: stack, region and parameters of samconfig.toml."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.target import OpsError

SAMCONFIG = "samconfig.toml"


@dataclass(frozen=True)
class Settings:
    """One environment's section of samconfig.toml, with what the command line overrides."""

    stack: str
    region: str
    parameters: dict[str, str]


def settings(folder: Path, environment: str, overrides: list[str] | None = None) -> Settings:
    """The settings of an environment. `overrides`: `Name=value`, they win over the file.

    Raises OpsError when the file or its section is missing, or an override has another form.
    """
    path = folder / SAMCONFIG
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OpsError(f"{path}: {error}") from error
    section = document.get(environment, {}).get("deploy", {}).get("parameters")
    if section is None:
        raise OpsError(f"{path} has no [{environment}.deploy.parameters]")
    return Settings(
        stack=str(section["stack_name"]),
        region=str(section["region"]),
        parameters={**parse(section.get("parameter_overrides", "")), **given(overrides or [])},
    )


def parse(text: str) -> dict[str, str]:
    """The parameters in samconfig's `parameter_overrides`.

    >>> parse('Environment=prod LossFunctionWeights="{\\\\"w_cost\\\\": 1}"')
    {'Environment': 'prod', 'LossFunctionWeights': '{"w_cost": 1}'}
    """
    return given(shlex.split(text))


def given(items: list[str]) -> dict[str, str]:
    """Parameters that the command line names. Raises OpsError for what is not `Name=value`."""
    wrong = [item for item in items if "=" not in item]
    if wrong:
        raise OpsError(f"{', '.join(wrong)}: a parameter is given as Name=value")
    return dict(item.split("=", 1) for item in items)
