"""Roles: a call that the caller's role does not allow fails as on AWS, and its allowed neighbour passes.

Each test has both: what is refused, and the same call a step aside that the policies allow.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.cloud import REGION
from ops import roles
from tests.builders.telemetry import dead_from
from tests.fakes.lab import Lab, task, unique
from tests.fakes.platform import Platform
from tests.fakes.roles import policy
from tests.fakes.small_engine import small_engine
from tests.fakes.waiting import eventually

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

Statement = dict[str, Any]


def allow(action: str | list[str], resource: str | list[str], **condition: Any) -> Statement:
    statement: Statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """The error's code and message of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def sentence(session: str, action: str, resource: str) -> str:
    """AWS's words for a call that no policy allows."""
    return (
        f"User: arn:aws:sts::000000000000:assumed-role/{session} is not authorized to perform: {action} "
        f"on resource: {resource} because no identity-based policy allows the {action} action"
    )


def quiet(lab: Lab, bucket: str, key: str, seconds: float = 1.5) -> bool:
    """Whether a key stays absent."""
    time.sleep(seconds)
    return not lab.platform.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents")


def counts(platform: Platform) -> Path:
    """Where the embedded cloud counts its decisions."""
    assert platform.target.embedded is not None
    return Path(platform.target.embedded.home) / roles.FILE


def name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


# ------------------------------------------------------------------ functions and state machines


READER = (
    "import boto3, os\nfrom botocore.config import Config\n"
    "def handler(e, c):\n"
    "    s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'path'}))\n"
    "    if e.get('sign'):\n"
    "        return s3.generate_presigned_url('get_object', Params={'Bucket': e['b'], 'Key': e['k']})\n"
    "    return s3.get_object(Bucket=e['b'], Key=e['k'])['Body'].read().decode()\n"
)


def reader(lab: Lab, bucket: str) -> str:
    role = lab.role([allow("s3:GetObject", f"arn:aws:s3:::{bucket}/mine/*")])
    return lab.function(READER, Role=role)


def invoked(lab: Lab, function: str, **event: Any) -> Any:
    answer = lab.functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read())


def test_a_functions_call_is_checked_against_its_role(lab: Lab) -> None:
    bucket = lab.bucket(**{"mine/a": b"yes", "yours/a": b"no"})
    function = reader(lab, bucket)
    assert invoked(lab, function, b=bucket, k="mine/a") == "yes"
    told = invoked(lab, function, b=bucket, k="yours/a")
    assert told["errorType"] == "AccessDenied"
    assert told["errorMessage"].startswith(
        "An error occurred (AccessDenied) when calling the GetObject operation"
    )
    assert f'to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/yours/a"' in told["errorMessage"]
    assert f"/{function.rsplit(':', 1)[-1]} is not authorized" in told["errorMessage"]


def test_a_presigned_url_opens_what_its_signer_may_open(lab: Lab) -> None:
    bucket = lab.bucket(**{"mine/a": b"yes", "yours/a": b"no"})
    function = reader(lab, bucket)
    answers = {
        key: urllib3.request("GET", invoked(lab, function, b=bucket, k=key, sign=True))
        for key in ("mine/a", "yours/a")
    }
    assert (answers["mine/a"].status, answers["mine/a"].data) == (200, b"yes")
    assert answers["yours/a"].status == 403
    assert b"<Code>AccessDenied</Code>" in answers["yours/a"].data


def test_a_state_machines_call_is_checked_against_its_role(lab: Lab) -> None:
    bucket = lab.bucket()
    role = lab.role([allow("s3:PutObject", f"arn:aws:s3:::{bucket}/out/*")])
    outcome = {}
    for key in ("out/a", "in/a"):
        put = task("arn:aws:states:::aws-sdk:s3:putObject", {"Bucket": bucket, "Key": key, "Body": "x"})
        outcome[key] = lab.run(put, role=role)
    assert outcome["out/a"]["status"] == "SUCCEEDED"
    assert outcome["in/a"]["status"] == "FAILED"
    assert outcome["in/a"]["error"].startswith("S3.")
    expected = sentence(f"{name(role)}/states", "s3:PutObject", f'"arn:aws:s3:::{bucket}/in/a"')
    assert outcome["in/a"]["cause"].startswith(f"{expected} (Service: S3, Status Code: 403,")


