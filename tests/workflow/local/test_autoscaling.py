"""Application Auto Scaling in the embedded cloud, on a clock that runs ahead.

What a capacity must become is reckoned here from AWS's pages alone: DynamoDB auto scaling reacts to "two
consecutive data points" above the target and to 15 below it; Lambda's to 3 minutes above the target and 15
below 90 % of it; the capacity is the one at which what is used is the target's share.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud
from local.record import Cloud

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
READS, WRITES = "dynamodb:table:ReadCapacityUnits", "dynamodb:table:WriteCapacityUnits"
WARM = "lambda:function:ProvisionedConcurrency"
UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
KEY = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
NAMED = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}


def tracked(resource: str, kind: str, least: int, most: int) -> dict[str, Any]:
    """A target and its policy, as a template has them."""
    dimension = f"dynamodb:{'index' if '/index/' in resource else 'table'}:{kind}CapacityUnits"
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "DependsOn": "Held",
        "Properties": {
            "ServiceNamespace": "dynamodb", "ScalableDimension": dimension, "ResourceId": resource,
            "MinCapacity": least, "MaxCapacity": most,
        },
    }  # fmt: skip
    metric = {"PredefinedMetricType": f"DynamoDB{kind}CapacityUtilization"}
    policy = {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "hold", "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": f"{kind}Target"},
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 70, "PredefinedMetricSpecification": metric,
            },
        },
    }  # fmt: skip
    return {f"{kind}Target": target, f"{kind}Policy": policy}


TABLE = {"TableName": "held", "BillingMode": "PROVISIONED", "ProvisionedThroughput": UNITS, **KEY, **NAMED}
TEMPLATE = {
    "Resources": {
        "Held": {"Type": "AWS::DynamoDB::Table", "Properties": TABLE},
        **tracked("table/held", "Read", 5, 100),
        **tracked("table/held", "Write", 5, 20),
    }
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("scaling")
    started = cloud.start(home, port=cloud.free_port(0), keep_state=False)
    tables = started.client("dynamodb")
    tables.create_table(TableName="by-request", BillingMode="PAY_PER_REQUEST", **KEY, **NAMED)
    deploy(started, TEMPLATE, "create")
    next_minute(started)
    yield started
    cloud.stop(home)


def deploy(running: Cloud, template: dict[str, Any], verb: str) -> None:
    stacks = running.client("cloudformation")
    getattr(stacks, f"{verb}_stack")(StackName="scaling", TemplateBody=json.dumps(template))
    stacks.get_waiter(f"stack_{verb}_complete").wait(StackName="scaling", WaiterConfig={"Delay": 1})


def minute_of(running: Cloud, name: str, dimensions: dict[str, str], value: float, minutes: int) -> None:
    """So many minutes pass, and each says this of a metric, as the service would."""
    namespace = "AWS/Lambda" if name.startswith("Provisioned") else "AWS/DynamoDB"
    where = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    for _ in range(minutes):
        at = datetime.fromtimestamp(clock(running, 0), UTC)
        datum = {"MetricName": name, "Dimensions": where, "Value": value, "Timestamp": at}
        running.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])
        next_minute(running)


def next_minute(running: Cloud) -> None:
    """A little after the next minute has begun: a slow machine is still in it when it goes on."""
    clock(running, 62 - int(clock(running, 0)) % 60)


def clock(running: Cloud, seconds: int) -> float:
    body = json.dumps({"advance_s": seconds, "alarms": True}).encode() if seconds else None
    asked = urllib.request.Request(f"{running.endpoint}/_ona/clock", data=body)
    with urllib.request.urlopen(asked) as answer:
        return float(json.load(answer)["now"])


def units(running: Cloud, kind: str) -> int:
    table = running.client("dynamodb").describe_table(TableName="held")["Table"]
    return int(table["ProvisionedThroughput"][f"{kind}CapacityUnits"])


def reads(running: Cloud, a_second: float, minutes: int) -> None:
    minute_of(running, "ConsumedReadCapacityUnits", {"TableName": "held"}, a_second * 60, minutes)


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as info:
        call(**given)
    return info.value.response["Error"]["Code"], info.value.response["Error"]["Message"]


def test_a_table_grows_at_once_and_shrinks_slowly(running: Cloud) -> None:
    scaling = running.client("application-autoscaling")
    reads(running, 3.4, 4)  # 68 % of 5: just under the target
    assert units(running, "Read") == 5
    reads(running, 9.1, 1)
    assert units(running, "Read") == 5, "one minute is no two"
    reads(running, 9.1, 1)
    assert units(running, "Read") == 13, "9.1 of 13 is 70 %"
    reads(running, 9.0, 3)
    assert units(running, "Read") == 13, "what it has is what it needs"
    reads(running, 500.0, 2)
    assert units(running, "Read") == 100, "never more than MaxCapacity"
    assert units(running, "Write") == 5, "another dimension is another target"
    reads(running, 20.0, 14)
    assert units(running, "Read") == 100
    reads(running, 20.0, 1)
    assert units(running, "Read") == 29, "20 of 29 is 69 %; of 28 it is 71 %"
    clock(running, 20 * 60)
    assert units(running, "Read") == 29, "a table that nobody uses keeps its units"
    told = scaling.describe_scaling_activities(ServiceNamespace="dynamodb", ResourceId="table/held")
    assert [item["Description"].rsplit(" ", 1)[1] for item in told["ScalingActivities"]] == [
        "29.", "100.", "13.",
    ]  # fmt: skip
    assert {item["StatusCode"] for item in told["ScalingActivities"]} == {"Successful"}
    assert {item["ScalableDimension"] for item in told["ScalingActivities"]} == {READS}


def test_what_is_written_counts(running: Cloud) -> None:
    tables, watch = running.client("dynamodb"), running.client("cloudwatch")
    for table in ("held", "by-request"):
        tables.put_item(TableName=table, Item={"id": {"S": "a"}, "text": {"S": "x" * 2_500}})
        tables.get_item(TableName=table, Key={"id": {"S": "a"}}, ConsistentRead=True)
    now = clock(running, 0)

    def counted(kind: str, table: str) -> float:
        found = watch.get_metric_statistics(
            Namespace="AWS/DynamoDB", MetricName=f"Consumed{kind}CapacityUnits", Period=60,
            Dimensions=[{"Name": "TableName", "Value": table}], Statistics=["Sum"],
            StartTime=datetime.fromtimestamp(now - 120, UTC), EndTime=datetime.fromtimestamp(now + 60, UTC),
        )["Datapoints"]  # fmt: skip
        return float(sum(item["Sum"] for item in found))

    assert counted("Write", "held") == 3.0, "a write unit is 1 KB"
    assert counted("Read", "held") == 1.0, "a read unit is 4 KB"
    assert counted("Write", "by-request") == 3.0, "AWS counts what is paid by request, too"


def test_what_is_written_makes_a_table_grow(running: Cloud) -> None:
    for _ in range(2):
        text = "x" * (350 * 1024 - 100)  # a minute of 350 units: 5.8 a second, where 5 are bought
        running.client("dynamodb").put_item(TableName="held", Item={"id": {"S": "b"}, "text": {"S": text}})
        assert units(running, "Write") == 5
        next_minute(running)
    assert units(running, "Write") == 9, "5.8 of 9 is 65 %; of 8 it is 73 %"


@pytest.mark.parametrize(
    ("service", "call", "prefix"),
    [
        ("application-autoscaling", "describe_scalable_targets", "AnyScaleFrontendService"),
        ("codedeploy", "list_deployments", "CodeDeploy_20141006"),
    ],
)
def test_an_operation_that_no_service_has(running: Cloud, service: str, call: str, prefix: str) -> None:
    client = running.client(service)
    given = {"ServiceNamespace": "dynamodb"} if call.startswith("describe") else {}
    getattr(client, call)(**given)
    for action in ("NoSuchCall", "Store", "Calls", ""):

        def other(params: Any, action: str = action, **_: Any) -> None:
            params["headers"]["X-Amz-Target"] = f"{prefix}.{action}"

        client.meta.events.register("before-call", other, unique_id="other")
        assert refused(getattr(client, call), **given)[0] == "UnknownOperationException", action
        client.meta.events.unregister("before-call", unique_id="other")


def test_what_aws_refuses(running: Cloud) -> None:
    scaling = running.client("application-autoscaling")
    of = {"ServiceNamespace": "dynamodb", "ScalableDimension": READS}
    bounds = {"MinCapacity": 1, "MaxCapacity": 9}
    for resource, given in (
        ("table/nobodys", bounds),
        ("table/held/index/none", {**bounds, "ScalableDimension": "dynamodb:index:ReadCapacityUnits"}),
        ("table/by-request", bounds),
        ("held", bounds),
        ("table/held", {"MinCapacity": 9, "MaxCapacity": 1}),
        ("table/held", {**bounds, "MinCapacity": 0}),
        ("table/held", {**bounds, "ScalableDimension": "dynamodb:index:ReadCapacityUnits"}),
    ):
        code, _ = refused(scaling.register_scalable_target, **{**of, "ResourceId": resource, **given})
        assert code == "ValidationException", resource
    found = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert {item["ResourceId"] for item in found} == {"table/held"}, "a table by request has no target"
    assert {(item["MinCapacity"], item["MaxCapacity"]) for item in found} == {(5, 100), (5, 20)}
    policy: dict[str, Any] = {
        **of, "PolicyName": "p", "ResourceId": "table/held", "PolicyType": "TargetTrackingScaling",
    }  # fmt: skip
    wrong = {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"}}
    right = {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}}
    for settings in ({"TargetValue": 70, **wrong}, {"TargetValue": 95, **right}):
        given = {**policy, "TargetTrackingScalingPolicyConfiguration": settings}
        assert refused(scaling.put_scaling_policy, **given)[0] == "ValidationException"
    given = {**policy, "ResourceId": "table/other"}
    settings = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0, **right}}
    assert refused(scaling.put_scaling_policy, **given, **settings)[0] == "ObjectNotFoundException"
    assert refused(scaling.deregister_scalable_target, **of, ResourceId="table/other")[0] == (
        "ObjectNotFoundException"
    )


def test_warm_executions_follow_their_use(running: Cloud) -> None:
    """An alias begins with 5; the reserved 20 are the most that may be warm."""
    functions, scaling = running.client("lambda"), running.client("application-autoscaling")
    name, alias = warm_function(running)
    target = {
        "ServiceNamespace": "lambda", "ResourceId": f"function:{name}:live", "ScalableDimension": WARM,
    }  # fmt: skip
    scaling.register_scalable_target(**target, MinCapacity=5, MaxCapacity=40)
    spec = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
    made = scaling.put_scaling_policy(
        **target, PolicyName="hold", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7, "PredefinedMetricSpecification": spec,
        },
    )  # fmt: skip
    named = [item["AlarmName"] for item in made["Alarms"]]
    alarms = running.client("cloudwatch").describe_alarms(AlarmNames=named)["MetricAlarms"]
    assert sorted((item["EvaluationPeriods"], item["Threshold"]) for item in alarms) == [
        (3, 0.7),
        (15, 0.63),
    ]

    def used(share: float, minutes: int) -> int:
        where = {"FunctionName": name, "Resource": f"{name}:live"}
        minute_of(running, "ProvisionedConcurrencyUtilization", where, share, minutes)
        found = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
        assert found["Status"] == "READY"
        return int(found["AllocatedProvisionedConcurrentExecutions"])

    assert used(0.69, 4) == 5
    assert used(1.0, 2) == 5
    assert used(1.0, 1) == 8, "5 of 8 is 63 %, of 7 it is 71 %"
    assert used(0.65, 16) == 8, "between 63 % and 70 % nothing happens"
    assert used(0.2, 15) == 7, "it falls by a step"
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=8)
    assert used(1.0, 3) == 7, "more than is reserved cannot be provisioned"
    told = scaling.describe_scaling_activities(ServiceNamespace="lambda")["ScalingActivities"]
    assert [item["StatusCode"] for item in told][:1] == ["Failed"]
    assert "reservedConcurrentExecution" in told[0]["StatusMessage"]
    assert alias


def warm_function(running: Cloud) -> tuple[str, str]:
    """A function with an alias of which 5 executions are warm; what Lambda refuses of others is tried."""
    import io
    import zipfile

    functions, iam = running.client("lambda"), running.client("iam")
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="warm", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("warm.py", "def handler(event, context):\n    return 1\n")
    functions.create_function(
        FunctionName="warm", Runtime="python3.13", Role=role, Handler="warm.handler",
        Code={"ZipFile": packed.getvalue()}, Publish=True,
    )  # fmt: skip
    alias = functions.create_alias(FunctionName="warm", Name="live", FunctionVersion="1")["AliasArn"]
    functions.put_function_concurrency(FunctionName="warm", ReservedConcurrentExecutions=20)
    put = functions.put_provisioned_concurrency_config
    for qualifier, wanted in (("$LATEST", 5), ("live", 21)):
        given = {"FunctionName": "warm", "Qualifier": qualifier, "ProvisionedConcurrentExecutions": wanted}
        assert refused(put, **given)[0] == "InvalidParameterValueException"
    put(FunctionName="warm", Qualifier="live", ProvisionedConcurrentExecutions=5)
    target = {"ServiceNamespace": "lambda", "ScalableDimension": WARM, "MinCapacity": 1, "MaxCapacity": 9}
    scaling = running.client("application-autoscaling")
    for resource in ("function:warm:$LATEST", "function:warm:nowhere", "function:cold:live"):
        call = scaling.register_scalable_target
        assert refused(call, **target, ResourceId=resource)[0] == "ValidationException"
    before = time.time()
    functions.invoke(FunctionName=alias, Payload=b"{}")
    found = running.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName="ProvisionedConcurrencyUtilization", Period=60,
        Dimensions=[{"Name": "FunctionName", "Value": "warm"}, {"Name": "Resource", "Value": "warm:live"}],
        Statistics=["Maximum"], StartTime=datetime.fromtimestamp(before - 60, UTC),
        EndTime=datetime.fromtimestamp(clock(running, 0) + 60, UTC),
    )  # fmt: skip
    assert [item["Maximum"] for item in found["Datapoints"]] == [0.2], "one of five"
    return "warm", str(alias)


def test_a_changed_template_changes_the_bounds_and_its_end_takes_all(running: Cloud) -> None:
    scaling, watch = running.client("application-autoscaling"), running.client("cloudwatch")
    resources = {**TEMPLATE["Resources"], **tracked("table/held", "Write", 12, 20)}
    deploy(running, {"Resources": resources}, "update")
    assert units(running, "Write") == 12, "a capacity comes between its bounds at once"
    found = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    names = [alarm["AlarmName"] for policy in found for alarm in policy["Alarms"]]
    assert len(names) == 4
    running.client("cloudformation").delete_stack(StackName="scaling")
    gone = running.client("cloudformation").get_waiter("stack_delete_complete")
    gone.wait(StackName="scaling", WaiterConfig={"Delay": 1})
    assert not scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert not watch.describe_alarms(AlarmNames=names)["MetricAlarms"]
