"""Many files at once: the function's concurrency bounds the work, and retries make the rest wait, not fail.

The small machine has the retries of `statemachines/retries.yaml` word for word. A burst without them shows
that it is they that protect.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.fakes.lab import ROLE, Lab, unique
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
AT_ONCE = 2
"""Reserved concurrency of the small function: far below what a burst asks for."""
WORK = """
import time
def handler(event, context):
    begun = time.time()
    time.sleep(0.05)
    return {"key": event["detail"]["object"]["key"], "begun": begun, "ended": time.time()}
"""


def retries(name: str) -> list[dict[str, Any]]:
    """A list of retries as the workflows have it."""
    return list(yaml.safe_load((ROOT / "statemachines" / "retries.yaml").read_text())["Retries"][name])


@contextmanager
def small_machine(platform: Platform, prefix: str, retry: list[dict[str, Any]]) -> Iterator[str]:
    """A machine of one task that objects under a prefix start."""
    lab, events = Lab(platform), platform.target.client("events")
    function = lab.function(WORK)
    lab.functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=AT_ONCE)
    work = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
        **({"Retry": retry} if retry else {}),
    }
    machine = lab.machine({"QueryLanguage": "JSONata", "StartAt": "Work", "States": {"Work": work}})
    rule = unique("load")
    pattern = {
        "source": ["aws.s3"],
        "detail": {
            "bucket": {"name": [platform.target.input_bucket]},
            "object": {"key": [{"prefix": prefix}]},
        },
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "Machine", "Arn": machine, "RoleArn": ROLE}])
    try:
        yield machine
    finally:
        events.remove_targets(Rule=rule, Ids=["Machine"])
        events.delete_rule(Name=rule)
        lab.functions.delete_function(FunctionName=function)


def put_at_once(platform: Platform, keys: list[str], body: bytes = b"x") -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: platform.put(body, key=key), keys))


def ends(platform: Platform, machine: str, count: int, seconds: float = 120) -> list[dict[str, Any]]:
    """The executions of a machine, once so many have ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pages = platform.states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        listed = [item for page in pages for item in page["executions"]]
        if len(listed) >= count and all(item["status"] != "RUNNING" for item in listed):
            return listed
        time.sleep(0.2)
    raise TimeoutError(f"{len(listed)} of {count}")


def overlap(spans: list[tuple[float, float]]) -> int:
    """How many spans there are at once, at most.

    >>> overlap([(0, 2), (1, 3), (2.5, 4)]), overlap([])
    (2, 0)
    """
    moments = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    most = now = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def throttles(platform: Platform, execution: str) -> int:
    """How often an execution was told that too many calls run."""
    history = platform.states.get_execution_history(executionArn=execution)["events"]
    return sum("TooManyRequests" in json.dumps(event, default=str) for event in history)


def test_a_burst_waits_for_its_turn_and_nothing_is_lost(platform: Platform) -> None:
    keys = [f"load/waits/{place:03}" for place in range(100)]
    with small_machine(platform, "load/waits/", retries("Function")) as machine:
        put_at_once(platform, keys)
        listed = ends(platform, machine, len(keys))
        assert Counter(item["status"] for item in listed) == {"SUCCEEDED": 100}
        done = [
            json.loads(platform.states.describe_execution(executionArn=item["executionArn"])["output"])
            for item in listed
        ]
        assert Counter(item["key"] for item in done) == Counter(keys)
        assert overlap([(item["begun"], item["ended"]) for item in done]) <= AT_ONCE
        assert sum(throttles(platform, item["executionArn"]) for item in listed) > 0


def test_without_the_retries_work_is_lost(platform: Platform) -> None:
    """So it is they that protect: the same burst, the same function."""
    keys = [f"load/fails/{place:03}" for place in range(40)]
    with small_machine(platform, "load/fails/", []) as machine:
        put_at_once(platform, keys)
        listed = ends(platform, machine, len(keys))
        states = Counter(item["status"] for item in listed)
        assert states["FAILED"] > 0
        failed = next(item for item in listed if item["status"] == "FAILED")
        told = platform.states.describe_execution(executionArn=failed["executionArn"])
        assert "TooManyRequests" in told["error"]
