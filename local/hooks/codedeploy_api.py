"""CodeDeploy's API: deployments are looked at, stopped, and hooks answer.

Source: AWS CodeDeploy API Reference: GetDeployment, ListDeployments, StopDeployment,
PutLifecycleEventHookExecutionStatus. Deployments are begun by CloudFormation alone, as ours are on AWS.
Permissions: Service Authorization Reference, AWS CodeDeploy: the deployment group is the resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from local.hooks import codedeploy_records as kept
from local.hooks.base import private, replace
from local.hooks.shifting import GoneBack, Watch

Json = dict[str, Any]
_TARGET = "CodeDeploy_20141006"
_ID = re.compile(r"d-[A-Z0-9]{9}")
_STATUSES = ("Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready")
watches: dict[str, Watch] = {}
"""What watches a deployment that is under way, by its id."""


class Refused(Exception):
    """A call that CodeDeploy refuses: its error's code, and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


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


_CALLS: dict[str, Callable[[Json], Json]] = {
    "GetDeployment": _get,
    "ListDeployments": _list,
    "StopDeployment": _stop,
    "PutLifecycleEventHookExecutionStatus": _put,
}


def answer(headers: Any, body: bytes) -> Any:
    """Answer a request in the JSON 1.1 protocol."""
    from ministack.core.responses import error_response_json

    action = str(headers.get("x-amz-target") or "").rpartition(".")[2]
    call = _CALLS.get(action)
    if call is None:
        return error_response_json("UnknownOperationException", f"{action} is not simulated", 400)
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return error_response_json("SerializationException", "the body is no JSON", 400)
    try:
        text = json.dumps(call(asked)).encode()
    except Refused as refused:
        return error_response_json(refused.code, refused.text, 400)
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, text


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
    from ministack import app
    from ministack.core import iam_actions, router

    kept.install()
    private(app, "SERVICE_REGISTRY")["codedeploy"] = {"module": "codedeploy"}
    private(app, "SERVICE_HANDLERS")["codedeploy"] = private(app, "_lazy_handler")("codedeploy")
    private(app, "_state_map")["codedeploy"] = "codedeploy"
    private(router, "SERVICE_PATTERNS")["codedeploy"] = {
        "target_prefixes": [_TARGET],
        "host_patterns": [r"codedeploy\."],
        "credential_scope": "codedeploy",
    }
    private(iam_actions, "SERVICE_TO_IAM_NAMESPACE")["codedeploy"] = "codedeploy"
    resource_of = private(iam_actions, "extract_resource_arn")

    def named(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        found = str(resource_of(service, method, path, headers, body, *rest))
        if service != "codedeploy":
            return found
        _, region, account = rest
        return resource(body, region, account)

    replace(iam_actions, "extract_resource_arn", named)
