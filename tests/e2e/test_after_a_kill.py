"""Killed in the middle of everything: what each service had promised holds after the next start.

One home lives twice. Its first life gets a little of everything that is under way, and is killed; each test
looks at one promise in the second life. The clock is set forward by a shim (`tests/shims/clock`), so that
timers are due at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud, deploy
from tests.fakes.roles import almighty
from tests.fakes.waiting import eventually
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("after-a-kill")]
BUCKET, LOCKED, TABLE = "work", "locked", "items"
HERE = "af-south-1:000000000000"
HOUR_S = 3_600
DAY_S = 24 * HOUR_S
WAITS = """
import time, boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def handler(event, context):
    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    name = event.get("name") or event["detail"]["name"]
    s3.put_object(Bucket="work", Key="begun/" + name, Body=b"x")
    if name.startswith("fails"):
        raise ValueError(name)
    while True:
        try:
            s3.head_object(Bucket="work", Key="go")
            break
        except ClientError:
            time.sleep(0.1)
    s3.put_object(Bucket="work", Key="ran/" + name, Body=b"x")
    return {}
"""
"""Leaves an object when it begins, waits until there is one named `go`, and leaves one when it ran."""


class Life:
    """One life of the embedded cloud."""

    def __init__(self, home: Path, ahead: float = 0) -> None:
        self.home, self.clock = home, home.parent / "clock"
        self.go_forward(ahead)
        environment = {
            "PYTHONPATH": str(ROOT / "tests" / "shims" / "clock"),
            "CLOCK_FILE": str(self.clock),
            "ONA_LOCAL_SANDBOXES": "8",  # so many functions hang here at once
            "ONA_LOCAL_SNAPSHOT_SECONDS": "3600",  # the journal alone has to know
        }
        running = cloud.start(home, port=cloud.free_port(0), extra_environment=environment)
        self.client = running.client
        self.s3, self.sqs, self.dynamodb = (self.client(name) for name in ("s3", "sqs", "dynamodb"))
        self.states, self.sns, self.functions = (
            self.client(name) for name in ("stepfunctions", "sns", "lambda")
        )

    def go_forward(self, seconds: float) -> None:
        """The clock is ahead by so much from now on."""
        aside = self.clock.with_suffix(".new")
        aside.write_text(str(seconds))
        aside.replace(self.clock)
        self.ahead = seconds

    def queue(self, name: str, **attributes: str) -> str:
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def counts(self, name: str) -> tuple[int, int]:
        """How many messages can be received, and how many are in flight."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url(name), AttributeNames=wanted)["Attributes"]
        return int(found[wanted[0]]), int(found[wanted[1]])

    def receive(self, name: str, **more: Any) -> list[dict[str, Any]]:
        settings = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **more}
        answer = self.sqs.receive_message(QueueUrl=self.url(name), **settings)
        return list(answer.get("Messages", []))

    def function(self, name: str, source: str, role: str, **settings: Any) -> None:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", source)
        self.functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=role,
            Timeout=300,
            Code={"ZipFile": package.getvalue()},
            **settings,
        )
        self.functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def left(self, prefix: str) -> list[str]:
        """What functions and executions left behind."""
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return sorted(item["Key"].removeprefix(prefix) for item in found)


def add(life: Life, token: str, number: int = 1) -> None:
    """Add to the counter in a transaction."""
    life.dynamodb.transact_write_items(
        ClientRequestToken=token,
        TransactItems=[
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": {"id": {"S": "counter"}},
                    "UpdateExpression": "ADD n :n",
                    "ExpressionAttributeValues": {":n": {"N": str(number)}},
                }
            }
        ],
    )


def counter(life: Life) -> int:
    found = life.dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "counter"}}, ConsistentRead=True)
    return int(found["Item"]["n"]["N"])


# ------------------------------------------------------------------ the first life


RULES = ("hourly", "cron", "daily")
TIMERS = ("past", "future", "often")


