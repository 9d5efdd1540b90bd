"""CodeDeploy acted out: a stack's update moves an alias by its group's configuration, or back.

Minutes and shares stand here as AWS writes them: CodeDeploy User Guide, "Deployment configurations on an
AWS Lambda compute platform"; the rest from its "AppSpec 'hooks' section for an AWS Lambda deployment",
"Monitoring deployments with CloudWatch alarms" and API Reference. The clock is the embedded cloud's.
"""

from __future__ import annotations

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud
from local.record import Cloud
from tests.fakes.lab import unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
DOES: dict[str, str] = {
    "sound": "def handler(event, context):\n    return 'VERSION'\n",
    "slow": "import time\ndef handler(event, context):\n    time.sleep(1.5)\n    return 'VERSION'\n",
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

    def __init__(self, running: Cloud) -> None:
        self.client, self.endpoint = running.client, running.endpoint
        self.stacks, self.functions = running.client("cloudformation"), running.client("lambda")
        self.deploys, self.watch = running.client("codedeploy"), running.client("cloudwatch")
        self.s3 = running.client("s3")
        self.stack = self.name = unique("shop")
        self.hook, self.own, self.other = (f"{kind}-{self.name}" for kind in ("hook", "own", "other"))
        self.s3.create_bucket(
            Bucket=self.stack, CreateBucketConfiguration={"LocationConstraint": self.s3.meta.region_name}
        )
        self.number = 0

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
            "ServiceRoleArn": {"Fn::GetAtt": ["DeployRole", "Arn"]},
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
        update = {
            "ApplicationName": {"Ref": "App"},
            "DeploymentGroupName": {"Ref": "Group"},
            "BeforeAllowTrafficHook": {"Ref": "Hook"},
        }
        version = f"Version{self.number}"
        return {
            "Resources": {
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
                "Group": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": group},
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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home, quiet = tmp_path_factory.mktemp("cloud"), {"ONA_LOCAL_ALARMS": "off"}
    try:
        yield cloud.start(home, port=cloud.free_port(0), keep_state=False, extra_environment=quiet)
    finally:
        cloud.stop(home)


@pytest.fixture
def shop(running: Cloud) -> Shop:
    return Shop(running)


def made(shop: Shop) -> Shop:
    shop.put("sound")
    assert shop.ended() == "CREATE_COMPLETE"
    return shop


SHARES: list[tuple[str, list[tuple[int, float]]]] = [
    ("AllAtOnce", [(0, 1.0)]),
    ("Canary10Percent10Minutes", [(0, 0.1), (10, 1.0)]),
    ("Canary10Percent30Minutes", [(0, 0.1), (30, 1.0)]),
    ("Linear10PercentEvery2Minutes", [(2 * step, (step + 1) / 10) for step in range(10)]),
]
"""What the guide's table says: after so many minutes the new version has this share."""


def test_the_shares_come_at_the_guides_minutes(shop: Shop) -> None:
    """A first deployment has no version of before: no deployment begins, and the hook is not asked."""
    made(shop)
    assert shop.alias() == ("1", {})
    assert shop.deployments() == []
    for configuration, table in SHARES:
        before, after = str(shop.number), str(shop.number + 1)
        shop.put("sound", configuration)
        at = 0
        for minute, share in table:
            if minute > at:
                shop.advance(60 * (minute - at) - 30)
                assert shop.status() == "UPDATE_IN_PROGRESS"
                shop.advance(30)
                at = minute
            shop.until((after, {}) if share == 1 else (before, {after: share}))
        assert shop.ended() == "UPDATE_COMPLETE", configuration
        last = shop.deployments()[-1]
        assert (last["status"], last["creator"]) == ("Succeeded", "CloudFormation")
        assert last["deploymentConfigName"] == f"CodeDeployDefault.Lambda{configuration}"
    assert len(shop.deployments()) == len(SHARES)


def test_a_version_that_does_not_work_gets_no_call(shop: Shop) -> None:
    made(shop)
    for does in ("broken", "forbidden"):
        shop.put(does)
        assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE", does
        assert shop.alias() == ("1", {})
        told = shop.deployments()[-1]
        assert (told["status"], told["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
        assert told["deploymentId"] in shop.reason()
    shop.put("slow")  # and the next one, which is sound, passes
    assert shop.ended() == "UPDATE_COMPLETE"
    assert shop.alias() == ("4", {})


def test_an_alarm_takes_a_canary_back_and_another_does_not(shop: Shop) -> None:
    made(shop).put("sound", "Canary10Percent10Minutes")
    shop.until(("1", {"2": 0.1}))
    shop.ring(shop.other)
    shop.advance(5 * 60)
    assert shop.alias() == ("1", {"2": 0.1})
    shop.watch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": shop.own, "Value": 1}])
    shop.advance(6 * 60)  # it rings in its minute, and is off again at the tenth
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.alias() == ("1", {})
    [told] = shop.deployments()
    assert (told["status"], told["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert "rollbackInfo" in told
    shop.ring(shop.own)  # one that is on already stops a deployment at its beginning
    shop.put("sound", "Canary10Percent10Minutes")
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.deployments()[-1]["errorInformation"]["code"] == "ALARM_ACTIVE"
    shop.ring(shop.own, "OK")
    shop.put("sound", "Canary10Percent10Minutes")
    shop.until(("1", {"4": 0.1}))
    shop.advance(10 * 60)
    assert shop.ended() == "UPDATE_COMPLETE"
    assert shop.alias() == ("4", {})


def test_a_hook_that_does_not_answer_has_an_hour(shop: Shop) -> None:
    made(shop).put("sound", silent=True)
    while not shop.deployments():
        time.sleep(0.02)
    shop.advance(59 * 60)
    time.sleep(0.2)
    assert shop.status() == "UPDATE_IN_PROGRESS"
    assert shop.alias() == ("1", {})
    shop.advance(60)
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.alias() == ("1", {})
    assert shop.deployments()[0]["status"] == "Failed"


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


def test_the_api_stops_a_deployment_and_refuses_as_aws_does(shop: Shop) -> None:
    made(shop).put("sound", "Linear10PercentEvery1Minute")
    shop.until(("1", {"2": 0.1}))
    [told] = shop.deployments()
    ident, deploys = told["deploymentId"], shop.deploys
    assert deploys.list_deployments(includeOnlyStatuses=["InProgress"])["deployments"] == [ident]
    group = {name: told[name] for name in ("applicationName", "deploymentGroupName")}
    assert deploys.list_deployments(**group, includeOnlyStatuses=["Failed"])["deployments"] == []
    assert deploys.list_deployments(**group)["deployments"] == [ident]
    put = deploys.put_lifecycle_event_hook_execution_status
    nobody, cases = "d-ABCDEFGH1", []
    cases += [(deploys.get_deployment, {"deploymentId": nobody}, "DeploymentDoesNotExistException")]
    cases += [(deploys.get_deployment, {"deploymentId": "x"}, "InvalidDeploymentIdException")]
    cases += [(deploys.stop_deployment, {"deploymentId": nobody}, "DeploymentDoesNotExistException")]
    alone = {"applicationName": told["applicationName"]}
    cases += [(deploys.list_deployments, alone, "DeploymentGroupNameRequiredException")]
    strange = {**group, "deploymentGroupName": "none"}
    cases += [(deploys.list_deployments, strange, "DeploymentGroupDoesNotExistException")]
    own = {"deploymentId": ident, "lifecycleEventHookExecutionId": "x", "status": "Succeeded"}
    cases += [(put, own, "InvalidLifecycleEventHookExecutionIdException")]
    odd = {**own, "status": "Pending"}
    cases += [(put, odd, "InvalidLifecycleEventHookExecutionStatusException")]
    for call, given, code in cases:
        assert refused(call, **given) == code
    assert shop.alias() == ("1", {"2": 0.1}), "none of these did anything"
    assert deploys.stop_deployment(deploymentId=ident, autoRollbackEnabled=True)["status"] == "Pending"
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.alias() == ("1", {})
    again = deploys.get_deployment(deploymentId=ident)["deploymentInfo"]
    assert (again["status"], again["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert refused(deploys.stop_deployment, deploymentId=ident) == "DeploymentAlreadyCompletedException"
