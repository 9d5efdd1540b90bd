"""Values that operators change while the platform runs: SSM parameters `/ona-platform/<env>/<name>`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from ona.runtime.aws import client, translate
from ona.runtime.errors import InvalidConfiguration

ValueT = TypeVar("ValueT")


def parameter(name: str) -> str | None:
    """The value of a parameter of this environment, decrypted; None when it is not set.

    Raises DependencyBusy when Parameter Store is throttled or down.
    """
    path = _path(name)
    try:
        answer = client("ssm").get_parameter(Name=path, WithDecryption=True)
    except Exception as error:
        response = getattr(error, "response", None) or {}
        if response.get("Error", {}).get("Code") == "ParameterNotFound":
            return None
        raise translate(error, f"ssm {path}") from error
    value: str = answer["Parameter"]["Value"]
    return value


def overridden(name: str, default: Callable[[], ValueT], parse: Callable[[str], ValueT]) -> ValueT:
    """A setting as the operator has set it in Parameter Store, else as the configuration files have it.

    `parse` makes the value from the parameter's text, or raises ValueError with the reason.
    Raises InvalidConfiguration with the parameter's name and that reason, DependencyBusy.
    """
    text = parameter(name)
    if text is None:
        return default()
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidConfiguration(f"parameter {name}: {error}") from error


def secret(path: str) -> str:
    """The secret that a configuration file names by its path, `/ona-platform/<any environment>/<name>`.

    The name is looked up in this environment, so that one configuration file serves all environments.
    Raises InvalidConfiguration when the secret is not set, DependencyBusy.
    """
    name = path.rpartition("/")[2]
    value = parameter(name)
    if not value:
        where = _path(name)
        raise InvalidConfiguration(
            f"parameter {where} is not set: aws ssm put-parameter --type SecureString --name {where} …"
        )
    return value


def _path(name: str) -> str:
    return f"/ona-platform/{os.environ.get('ONA_ENVIRONMENT', 'dev')}/{name}"