@pytest.mark.parametrize(
    ("resource", "arguments", "action", "error"),
    [
        (
            "arn:aws:states:::dynamodb:getItem",
            {"TableName": "ona-platform-customers", "Key": {"id": {"S": "x"}}},
            "dynamodb:GetItem",
            "DynamoDB.AmazonDynamoDBException",  # AWS names a code so that its model lacks
        ),
        (
            "arn:aws:states:::events:putEvents",
            {"Entries": [{"Source": "lab", "DetailType": "Lab Tried", "Detail": {}}]},
            "events:PutEvents",
            "EventBridge.AccessDeniedException",
        ),
    ],
)
def test_every_integration_of_the_workflows_shows_the_refusal(
    lab: Lab, resource: str, arguments: Any, action: str, error: str
) -> None:
    role = lab.role([allow(action, "*")])
    assert lab.run(task(resource, arguments), role=role)["status"] == "SUCCEEDED"
    lab.grant(role, [allow("s3:GetObject", "*")])
    done = lab.run(task(resource, arguments), role=role)
    assert (done["status"], done["error"]) == ("FAILED", error)
    assert f"is not authorized to perform: {action} on resource: arn:aws:" in done["cause"]


def test_an_invocation_names_the_alias_as_resource(lab: Lab) -> None:
    """A policy for the function alone does not allow its alias."""
    function = lab.function("def handler(e, c): return 1\n")
    lab.functions.publish_version(FunctionName=function)
    lab.functions.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    role = lab.role([allow("lambda:InvokeFunction", function)])
    client = lab.acting_as(role, "lambda")
    assert client.invoke(FunctionName=function)["StatusCode"] == 200
    for call in (
        lambda: client.invoke(FunctionName=function, Qualifier="live"),
        lambda: client.invoke(FunctionName=f"{function}:live"),
    ):
        told = refused(call)
        assert told == (
            "AccessDeniedException",
            sentence(f"{name(role)}/test", "lambda:InvokeFunction", f"{function}:live"),
        )


def test_a_distributed_map_starts_its_items_with_the_machines_role(lab: Lab) -> None:
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "Items": [1, 2], "ItemProcessor": processor, "End": True}},
    }
    role = lab.role([allow("states:StartExecution", "*")])
    assert lab.run(definition, role=role)["status"] == "SUCCEEDED"
    lab.grant(role, [allow("states:DescribeExecution", "*")])
    done = lab.run(definition, role=role)
    assert (done["status"], done["error"]) == ("FAILED", "States.Permissions")
    assert "states:StartExecution on resource" in done["cause"]


# ------------------------------------------------------------------ the deployed platform


def role_names(platform: Platform) -> list[str]:
    pages = platform.target.client("iam").get_paginator("list_roles").paginate()
    return [str(item["RoleName"]) for page in pages for item in page["Roles"]]


def without(platform: Platform, role_part: str, sid: str) -> Callable[[], None]:
    """Take a statement out of a deployed role; returns what puts it back. Role names begin alike."""
    iam = platform.target.client("iam")
    roles = [
        item["RoleName"] for page in iam.get_paginator("list_roles").paginate() for item in page["Roles"]
    ]
    (role,) = [item for item in roles if role_part in item]
    for policy_name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy_name)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        left = [item for item in document["Statement"] if item.get("Sid") != sid]
        if len(left) < len(document["Statement"]):
            named = {"RoleName": role, "PolicyName": policy_name}
            cut = {**document, "Statement": left}
            iam.put_role_policy(**named, PolicyDocument=json.dumps(cut))
            return lambda: iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
    raise AssertionError(f"{role} has no statement {sid}")


@pytest.mark.parametrize(
    ("role", "sid", "action"),
    [
        ("DetectFunctionRole", "KeepTelemetryDetectionsAndBooks", "s3:GetObject"),
        ("OodaStateMachineRole", "InvokeSteps", "lambda:InvokeFunction"),
    ],
)
def test_a_statement_taken_out_of_the_template_fails_the_workflow(
    platform: Platform, role: str, sid: str, action: str
) -> None:
    mended = without(platform, role, sid)
    try:
        done = platform.put_and_wait(dead_from(9))
    finally:
        mended()
    letters = json.dumps([letter.__dict__ for letter in platform.letters()], default=str)
    assert f"is not authorized to perform: {action} on resource" in letters + json.dumps(done, default=str)
    assert platform.put_and_wait(dead_from(9), asset="INV-002")["status"] == "SUCCEEDED"


