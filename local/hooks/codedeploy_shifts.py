"""CodeDeploy: a stack's update that moves a function's alias is a deployment, acted out.

A template's UpdatePolicy names the group. The function of BeforeAllowTraffic is invoked with the ids of
deployment and execution, and must answer within an hour. Then the new version gets its shares, by the
group's configuration, while its alarms are watched. What fails goes back: the alias names the version of
before alone, CloudFormation hears of a failure and takes the stack back.

Sources: AWS CloudFormation, "UpdatePolicy attribute" (CodeDeployLambdaAliasUpdate); AWS CodeDeploy User
Guide, "AppSpec 'hooks' section for an AWS Lambda deployment", "Redeploy and roll back a deployment",
"Monitoring deployments with CloudWatch alarms". An alias that is made shifts nothing: there is no version
of before. Ours: one alias after another shifts, where AWS shifts those of a stack at once; a stack that
goes back moves its aliases at once, without a hook; without an automatic roll-back the weights stay.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable
from typing import Any

from local import clock
from local.hooks import codedeploy_api
from local.hooks import codedeploy_records as kept
from local.hooks.base import private, replace
from local.hooks.lambda_worker import BESIDE
from local.hooks.roles_demands import Denied, demand_role, report
from local.hooks.shifting import GoneBack, Watch, shift, steps_of_configuration, wait, watching

Json = dict[str, Any]
SERVICE = "codedeploy.amazonaws.com"
ALIASES = ("AWS::Lambda::Alias", "AWS::StepFunctions::StateMachineAlias")
"""Types whose update takes its time: CloudFormation waits for them on a thread of its own."""
HOOK_S = 3600.0
"""So long CodeDeploy waits for the answer of a hook's function (User Guide, as above)."""
_ON_FAILURE, _ON_ALARM = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"
_ON_REQUEST = "DEPLOYMENT_STOP_ON_REQUEST"


