"""CloudFormation makes records past the services' APIs. What AWS rolls back is rolled back here."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import resource_schemas
from tests.fakes.lab import Lab, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

R = dict[str, Any]
PATTERN: R = {"EventPattern": {"source": ["ona"]}}
QUEUE = "arn:aws:sqs:af-south-1:000000000000:q"
MACHINE = "arn:aws:states:af-south-1:000000000000:stateMachine:m"
ROLE = "arn:aws:iam::000000000000:role/test"
ALARM: R = {
    "MetricName": "m",
    "Namespace": "n",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}
TABLE: R = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
}
EXTRA = [*TABLE["AttributeDefinitions"], {"AttributeName": "q", "AttributeType": "S"}]
TRUST: R = {
    "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
}


def allowing(**more: Any) -> R:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **more}
    return {**TRUST, "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}]}


def target(**more: Any) -> R:
    return {**PATTERN, "Targets": [{"Id": "a", "Arn": QUEUE, **more}]}


def function(**more: Any) -> R:
    return {
        "Runtime": "python3.12",
        "Handler": "index.h",
        "Role": ROLE,
        "Code": {"ZipFile": "h = None"},
        **more,
    }


def life(days: int) -> R:
    move = {"TransitionInDays": days, "StorageClass": "STANDARD_IA"}
    return {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Transitions": [move]}]}}


def graph(**more: Any) -> R:
    widget = {"type": "metric", "properties": {"metrics": [["AWS/Lambda", "Errors"]], **more}}
    return {"DashboardBody": json.dumps({"widgets": [widget]})}


PATHS = {"InputPathsMap": {"a": "$.x"}, "InputTemplate": "<a> <aws.events.rule-arn>"}
CASES: list[tuple[str, R, R, str]] = [
    ("Logs::LogGroup", {"RetentionInDays": 10}, {"RetentionInDays": "14"}, "not a valid enum value"),
    ("Lambda::Function", function(Colour="red"), function(Timeout="5"), "extraneous key [Colour]"),
    (
        "Lambda::Function",
        function(Environment={"Variables": {"AWS_REGION": "x"}}),
        function(Environment={"Variables": {"AWS_REGIONS": "x"}}),
        "AWS_REGION",
    ),
    ("Lambda::Permission", {"FunctionName": "none", "Action": "lambda:InvokeFunction",
                            "Principal": "events.amazonaws.com"}, {}, "Function not found"),
    ("Events::Rule", {"State": "ENABLED"}, PATTERN, "is required"),
    ("Events::Rule", {"EventPattern": {"source": "ona"}}, {"EventPattern": {"source": [{"prefix": "o"}]}},
     "Event pattern is not valid"),
    ("Events::Rule",
     {"ScheduleExpression": "rate(1 minutes)"}, {"ScheduleExpression": "rate(1 day)"},
     "ScheduleExpression is not valid"),
    ("Events::Rule",
     {"ScheduleExpression": "cron(60 1 * * ? *)"}, {"ScheduleExpression": "cron(59 1 ? * 2 *)"},
     "ScheduleExpression is not valid"),
    ("Events::Rule", target(Arn=MACHINE), target(Arn=MACHINE, RoleArn=ROLE), "RoleArn is required"),
    ("Events::Rule",
     target(InputTransformer={**PATHS, "InputTemplate": "<b>"}), target(InputTransformer=PATHS),
     "Invalid InputTemplate"),
    ("Scheduler::Schedule", {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(x)",
                             "Target": {"Arn": QUEUE, "RoleArn": ROLE}},
     {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "at(2099-01-01T00:00:00)",
      "ScheduleExpressionTimezone": "Africa/Johannesburg", "Target": {"Arn": QUEUE, "RoleArn": ROLE}},
     "Invalid Schedule Expression"),
    ("DynamoDB::Table", {**TABLE, "AttributeDefinitions": EXTRA}, TABLE, "AttributeDefinitions"),
    ("IAM::Role", allowing(Resource="b"), allowing(Resource="*"), "must be in ARN format"),
    ("IAM::Role", allowing(Action="GetObject"), allowing(Action="s3:Get*"), "prefaced by a vendor"),
    ("IAM::Role", allowing(Condition={"StringAlike": {"s3:prefix": "a"}}),
     allowing(Condition={"ForAllValues:StringLikeIfExists": {"s3:prefix": "a"}}), "Invalid Condition type"),
    ("CloudWatch::Alarm", {**ALARM, "Period": 45}, {**ALARM, "Period": 30}, "Period"),
    ("CloudWatch::Alarm", {**ALARM, "DatapointsToAlarm": 4}, {**ALARM, "DatapointsToAlarm": 3},
     "DatapointsToAlarm"),
    ("CloudWatch::Dashboard", {"DashboardBody": "{"}, {"DashboardBody": '{"widgets":[]}'}, "DashboardBody"),
    ("CloudWatch::Dashboard", graph(), graph(region="af-south-1"), "required property 'region'"),
    ("S3::Bucket", life(29), life(30), "greater than or equal to 30"),
    ("SQS::Queue", {"FifoQueue": True, "QueueName": "plain"}, {"FifoQueue": "false"},
     "does not match pattern"),
]  # fmt: skip


def deployed(lab: Lab, resources: R) -> tuple[str, str]:
    cloudformation = lab.platform.target.client("cloudformation")
    name = unique("stack")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
    )
    while True:
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not described["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.02)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        item.get("ResourceStatusReason", "") for item in events if "FAILED" in item["ResourceStatus"]
    ]
    return described["StackStatus"], " ".join(reasons)


@pytest.mark.parametrize(("kind", "bad", "why"), [(case[0], case[1], case[3]) for case in CASES])
def test_a_stack_fails_with_what_aws_refuses(lab: Lab, kind: str, bad: R, why: str) -> None:
    status, reasons = deployed(lab, {"It": {"Type": f"AWS::{kind}", "Properties": bad}})
    assert (status, why in reasons) == ("ROLLBACK_COMPLETE", True), reasons


def test_what_looks_alike_is_deployed(lab: Lab) -> None:
    role = lab.role([], "", "scheduler")
    resources = {
        f"It{index}": {"Type": f"AWS::{kind}", "Properties": good}
        for index, (kind, _, good, _) in enumerate(CASES)
        if good
    }
    for item in resources.values():
        if item["Type"] == "AWS::Scheduler::Schedule":
            item["Properties"]["Target"] = {"Arn": QUEUE, "RoleArn": role}
    status, reasons = deployed(lab, resources)
    assert status == "CREATE_COMPLETE", reasons


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        (
            {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nix"}}}},
            "Unresolved resource",
        ),
        ({"A": {"Type": "AWS::SQS::Queue", "DependsOn": "Nix"}}, "Unresolved resource"),
        (
            {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "A"}}}},
            "Circular dependency",
        ),
    ],
)
def test_a_template_that_refers_to_nothing_is_refused(lab: Lab, resources: R, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        deployed(lab, resources)


def test_a_queue_that_shows_messages_again_too_early_calls_no_function(lab: Lab) -> None:
    queues = lab.platform.target.client("sqs")
    name = unique("early")
    url = queues.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    arn = f"arn:aws:sqs:af-south-1:000000000000:{name}"
    called = lab.function("def handler(e, c): return 1\n")
    lab.functions.update_function_configuration(FunctionName=called, Timeout=6)
    with pytest.raises(ClientError, match="less than Function timeout: 6"):
        lab.functions.create_event_source_mapping(FunctionName=called, EventSourceArn=arn)
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "6"})
    made = lab.functions.create_event_source_mapping(FunctionName=called, EventSourceArn=arn)
    with pytest.raises(ClientError, match="already exists"):
        lab.functions.create_event_source_mapping(FunctionName=called, EventSourceArn=arn)
    lab.functions.delete_event_source_mapping(UUID=made["UUID"])


def test_every_type_of_our_stacks_has_a_schema() -> None:
    for kind in ("Lambda::Function", "StepFunctions::StateMachine", "Events::Rule", "S3::Bucket"):
        assert resource_schemas.schema(f"AWS::{kind}") is not None


def test_a_dashboard_that_is_put_is_looked_at_like_one_of_a_template(lab: Lab) -> None:
    cloudwatch, name = lab.platform.target.client("cloudwatch"), unique("board")
    with pytest.raises(
        cloudwatch.exceptions.DashboardInvalidInputError, match="property 'region'"
    ) as refused:
        cloudwatch.put_dashboard(DashboardName=name, **graph())
    assert refused.value.response["Error"]["Code"] == "InvalidParameterInput"
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName=name)
    body = graph(region="af-south-1")
    assert cloudwatch.put_dashboard(DashboardName=name, **body)["DashboardValidationMessages"] == []
    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == body["DashboardBody"]


def test_a_rule_without_a_role_changes_with_its_stack(lab: Lab) -> None:
    """As it does on each `ona up` that gives a rule another target or pattern."""
    client, name = lab.platform.target.client, unique("stack")
    for source in ("ona.one", "ona.two"):
        rule = {
            "Name": name,
            "EventPattern": {"source": [source]},
            "Targets": [{"Id": source, "Arn": QUEUE}],
        }
        body = json.dumps({"Resources": {"It": {"Type": "AWS::Events::Rule", "Properties": rule}}})
        call = "create_stack" if source == "ona.one" else "update_stack"
        getattr(client("cloudformation"), call)(StackName=name, TemplateBody=body)
        while True:
            [found] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
            if not found["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.02)
    assert found["StackStatus"] == "UPDATE_COMPLETE"
    assert json.loads(client("events").describe_rule(Name=name)["EventPattern"]) == {"source": ["ona.two"]}
    assert [one["Id"] for one in client("events").list_targets_by_rule(Rule=name)["Targets"]] == ["ona.two"]
    client("cloudformation").delete_stack(StackName=name)