def test_what_a_rule_of_the_template_may_not_deliver_lies_in_its_queue(platform: Platform) -> None:
    """The template's own queue policy admits the rule."""
    iam, sqs = platform.target.client("iam"), platform.target.client("sqs")
    roles = [
        item["RoleName"] for page in iam.get_paginator("list_roles").paginate() for item in page["Roles"]
    ]
    (role,) = [item for item in roles if "OodaStateMachineObservation" in item]
    texts: dict[str, str] = {}
    for named in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=named)["PolicyDocument"]
        texts[named] = document if isinstance(document, str) else json.dumps(document)
        iam.delete_role_policy(RoleName=role, PolicyName=named)
    url = platform.target.outputs["RuleDeadLetterQueueUrl"]
    try:
        key = platform.put(dead_from(9))
        (letter,) = eventually(
            lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", [])
        )
    finally:
        for named, text in texts.items():
            iam.put_role_policy(RoleName=role, PolicyName=named, PolicyDocument=text)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    assert json.loads(letter["Body"])["detail"]["object"]["key"] == key
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_an_api_needs_the_functions_permission(platform: Platform) -> None:
    client = platform.target.client("lambda")
    function = platform.target.function("account_api")
    address = f"{platform.target.api_url}/health"
    assert urllib3.request("GET", address, timeout=60).status == 200
    live = {"FunctionName": function, "Qualifier": "live"}
    statements = json.loads(client.get_policy(**live)["Policy"])["Statement"]
    mine = [item for item in statements if "apigateway" in json.dumps(item["Principal"])]
    assert mine, "the template gives the APIs these permissions"
    for item in mine:
        client.remove_permission(**live, StatementId=item["Sid"])
    try:
        answer = urllib3.request("GET", address, timeout=60)
        assert answer.status == 500
    finally:
        for item in mine:
            client.add_permission(
                **live,
                StatementId=item["Sid"],
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=next(iter(item["Condition"].values()))["AWS:SourceArn"],
            )
    assert urllib3.request("GET", address, timeout=60).status == 200


def test_the_small_engine_confirms_what_the_deployed_roles_did(platform: Platform) -> None:
    """Another hand judges all that the platform's roles were allowed until now."""
    assert platform.put_and_wait(dead_from(9))["status"] == "SUCCEEDED"
    stored = eventually(
        lambda: json.loads(path.read_text()) if (path := counts(platform)).exists() else None
    )
    documents: dict[str, Statement] = {}
    for role, _sid, action, resource in roles.statements(
        platform.target.client("iam"), platform.target.stack
    ):
        documents.setdefault(role, {"Statement": []})["Statement"].append(allow(action, resource))
    rows = [row for row in stored["allowed"] if row[0] in documents and row[2].startswith("arn:")]
    assert len(rows) > 10
    for role, action, pattern, _times in rows:
        judged = {
            "identity": documents[role],
            "action": action,
            "resource": pattern.replace("*", "x"),
            "principal": role,
            "context": {},
        }
        assert small_engine(judged) == "Allow", (role, action, pattern)
        for other in ({"action": "s3:DeleteBucket"}, {"resource": f"{pattern.replace('*', 'x')[:-1]}#"}):
            aside = {**judged, **other}
            wider = [str(one["Resource"]) for one in documents[role]["Statement"]]
            if "resource" in other and any(fnmatchcase(aside["resource"], one) for one in wider):
                continue  # another statement allows it
            assert small_engine(aside) == "Deny", (role, aside)


# ------------------------------------------------------------------ what services do by themselves


def rule_to(lab: Lab, target: Statement, source: str) -> str:
    """A rule for the events of a source, with one target; returns its ARN."""
    events = lab.platform.target.client("events")
    rule = unique("rule")
    arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    assert events.put_targets(Rule=rule, Targets=[{"Id": "t", **target}])["FailedEntryCount"] == 0
    return str(arn)