def set_timers(life: Life, role: str) -> None:
    """Rules and schedules, each with a queue that tells how often it went off."""
    events, scheduler = life.client("events"), life.client("scheduler")
    minute = (time.gmtime().tm_min + 30) % 60  # far from now
    expressions = ("rate(1 hour)", f"cron({minute} * * * ? *)", "rate(1 day)")
    for name, expression in zip(RULES, expressions, strict=True):
        life.queue(name, Policy=_open_to("events", name))
        events.put_rule(Name=name, ScheduleExpression=expression)
        events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": f"arn:aws:sqs:{HERE}:{name}"}])
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 0.8 * DAY_S))
    when = {"past": "at(2026-01-01T00:00:00)", "future": f"at({tomorrow})", "often": "rate(1 hour)"}
    for name in TIMERS:
        life.queue(name)
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression=when[name],
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": f"arn:aws:sqs:{HERE}:{name}", "RoleArn": role, "Input": "{}"},
        )


def _open_to(service: str, queue: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:{HERE}:{queue}",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_stores(life: Life) -> None:
    life.dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    where = {"LocationConstraint": cloud.REGION}
    life.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    life.s3.create_bucket(Bucket=LOCKED, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    for key in ("kept", "held", "free"):
        life.s3.put_object(Bucket=LOCKED, Key=key, Body=b"x")
    until = {"Mode": "COMPLIANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"}
    life.s3.put_object_retention(Bucket=LOCKED, Key="kept", Retention=until)
    life.s3.put_object_legal_hold(Bucket=LOCKED, Key="held", LegalHold={"Status": "ON"})


def send_messages(life: Life) -> dict[str, str]:
    """Messages of which some are in flight; returns receipt handles."""
    flight = life.queue("flight", VisibilityTimeout="600")
    for body in ("taken", "given-back", "waiting"):
        life.sqs.send_message(QueueUrl=flight, MessageBody=body)
    handles = {m["Body"]: m["ReceiptHandle"] for m in life.receive("flight")}
    for body in ("given-back", "waiting"):
        life.sqs.change_message_visibility(
            QueueUrl=flight, ReceiptHandle=handles[body], VisibilityTimeout=0 if body == "waiting" else 900
        )
    fifo = life.queue("order.fifo", FifoQueue="true", VisibilityTimeout="600")
    for number in ("1", "2"):
        life.sqs.send_message(
            QueueUrl=fifo, MessageBody=number, MessageGroupId="a", MessageDeduplicationId=f"d{number}"
        )
    (first,) = life.receive("order.fifo", MaxNumberOfMessages=1)
    handles["fifo"] = first["ReceiptHandle"]
    return handles


def subscribe(life: Life) -> None:
    topic = life.sns.create_topic(Name="alerts")["TopicArn"]
    for name in ("all", "critical"):
        life.queue(name, Policy=_open_to("sns", name))
        attributes = {"RawMessageDelivery": "true"}
        if name == "critical":
            attributes["FilterPolicy"] = '{"severity": ["critical"]}'
        life.sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:{name}", Attributes=attributes
        )
    life.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    gone = life.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:hourly")
    life.sns.unsubscribe(SubscriptionArn=gone["SubscriptionArn"])


def _task(resource: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "Next": "After", **more}


def start_executions(life: Life, role: str) -> None:
    """One in each kind of waiting, and one that is done. What comes after would leave an object."""
    life.queue("tokens")
    invoke = "arn:aws:states:::lambda:invoke"
    patience = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 360_000, "MaxAttempts": 3}
    token = {"QueueUrl": life.url("tokens"), "MessageBody.$": "$$.Task.Token"}
    first = {
        "done": {"Type": "Pass", "Result": {"n": 1}, "End": True},
        "waits": {"Type": "Wait", "Seconds": 360_000, "Next": "After"},
        "runs": _task(invoke, {"FunctionName": "waits", "Payload": {"name": "in-a-task"}}),
        "retries": _task(invoke, {"FunctionName": "waits", "Payload": {"name": "fails"}}, Retry=[patience]),
        "hopes": _task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", token),
    }
    put = {"Bucket": BUCKET, "Key.$": "States.Format('after/{}', $$.Execution.Name)", "Body": "x"}
    after = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": put}
    for name, state in first.items():
        definition = {"StartAt": "First", "States": {"First": state, "After": {**after, "End": True}}}
        if name == "done":
            del definition["States"]["After"]
        machine = life.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role
        )["stateMachineArn"]
        life.states.start_execution(stateMachineArn=machine, name=name)
    eventually(lambda: life.counts("tokens")[0] == 1)
    eventually(lambda: status(life, "done") == "SUCCEEDED")

    eventually(lambda: life.left("begun/") == ["fails", "in-a-task"])


