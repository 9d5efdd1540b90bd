"""What AWS refuses when it makes a state machine is refused here, by the API and by CloudFormation."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import creation
from tests.fakes.lab import Lab, task, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

LOGS = list(creation.LOG_ACTIONS)
RULE = "arn:aws:events:af-south-1:000000000000:rule/StepFunctionsGetEventsForECSTaskRule"
WAITS = {
    "Sid": "W",
    "Effect": "Allow",
    "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
    "Resource": RULE,
}
DELIVERS = {"Sid": "L", "Effect": "Allow", "Action": LOGS, "Resource": "*"}
CONTAINER = task("arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t", "Cluster": "c"})


def stack(definition: dict[str, Any], statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A machine that logs, with a role of these statements."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Logs", "Arn"]}}}
    policy = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Resources": {
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": unique("/logs/")}},
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                    "Policies": [{"PolicyName": "p", "PolicyDocument": policy}],
                },
            },
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineName": unique("made"),
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "DefinitionString": json.dumps(definition),
                    "LoggingConfiguration": {"Level": "ALL", "Destinations": [group]},
                },
            },
        }
    }


def deployed(lab: Lab, template: dict[str, Any], name: str = "") -> tuple[str, str, str]:
    """A stack's name, its status, and why something of it failed."""
    cloudformation = lab.platform.target.client("cloudformation")
    put = cloudformation.update_stack if name else cloudformation.create_stack
    name = name or unique("stack")
    put(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    while True:
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not described["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.05)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"]
    ]
    return name, described["StackStatus"], " ".join(reasons)


@pytest.mark.parametrize(
    ("definition", "statements", "reason"),
    [
        (CONTAINER, [DELIVERS], "is not authorized to create managed-rule"),
        (CONTAINER, [DELIVERS, {**WAITS, "Action": WAITS["Action"][:2]}], "to create managed-rule"),
        (CONTAINER, [DELIVERS, {**WAITS, "Resource": RULE + "2"}], "to create managed-rule"),
        (
            CONTAINER,
            [WAITS, {**DELIVERS, "Action": LOGS[1:]}],
            "not authorized to access the Log Destination",
        ),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, [DELIVERS], "no state 'B'"),
    ],
)
def test_cloudformation_cannot_make_what_aws_refuses(
    lab: Lab, definition: dict[str, Any], statements: list[dict[str, Any]], reason: str
) -> None:
    template = stack(definition, statements)
    _, status, reasons = deployed(lab, template)
    assert status == "ROLLBACK_COMPLETE"
    assert reason in reasons
    wanted = template["Resources"]["Machine"]["Properties"]["StateMachineName"]
    machines = lab.states.list_state_machines()["stateMachines"]
    assert wanted not in {item["name"] for item in machines}


def test_it_makes_what_aws_makes_and_refuses_the_update_that_aws_refuses(lab: Lab) -> None:
    wide = {**WAITS, "Action": "events:*", "Resource": "*"}
    assert deployed(lab, stack(CONTAINER, [DELIVERS, wide]))[1] == "CREATE_COMPLETE"
    silent = stack(CONTAINER, [WAITS])
    del silent["Resources"]["Machine"]["Properties"]["LoggingConfiguration"]
    assert deployed(lab, silent)[1] == "CREATE_COMPLETE", "what does not log needs no log delivery"
    good = stack(task("arn:aws:states:::lambda:invoke", {"FunctionName": "f"}), [DELIVERS])
    name, status, _ = deployed(lab, good)
    assert status == "CREATE_COMPLETE"
    changed = copy.deepcopy(good)
    changed["Resources"]["Machine"]["Properties"]["DefinitionString"] = json.dumps(CONTAINER)
    _, status, reasons = deployed(lab, changed, name)
    assert (status, "managed-rule" in reasons) == ("UPDATE_ROLLBACK_COMPLETE", True)


def test_the_api_refuses_the_same(lab: Lab) -> None:
    arn = lab.role([])
    with pytest.raises(ClientError, match="not authorized to create managed-rule"):
        lab.states.create_state_machine(name=unique("m"), definition=json.dumps(CONTAINER), roleArn=arn)
    lab.grant(arn, [WAITS])
    lab.states.create_state_machine(name=unique("m"), definition=json.dumps(CONTAINER), roleArn=arn)
