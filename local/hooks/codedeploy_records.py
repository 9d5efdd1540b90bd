"""CodeDeploy: the records of deployments, kept with the home like any service's state.

This module stands for one of ministack's services, which has no CodeDeploy: `get_state` and
`load_persisted_state` are what ministack asks of each (`codedeploy_api` answers the calls).
"""

from __future__ import annotations

import copy
import json
import secrets
import string
from collections.abc import Iterator
from typing import Any

from local import clock
from local.hooks.base import private

Json = dict[str, Any]
ENDED = ("Succeeded", "Failed", "Stopped")
"""Statuses of a deployment that is over (DeploymentInfo)."""
_LETTERS = string.ascii_uppercase + string.digits


deployments: Any = {}
"""Each deployment by its id: what GetDeployment answers, and what begins with `_` beside it."""
under_way: Any = {}
"""What an alias was before its shift began, by the alias's ARN. A restart puts it back."""


def new_id() -> str:
    """An id as CodeDeploy makes them: `d-` and nine letters or digits."""
    return "d-" + "".join(secrets.choice(_LETTERS) for _ in range(9))


def save(record: Json) -> None:
    """Write a record down; its store notices a change of an entry only when it is set."""
    deployments[record["deploymentId"]] = record


def end(record: Json, status: str, code: str = "", text: str = "") -> None:
    """Write down how a deployment ended."""
    error = {"errorInformation": {"code": code, "message": text}} if code else {}
    save(record | {"status": status, "completeTime": clock.now(), **error})


def group_of(name: str) -> tuple[Json, str] | None:
    """The properties of a deployment group as its stack has them, and its application; None for none."""
    for found, properties in _groups():
        if found == name:
            return properties, str(properties.get("ApplicationName", ""))
    return None


def _groups() -> Iterator[tuple[str, Json]]:
    from ministack.services import cloudformation

    for stack in list(private(cloudformation, "_stacks").values()):
        for resource in list((stack.get("_resources") or {}).values()):
            if resource.get("ResourceType") == "AWS::CodeDeploy::DeploymentGroup":
                yield str(resource.get("PhysicalResourceId")), resource["Properties"]


def first_group() -> Json:
    """Application and name of a group; empty where there is none."""
    for name, properties in _groups():
        return {"applicationName": properties.get("ApplicationName"), "deploymentGroupName": name}
    return {}


def app_spec(function: str, alias: str, before: str, after: str, hook: str) -> str:
    """A deployment's AppSpec, as CodeDeploy's guide writes it ("AppSpec File example for a Lambda
    deployment")."""
    properties = {"Name": function, "Alias": alias, "CurrentVersion": before, "TargetVersion": after}
    content: Json = {
        "version": 0.0,
        "Resources": [{function: {"Type": "AWS::Lambda::Function", "Properties": properties}}],
    }
    if hook:
        content["Hooks"] = [{"BeforeAllowTraffic": hook}]
    return json.dumps(content)


def mend() -> None:
    """After a restart: end what was under way. Each alias names the version of before, and no other."""
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import lambda_svc, stepfunctions

    for account, region, arn in list(under_way._data):
        set_request_account_id(account)
        set_request_region(region)
        before = under_way.pop(arn)
        if ":stateMachine:" in arn:
            routes = {"stateMachineAliasArn": arn, "routingConfiguration": before}
            private(stepfunctions, "_update_state_machine_alias")(routes)
        else:
            name, _, alias = arn.partition(":function:")[2].partition(":")
            private(lambda_svc, "_update_alias")(name, alias, before)
    for account, region, ident in list(deployments._data):
        set_request_account_id(account)
        set_request_region(region)
        record = deployments[ident]
        if record["status"] not in ENDED:
            end(record, "Failed", "INTERNAL_ERROR", "the embedded cloud was ended during the deployment")


def install() -> None:
    """Make the stores, which ministack scopes by account and region."""
    global deployments, under_way
    from ministack.core.responses import AccountRegionScopedDict

    deployments, under_way = AccountRegionScopedDict(), AccountRegionScopedDict()


def get_state() -> Json:
    """As ministack asks it of a service."""
    return copy.deepcopy({"deployments": deployments, "under_way": under_way})


def load_persisted_state(data: Json) -> None:
    """As ministack asks it of a service."""
    deployments.update(data.get("deployments", {}))
    under_way.update(data.get("under_way", {}))