def execution(name: str) -> str:
    return f"arn:aws:states:{HERE}:execution:{name}:{name}"


def status(life: Life, name: str) -> str:
    return str(life.states.describe_execution(executionArn=execution(name))["status"])


def invoke_functions(life: Life, role: str) -> None:
    """Asynchronous invocations that have not ended: running, waiting for room, from a rule; and one whose
    failure was told already."""
    life.queue("letters")
    life.function("alone", WAITS, role)
    life.functions.put_function_concurrency(FunctionName="alone", ReservedConcurrentExecutions=1)
    life.function("fails", WAITS, role, DeadLetterConfig={"TargetArn": f"arn:aws:sqs:{HERE}:letters"})
    life.functions.put_function_event_invoke_config(FunctionName="fails", MaximumRetryAttempts=0)
    for function, name in (("alone", "running"), ("alone", "waiting"), ("fails", "fails-at-once")):
        answer = life.functions.invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps({"name": name}).encode()
        )
        assert answer["StatusCode"] == 202
    events = life.client("events")
    rule = events.put_rule(Name="lab", EventPattern='{"source": ["lab"]}')["RuleArn"]
    events.put_targets(Rule="lab", Targets=[{"Id": "t", "Arn": f"arn:aws:lambda:{HERE}:function:waits"}])
    life.functions.add_permission(
        FunctionName="waits",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    entry = {"Source": "lab", "DetailType": "Tried", "Detail": json.dumps({"name": "by-a-rule"})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    eventually(lambda: life.counts("letters")[0] == 1)
    eventually(lambda: {"running", "by-a-rule"} <= {*life.left("begun/")})


def template(value: str) -> str:
    """A stack whose second resource is made by a function that takes its time."""
    resources = {
        "First": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": {"Ref": "AWS::StackName"}, "Type": "String", "Value": value},
        },
        "Slow": {
            "Type": "Custom::Slow",
            "DependsOn": "First",
            "Properties": {"ServiceToken": f"arn:aws:lambda:{HERE}:function:makes", "Value": value},
        },
    }
    return json.dumps({"Resources": resources})


MAKES = """
import json, time, urllib.request, boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def handler(event, context):
    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    while event["ResourceProperties"]["Value"] == "slow" and event["RequestType"] != "Delete":
        try:
            s3.head_object(Bucket="work", Key="go")
            break
        except ClientError:
            time.sleep(0.1)
    same = ("StackId", "RequestId", "LogicalResourceId")
    body = {name: event[name] for name in same}
    body.update(Status="SUCCESS", PhysicalResourceId="made", Reason="", Data={})
    request = urllib.request.Request(event["ResponseURL"], data=json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(request).read()
"""


def stack(life: Life, name: str) -> dict[str, Any]:
    return dict(life.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0])


def deploy_stacks(life: Life, role: str) -> None:
    """One stack that is done, one in its first deployment, one in an update."""
    life.function("makes", MAKES, role)
    formation = life.client("cloudformation")
    for name in ("sound", "updated"):
        formation.create_stack(StackName=name, TemplateBody=template("quick"))
        eventually(lambda name=name: stack(life, name)["StackStatus"] == "CREATE_COMPLETE")
    formation.create_stack(StackName="fresh", TemplateBody=template("slow"))
    formation.update_stack(StackName="updated", TemplateBody=template("slow"))
    for name in ("fresh", "updated"):
        eventually(lambda name=name: parameter(life, name) == "slow")
        assert stack(life, name)["StackStatus"].endswith("_IN_PROGRESS")


class Killed(BaseException):
    """Ends a deployment before its last stack, as SIGKILL does."""


