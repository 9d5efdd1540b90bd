"""A shop: a function with an alias that CodeDeploy shifts, its hook, group and alarms, in one stack."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Callable
from typing import Any

from tests.fakes.lab import unique

DOES: dict[str, str] = {
    "sound": "def handler(event, context):\n    return 'VERSION'\n",
    "slow": "import time\ndef handler(event, context):\n    time.sleep(1.5)\n    return 'VERSION'\n",
    "probed": (
        "def handler(event, context):\n"
        "    given = event['$probe']['input']\n"
        "    ok = bool(given['detail']) and 'VERSION'.isdigit()\n"
        "    return {'probe': {'ok': ok, 'answer': 'answered', 'error': '', 'would_write': [], 'ms': 1}}\n"
    ),
    "unwell": (
        "def handler(event, context):\n"
        "    return {'probe': {'ok': False, 'answer': '', 'error': 'AccessDenied: VERSION'}}\n"
    ),
    "broken": "import nothing_of_this_name\n\ndef handler(event, context):\n    return 'VERSION'\n",
    "forbidden": (
        "import boto3\ndef handler(event, context):\n"
        "    boto3.client('s3').list_buckets()\n    return 'VERSION'\n"
    ),
}
HOOK = """
import json
import boto3

def handler(event, context):
    if "SILENT":
        return
    deploy, functions = boto3.client("codedeploy"), boto3.client("lambda")
    told = deploy.get_deployment(deploymentId=event["DeploymentId"])["deploymentInfo"]
    spec = json.loads(told["revision"]["string"]["content"])
    [item] = [one["Properties"] for resource in spec["Resources"] for one in resource.values()]
    answer = functions.invoke(FunctionName=item["Name"], Qualifier=item["TargetVersion"], Payload=b"{}")
    deploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Failed" if answer.get("FunctionError") else "Succeeded",
    )