def publish(lab: Lab, source: str) -> None:
    entry = {"Source": source, "DetailType": "Lab Tried", "Detail": json.dumps({"n": 1})}
    assert lab.platform.target.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def queue(lab: Lab, service: str = "", source: str = "") -> tuple[str, str]:
    """A queue, whose policy admits a source of a service when one is named; its URL and ARN."""
    sqs = lab.platform.target.client("sqs")
    url = sqs.create_queue(QueueName=unique("roles"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    if service:
        admit(lab, url, arn, service, source)
    return url, arn


def admit(lab: Lab, url: str, arn: str, service: str, source: str) -> None:
    secure = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    statement = {
        **allow("sqs:SendMessage", arn, ArnLike={"aws:SourceArn": source}),
        "Principal": {"Service": f"{service}.amazonaws.com"},
    }
    attributes = {"Policy": policy([statement, secure])}
    lab.platform.target.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=attributes)


def received(lab: Lab, url: str) -> list[Any]:
    answer = lab.platform.target.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])
    return list(answer.get("Messages", []))


def writer(lab: Lab, bucket: str, key: str) -> str:
    """A state machine that leaves an object behind."""
    put = task("arn:aws:states:::aws-sdk:s3:putObject", {"Bucket": bucket, "Key": key, "Body": "x"})
    return lab.machine(put)


def test_a_rule_starts_a_machine_with_its_targets_role(lab: Lab) -> None:
    """Without the permission, the event goes to the dead-letter queue with AWS's reason."""
    bucket, source = lab.bucket(), unique("lab.rule")
    good, bad = writer(lab, bucket, "good"), writer(lab, bucket, "bad")
    role = lab.role([allow("states:StartExecution", good)])
    url, arn = queue(lab)
    rule_to(lab, {"Arn": good, "RoleArn": role}, source)
    rule = rule_to(lab, {"Arn": bad, "RoleArn": role, "DeadLetterConfig": {"Arn": arn}}, source)
    admit(lab, url, arn, "events", rule)
    publish(lab, source)
    eventually(lambda: not quiet(lab, bucket, "good", 0))
    (letter,) = eventually(lambda: received(lab, url))
    told = {key: item["StringValue"] for key, item in letter["MessageAttributes"].items()}
    assert (told["RULE_ARN"], told["TARGET_ARN"], told["ERROR_CODE"]) == (rule, bad, "NO_PERMISSIONS")
    assert (
        f"is not authorized to perform: states:StartExecution on resource: {bad}" in told["ERROR_MESSAGE"]
    )
    assert json.loads(letter["Body"])["source"] == source
    assert quiet(lab, bucket, "bad")


def test_a_role_that_does_not_trust_the_service_is_of_no_use(lab: Lab) -> None:
    bucket, source = lab.bucket(), unique("lab.trust")
    statements = [allow("states:StartExecution", "*")]
    for key, service in (("good", "events"), ("bad", "lambda")):
        role = lab.role(statements, "", service)
        rule_to(lab, {"Arn": writer(lab, bucket, key), "RoleArn": role}, source)
    for key, account in (("ours", "000000000000"), ("foreign", "111111111111")):
        role = lab.role(statements, "", "events")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        lab.iam.update_assume_role_policy(RoleName=name(role), PolicyDocument=policy)
        rule_to(lab, {"Arn": writer(lab, bucket, key), "RoleArn": role}, source)
    publish(lab, source)
    eventually(lambda: not (quiet(lab, bucket, "good", 0) or quiet(lab, bucket, "ours", 0)))
    assert quiet(lab, bucket, "bad")
    assert quiet(lab, bucket, "foreign", 0), "a role that is trusted for another account only"