def deploy_tree(
    life: Life, folder: Path, root: str, value: str, last: str = "", killed: bool = False
) -> None:
    """Two applications with a parameter each; the first has a queue, too, whose name changes with it."""

    def kept(name: str, given: str) -> dict[str, Any]:
        properties = {"Name": f"{root}-{name}", "Type": "String", "Value": given}
        return {"Type": "AWS::SSM::Parameter", "Properties": properties}

    named = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{root}-{value}"}}
    base, top = {"Named": named, "Low": kept("base", value)}, {"High": kept("top", last or value)}
    stacks = {"Base": base, "Top": top}
    applications = {}
    for name, resources in stacks.items():
        (folder / f"{name}.json").write_text(json.dumps({"Resources": resources}))
        properties = {"Location": f"{name}.json"}
        applications[name] = {"Type": "AWS::Serverless::Application", "Properties": properties}
    applications["Top"]["DependsOn"] = "Base"
    (folder / "root.json").write_text(json.dumps({"Resources": applications}))

    def say(text: str) -> None:
        if killed and text.endswith(f"{root}-top"):
            raise Killed

    deploy.deploy(life.client, folder / "root.json", root, say=say)


def deploy_trees(life: Life, folder: Path) -> None:
    """One whose second deployment is killed when half of it is there, and one whose second is done."""
    for root in ("halved", "calm"):
        deploy_tree(life, folder, root, "one")
    deploy_tree(life, folder, "calm", "two")
    with pytest.raises(Killed):
        deploy_tree(life, folder, "halved", "two", killed=True)
    assert parameter(life, "halved-base") == "two"


def parameter(life: Life, name: str) -> str:
    found = life.client("ssm").get_parameters(Names=[name])["Parameters"]
    return str(found[0]["Value"]) if found else ""


class Lives:
    """Both lives of the home."""

    def __init__(self, home: Path) -> None:
        first = Life(home)
        role = almighty(first.client("iam"))
        make_stores(first)
        set_timers(first, role)
        first.function("waits", WAITS, role)
        start_executions(first, role)
        first.go_forward(HOUR_S + 1)
        due = ("hourly", "cron", "often", "past")
        eventually(lambda: all(first.counts(name)[0] == 1 for name in due))
        add(first, "token-of-the-first")
        self.handles = send_messages(first)
        subscribe(first)
        invoke_functions(first, role)
        deploy_trees(first, home.parent)
        deploy_stacks(first, role)
        self.before = {name: first.counts(name)[0] for name in (*RULES, *TIMERS)}
        topic = f"arn:aws:sns:{HERE}:alerts"
        self.subscriptions = first.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        assert first.left("ran/") == []
        cloud.stop(home, kill=True)
        self.now = Life(home, ahead=first.ahead)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    home = tmp_path_factory.mktemp("lives") / "home"
    try:
        yield Lives(home)
    finally:
        cloud.stop(home, kill=True)


# ------------------------------------------------------------------ what holds


def test_a_transaction_with_the_same_token_happens_once(lives: Lives) -> None:
    add(lives.now, "token-of-the-first")
    assert counter(lives.now) == 1
    with pytest.raises(ClientError) as caught:
        add(lives.now, "token-of-the-first", number=5)
    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"
    add(lives.now, "token-of-the-second")
    assert counter(lives.now) == 2


def test_a_locked_object_stays_locked(lives: Lives) -> None:
    s3 = lives.now.s3
    kept = s3.get_object_retention(Bucket=LOCKED, Key="kept")["Retention"]
    assert (kept["Mode"], kept["RetainUntilDate"].year) == ("COMPLIANCE", 2099)
    assert s3.get_object_legal_hold(Bucket=LOCKED, Key="held")["LegalHold"] == {"Status": "ON"}
    for key in ("kept", "held", "free"):
        version = s3.head_object(Bucket=LOCKED, Key=key)["VersionId"]
        if key == "free":
            s3.delete_object(Bucket=LOCKED, Key=key, VersionId=version)
            continue
        with pytest.raises(ClientError) as caught:
            s3.delete_object(Bucket=LOCKED, Key=key, VersionId=version)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
    left = {item["Key"] for item in s3.list_object_versions(Bucket=LOCKED)["Versions"]}
    assert left == {"kept", "held"}


