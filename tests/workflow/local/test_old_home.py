"""A home of the first edition, which had one stack: `ona up` brings it forward and loses nothing.

`data/one_stack_a589af8.json.gz` is the CloudFormation template that commit a589af8 deployed, as its own
`local/deploy.py` made it. The home is built from it as `ona up` did then, with code that does nothing.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import cloud, deploy
from local.packaging import zip_folder
from ops.target import EMBEDDED, TEMPLATE

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("old-home")]
ROOT_STACK = "ona-platform-dev"
PARAMETERS = {**EMBEDDED, "Environment": "dev"}
ONE_STACK = Path(__file__).parent / "data" / "one_stack_a589af8.json.gz"
IN, OUT = "ona-dev-input-000000000000", "ona-dev-output-000000000000"
TABLES = {
    "alert-log": "alert_id",
    "crews": "crew_id",
    "customers": "id",
    "locations": "location_id",
    "outbox": "delivery_id",
    "tracking": "job_id",
    "weather-cache": "location_timestamp",
}
QUEUES = ("ooda", "rule", "function", "outbox")
THRESHOLD = "/ona-platform/dev/detection-threshold"
TOPICS = ("alerts", "subscribers")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    cloud.stop(tmp_path / "home", kill=True)


def start(home: Path) -> cloud.Cloud:
    return cloud.start(home, port=cloud.free_port(0))


def _let_it_wait_for_containers(template: dict[str, Any]) -> None:
    """That commit's role lacked what its `ecs:runTask.sync` demands, and the cloud of then let it pass."""
    rule = "arn:aws:events:*:*:rule/StepFunctionsGetEventsForECSTaskRule"
    actions = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": rule}
    role = template["Resources"]["ForecastTrainingStateMachineRole"]["Properties"]
    document = {"Version": "2012-10-17", "Statement": [statement]}
    role["Policies"].append({"PolicyName": "managed-rule", "PolicyDocument": document})


def one_stack(running: cloud.Cloud, code: Path) -> None:
    """What `ona up` of that commit did: artefacts into a bucket, then one stack of everything."""
    template = json.loads(gzip.decompress(ONE_STACK.read_bytes()))
    _let_it_wait_for_containers(template)
    s3, cloudformation = running.client("s3"), running.client("cloudformation")
    bucket = f"{ROOT_STACK}-artifacts"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.REGION})
    code.mkdir()
    (code / "handler.py").write_text("def lambda_handler(event, context):\n    return {}\n")
    body = zip_folder(code)
    for item in template["Resources"].values():
        place = item["Properties"].get("Code") or item["Properties"].get("Content") or {}
        if place.get("S3Bucket") == bucket:
            s3.put_object(Bucket=bucket, Key=place["S3Key"], Body=body)
    s3.put_object(Bucket=bucket, Key="one.template", Body=json.dumps(template).encode())
    given = {"PrivateHosts": EMBEDDED["PrivateHosts"], "Environment": "dev"}
    cloudformation.create_stack(
        StackName=ROOT_STACK,
        TemplateURL=f"https://s3.{cloud.REGION}.amazonaws.com/{bucket}/one.template",
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Tags=[{"Key": "deployed", "Value": "a589af8"}],
    )
    while (home := deploy.find(cloudformation, ROOT_STACK)) and home["StackStatus"].endswith("PROGRESS"):
        time.sleep(0.05)
    assert home is not None
    assert home["StackStatus"] == "CREATE_COMPLETE"


def fill(running: cloud.Cloud) -> None:
    """Something in everything that holds something."""
    s3 = running.client("s3")
    for bucket, key in ((IN, "assets.json"), (OUT, "work-orders/2025/01/15/wo-20250115-0a0a0a0a.json")):
        for version in range(2):
            s3.put_object(Bucket=bucket, Key=key, Body=f'{{"version": {version}}}'.encode())
    dynamodb, sqs = running.client("dynamodb"), running.client("sqs")
    for table, key in TABLES.items():
        for number in range(3):
            item = {key: {"S": f"{table}-{number}"}, "customer_id": {"S": "customer-001"}}
            dynamodb.put_item(TableName=f"ona-platform-{table}", Item=item)
    for queue in QUEUES:
        url = sqs.get_queue_url(QueueName=f"ona-{queue}-dead-letters-dev")["QueueUrl"]
        for number in range(2):
            sqs.send_message(QueueUrl=url, MessageBody=f"letter {number}")
    ssm, sns, logs = running.client("ssm"), running.client("sns"), running.client("logs")
    ssm.put_parameter(Name=THRESHOLD, Value="0.55", Type="String", Overwrite=True)
    name = "/ona-platform/dev/webhook-signing-key"
    ssm.put_parameter(Name=name, Value="placeholder", Type="SecureString")
    for topic in TOPICS:
        arn = f"arn:aws:sns:{cloud.REGION}:000000000000:ona-platform-{topic}"
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="operator@example.com")
    for group in ("/aws/lambda/ona-detect-dev", "/aws/vendedlogs/states/ona-ooda-dev"):
        logs.create_log_stream(logGroupName=group, logStreamName="before")
        events = [{"timestamp": int(time.time() * 1000), "message": "seen"}]
        logs.put_log_events(logGroupName=group, logStreamName="before", logEvents=events)