"""


def package(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def role(service: str, *actions: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}}
    allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Statement": [{**trust, "Action": "sts:AssumeRole"}]},
            "Policies": [{"PolicyName": "may", "PolicyDocument": {"Statement": allowed}}]
            if actions
            else [],
        },
    }


class Shop:
    """One function with an alias, a hook, a group and two alarms."""

    def __init__(self, client: Callable[[str], Any], endpoint: str) -> None:
        self.client, self.endpoint = client, endpoint
        self.stacks, self.functions = client("cloudformation"), client("lambda")
        self.deploys, self.watch = client("codedeploy"), client("cloudwatch")
        self.s3 = client("s3")
        self.stack = self.name = unique("shop")
        self.hook, self.own, self.other = (f"{kind}-{self.name}" for kind in ("hook", "own", "other"))
        self.s3.create_bucket(
            Bucket=self.stack, CreateBucketConfiguration={"LocationConstraint": self.s3.meta.region_name}
        )
        self.number = 0
        self.deploy_role: Any = {"Fn::GetAtt": ["DeployRole", "Arn"]}
        self.has_hook = False
        """Whether the hook is somebody else's, and there already."""
        self.preference: dict[str, Any] = {}
        """The DeploymentPreference of a workflow's alias; without one there is no workflow."""

    def template(self, does: str, configuration: str, silent: bool) -> dict[str, Any]:
        self.number += 1
        hook = HOOK.replace("SILENT", "yes" if silent else "")
        for name, source in (("shop", DOES[does].replace("VERSION", str(self.number))), ("hook", hook)):
            self.s3.put_object(Bucket=self.stack, Key=f"{name}{self.number}", Body=package(source))
        made = {"Runtime": "python3.13", "Handler": "app.handler", "Timeout": 30}
        code = {
            name: {"S3Bucket": self.stack, "S3Key": f"{name}{self.number}"} for name in ("shop", "hook")
        }
        may = ["codedeploy:*", "lambda:InvokeFunction"]
        alarm = {"Namespace": "Shop", "Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum"}
        alarm |= {"Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
        alarm |= {"TreatMissingData": "notBreaching"}
        group = {
            "ApplicationName": {"Ref": "App"},
            "ServiceRoleArn": self.deploy_role,
            "DeploymentConfigName": f"CodeDeployDefault.Lambda{configuration}",
            "DeploymentStyle": {
                "DeploymentType": "BLUE_GREEN",
                "DeploymentOption": "WITH_TRAFFIC_CONTROL",
            },
            "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": self.own}]},
            "AutoRollbackConfiguration": {
                "Enabled": True,
                "Events": [
                    "DEPLOYMENT_FAILURE",
                    "DEPLOYMENT_STOP_ON_ALARM",
                    "DEPLOYMENT_STOP_ON_REQUEST",
                ],
            },
        }
        # the group's name comes after that of the alias: only the UpdatePolicy puts it first
        update = {
            "ApplicationName": {"Ref": "App"},
            "DeploymentGroupName": {"Ref": "WithShares"},
            "BeforeAllowTrafficHook": self.hook,
        }
        version = f"Version{self.number}"
        resources: dict[str, Any] = {
            "Resources": {
                **(self.workflow(version) if self.preference else {}),
                "DeployRole": role("codedeploy", "lambda:*", "cloudwatch:DescribeAlarms"),
                "HookRole": role("lambda", *may),
                "OwnRole": role("lambda"),
                "Own": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Properties": {"AlarmName": self.own, "MetricName": self.own, **alarm},
                },
                "Other": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Properties": {"AlarmName": self.other, "MetricName": self.other, **alarm},
                },
                "App": {
                    "Type": "AWS::CodeDeploy::Application",
                    "Properties": {"ComputePlatform": "Lambda"},
                },
                "WithShares": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": group},
                "Hook": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        **made,
                        "FunctionName": self.hook,
                        "Role": {"Fn::GetAtt": ["HookRole", "Arn"]},
                        "Code": code["hook"],
                    },
                },
                "Shop": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        **made,
                        "FunctionName": self.name,
                        "Role": {"Fn::GetAtt": ["OwnRole", "Arn"]},
                        "Code": code["shop"],
                    },
                },
                version: {
                    "Type": "AWS::Lambda::Version",
                    "DeletionPolicy": "Retain",
                    "Properties": {"FunctionName": {"Ref": "Shop"}},
                },
                "Live": {
                    "Type": "AWS::Lambda::Alias",
                    "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": update},
                    "Properties": {
                        "FunctionName": {"Ref": "Shop"},
                        "Name": "live",
                        "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
                    },
                },
            }
        }
        if self.has_hook:
            del resources["Resources"]["Hook"], resources["Resources"]["HookRole"]
        return resources

    def workflow(self, version: str) -> dict[str, Any]:
        """A workflow whose definition is another each time, its version and its alias."""
        definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": version, "End": True}}}
        machine: dict[str, Any] = {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": self.name,
                "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
                "DefinitionString": json.dumps(definition),
            },
        }
        revision = {"Fn::GetAtt": ["Machine", "StateMachineRevisionId"]}
        return {
            "MachineRole": role("states"),
            "Machine": machine,
            "MachineVersion": {
                "Type": "AWS::StepFunctions::StateMachineVersion",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "StateMachineArn": {"Ref": "Machine"},
                    "StateMachineRevisionId": revision,
                },
            },
            "MachineAlias": {
                "Type": "AWS::StepFunctions::StateMachineAlias",
                "Properties": {
                    "Name": "live",
                    "DeploymentPreference": {
                        "StateMachineVersionArn": {"Ref": "MachineVersion"},
                        **self.preference,
                    },
                },
            },
        }

    def routes(self) -> dict[str, int]:
        """The weights of the workflow's alias by version."""
        states = self.client("stepfunctions")
        machines = states.list_state_machines()["stateMachines"]
        [arn] = [one["stateMachineArn"] for one in machines if one["name"] == self.name]
        found = states.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:live")
        return {
            route["stateMachineVersionArn"].rsplit(":", 1)[1]: route["weight"]
            for route in found["routingConfiguration"]
        }

    def put(self, does: str, configuration: str = "AllAtOnce", *, silent: bool = False) -> None:
        """Begin a stack, or its update."""
        body = json.dumps(self.template(does, configuration, silent))
        given = {"StackName": self.stack, "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
        if self.number == 1:
            self.stacks.create_stack(**given)
        else:
            self.stacks.update_stack(**given)

    def status(self) -> str:
        return str(self.stacks.describe_stacks(StackName=self.stack)["Stacks"][0]["StackStatus"])

    def ended(self) -> str:
        """Wait for the stack's end."""
        deadline = time.monotonic() + 60
        while (status := self.status()).endswith("IN_PROGRESS"):
            assert time.monotonic() < deadline, status
            time.sleep(0.05)
        return status

    def reason(self) -> str:
        """Why the alias failed last."""
        events = self.stacks.describe_stack_events(StackName=self.stack)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"] == "UPDATE_FAILED"]
        return str(failed[0]["ResourceStatusReason"])

    def alias(self) -> tuple[str, dict[str, float]]:
        found = self.functions.get_alias(FunctionName=self.name, Name="live")
        return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def until(self, wanted: tuple[str, dict[str, float]]) -> None:
        """Wait until the alias is so; the clock stands."""
        deadline = time.monotonic() + 30
        while (found := self.alias()) != wanted:
            assert time.monotonic() < deadline, f"{found}, not {wanted}"
            time.sleep(0.02)

    def advance(self, seconds: float) -> None:
        body = json.dumps({"advance_s": seconds, "alarms": True}).encode()
        with urllib.request.urlopen(f"{self.endpoint}/_ona/clock", data=body) as answer:
            assert answer.status == 200

    def ring(self, name: str, state: str = "ALARM") -> None:
        self.watch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")

    def deployments(self) -> list[dict[str, Any]]:
        """Every deployment there was, the oldest first."""
        found = self.deploys.list_deployments()["deployments"]
        told = [self.deploys.get_deployment(deploymentId=one)["deploymentInfo"] for one in found]
        mine = [one for one in told if one["deploymentGroupName"].startswith(self.stack)]
        return sorted(mine, key=lambda one: one["createTime"])


def made(shop: Shop) -> Shop:
    shop.put("sound")
    assert shop.ended() == "CREATE_COMPLETE"
    return shop
