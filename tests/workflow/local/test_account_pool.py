"""Lambda's quota of an account: what functions may reserve of it, and who waits when it is used up.

The cloud of this test has a quota of 102: two executions can be reserved, 100 are everybody's.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import cloud
from local.record import REGION, Cloud
from tests.fakes import roles

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
EVERYBODYS, RESERVABLE, TOO_MANY = 100, 2, 3
WAITING = (
    "import os, time\n"
    "def handler(event, context):\n"
    "    while event.get('file') and not os.path.exists(event['file']): time.sleep(0.05)\n"
    "    return 'ran'\n"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("pool")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONA_LOCAL_CONCURRENCY", str(EVERYBODYS + RESERVABLE))
        yield cloud.start(home, port=cloud.free_port(0), keep_state=False)
    cloud.stop(home)


@pytest.fixture(scope="module")
def functions(running: Cloud) -> Any:
    """Its Lambda, asked by many at once; `free` and `own` are functions."""
    roles.almighty(running.client("iam"), "test")
    given = Config(retries={"max_attempts": 0}, max_pool_connections=EVERYBODYS + 9, read_timeout=60)
    keys = running.environment()
    lambdas = boto3.client(
        "lambda", endpoint_url=running.endpoint, region_name=REGION, config=given,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", WAITING)
    for name in ("free", "own"):
        lambdas.create_function(
            FunctionName=name, Runtime="python3.13", Handler="index.handler", Timeout=60,
            Role="arn:aws:iam::000000000000:role/test", Code={"ZipFile": packed.getvalue()},
        )  # fmt: skip
    return lambdas


def reserve(functions: Any, name: str, number: int) -> str:
    """What Lambda says to it; empty when it does it."""
    try:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=number)
    except functions.exceptions.InvalidParameterValueException as error:
        return str(error)
    return ""


def test_no_more_is_reserved_than_leaves_a_hundred(functions: Any) -> None:
    told = reserve(functions, "own", RESERVABLE + 1)
    assert "below its minimum value of [100]." in told
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="own")
    assert reserve(functions, "own", RESERVABLE) == ""
    assert "[100]" in reserve(functions, "free", 1), "the two are taken"
    assert reserve(functions, "own", 1) == reserve(functions, "free", 1) == ""
    functions.delete_function_concurrency(FunctionName="free")
    assert reserve(functions, "own", RESERVABLE) == ""
    limit = functions.get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] == EVERYBODYS + RESERVABLE
    assert limit["UnreservedConcurrentExecutions"] == EVERYBODYS


def test_two_that_want_the_last_share_at_once_do_not_both_get_it(functions: Any) -> None:
    for _ in range(5):
        for name in ("own", "free"):
            functions.delete_function_concurrency(FunctionName=name)
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda name: reserve(functions, name, RESERVABLE), ("own", "free")))
        assert sorted(map(bool, told)) == [False, True]
        assert (
            functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == EVERYBODYS
        )
    functions.delete_function_concurrency(FunctionName="free")


def template(number: int) -> str:
    body = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "made", "Runtime": "python3.13", "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/test", "Code": {"ZipFile": WAITING},
            **({"ReservedConcurrentExecutions": number} if number else {}),
        },
    }  # fmt: skip
    return json.dumps({"Resources": {"Made": body}})


def test_a_template_reserves_as_the_api_does(running: Cloud, functions: Any) -> None:
    functions.delete_function_concurrency(FunctionName="own")
    stacks = running.client("cloudformation")

    def deployed(call: Any, number: int, wanted: str) -> None:
        call(StackName="pool", TemplateBody=template(number))
        for _ in range(100):
            status = stacks.describe_stacks(StackName="pool")["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(0.1)
        assert status == wanted

    def share() -> int | None:
        answer = functions.get_function_concurrency(FunctionName="made")
        return answer.get("ReservedConcurrentExecutions")

    deployed(stacks.create_stack, RESERVABLE, "CREATE_COMPLETE")
    assert share() == RESERVABLE
    deployed(stacks.update_stack, RESERVABLE + 1, "UPDATE_ROLLBACK_COMPLETE")
    assert share() == RESERVABLE
    events = stacks.describe_stack_events(StackName="pool")["StackEvents"]
    assert any("minimum value of [100]" in item.get("ResourceStatusReason", "") for item in events)
    deployed(stacks.update_stack, 0, "UPDATE_COMPLETE")
    assert share() is None


def test_when_everybodys_are_used_up_others_are_refused_and_a_share_is_not(
    functions: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert reserve(functions, "own", RESERVABLE) == ""
    go = tmp_path_factory.mktemp("go") / "go"

    def call(name: str) -> str:
        try:
            answer = functions.invoke(FunctionName=name, Payload=json.dumps({"file": str(go)}))
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
            assert error.response["Error"]["Code"] == "TooManyRequestsException"
            return str(error.response["Reason"])
        return str(json.load(answer["Payload"]))

    with ThreadPoolExecutor(EVERYBODYS + 9) as callers:
        every = [callers.submit(call, "free") for _ in range(EVERYBODYS + TOO_MANY)]
        ended = as_completed(every, timeout=60)
        told = [next(ended).result() for _ in range(TOO_MANY)]
        assert told == ["ConcurrentInvocationLimitExceeded"] * TOO_MANY, "the others run, and wait"
        own = [callers.submit(call, "own") for _ in range(RESERVABLE + 1)]
        refused = next(as_completed(own, timeout=60))
        assert refused.result() == "ReservedFunctionConcurrentInvocationLimitExceeded"
        go.touch()
        assert {one.result(60) for one in own if one is not refused} == {"ran"}, "its share is its own"
        assert [one.result(60) for one in every].count("ran") == EVERYBODYS
    assert call("free") == "ran", "all of it is free again"