def test_messages_in_flight_stay_in_flight_with_their_handles(lives: Lives) -> None:
    now, url = lives.now, lives.now.url("flight")
    assert now.counts("flight") == (1, 2)
    (message,) = now.receive("flight")
    assert (message["Body"], message["Attributes"]["ApproximateReceiveCount"]) == ("waiting", "2")
    now.sqs.delete_message(QueueUrl=url, ReceiptHandle=lives.handles["taken"])
    now.sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=lives.handles["given-back"], VisibilityTimeout=0
    )
    (message,) = now.receive("flight")
    assert (message["Body"], message["Attributes"]["ApproximateReceiveCount"]) == ("given-back", "2")


def test_a_fifo_queue_knows_what_was_sent_and_whose_turn_it_is(lives: Lives) -> None:
    now, url = lives.now, lives.now.url("order.fifo")
    assert now.receive("order.fifo") == [], "the group waits for its first"
    for number in ("1", "2", "3"):
        now.sqs.send_message(
            QueueUrl=url, MessageBody=number, MessageGroupId="a", MessageDeduplicationId=f"d{number}"
        )
    now.sqs.delete_message(QueueUrl=url, ReceiptHandle=lives.handles["fifo"])
    received: list[str] = []
    while messages := now.receive("order.fifo"):
        received += [message["Body"] for message in messages]
        for message in messages:
            now.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert received == ["2", "3"]


def test_subscriptions_deliver_by_their_filters(lives: Lives) -> None:
    now = lives.now
    topic = f"arn:aws:sns:{HERE}:alerts"
    listed = now.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert sorted((item["Protocol"], item["Endpoint"].rsplit(":", 1)[-1]) for item in listed) == [
        ("email", "ana@example.com"),
        ("sqs", "all"),
        ("sqs", "critical"),
    ]
    assert listed == lives.subscriptions
    for severity in ("low", "critical"):
        given = {"severity": {"DataType": "String", "StringValue": severity}}
        now.sns.publish(TopicArn=topic, Message=severity, MessageAttributes=given)
    eventually(lambda: (now.counts("all"), now.counts("critical")) == ((2, 0), (1, 0)))
    assert [message["Body"] for message in now.receive("critical")] == ["critical"]


def test_executions_that_ran_are_failed_and_say_why_and_do_nothing_more(lives: Lives) -> None:
    now = lives.now
    for name in ("waits", "runs", "retries", "hopes"):
        found = now.states.describe_execution(executionArn=execution(name))
        assert (found["status"], found["error"]) == ("FAILED", "States.ServiceRestart"), name
        assert found["stopDate"] >= found["startDate"]
    done = now.states.describe_execution(executionArn=execution("done"))
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"n": 1})
    (message,) = now.receive("tokens")
    with pytest.raises(ClientError) as caught:
        now.states.send_task_success(taskToken=message["Body"], output="{}")
    assert caught.value.response["Error"]["Code"] in ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")
    machine = f"arn:aws:states:{HERE}:stateMachine:done"
    now.states.start_execution(stateMachineArn=machine, name="again")
    again = execution("done").removesuffix("done") + "again"
    eventually(lambda: now.states.describe_execution(executionArn=again)["status"] == "SUCCEEDED")
    assert now.left("after/") == []


def test_functions_that_were_accepted_run_and_the_failed_one_not_again(lives: Lives) -> None:
    now = lives.now
    now.s3.put_object(Bucket=BUCKET, Key="go", Body=b"x")
    eventually(lambda: now.left("ran/") == ["by-a-rule", "running", "waiting"])
    assert now.counts("letters") == (1, 0)


def test_a_deployment_that_was_cut_short_is_told_and_mended_by_the_next(
    lives: Lives, tmp_path: Path
) -> None:
    now = lives.now
    assert stack(now, "sound")["StackStatus"] == "CREATE_COMPLETE"
    assert stack(now, "fresh")["StackStatus"] == "CREATE_FAILED"
    assert stack(now, "updated")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    for name in ("fresh", "updated"):
        assert "ended during the deployment" in stack(now, name)["StackStatusReason"]
    assert "ended" not in stack(now, "sound").get("StackStatusReason", "")
    (tmp_path / "template.yaml").write_text(template("mended"))
    for name in ("fresh", "updated"):
        deploy.deploy(now.client, tmp_path / "template.yaml", name)
    assert stack(now, "fresh")["StackStatus"] == "CREATE_COMPLETE"
    assert stack(now, "updated")["StackStatus"] == "UPDATE_COMPLETE"
    assert {name: parameter(now, name) for name in ("fresh", "updated", "sound")} == {
        "fresh": "mended",
        "updated": "mended",
        "sound": "quick",
    }


