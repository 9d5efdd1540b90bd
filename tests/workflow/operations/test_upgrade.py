"""Upgrade proof: code, definitions and configuration change and go back while executions are in flight.

A workflow of two steps, whose functions write what they did and by which code and configuration. Meanwhile
versions are published, aliases move, one goes back, and the server is killed. None is lost, none has its
effect twice, each execution's states are of the one definition with which it was started.

Its own cloud: it is killed. What a function or a workflow is comes from AWS's guides: a published version
is code and configuration together and never changes; an execution keeps its definition.
"""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import cloud
from tests.fakes.roles import almighty

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("upgrade")]
ONCE = """
import os, time, boto3
from botocore.exceptions import ClientError

CODE = "<code>"

def handler(event, context):
    time.sleep(float(os.environ["TIME_S"]))
    item = {"id": event["input"] + "#" + event["step"], "code": CODE}
    item["configuration"] = os.environ["CONFIGURATION"]
    item = {name: {"S": value} for name, value in item.items()}
    put = {"Item": item, "ConditionExpression": "attribute_not_exists(id)"}
    count = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    count["Key"] = {"id": {"S": "applied"}}
    table = {"TableName": "effects"}
    while True:
        try:
            writes = [{"Put": {**put, **table}}, {"Update": {**count, **table}}]
            boto3.client("dynamodb").transact_write_items(TransactItems=writes)
            break
        except ClientError as error:
            reasons = [one.get("Code") for one in error.response.get("CancellationReasons", [])]
            if reasons[:1] == ["ConditionalCheckFailed"]:
                break
            if "TransactionConflict" not in reasons:
                raise
    return {"input": event["input"]}
"""
"""Does its work once by input and step, counts each time that it had an effect."""
STEPS = {"old": ("Work", "Finish"), "new": ("Labour", "Complete")}
"""The same work under two definitions: every state is called otherwise."""
COUNTS = [20, pytest.param(200, marks=pytest.mark.soak)]


def definition(names: tuple[str, str], function: str) -> str:
    def task(step: str, following: dict[str, Any]) -> dict[str, Any]:
        payload = {"input": "{% $states.context.Execution.Input.input %}", "step": step}
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": function, "Payload": payload},
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, "IntervalSeconds": 1}],
            **following,
        }

    first, second = names
    pause = {"Type": "Wait", "Seconds": 1, "Next": second}
    states = {
        first: task("1", {"Next": f"{first}Waits"}),
        f"{first}Waits": pause,
        second: task("2", {"End": True}),
    }
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": first, "States": states})