def test_a_rule_publishes_by_the_topics_own_policy(lab: Lab) -> None:
    """The policy that a topic is made with lets its owner publish, and no rule."""
    source, sns = unique("lab.topic"), lab.platform.target.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    url, arn = queue(lab, "sns", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    rule_to(lab, {"Arn": topic}, source)
    letters, letters_arn = queue(lab)
    rule = rule_to(lab, {"Arn": topic, "DeadLetterConfig": {"Arn": letters_arn}}, source)
    admit(lab, letters, letters_arn, "events", rule)
    publish(lab, source)
    assert len(eventually(lambda: received(lab, letters))) == 1
    assert not received(lab, url)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    publish(lab, source)
    assert eventually(lambda: received(lab, url))


def test_a_rule_invokes_a_function_by_the_functions_permission(lab: Lab) -> None:
    bucket, source = lab.bucket(), unique("lab.function")
    code = (
        "import boto3\nfrom botocore.config import Config\n"
        "def handler(e, c):\n"
        "    s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'path'}))\n"
        f"    s3.put_object(Bucket='{bucket}', Key=c.function_name, Body=b'x')\n"
    )
    none, other, good = lab.function(code), lab.function(code), lab.function(code)
    rules = {function: rule_to(lab, {"Arn": function}, source) for function in (none, other, good)}
    for function, arn in ((good, rules[good]), (other, rules[none])):
        lab.functions.add_permission(
            FunctionName=function,
            StatementId="rule",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=arn,
        )
    publish(lab, source)
    eventually(lambda: not quiet(lab, bucket, good.rsplit(":", 1)[-1], 0))
    assert quiet(lab, bucket, none.rsplit(":", 1)[-1])
    assert quiet(lab, bucket, other.rsplit(":", 1)[-1], 0), "a permission for another rule"


def test_rules_and_topics_need_the_queues_policy(lab: Lab) -> None:
    """Also where the queue demands TLS: loopback does not count as unencrypted."""
    source, sns = unique("lab.queue"), lab.platform.target.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    closed, closed_arn = queue(lab)
    open_, open_arn = queue(lab)
    rule_to(lab, {"Arn": closed_arn}, source)
    rule = rule_to(lab, {"Arn": open_arn}, source)
    admit(lab, open_, open_arn, "events", rule)
    publish(lab, source)
    assert len(eventually(lambda: received(lab, open_))) == 1
    assert not received(lab, closed)
    heard, heard_arn = queue(lab, "sns", topic)
    for arn in (closed_arn, heard_arn):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    assert len(eventually(lambda: received(lab, heard))) == 1
    assert not received(lab, closed)


def test_a_topic_invokes_a_function_by_its_permission_and_letters_need_the_functions_role(lab: Lab) -> None:
    """Both functions fail at once, so a letter tells that a function was invoked."""
    sns, code = lab.platform.target.client("sns"), "def handler(e, c): raise ValueError('x')\n"
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    letters: dict[str, str] = {}
    for may_write in (True, False):
        url, arn = queue(lab)
        role = lab.role([allow("sqs:SendMessage", arn if may_write else f"{arn}-other")])
        function = lab.function(code, Role=role, DeadLetterConfig={"TargetArn": arn})
        lab.functions.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
        lab.functions.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
        letters[str(may_write)] = url
    assert len(eventually(lambda: received(lab, letters["True"]))) == 1
    time.sleep(1)
    assert not received(lab, letters["False"])
    bucket = lab.bucket()
    heard = (
        "import boto3\nfrom botocore.config import Config\n"
        "def handler(e, c):\n"
        "    s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'path'}))\n"
        f"    s3.put_object(Bucket='{bucket}', Key=c.function_name, Body=b'x')\n"
    )
    admitted, silent = lab.function(heard), lab.function(heard)
    lab.functions.add_permission(
        FunctionName=admitted,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    for function in (silent, admitted):
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    sns.publish(TopicArn=topic, Message="hello")
    eventually(lambda: not quiet(lab, bucket, admitted.rsplit(":", 1)[-1], 0))
    assert quiet(lab, bucket, silent.rsplit(":", 1)[-1])


def test_a_schedule_acts_with_its_role(lab: Lab) -> None:
    """Up to 10 s: the scheduler looks so seldom whether something is due."""
    bucket, scheduler = lab.bucket(), lab.platform.target.client("scheduler")
    good, bad = writer(lab, bucket, "good"), writer(lab, bucket, "bad")
    role = lab.role([allow("states:StartExecution", good)])
    for machine in (bad, good):
        scheduler.create_schedule(
            Name=unique("schedule"),
            ScheduleExpression="at(2026-01-01T00:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": machine, "RoleArn": role},
        )
    eventually(lambda: not quiet(lab, bucket, "good", 0))
    assert quiet(lab, bucket, "bad")


def test_an_event_source_is_read_with_the_functions_role(lab: Lab) -> None:
    code = "def handler(e, c): return 1\n"
    url, arn = queue(lab)
    reads = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    role = lab.role([allow(reads[:2], arn)])
    function = lab.function(code, Role=role)

    def mapped() -> Any:
        return lab.functions.create_event_source_mapping(FunctionName=function, EventSourceArn=arn)

    assert refused(mapped) == (
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
    )
    lab.grant(role, [allow(reads, arn)])
    mapping = mapped()["UUID"]
    sqs = lab.platform.target.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="1")
    waiting = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> list[str]:
        return list(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=waiting)["Attributes"].values())

    eventually(lambda: left() == ["0", "0"])
    lab.grant(role, [allow(reads[1:], arn)])
    sqs.send_message(QueueUrl=url, MessageBody="2")
    problem = eventually(
        lambda: lab.functions.get_event_source_mapping(UUID=mapping)["LastProcessingResult"].partition(
            "PROBLEM"
        )[2]
    )
    assert "sqs:ReceiveMessage" in problem
    assert left() == ["1", "0"]
    lab.functions.delete_event_source_mapping(UUID=mapping)