@pytest.mark.parametrize(("root", "whole"), [("halved", "one"), ("calm", "two")])
def test_a_refused_deployment_goes_back_to_what_was_whole_before_the_kill(
    lives: Lives, tmp_path: Path, root: str, whole: str
) -> None:
    """What a killed one left is as open after the restart as before it."""
    now = lives.now
    with pytest.raises(deploy.DeployError, match=f"{root}-top refused"):
        deploy_tree(now, tmp_path, root, "three", last="x" * 5000)  # more than a parameter holds
    assert [parameter(now, f"{root}-{name}") for name in ("base", "top")] == [whole, whole]
    queues = now.client("sqs").list_queues(QueueNamePrefix=f"{root}-").get("QueueUrls", [])
    assert [url.rsplit("/", 1)[1] for url in queues] == [f"{root}-{whole}"]


def test_timers_go_off_neither_twice_nor_more_than_once_for_all_that_was_missed(lives: Lives) -> None:
    now = lives.now
    assert lives.before == {"hourly": 1, "cron": 1, "daily": 0, "past": 1, "future": 0, "often": 1}
    time.sleep(0.5)  # several looks of the timers

    def gone_off() -> dict[str, int]:
        return {name: now.counts(name)[0] for name in lives.before}

    assert gone_off() == lives.before, "not again after the start"
    now.go_forward(now.ahead + 10 * HOUR_S)
    expected = {**lives.before, "hourly": 2, "cron": 2, "often": 2}
    eventually(lambda: gone_off() == expected)
    time.sleep(0.5)
    assert gone_off() == expected, "once for ten hours"
    now.go_forward(now.ahead + DAY_S)
    expected = {**expected, "hourly": 3, "cron": 3, "often": 3, "daily": 1, "future": 1}
    eventually(lambda: gone_off() == expected)


# ------------------------------------------------------------------ state that makes no sense


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    cloud.stop(tmp_path / "home", kill=True)


def replace_in_snapshots(home: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Give a service's file another content, with the checksums that a sound one has."""
    for folder in (home / "state" / "generations").iterdir():
        manifest = json.loads((folder / "manifest.json").read_text())
        body = json.dumps(change(json.loads((folder / name).read_text()))).encode()
        (folder / name).write_bytes(body)
        manifest["files"][name] = hashlib.sha256(body).hexdigest()
        del manifest["checksum"]
        digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps({**manifest, "checksum": digest}))


def test_notes_that_make_no_sense_are_told_and_all_else_is_kept(home: Path) -> None:
    """An error in them ended the start silently: the server served, and kept nothing from there on."""
    Life(home).queue("before")
    cloud.stop(home)
    replace_in_snapshots(home, "ona.json", lambda _: {"rules_fired": {"no key (": 1}})
    life = Life(home)
    assert "ona" in (home / "damage.json").read_text()
    life.queue("after")
    cloud.stop(home, kill=True)
    urls = Life(home).sqs.list_queues()["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[-1] for url in urls) == ["after", "before"]


def test_a_server_that_cannot_read_its_state_does_not_serve(home: Path) -> None:
    formation = Life(home).client("cloudformation")
    record = {"Resources": {"R": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
    formation.create_stack(StackName="stack", TemplateBody=json.dumps(record))
    formation.get_waiter("stack_create_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
    cloud.stop(home)  # nothing goes on: the last snapshot has it all, no journal stands after it
    spoiled = []

    def spoil(stored: Any) -> Any:
        stacks = stored["stacks"]["data"]
        stored["stacks"]["data"] = dict.fromkeys(stacks, "nonsense")
        spoiled.extend(stacks)
        return stored

    replace_in_snapshots(home, "cloudformation.json", spoil)
    assert spoiled
    with pytest.raises(cloud.CloudError, match="state cannot be read"):
        Life(home)