@dataclass
class Release:
    """The deployed thing: a function and a workflow, each with an alias, and what was published of them."""

    home: Path
    known: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Code and configuration by the function's version."""
    words: dict[str, str] = field(default_factory=dict)
    """`old` or `new` by the workflow's version."""

    def start(self) -> None:
        environment = {"ONA_LOCAL_SNAPSHOT_SECONDS": "3600", "ONA_LOCAL_ALARMS": "off"}
        self.cloud = cloud.start(self.home, port=self.port, extra_environment=environment)
        self.functions, self.states = self.client("lambda"), self.client("stepfunctions")

    @property
    def port(self) -> int:
        if not hasattr(self, "_port"):
            self._port = cloud.free_port(0)
        return self._port

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=cloud.REGION,
            aws_access_key_id=cloud.OPERATOR,
            aws_secret_access_key=cloud.OPERATOR,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20, inject_host_prefix=False),
        )

    def make(self) -> None:
        role = almighty(self.client("iam"))
        self.client("dynamodb").create_table(
            TableName="effects",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.functions.create_function(
            FunctionName="work",
            Runtime="python3.13",
            Handler="app.handler",
            Role=role,
            Timeout=30,
            Code={"ZipFile": package("code-1")},
            Environment={"Variables": {"CONFIGURATION": "one", "TIME_S": "0.05"}},
        )
        version = self.publish_function("code-1", "one")
        alias = self.functions.create_alias(FunctionName="work", Name="live", FunctionVersion=version)
        self.function = str(alias["AliasArn"])
        made = self.states.create_state_machine(
            name="works", definition=definition(STEPS["old"], self.function), roleArn=role
        )
        self.machine = str(made["stateMachineArn"])
        first = self.publish_machine("old")
        routes = [{"stateMachineVersionArn": first, "weight": 100}]
        live = self.states.create_state_machine_alias(name="live", routingConfiguration=routes)
        self.live = str(live["stateMachineAliasArn"])

    def publish_function(self, code: str, configuration: str) -> str:
        version = str(self.functions.publish_version(FunctionName="work")["Version"])
        self.known[version] = code, configuration
        return version

    def new_code(self, code: str, configuration: str) -> str:
        self.functions.update_function_code(FunctionName="work", ZipFile=package(code))
        return self.publish_function(code, configuration)

    def new_configuration(self, code: str, configuration: str) -> str:
        variables = {"CONFIGURATION": configuration, "TIME_S": "0.05"}
        self.functions.update_function_configuration(
            FunctionName="work", Environment={"Variables": variables}
        )
        return self.publish_function(code, configuration)

    def route_function(self, version: str, other: str = "", share: float = 0.0) -> None:
        routing = {"AdditionalVersionWeights": {other: share} if other else {}}
        self.functions.update_alias(
            FunctionName="work", Name="live", FunctionVersion=version, RoutingConfig=routing
        )

    def publish_machine(self, word: str) -> str:
        arn = str(
            self.states.publish_state_machine_version(stateMachineArn=self.machine)[
                "stateMachineVersionArn"
            ]
        )
        self.words[arn] = word
        return arn

    def new_definition(self, word: str) -> str:
        text = definition(STEPS[word], self.function)
        self.states.update_state_machine(stateMachineArn=self.machine, definition=text)
        return self.publish_machine(word)

    def route_machine(self, *routes: tuple[str, int]) -> None:
        given = [{"stateMachineVersionArn": version, "weight": weight} for version, weight in routes]
        self.states.update_state_machine_alias(stateMachineAliasArn=self.live, routingConfiguration=given)

    def runs(self) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return [item for page in pages for item in page["executions"]]


def package(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", ONCE.replace("<code>", code))
    return buffer.getvalue()


class Source:
    """Starts an execution for each input, and tries again until it is told that it runs, as EventBridge."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.started: dict[str, str] = {}
        """Executions' ARN by input."""

    def send(self, name: str, arn: str = "", seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            client = self.release.client("stepfunctions")
            try:
                answer = client.start_execution(
                    stateMachineArn=arn or self.release.live, name=name, input=json.dumps({"input": name})
                )
            except client.exceptions.ExecutionAlreadyExists:
                self.started[name] = (
                    f"{self.release.machine.replace(':stateMachine:', ':execution:')}:{name}"
                )
                return
            except (BotoCoreError, ClientError):
                assert time.monotonic() < deadline, name
                time.sleep(0.2)
                continue
            self.started[name] = answer["executionArn"]
            return


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Release]:
    made = Release(tmp_path / "home")
    made.start()
    try:
        made.make()
        yield made
    finally:
        cloud.stop(made.home)


def settled(release: Release, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(run["status"] == "RUNNING" for run in release.runs()):
        assert time.monotonic() < deadline, Counter(run["status"] for run in release.runs())
        time.sleep(0.3)


def entered(release: Release, arn: str) -> list[str]:
    """The names of the states that an execution entered."""
    pages = release.states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]


def effects(release: Release) -> dict[str, dict[str, Any]]:
    pages = release.client("dynamodb").get_paginator("scan").paginate(TableName="effects")
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def by_version(found: dict[str, dict[str, Any]]) -> set[tuple[str, str]]:
    """Code and configuration of whoever had an effect."""
    return {(item["code"]["S"], item["configuration"]["S"]) for item in found.values() if "code" in item}


@pytest.mark.parametrize("count", COUNTS)
def test_none_is_lost_none_works_twice_each_keeps_its_definition(release: Release, count: int) -> None:
    names = [f"input-{number:03}" for number in range(count)]
    source, share = Source(release), count // 5
    batches = [names[at : at + share] for at in range(0, count, share)]

    def begin(batch: list[str]) -> threading.Thread:
        sender = threading.Thread(target=lambda: [source.send(name) for name in batch])
        sender.start()
        return sender

    def worked(code: str, configuration: str) -> None:
        deadline = time.monotonic() + 60
        while (code, configuration) not in by_version(effects(release)):
            assert time.monotonic() < deadline, by_version(effects(release))
            time.sleep(0.1)

    [old] = release.words
    begin(batches[0]).join()
    two = release.new_code("code-2", "one")
    release.route_function("1", two, 0.5)
    begin(batches[1]).join()
    new = release.new_definition("new")
    source.send("between")  # the version is there, and the alias does not name it yet
    release.route_machine((old, 50), (new, 50))
    begin(batches[2]).join()
    worked("code-2", "one")
    three = release.new_configuration("code-2", "two")
    release.route_function(three)
    release.route_machine((new, 100))
    source.send("switched")
    worked("code-2", "two")
    sender = begin(batches[3])
    while len(source.started) < 3.5 * share + 2:
        time.sleep(0.01)
    cloud.stop(release.home, kill=True)
    time.sleep(0.3)
    release.start()
    sender.join(timeout=60)
    release.route_function("1")
    release.route_machine((old, 100))
    begin([*batches[4], "back"]).join()
    settled(release, 20 + count)

    failed = {run["name"]: run for run in release.runs() if run["status"] != "SUCCEEDED"}
    for name, run in failed.items():
        told = release.states.describe_execution(executionArn=run["executionArn"])
        assert told["error"] == "States.ServiceRestart", told  # the kill, and nothing else
        repeated = f"{name}-again"
        release.states.start_execution(
            stateMachineArn=release.live, name=repeated, input=json.dumps({"input": name})
        )
    assert failed, "the kill came too late to prove anything"
    settled(release, 20 + count)

    every = {*names, "between", "switched", "back"}
    ended = Counter(
        run["name"].removesuffix("-again") for run in release.runs() if run["status"] == "SUCCEEDED"
    )
    assert ended == Counter(every), "every input has one end"
    found = effects(release)
    applied = int(found.pop("applied")["n"]["N"])
    assert set(found) == {f"{name}#{step}" for name in every for step in "12"}
    assert applied == 2 * len(every), "each effect once"
    made_by = by_version(found)
    assert made_by <= set(release.known.values()), "code and configuration are of one version"
    assert len(made_by) == 3, "all three versions worked"

    of_definition = Counter[str]()
    for run in release.runs():
        described = release.states.describe_execution(executionArn=run["executionArn"])
        word = release.words[described["stateMachineVersionArn"]]
        of_definition[word] += 1
        first, second = STEPS[word]
        whole = [first, f"{first}Waits", second]
        if run["status"] == "SUCCEEDED":
            assert entered(release, run["executionArn"]) == whole, run["name"]
    assert min(of_definition["old"], of_definition["new"]) > 1
    words = {
        name: release.words[
            release.states.describe_execution(executionArn=source.started[name])["stateMachineVersionArn"]
        ]
        for name in ("between", "switched", "back")
    }
    assert words == {"between": "old", "switched": "new", "back": "old"}
