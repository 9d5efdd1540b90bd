"""The platform's own hook tries a new version with its sample event, before it gets calls."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.fakes.lab import unique
from tests.fakes.platform import Platform
from tests.fakes.shop import Shop, made

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
FUNCTION = "ona-alerts-dev"
"""A name that no function of the platform has, and for which there is a sample event."""


@pytest.fixture
def shop(platform: Platform) -> Iterator[Shop]:
    client, embedded = platform.target.client, platform.target.embedded
    assert embedded is not None
    one = Shop(client, embedded.endpoint)
    one.stack, one.name = unique("ona-platform-dev-shop"), FUNCTION
    one.hook, one.has_hook = "ona-deployHook-dev", True
    [of] = client("cloudformation").describe_stacks(StackName=f"{platform.target.stack}-deployment")[
        "Stacks"
    ]
    one.deploy_role = {item["OutputKey"]: item["OutputValue"] for item in of["Outputs"]}["DeployRole"]
    one.s3.create_bucket(
        Bucket=one.stack, CreateBucketConfiguration={"LocationConstraint": one.s3.meta.region_name}
    )
    yield one
    client("cloudformation").delete_stack(StackName=one.stack)
    client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=one.stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )


def test_a_sound_version_passes_and_those_that_are_not_do_not(shop: Shop) -> None:
    made(shop)
    for does, why in (("broken", "ImportModuleError"), ("unwell", "AccessDenied"), ("sound", "no probe")):
        shop.put(does)
        assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE", why
        assert shop.alias() == ("1", {})
        told = shop.deployments()[-1]
        assert told["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE", why
    shop.put("probed")
    assert shop.ended() == "UPDATE_COMPLETE"
    assert shop.alias()[0] == "5"


def test_a_deployment_of_nobody_is_no_failure(platform: Platform) -> None:
    event = {"DeploymentId": "d-ABCDEFGH1", "LifecycleEventHookExecutionId": "x"}
    answer = platform.target.client("lambda").invoke(
        FunctionName="ona-deployHook-dev", Qualifier="live", Payload=json.dumps(event).encode()
    )
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read())["status"] == ""
