"""The cache of an API's stage: who gets which answer, for how long, and what is refused.

A function answers with a number that grows with each call: two callers with one number shared an answer.
"""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local import cloud
from local.record import Cloud

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
COUNTS = """
N = [0]

def handler(event, context):
    N[0] += 1
    return {"statusCode": 200, "body": str(N[0])}
"""
KEYS = ["method.request.header.X-API-Key", "method.request.querystring.site"]
DECLARED = [
    {"name": "X-API-Key", "in": "header", "schema": {"type": "string"}},
    {"name": "site", "in": "query", "schema": {"type": "string"}},
]


def template(function: str, keys: list[str], declared: list[Any], cached: bool = True) -> dict[str, Any]:
    """An API with a method whose answers are kept apart, and one whose answers are not kept."""
    region, account = function.split(":")[3:5]
    integration = {
        "type": "aws_proxy", "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations",
    }  # fmt: skip
    kept = {"responses": {}, "x-amazon-apigateway-integration": {**integration, "cacheKeyParameters": keys}}
    plain = {"responses": {}, "x-amazon-apigateway-integration": integration}
    paths = {"/a/b": {"get": {**kept, "parameters": declared}, "post": plain}, "/fresh": {"get": plain}}
    body = {"openapi": "3.0.1", "info": {"title": "kept", "version": "1"}, "paths": paths}
    setting = {
        "HttpMethod": "GET",
        "ResourcePath": "/~1a~1b",
        "CachingEnabled": True,
        "CacheTtlInSeconds": 60,
    }
    source = {"Fn::Sub": f"arn:aws:execute-api:{region}:{account}:${{Api}}/*"}
    return {
        "Resources": {
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}},
            "Deployment": {
                "Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}},
            },
            "Stage": {
                "Type": "AWS::ApiGateway::Stage",
                "Properties": {
                    "RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "s",
                    "MethodSettings": [setting],
                    **({"CacheClusterEnabled": True, "CacheClusterSize": "0.5"} if cached else {}),
                },
            },
            "May": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction", "FunctionName": function,
                    "Principal": "apigateway.amazonaws.com", "SourceArn": source,
                },
            },
        },
        "Outputs": {"Id": {"Value": {"Ref": "Api"}}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("cache")
    yield cloud.start(home, port=cloud.free_port(0), keep_state=False)
    cloud.stop(home)


@pytest.fixture(scope="module")
def function(running: Cloud) -> str:
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = running.client("iam").create_role(RoleName="counts", AssumeRolePolicyDocument=policy)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("counts.py", COUNTS)
    made = running.client("lambda").create_function(
        FunctionName="counts", Runtime="python3.13", Role=role["Role"]["Arn"], Handler="counts.handler",
        Code={"ZipFile": packed.getvalue()},
    )  # fmt: skip
    return str(made["FunctionArn"])


def deployed(running: Cloud, name: str, given: dict[str, Any]) -> Callable[..., str]:
    """The API of a template; what it returns asks it."""
    stacks = running.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(given))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    [found] = stacks.describe_stacks(StackName=name)["Stacks"]
    [output] = found["Outputs"]

    def ask(path: str, key: str = "", method: str = "GET") -> str:
        where = f"{running.endpoint}/_aws/execute-api/{output['OutputValue']}/s{path}"
        headers = {"X-API-Key": key} if key else {}
        with urllib.request.urlopen(
            urllib.request.Request(where, headers=headers, method=method)
        ) as answer:
            return str(answer.read().decode())

    return ask


def later(running: Cloud, seconds: int) -> None:
    body = json.dumps({"advance_s": seconds, "alarms": False}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{running.endpoint}/_ona/clock", data=body)).close()


def test_an_answer_is_kept_for_who_asked_what_and_for_nobody_else(running: Cloud, function: str) -> None:
    ask = deployed(running, "kept", template(function, KEYS, DECLARED))
    first = ask("/a/b?site=x", "one")
    assert ask("/a/b?site=x", "one") == first
    others = [ask("/a/b?site=x", "two"), ask("/a/b?site=y", "one"), ask("/a/b?site=x"), ask("/a/b", "one")]
    assert len({first, *others}) == 5, "another key or another query is another answer"
    assert ask("/a/b?site=x&shade=1", "one") == first, "AWS looks at the keys and at nothing else"
    assert ask("/a/b?site=x", "one", "POST") != ask("/a/b?site=x", "one", "POST")
    assert ask("/fresh", "one") != ask("/fresh", "one")
    later(running, 61)
    assert ask("/a/b?site=x", "one") != first


def test_without_a_cluster_or_without_keys(running: Cloud, function: str) -> None:
    ask = deployed(running, "off", template(function, KEYS, DECLARED, cached=False))
    assert ask("/a/b", "one") != ask("/a/b", "one")
    shared = deployed(running, "shared", template(function, [], DECLARED))
    assert shared("/a/b", "one") == shared("/a/b", "two"), "who asks is no key by itself: hence ours"


def test_a_key_that_is_no_parameter_is_refused(running: Cloud, function: str) -> None:
    with pytest.raises(WaiterError):
        deployed(running, "wrong", template(function, KEYS, DECLARED[:1]))
    events = running.client("cloudformation").describe_stack_events(StackName="wrong")["StackEvents"]
    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert "Invalid cache key parameter specified" in reasons
