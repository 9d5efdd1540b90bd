"""CodeDeploy: applications and deployment groups, as a template makes them.

What a group names is checked when it is made: its application, its role, which must trust CodeDeploy, and
its configuration. `codedeploy_shifts` acts its deployments out.
Source: AWS CodeDeploy API Reference, CreateDeploymentGroup; "Working with deployment configurations".
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private
from local.hooks.roles_demands import trusts
from local.hooks.shifting import steps_of_configuration

Json = dict[str, Any]


def _unchanged(physical: str, _old: Json, _new: Json, *_rest: Any) -> Any:
    return physical, {}


def _nothing(_physical: str, _properties: Json) -> None:
    return None


def _application(logical: str, properties: Json, stack: str) -> Any:
    return properties.get("ApplicationName") or f"{stack}-{logical}"[:100], {}


def _refused(properties: Json) -> str:
    """Why CodeDeploy does not make a group; empty when it does."""
    role, configuration = properties.get("ServiceRoleArn"), properties.get("DeploymentConfigName", "")
    if not trusts(str(role), "codedeploy.amazonaws.com"):
        return f"AWS CodeDeploy does not have the permissions required to assume the role {role}."
    if not steps_of_configuration(str(configuration)):
        return f"No deployment configuration found for name: {configuration}"
    return ""


def _group(logical: str, properties: Json, stack: str) -> Any:
    if refused := _refused(properties):
        raise ValueError(f'Resource handler returned message: "{refused}"')
    return properties.get("DeploymentGroupName") or f"{stack}-{logical}"[:100], {}


def _regroup(physical: str, _old: Json, new: Json, *_rest: Any) -> Any:
    if refused := _refused(new):
        raise ValueError(f'Resource handler returned message: "{refused}"')
    return physical, {}


def install() -> None:
    """Let CloudFormation make the two types."""
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    handlers["AWS::CodeDeploy::Application"] = {
        "create": _application,
        "update": _unchanged,
        "delete": _nothing,
    }
    handlers["AWS::CodeDeploy::DeploymentGroup"] = {
        "create": _group,
        "update": _regroup,
        "delete": _nothing,
    }
