"""CodeDeploy's API: deployments are looked at, stopped, and hooks answer.

Source: AWS CodeDeploy API Reference: GetDeployment, ListDeployments, StopDeployment,
PutLifecycleEventHookExecutionStatus. Deployments are begun by CloudFormation alone, as ours are on AWS.
Permissions: Service Authorization Reference, AWS CodeDeploy: the deployment group is the resource.
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.hooks import codedeploy_records as kept
from local.hooks import own_services
from local.hooks.base import private, replace
from local.hooks.own_services import Calls, Refused
from local.hooks.shifting import GoneBack, Watch

Json = dict[str, Any]
_TARGET = "CodeDeploy_20141006"
_ID = re.compile(r"d-[A-Z0-9]{9}")
_STATUSES = ("Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready")
watches: dict[str, Watch] = {}
"""What watches a deployment that is under way, by its id."""


def _deployment(asked: Json) -> Json:
    ident = str(asked.get("deploymentId") or "")
    if not ident:
        raise Refused("DeploymentIdRequiredException", "Deployment ID must be specified")
    if not _ID.fullmatch(ident):
        raise Refused("InvalidDeploymentIdException", f"The deployment ID {ident} is invalid")
    if ident not in kept.deployments:
        raise Refused("DeploymentDoesNotExistException", f"The deployment {ident} could not be found")
    record: Json = kept.deployments[ident]
    return record


def _get(asked: Json) -> Json:
    record = _deployment(asked)
    return {"deploymentInfo": {name: value for name, value in record.items() if not name.startswith("_")}}


def _list(asked: Json) -> Json:
    application, group = asked.get("applicationName"), asked.get("deploymentGroupName")
    if group and not application:
        raise Refused("ApplicationNameRequiredException", "Application name must be specified")
    if application and not group:
        raise Refused("DeploymentGroupNameRequiredException", "Deployment Group name must be specified")
    if group:
        found = kept.group_of(str(group))
        if found is None:
            text = f"No Deployment Group found for name: {group}"
            raise Refused("DeploymentGroupDoesNotExistException", text)
        if found[1] != application:
            text = f"No application found for name: {application}"
            raise Refused("ApplicationDoesNotExistException", text)
    wanted = asked.get("includeOnlyStatuses") or _STATUSES
    if unknown := [status for status in wanted if status not in _STATUSES]:
        raise Refused("InvalidDeploymentStatusException", f"The deployment status {unknown[0]} is invalid")
    between = asked.get("createTimeRange") or {}
    start, end = float(between.get("start") or 0), float(between.get("end") or "inf")
    if start > end:
        raise Refused("InvalidTimeRangeException", "The start time is after the end time")
    found_ids = [
        record["deploymentId"]
        for record in kept.deployments.values()
        if record["status"] in wanted
        and start <= record["createTime"] <= end
        and (not group or record["deploymentGroupName"] == group)
    ]
    return {"deployments": found_ids[::-1]}


def _stop(asked: Json) -> Json:
    record = _deployment(asked)
    watch = watches.get(record["deploymentId"])
    if record["status"] in kept.ENDED or watch is None:
        text = f"The deployment {record['deploymentId']} is already completed"
        raise Refused("DeploymentAlreadyCompletedException", text)
    record["_back"] = bool(asked.get("autoRollbackEnabled"))
    kept.save(record)
    watch.halted = GoneBack("MANUAL_STOP", "The deployment was stopped by a user")
    return {"status": "Pending", "statusMessage": "Stopping the deployment"}


def _put(asked: Json) -> Json:
    record = _deployment(asked)
    status, execution = asked.get("status"), str(asked.get("lifecycleEventHookExecutionId") or "")
    if status not in ("Succeeded", "Failed"):
        text = f"The lifecycle event hook execution status {status} is invalid"
        raise Refused("InvalidLifecycleEventHookExecutionStatusException", text)
    hook = record.get("_hook") or {}
    if not execution or execution != hook.get("execution"):
        text = f"The lifecycle event hook execution ID {execution} is invalid"
        raise Refused("InvalidLifecycleEventHookExecutionIdException", text)
    if hook.get("status") != "InProgress" or record["status"] in kept.ENDED:
        text = "The lifecycle event hook has already been completed"
        raise Refused("LifecycleEventAlreadyCompletedException", text)
    kept.save(record | {"_hook": {**hook, "status": status}})
    return {"lifecycleEventHookExecutionId": execution}


_CALLS: Calls = {
    "GetDeployment": _get,
    "ListDeployments": _list,
    "StopDeployment": _stop,
    "PutLifecycleEventHookExecutionStatus": _put,
}


def resource(body: bytes, region: str, account: str) -> str:
    """The deployment group that a call is about, as policies name it; `*` where it is about none.

    A deployment that is not there is judged as one of the first group, so that the answer is that it is not
    there: what AWS judges by is not documented.
    """
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return "*"
    ident = str(asked.get("deploymentId") or "")
    record = kept.deployments.get(ident) or (kept.first_group() if ident else asked)
    application, group = record.get("applicationName"), record.get("deploymentGroupName")
    return f"arn:aws:codedeploy:{region}:{account}:deploymentgroup:{application}/{group}" if group else "*"


def install() -> None:
    """Let ministack's server know the service."""
    from ministack.core import iam_actions

    kept.install()
    own_services.register("codedeploy", _TARGET, kept, _CALLS)
    private(iam_actions, "SERVICE_TO_IAM_NAMESPACE")["codedeploy"] = "codedeploy"
    resource_of = private(iam_actions, "extract_resource_arn")

    def named(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        found = str(resource_of(service, method, path, headers, body, *rest))
        if service != "codedeploy":
            return found
        _, region, account = rest
        return resource(body, region, account)

    replace(iam_actions, "extract_resource_arn", named)
