"""Limits of running functions and of their API: memory, time, concurrency, API Gateway."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.limits.values import GATEWAY_BYTES, REQUEST_BYTES
from tests.fakes.lab import Lab, task, unique

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]

HUNGRY = "def handler(e, c):\n    return len(bytearray(e['mib'] * 1024 * 1024))\n"


def invoke(lab: Lab, arn: str, **event: Any) -> tuple[str | None, Any]:
    answer = lab.functions.invoke(FunctionName=arn, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_a_function_that_uses_more_memory_than_it_has_is_killed(lab: Lab) -> None:
    arn = lab.function(HUNGRY, MemorySize=256, Timeout=20)
    assert invoke(lab, arn, mib=128) == (None, 128 * 1024 * 1024)
    kind, body = invoke(lab, arn, mib=300)
    assert (kind, body["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert body["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert invoke(lab, arn, mib=128)[0] is None, "the next sandbox is a new one"


def test_the_log_says_what_it_used_and_that_it_was_too_much(lab: Lab) -> None:
    arn = lab.function(HUNGRY, MemorySize=256, Timeout=20)
    invoke(lab, arn, mib=100)
    invoke(lab, arn, mib=300)
    logs = lab.platform.target.client("logs")
    group = f"/aws/lambda/{arn.rsplit(':', 1)[1]}"
    lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    used = [
        int(line.split("Max Memory Used: ")[1].split()[0]) for line in lines if "Max Memory Used" in line
    ]
    assert 110 <= used[0] <= 160, "100 MiB and an interpreter"
    assert any("Runtime.OutOfMemory" in line for line in lines)


def test_memory_used_while_a_module_loads_counts(lab: Lab) -> None:
    arn = lab.function("kept = bytearray(200 * 1024 * 1024)\ndef handler(e, c): return 1\n", MemorySize=128)
    assert invoke(lab, arn)[1]["errorType"] == "Runtime.ExitError"


def test_a_workflow_retries_a_killed_function_by_its_name(lab: Lab) -> None:
    arn = lab.function(HUNGRY, MemorySize=128, Timeout=20)
    done = lab.run(
        task("arn:aws:states:::lambda:invoke", {"FunctionName": arn, "Payload": {"mib": 300}}),
    )
    assert (done["status"], done["error"]) == ("FAILED", "Runtime.ExitError")
    assert "signal: killed" in done["cause"]


def test_a_time_out_says_how_long(lab: Lab) -> None:
    arn = lab.function("import time\ndef handler(e, c): time.sleep(e['s'])\n", Timeout=1)
    assert invoke(lab, arn, s=0)[0] is None
    body = invoke(lab, arn, s=5)[1]
    assert body["errorType"] == "Sandbox.Timedout"
    assert body["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


def test_reserved_concurrency_throttles_callers_and_lets_events_wait(lab: Lab) -> None:
    """The first event holds the only place until it is told to go."""
    bucket = lab.bucket()
    arn = lab.function(
        "import boto3, time\n"
        "s3 = boto3.client('s3')\n"
        "def there(e, key): return s3.list_objects_v2(Bucket=e['bucket'], Prefix=key)['KeyCount']\n"
        "def handler(e, c):\n"
        "    s3.put_object(Bucket=e['bucket'], Key=e['key'], Body=b'')\n"
        "    while not there(e, 'go'): time.sleep(0.1)\n",
        Timeout=60,
    )
    lab.functions.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=1)

    def send(key: str) -> None:
        event = json.dumps({"bucket": bucket, "key": key})
        lab.functions.invoke(FunctionName=arn, InvocationType="Event", Payload=event)

    def wait(*keys: str) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            contents = lab.platform.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
            if {item["Key"] for item in contents} >= set(keys):
                return
            time.sleep(0.2)
        raise AssertionError(f"{keys} did not come")

    send("first")
    wait("first")
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        invoke(lab, arn, bucket=bucket, key="caller")
    for key in ("second", "third"):
        send(key)
    time.sleep(4)  # longer than the two retries of a failed event, which are 50 times shorter here: 3.6 s
    lab.platform.s3.put_object(Bucket=bucket, Key="go", Body=b"")
    wait("first", "second", "third")


class Api:
    """A REST API with one route to one function."""

    def __init__(self, lab: Lab, source: str, **integration: Any) -> None:
        api = lab.platform.target.client("apigateway")
        arn = lab.function(source, Timeout=20)
        name = api.create_rest_api(name=unique("api"))["id"]
        root = api.get_resources(restApiId=name)["items"][0]["id"]
        place = {"restApiId": name, "resourceId": root, "httpMethod": "POST"}
        api.put_method(**place, authorizationType="NONE")
        api.put_integration(
            **place,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:af-south-1:lambda:path/2015-03-31/functions/{arn}/invocations",
            **integration,
        )
        api.create_deployment(restApiId=name, stageName="t")
        lab.functions.add_permission(
            FunctionName=arn,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:af-south-1:000000000000:{name}/*",
        )
        self.url = f"{lab.platform.s3.meta.endpoint_url}/_aws/execute-api/{name}/t/"

    def post(self, body: bytes = b"{}", **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["message"]


def test_an_integration_that_takes_too_long_is_a_504(lab: Lab) -> None:
    source = "import time\ndef handler(e, c):\n    time.sleep(float(e['body']))\n"
    source += "    return {'statusCode': 200}\n"
    api = Api(lab, source, timeoutInMillis=3_000)
    assert api.post(b"0")[0] == 200
    assert api.post(b"6") == (504, "Endpoint request timed out")


def test_callers_that_wait_for_a_sandbox_are_answered(lab: Lab) -> None:
    """AWS starts a sandbox for each; this machine has few: all get their answer, however late."""
    source = "import time\ndef handler(e, c):\n    time.sleep(float(e['body']))\n"
    source += "    return {'statusCode': 200}\n"
    api = Api(lab, source, timeoutInMillis=2_500)
    number = 3 * max(2, os.cpu_count() or 2)
    with ThreadPoolExecutor(number + 1) as callers:
        slow = callers.submit(api.post, b"5")
        answers = list(callers.map(api.post, [b"1.5"] * number))
    assert [status for status, _ in answers] == [200] * number
    assert slow.result() == (504, "Endpoint request timed out")


def test_a_requests_body_and_headers_are_limited(lab: Lab) -> None:
    api = Api(lab, "def handler(e, c): return {'statusCode': 200, 'body': 'ok'}\n")
    assert api.post(b"x" * (5 * 1024 * 1024))[0] == 200, "below 6 MB: the function's own limit"
    assert api.post(b"x" * (REQUEST_BYTES + 1)) == (413, "Request Too Long"), (
        "Lambda's limit holds behind it"
    )
    assert api.post(b"x" * (GATEWAY_BYTES + 1)) == (413, "HTTP content length exceeded 10485760 bytes.")
    assert api.post(**{"x-long": "x" * 9_000})[0] == 200
    assert api.post(**{"x-long": "x" * 10_240})[0] == 431