def policy_of(stack_name: str, logical: str) -> Json:
    """An alias's CodeDeployLambdaAliasUpdate in the template that is being deployed; empty for none."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import engine

    stack = private(cloudformation, "_stacks").get(stack_name)
    if stack is None or "ROLLBACK" in stack["StackStatus"]:
        return {}
    template = private(engine, "_parse_template")(stack["_template_body"])
    item = (template.get("Resources") or {}).get(logical) or {}
    policy = (item.get("UpdatePolicy") or {}).get("CodeDeployLambdaAliasUpdate")
    if not policy:
        return {}
    given = {
        one["ParameterKey"]: {"Value": one["ParameterValue"], "NoEcho": one.get("NoEcho", False)}
        for one in stack.get("Parameters", [])
    }
    found: Json = private(engine, "_resolve_refs")(
        copy.deepcopy(policy),
        stack["_resources"],
        given,
        stack.get("_conditions") or {},
        template.get("Mappings", {}),
        stack_name,
        stack["StackId"],
    )
    return found


class Deployment:
    """One alias on its way from a version to another."""

    def __init__(self, function: Json, alias: Json, after: str, policy: Json) -> None:
        """`function`, `alias`: ministack's records. Raises ValueError when the group is not there."""
        found = kept.group_of(str(policy.get("DeploymentGroupName")))
        if found is None:
            raise ValueError(f"No Deployment Group found for name: {policy.get('DeploymentGroupName')}")
        self.group, application = found
        self.name, self.alias = function["config"]["FunctionName"], alias["Name"]
        self.arn, self.before, self.after = (
            function["config"]["FunctionArn"],
            alias["FunctionVersion"],
            after,
        )
        self.role, self.hook = str(self.group.get("ServiceRoleArn")), policy.get("BeforeAllowTrafficHook")
        spec = kept.app_spec(self.name, self.alias, self.before, after, str(self.hook or ""))
        self.record: Json = {
            "deploymentId": kept.new_id(),
            "applicationName": application,
            "deploymentGroupName": str(policy.get("DeploymentGroupName")),
            "deploymentConfigName": str(self.group.get("DeploymentConfigName")),
            "revision": {"revisionType": "String", "string": {"content": spec}},
            "status": "InProgress",
            "createTime": clock.now(),
            "startTime": clock.now(),
            "creator": "CloudFormation",
            "computePlatform": "Lambda",
            "deploymentStyle": {
                "deploymentType": "BLUE_GREEN",
                "deploymentOption": "WITH_TRAFFIC_CONTROL",
            },
        }

    @property
    def ident(self) -> str:
        """The deployment's id."""
        return str(self.record["deploymentId"])

    def run(self) -> None:
        """Act it out. Raises ValueError with why, when it failed: for CloudFormation."""
        alias_arn = f"{self.arn}:{self.alias}"
        kept.under_way[alias_arn] = {"FunctionVersion": self.before, "RoutingConfig": {}}
        kept.save(self.record)
        failed: GoneBack | None = None
        try:
            with watching(self._alarms()) as watch:
                codedeploy_api.watches[self.ident] = watch
                self._demand("lambda:GetAlias", self.arn)
                self._ask_hook(watch)
                shift(steps_of_configuration(str(self.record["deploymentConfigName"])), watch, self._put)
        except GoneBack as gone:
            failed = gone
        codedeploy_api.watches.pop(self.ident, None)
        try:
            if failed is not None:
                raise self._back(failed) from failed
            kept.end(self._now(), "Succeeded")
        finally:
            kept.under_way.pop(alias_arn, None)

    def _now(self) -> Json:
        """The record as it is: the API changes it, too."""
        found: Json = kept.deployments[self.ident]
        return found

    def _alarms(self) -> list[str]:
        given = self.group.get("AlarmConfiguration") or {}
        if str(given.get("Enabled", False)).lower() != "true":
            return []
        names = [str(item["Name"]) for item in given.get("Alarms") or []]
        try:
            if names:
                self._demand("cloudwatch:DescribeAlarms", "*")
        except GoneBack:
            if str(given.get("IgnorePollAlarmFailure", False)).lower() != "true":
                raise
        return names

    def _demand(self, action: str, resource: str) -> None:
        try:
            demand_role(self.role, SERVICE, action, resource)
        except Denied as denied:
            report(f"deployment {self.ident}", denied)
            service = "AmazonCloudWatch" if action.startswith("cloudwatch") else "AWSLambda"
            text = f"The IAM role {self.role} does not give you permission to perform operations in the "
            text += f"following AWS service: {service}. {denied}"
            raise GoneBack("IAM_ROLE_PERMISSIONS", text) from denied

    def _ask_hook(self, watch: Watch) -> None:
        """BeforeAllowTraffic. Raises GoneBack unless its function answers Succeeded within an hour."""
        from ministack.services import lambda_svc

        if not self.hook:
            return
        hook, _, _ = private(lambda_svc, "_get_func_record_for_ref")(str(self.hook))
        if hook is None:
            raise GoneBack("INVALID_LAMBDA_FUNCTION", f"The Lambda function {self.hook} does not exist")
        arn, name = hook["config"]["FunctionArn"], hook["config"]["FunctionName"]
        self._demand("lambda:InvokeFunction", arn)
        execution = secrets.token_hex(20)
        kept.save(self._now() | {"_hook": {"execution": execution, "status": "InProgress"}})
        event = {"DeploymentId": self.ident, "LifecycleEventHookExecutionId": execution}
        BESIDE.add(name)
        try:
            private(lambda_svc, "invoke_async_with_retry")(hook, event)
            answered = wait(watch, clock.now() + HOOK_S, lambda: self._said() != "InProgress")
        finally:
            BESIDE.discard(name)
        if not answered:
            text = f"The BeforeAllowTraffic function {name} did not answer within an hour"
            raise GoneBack("TIMEOUT", text)
        if self._said() != "Succeeded":
            text = "The deployment failed because a lifecycle event hook failed: BeforeAllowTraffic"
            raise GoneBack("HOOK_EXECUTION_FAILURE", f"{text} ({name} answered {self._said()})")

    def _said(self) -> str:
        return str(self._now()["_hook"]["status"])

    def _put(self, share: float) -> None:
        """Give the new version a share of the calls."""
        self._demand("lambda:UpdateAlias", self.arn)
        whole = share >= 1
        weights = {} if whole else {self.after: share}
        self._move(self.after if whole else self.before, weights)

    def _move(self, version: str, weights: Json) -> None:
        from ministack.services import lambda_svc

        routing = {"AdditionalVersionWeights": weights}
        given = {"FunctionVersion": version, "RoutingConfig": routing}
        status, _, body = private(lambda_svc, "_update_alias")(self.name, self.alias, given)
        if status >= 400:
            text = str(json.loads(body).get("message") or json.loads(body).get("Message"))
            raise GoneBack("INVALID_LAMBDA_CONFIGURATION", text)

    def _back(self, gone: GoneBack) -> ValueError:
        """End the deployment, give all calls to the version of before; the error for CloudFormation."""
        stopped = gone.code in ("ALARM_ACTIVE", "MANUAL_STOP")
        event = {"ALARM_ACTIVE": _ON_ALARM, "MANUAL_STOP": _ON_REQUEST}.get(gone.code, _ON_FAILURE)
        automatic = self.group.get("AutoRollbackConfiguration") or {}
        goes = event in (automatic.get("Events") or []) and str(automatic.get("Enabled")).lower() == "true"
        if goes or self._now().get("_back"):
            self._move(self.before, {})
            told = {"rollbackMessage": f"all calls go to version {self.before} again"}
            kept.save(self._now() | {"rollbackInfo": told})
        kept.end(self._now(), "Stopped" if stopped else "Failed", gone.code, gone.text)
        return ValueError(
            f"CodeDeploy deployment {self.ident} failed: {gone.text} (Error code: {gone.code})"
        )


def install() -> None:
    """Apply the hooks, after those of aliases and of machine versions."""
    from ministack.services.cloudformation import engine, provisioners, stacks

    needs = private(engine, "_extract_deps")

    def in_order(resource: Json, names: set[str]) -> set[str]:
        """What an UpdatePolicy names comes first, too: the group with its new configuration."""
        found: set[str] = needs(resource, names)
        return found | set(needs({"Properties": resource.get("UpdatePolicy") or {}}, names))

    replace(engine, "_extract_deps", in_order)
    on_thread = private(stacks, "_runs_on_worker_thread")
    replace(stacks, "_runs_on_worker_thread", lambda kind: kind in ALIASES or on_thread(kind))
    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    function_of: Callable[[str], Any] = private(provisioners, "_lambda_function_for_cfn_ref")
    update = handlers["AWS::Lambda::Alias"]["update"]

    def updated(physical: str, old: Json, new: Json, stack: str, logical: str | None = None) -> Any:
        same = all(old.get(name) == new.get(name) for name in ("FunctionName", "Name"))
        function = function_of(new.get("FunctionName", ""))[0] if same else None
        alias = ((function or {}).get("aliases") or {}).get(new.get("Name"))
        after = str(new.get("FunctionVersion"))
        moves = alias is not None and old.get("FunctionVersion") != after != alias["FunctionVersion"]
        policy = policy_of(stack, logical) if moves and logical else {}
        if function is not None and alias is not None and policy:
            Deployment(function, alias, after, policy).run()
        return update(physical, old, new, stack, logical)

    handlers["AWS::Lambda::Alias"] = {**handlers["AWS::Lambda::Alias"], "update": updated}