def of_an_alert(item: dict[str, Any]) -> bool:
    """Whether an alarm of the new release told it: of the letters that the old home held."""
    return any(word in str(item) for word in ("alert#", "alarm#", "hour#", "standing#", "#operators#"))


def contents(running: cloud.Cloud) -> dict[str, Any]:
    """What the home holds, with what would change if something had been made anew."""
    s3, dynamodb, sqs = (running.client(name) for name in ("s3", "dynamodb", "sqs"))
    ssm, sns, logs = (running.client(name) for name in ("ssm", "sns", "logs"))
    held: dict[str, Any] = {}
    for bucket in (IN, OUT):
        versions = s3.list_object_versions(Bucket=bucket)["Versions"]
        held[bucket] = sorted((item["Key"], item["VersionId"], item["ETag"]) for item in versions)
    for table in TABLES:
        name = f"ona-platform-{table}"
        items = [item for item in dynamodb.scan(TableName=name)["Items"] if not of_an_alert(item)]
        held[name] = dynamodb.describe_table(TableName=name)["Table"]["TableId"], sorted(map(str, items))
    for queue in QUEUES:
        name = f"ona-{queue}-dead-letters-dev"
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "CreatedTimestamp"]
        held[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    settings = ssm.get_parameters_by_path(Path="/", Recursive=True, WithDecryption=True)["Parameters"]
    held["parameters"] = sorted((item["Name"], item["Value"], item["Version"]) for item in settings)
    subscribed = sns.list_subscriptions()["Subscriptions"]
    held["subscriptions"] = sorted((item["TopicArn"], item["Endpoint"]) for item in subscribed)
    for group in ("/aws/lambda/ona-detect-dev", "/aws/vendedlogs/states/ona-ooda-dev"):
        events = logs.get_log_events(logGroupName=group, logStreamName="before")["events"]
        held[group] = [event["message"] for event in events]
    machines = running.client("stepfunctions").list_state_machines()["stateMachines"]
    held["machines"] = sorted((item["stateMachineArn"], str(item["creationDate"])) for item in machines)
    return held


def starters(running: cloud.Cloud) -> list[tuple[str, str]]:
    """What starts what: a rule that stood twice would start everything twice."""
    events = running.client("events")
    return sorted(
        (trigger(rule), target["Arn"].removesuffix(":live"))
        for rule in events.list_rules()["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    )


def trigger(rule: dict[str, Any]) -> str:
    if "EventPattern" not in rule:
        return str(rule["ScheduleExpression"])
    return json.dumps(json.loads(rule["EventPattern"]), sort_keys=True)


def test_a_home_of_one_stack_keeps_everything_and_so_does_every_later_up(
    home: Path, tmp_path: Path
) -> None:
    running = start(home)
    one_stack(running, tmp_path / "code")
    fill(running)
    before, started = contents(running), starters(running)
    assert before["parameters"][0] == (THRESHOLD, "0.55", 2)
    cloud.stop(home)

    running = start(home)
    outputs = deploy.deploy(running.client, TEMPLATE, ROOT_STACK, PARAMETERS)
    assert outputs["InputBucketName"] == IN
    after = contents(running)
    assert {**after, "machines": before["machines"]} == before
    assert set(before["machines"]) <= set(after["machines"]), "families that came later have their own"
    new = [
        target.split(":")[-1] for item in starters(running) if item not in started for target in item[1:]
    ]
    of_then = [name for name in new if name in {starter[1].split(":")[-1] for starter in started}]
    assert sorted(of_then) == ["ona-ooda-dead-letters-dev"] * of_then.count("ona-ooda-dead-letters-dev") + [
        "ona-ooda-dev",  # a site's day is due
        "ona-operationsApi-dev",  # the timer of sites' days
    ]
    assert "ona-reconcile-dev" in new
    gone = [item for item in started if item not in starters(running)]
    assert gone == [], "what was started then is started now, each by its alias"
    cloudformation = running.client("cloudformation")
    left = cloudformation.list_stack_resources(StackName=ROOT_STACK)["StackResourceSummaries"]
    assert [item["LogicalResourceId"] for item in left] == ["Record"]
    names = [item["FunctionName"] for item in running.client("lambda").list_functions()["Functions"]]
    assert len(names) == len(set(names)) >= 14
    cloud.stop(home)

    running = start(home)
    cloudformation = running.client("cloudformation")
    events = {item["StackName"]: events_of(cloudformation, item) for item in stacks(cloudformation)}
    assert deploy.deploy(running.client, TEMPLATE, ROOT_STACK, PARAMETERS).keys() == outputs.keys()
    assert contents(running) == after
    assert {item["StackName"]: events_of(cloudformation, item) for item in stacks(cloudformation)} == events


def stacks(cloudformation: Any) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = cloudformation.describe_stacks()["Stacks"]
    return every


def events_of(cloudformation: Any, stack: dict[str, Any]) -> int:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack["StackName"])
    return sum(len(page["StackEvents"]) for page in pages)