# ------------------------------------------------------------------ conditions and PassRole


def table(lab: Lab) -> str:
    made = unique("roles")
    lab.platform.target.client("dynamodb").create_table(
        TableName=made,
        KeySchema=[{"AttributeName": "customer", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "customer", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return made


def test_leading_keys_limit_a_role_to_its_customers_items(lab: Lab) -> None:
    made = table(lab)
    arn = f"arn:aws:dynamodb:{REGION}:000000000000:table/{made}"
    only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ana"]}}
    role = lab.role([allow(["dynamodb:*"], arn, **only)])
    client = lab.acting_as(role, "dynamodb")
    mine, yours = {"customer": {"S": "ana"}}, {"customer": {"S": "ben"}}
    calls: list[Callable[[Any], Any]] = [
        lambda key: client.put_item(TableName=made, Item=key),
        lambda key: client.get_item(TableName=made, Key=key),
        lambda key: client.query(
            TableName=made,
            KeyConditionExpression="#c = :c",
            ExpressionAttributeNames={"#c": "customer"},
            ExpressionAttributeValues={":c": key["customer"]},
        ),
        lambda key: client.batch_get_item(RequestItems={made: {"Keys": [key]}}),
        lambda key: client.transact_write_items(TransactItems=[{"Put": {"TableName": made, "Item": key}}]),
    ]
    for call in calls:
        call(mine)
        code, message = refused(lambda call=call: call(yours))
        assert code == "AccessDeniedException"
        assert message.endswith("action")
        assert f"on resource: {arn} " in message


def test_a_metrics_namespace_limits_a_role(lab: Lab) -> None:
    role = lab.role(
        [allow("cloudwatch:PutMetricData", "*", StringEquals={"cloudwatch:namespace": "Ona/Platform"})]
    )
    client = lab.acting_as(role, "cloudwatch")
    data = [{"MetricName": "m", "Value": 1.0}]
    client.put_metric_data(Namespace="Ona/Platform", MetricData=data)
    code, message = refused(lambda: client.put_metric_data(Namespace="Other", MetricData=data))
    assert code in ("AccessDenied", "AccessDeniedException")
    assert "cloudwatch:PutMetricData" in message


def test_each_published_event_is_judged_by_its_detail_type(lab: Lab) -> None:
    bus = f"arn:aws:events:{REGION}:000000000000:event-bus/default"
    role = lab.role([allow("events:PutEvents", bus, StringEquals={"events:detail-type": "Lab Tried"})])
    client = lab.acting_as(role, "events")
    good = {"Source": "lab", "DetailType": "Lab Tried", "Detail": "{}"}
    assert client.put_events(Entries=[good, good])["FailedEntryCount"] == 0
    other = {**good, "DetailType": "Lab Failed"}
    told = refused(lambda: client.put_events(Entries=[good, other]))
    assert told == ("AccessDeniedException", sentence(f"{name(role)}/test", "events:PutEvents", bus))


def test_whoever_hands_a_role_to_a_service_needs_pass_role(lab: Lab) -> None:
    passed, other = lab.role([]), lab.role([])
    handed = {"StringEquals": {"iam:PassedToService": ["states.amazonaws.com", "events.amazonaws.com"]}}
    doing = ["states:CreateStateMachine", "events:PutRule", "events:PutTargets", "scheduler:CreateSchedule"]
    role = lab.role([allow(doing, "*"), allow("iam:PassRole", passed, **handed)])
    states, events = lab.acting_as(role, "stepfunctions"), lab.acting_as(role, "events")
    scheduler = lab.acting_as(role, "scheduler")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern='{"source": ["nobody"]}')

    def machine(given: str) -> str:
        made = states.create_state_machine(name=unique("lab"), definition=definition, roleArn=given)
        return str(made["stateMachineArn"])

    arn = machine(passed)
    targets = [{"Id": "t", "Arn": arn, "RoleArn": passed}]
    events.put_targets(Rule=rule, Targets=targets)
    expected = sentence(f"{name(role)}/test", "iam:PassRole", other)
    assert refused(lambda: machine(other)) == ("AccessDeniedException", expected)
    targets = [{"Id": "t", "Arn": arn, "RoleArn": other}]
    told = refused(lambda: events.put_targets(Rule=rule, Targets=targets))
    assert told == ("AccessDeniedException", expected)
    scheduled = {
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn, "RoleArn": passed},
    }
    told = refused(lambda: scheduler.create_schedule(Name=unique("schedule"), **scheduled))
    assert told[1] == sentence(f"{name(role)}/test", "iam:PassRole", passed), "not to the scheduler"


def test_running_a_container_passes_the_roles_of_its_task(lab: Lab) -> None:
    ecs = lab.platform.target.client("ecs")
    inside, starter = lab.role([]), lab.role([])
    family = unique("task")
    definition = ecs.register_task_definition(
        family=family,
        taskRoleArn=inside,
        executionRoleArn=starter,
        containerDefinitions=[{"name": "c", "image": "none"}],
    )["taskDefinition"]["taskDefinitionArn"]
    role = lab.role([allow("ecs:RunTask", definition), allow("iam:PassRole", inside)])
    client = lab.acting_as(role, "ecs")
    told = refused(lambda: client.run_task(taskDefinition=definition))
    assert told == ("AccessDeniedException", sentence(f"{name(role)}/test", "iam:PassRole", starter))
    lab.grant(role, [allow("ecs:RunTask", f"{definition}0"), allow("iam:PassRole", [inside, starter])])
    told = refused(lambda: client.run_task(taskDefinition=definition))
    assert told == ("AccessDeniedException", sentence(f"{name(role)}/test", "ecs:RunTask", definition))


# ------------------------------------------------------------------ objects


def test_a_missing_object_is_forbidden_to_a_role_that_may_not_list(lab: Lab) -> None:
    bucket = lab.bucket(there=b"1")
    objects, whole = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"
    role = lab.role([allow("s3:GetObject", objects)])
    client = lab.acting_as(role, "s3")
    assert client.get_object(Bucket=bucket, Key="there")["Body"].read() == b"1"
    code, message = refused(lambda: client.get_object(Bucket=bucket, Key="gone"))
    assert (code, message) == (
        "AccessDenied",
        sentence(f"{name(role)}/test", "s3:ListBucket", f'"{whole}"'),
    )
    assert refused(lambda: client.head_object(Bucket=bucket, Key="gone"))[0] == "403"
    lab.grant(role, [allow("s3:GetObject", objects), allow("s3:ListBucket", whole)])
    assert refused(lambda: client.get_object(Bucket=bucket, Key="gone"))[0] == "NoSuchKey"
    assert refused(lambda: client.head_object(Bucket=bucket, Key="gone"))[0] == "404"


def test_tags_need_a_permission_of_their_own(lab: Lab) -> None:
    bucket = lab.bucket()
    lab.platform.s3.put_object(Bucket=bucket, Key="tagged", Body=b"1", Tagging="a=b")
    lab.platform.s3.put_object(Bucket=bucket, Key="plain", Body=b"1")
    every = f"arn:aws:s3:::{bucket}/*"
    role = lab.role(
        [allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"], [every, f"arn:aws:s3:::{bucket}"])]
    )
    client = lab.acting_as(role, "s3")
    client.put_object(Bucket=bucket, Key="new", Body=b"1")
    client.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/plain")
    told = refused(lambda: client.put_object(Bucket=bucket, Key="new", Body=b"1", Tagging="a=b"))
    assert "s3:PutObjectTagging" in told[1]
    told = refused(lambda: client.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/tagged"))
    assert "s3:GetObjectTagging" in told[1]


def test_a_bucket_that_demands_tls_is_open_to_loopback_and_keeps_its_other_refusals(lab: Lab) -> None:
    bucket = lab.bucket(a=b"1")
    every = f"arn:aws:s3:::{bucket}/*"
    tls = {
        **allow("s3:*", every, Bool={"aws:SecureTransport": "false"}),
        "Effect": "Deny",
        "Principal": "*",
    }
    locked = {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a"), "Effect": "Deny", "Principal": "*"}
    role = lab.role([allow("s3:GetObject", every)])
    client = lab.acting_as(role, "s3")
    lab.platform.s3.put_bucket_policy(Bucket=bucket, Policy=policy([tls]))
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    lab.platform.s3.put_bucket_policy(Bucket=bucket, Policy=policy([tls, locked]))
    code, message = refused(lambda: client.get_object(Bucket=bucket, Key="a"))
    assert (code, message.endswith("with an explicit deny in a resource-based policy")) == (
        "AccessDenied",
        True,
    )


# ------------------------------------------------------------------ who calls


def stranger(lab: Lab, service: str, key: str, secret: str, **config: Any) -> Any:
    assert lab.platform.target.embedded is not None
    return boto3.client(
        service,
        endpoint_url=lab.platform.target.embedded.endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, inject_host_prefix=False, **config),
    )


@pytest.mark.parametrize(
    ("key", "secret", "codes"),
    [
        ("embedded", "wrong", ("SignatureDoesNotMatch", "InvalidSignatureException")),
        ("AKIA" + "IOSFODNN7EXAMPLE", "x", ("InvalidAccessKeyId", "UnrecognizedClientException")),
        ("test", "test", ("InvalidAccessKeyId", "UnrecognizedClientException")),
        ("000000000000", "test", ("InvalidAccessKeyId", "UnrecognizedClientException")),
    ],
)
def test_unknown_credentials_are_refused(lab: Lab, key: str, secret: str, codes: tuple[str, str]) -> None:
    assert refused(lambda: stranger(lab, "s3", key, secret).list_buckets())[0] == codes[0]
    assert refused(lambda: stranger(lab, "dynamodb", key, secret).list_tables())[0] == codes[1]


def test_anonymous_calls_are_refused(lab: Lab) -> None:
    assert lab.platform.target.embedded is not None
    bucket, endpoint = lab.bucket(a=b"1"), lab.platform.target.embedded.endpoint
    answer = urllib3.request("GET", f"{endpoint}/{bucket}/a")
    assert (answer.status, b"AccessDenied" in answer.data) == (403, True)
    headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    answer = urllib3.request("POST", endpoint, headers=headers, body=b"{}")
    assert (answer.status, b"MissingAuthenticationToken" in answer.data) == (400, True)


def test_only_who_is_trusted_may_assume_a_role(lab: Lab) -> None:
    sts, role = lab.platform.target.client("sts"), lab.role([], unique("trusting"))
    assert sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]["SessionToken"]
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    lab.iam.update_assume_role_policy(RoleName=name(role), PolicyDocument=policy([trust]))
    assert refused(lambda: sts.assume_role(RoleArn=role, RoleSessionName="test"))[0] == "AccessDenied"


def test_nothing_is_made_with_a_role_that_does_not_trust_it(lab: Lab) -> None:
    only = {service: lab.role([], "", service) for service in ("lambda", "states")}
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    assert lab.machine(definition, only["states"])
    assert lab.function("def handler(e, c): return 1\n", Role=only["lambda"])
    code, message = refused(lambda: lab.machine(definition, only["lambda"]))
    assert (code, message[:44]) == ("AccessDeniedException", "Neither the global service principal states.")
    assert refused(lambda: lab.function("def handler(e, c): return 1\n", Role=only["states"])) == (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )


def test_every_decision_is_counted_by_role_and_pattern(lab: Lab) -> None:
    bucket = lab.bucket(a=b"1")
    role = lab.role([allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")])
    client = lab.acting_as(role, "s3")
    client.get_object(Bucket=bucket, Key="a")
    client.get_object(Bucket=bucket, Key="a")
    refused(lambda: client.put_object(Bucket=bucket, Key="b", Body=b""))
    path = counts(lab.platform)

    def mine() -> Any:
        stored = json.loads(path.read_text()) if path.exists() else {"allowed": [], "denied": []}
        found = [[row for row in stored[kind] if row[0] == name(role)] for kind in ("allowed", "denied")]
        return found if found[1] else None

    allowed, denied = eventually(mine)
    assert allowed == [[name(role), "s3:GetObject", f"arn:aws:s3:::{bucket}/*", 2]]
    assert denied == [[name(role), "s3:PutObject", f"arn:aws:s3:::{bucket}/b", 1]]
