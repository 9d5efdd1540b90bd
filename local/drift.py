"""What a deployment would change: the stacks that are not what this checkout's templates and code say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local import deploy
from local.packaging import Packager, digest, read_template
from local.root_template import Values, applications, chosen_parameters, conditions


def behind(client: Callable[[str], Any], template: Path, root: str) -> dict[str, str] | None:
    """Each stack that differs, and how; empty when all are current, None when nothing is deployed.

    The parameters are those that the root's stack was deployed with. Nothing is changed.
    """
    cloudformation = client("cloudformation")
    there = deploy.find(cloudformation, root)
    if there is None:
        return None
    document = read_template(template)
    parameters = deploy.parameters_of(there)
    nested = applications(document, template.parent)
    packaged = Packager(lambda body, suffix: _artefact(root, body, suffix)).package_all(nested)
    parameters.pop(deploy.RELEASE, None)  # this checkout's
    chosen = chosen_parameters(document, deploy.with_release(document, packaged, parameters))
    named = {**chosen, **_pseudo_parameters(client, root)}
    values = Values(named, conditions(document, named), {})
    found: dict[str, str] = {}
    for name, application in nested.items():
        if application.condition is not None and not values.conditions[application.condition]:
            continue
        stack = deploy.nested_name(root, name)
        existing = deploy.find(cloudformation, stack)
        if existing is None:
            found[stack] = "is not deployed"
            continue
        if why := _difference(existing, digest(packaged[name], application.given(values))):
            found[stack] = why
        values.outputs[name] = deploy.outputs(existing)
    return found


def _difference(existing: dict[str, Any], content: str) -> str:
    if not deploy.stands(existing):
        return f"is {existing['StackStatus']}"
    return "" if deploy.deployed_content(existing) == content else "differs from this checkout"


def _artefact(root: str, body: bytes, suffix: str) -> str:
    """The address that `deploy` gives the same bytes."""
    return f"s3://{root}-artifacts/{deploy.content(body)}{suffix}"


def _pseudo_parameters(client: Callable[[str], Any], root: str) -> dict[str, str]:
    account = client("sts").get_caller_identity()["Account"]
    return deploy.pseudo_parameters(str(account), str(client("s3").meta.region_name), root)
