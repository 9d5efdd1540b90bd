"""CodeDeploy acted out: a stack's update moves an alias by its group's configuration, or back.

Minutes and shares stand here as AWS writes them: CodeDeploy User Guide, "Deployment configurations on an
AWS Lambda compute platform"; the rest from its "AppSpec 'hooks' section for an AWS Lambda deployment",
"Monitoring deployments with CloudWatch alarms" and API Reference. The clock is the embedded cloud's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud
from local.record import Cloud
from ops.deployment import shifting
from ops.deployment.versions import Published
from tests.fakes.shop import Shop, made

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home, quiet = tmp_path_factory.mktemp("cloud"), {"ONA_LOCAL_ALARMS": "off"}
    try:
        yield cloud.start(home, port=cloud.free_port(0), keep_state=False, extra_environment=quiet)
    finally:
        cloud.stop(home)


@pytest.fixture
def shop(running: Cloud) -> Shop:
    return Shop(running.client, running.endpoint)


SHARES: list[tuple[str, list[tuple[int, float]]]] = [
    ("AllAtOnce", [(0, 1.0)]),
    ("Canary10Percent10Minutes", [(0, 0.1), (10, 1.0)]),
    ("Canary10Percent30Minutes", [(0, 0.1), (30, 1.0)]),
    ("Linear10PercentEvery2Minutes", [(2 * step, (step + 1) / 10) for step in range(10)]),
]
"""What the guide's table says: after so many minutes the new version has this share."""


def test_the_shares_come_at_the_guides_minutes(shop: Shop) -> None:
    """A first deployment has no version of before: no deployment begins, and the hook is not asked."""
    made(shop)
    assert shop.alias() == ("1", {})
    assert shop.deployments() == []
    for configuration, table in SHARES:
        before, after = str(shop.number), str(shop.number + 1)
        shop.put("sound", configuration)
        at = 0
        for minute, share in table:
            if minute > at:
                shop.advance(60 * (minute - at) - 30)
                assert shop.status() == "UPDATE_IN_PROGRESS"
                shop.advance(30)
                at = minute
            shop.until((after, {}) if share == 1 else (before, {after: share}))
        assert shop.ended() == "UPDATE_COMPLETE", configuration
        last = shop.deployments()[-1]
        assert (last["status"], last["creator"]) == ("Succeeded", "CloudFormation")
        assert last["deploymentConfigName"] == f"CodeDeployDefault.Lambda{configuration}"
    assert len(shop.deployments()) == len(SHARES)


def test_a_version_that_does_not_work_gets_no_call(shop: Shop) -> None:
    made(shop)
    for does in ("broken", "forbidden"):
        shop.put(does)
        assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE", does
        assert shop.alias() == ("1", {})
        told = shop.deployments()[-1]
        assert (told["status"], told["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
        assert told["deploymentId"] in shop.reason()
    shop.put("slow")  # and the next one, which is sound, passes
    assert shop.ended() == "UPDATE_COMPLETE"
    assert shop.alias() == ("4", {})


def test_an_alarm_takes_a_canary_back_and_another_does_not(shop: Shop) -> None:
    made(shop).put("sound", "Canary10Percent10Minutes")
    shop.until(("1", {"2": 0.1}))
    shop.ring(shop.other)
    shop.advance(5 * 60)
    assert shop.alias() == ("1", {"2": 0.1})
    shop.watch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": shop.own, "Value": 1}])
    shop.advance(6 * 60)  # it rings in its minute, and is off again at the tenth
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.alias() == ("1", {})
    [told] = shop.deployments()
    assert (told["status"], told["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert "rollbackInfo" in told
    shop.ring(shop.own)  # one that is on already stops a deployment at its beginning
    shop.put("sound", "Canary10Percent10Minutes")
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.deployments()[-1]["errorInformation"]["code"] == "ALARM_ACTIVE"
    shop.ring(shop.own, "OK")
    shop.put("sound", "Canary10Percent10Minutes")
    shop.until(("1", {"4": 0.1}))
    shop.advance(10 * 60)
    assert shop.ended() == "UPDATE_COMPLETE"
    assert shop.alias() == ("4", {})


def test_a_hook_that_does_not_answer_has_an_hour(shop: Shop) -> None:
    made(shop).put("sound", silent=True)
    while not shop.deployments():
        time.sleep(0.02)
    shop.advance(59 * 60)
    time.sleep(0.2)
    assert shop.status() == "UPDATE_IN_PROGRESS"
    assert shop.alias() == ("1", {})
    shop.advance(60)
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.alias() == ("1", {})
    assert shop.deployments()[0]["status"] == "Failed"


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


def test_the_api_stops_a_deployment_and_refuses_as_aws_does(shop: Shop) -> None:
    made(shop).put("sound", "Linear10PercentEvery1Minute")
    shop.until(("1", {"2": 0.1}))
    [told] = shop.deployments()
    ident, deploys = told["deploymentId"], shop.deploys
    assert deploys.list_deployments(includeOnlyStatuses=["InProgress"])["deployments"] == [ident]
    group = {name: told[name] for name in ("applicationName", "deploymentGroupName")}
    assert deploys.list_deployments(**group, includeOnlyStatuses=["Failed"])["deployments"] == []
    assert deploys.list_deployments(**group)["deployments"] == [ident]
    put = deploys.put_lifecycle_event_hook_execution_status
    nobody, cases = "d-ABCDEFGH1", []
    cases += [(deploys.get_deployment, {"deploymentId": nobody}, "DeploymentDoesNotExistException")]
    cases += [(deploys.get_deployment, {"deploymentId": "x"}, "InvalidDeploymentIdException")]
    cases += [(deploys.stop_deployment, {"deploymentId": nobody}, "DeploymentDoesNotExistException")]
    alone = {"applicationName": told["applicationName"]}
    cases += [(deploys.list_deployments, alone, "DeploymentGroupNameRequiredException")]
    strange = {**group, "deploymentGroupName": "none"}
    cases += [(deploys.list_deployments, strange, "DeploymentGroupDoesNotExistException")]
    own = {"deploymentId": ident, "lifecycleEventHookExecutionId": "x", "status": "Succeeded"}
    cases += [(put, own, "InvalidLifecycleEventHookExecutionIdException")]
    odd = {**own, "status": "Pending"}
    cases += [(put, odd, "InvalidLifecycleEventHookExecutionStatusException")]
    for call, given, code in cases:
        assert refused(call, **given) == code
    assert shop.alias() == ("1", {"2": 0.1}), "none of these did anything"
    assert deploys.stop_deployment(deploymentId=ident, autoRollbackEnabled=True)["status"] == "Pending"
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.alias() == ("1", {})
    again = deploys.get_deployment(deploymentId=ident)["deploymentInfo"]
    assert (again["status"], again["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert refused(deploys.stop_deployment, deploymentId=ident) == "DeploymentAlreadyCompletedException"


def test_ona_sees_a_deployment_and_stops_it(shop: Shop) -> None:
    made(shop).put("sound", "Canary10Percent10Minutes")
    shop.until(("1", {"2": 0.1}))
    shift = shifting.under_way(shop.client)[shop.name]
    assert (shift.before, shift.after, shift.rollout[-24:]) == ("1", "2", "Canary10Percent10Minutes")
    shifting.stop(shop.client, shift)
    assert shop.alias() == ("1", {})
    assert shop.name not in shifting.under_way(shop.client)
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"


def until_routes(shop: Shop, wanted: dict[str, int]) -> None:
    deadline = time.monotonic() + 30
    while (found := shop.routes()) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"
        time.sleep(0.02)


def test_a_workflow_shifts_by_its_preference_and_goes_back_by_its_alarm(shop: Shop) -> None:
    """AWS::StepFunctions::StateMachineAlias: in two increments, or in equal ones, by minutes."""
    shop.preference = {"Type": "LINEAR", "Percentage": 40, "Interval": 2, "Alarms": [shop.own]}
    made(shop)
    assert shop.routes() == {"1": 100}
    shop.put("sound")
    for weights in ({"1": 60, "2": 40}, {"1": 20, "2": 80}, {"2": 100}):
        until_routes(shop, weights)
        shop.advance(2 * 60)
    assert shop.ended() == "UPDATE_COMPLETE"
    shop.preference = {"Type": "CANARY", "Percentage": 10, "Interval": 10, "Alarms": [shop.own]}
    shop.put("sound")
    until_routes(shop, {"2": 90, "3": 10})
    shop.ring(shop.other)
    shop.advance(9 * 60)
    assert shop.routes() == {"2": 90, "3": 10}
    shop.ring(shop.own)
    assert shop.ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.routes() == {"2": 100}
    assert shop.alias() == ("2", {}), "the function, which had shifted already, goes back with its stack"


def test_a_cancelled_update_takes_a_workflow_back_and_stays_back(shop: Shop, running: Cloud) -> None:
    """CancelUpdateStack: the stack "reverts to the previous stack configuration"."""
    shop.preference = {"Type": "CANARY", "Percentage": 10, "Interval": 10}
    other = made(Shop(running.client, running.endpoint))
    made(shop).put("sound")
    until_routes(shop, {"1": 90, "2": 10})
    other.put("sound", "Canary10Percent10Minutes")
    other.until(("1", {"2": 0.1}))
    machines = running.client("stepfunctions").list_state_machines()["stateMachines"]
    [arn] = [one["stateMachineArn"] for one in machines if one["name"] == shop.name]
    machine = Published("workflow", shop.name, arn, 1, {2: 0.1}, ())
    assert shifting.updating(running.client, shop.stack, machine) == shop.stack
    assert shifting.updating(running.client, shop.stack, replace(machine, others={})) == ""
    shifting.cancel(running.client, shop.stack)
    assert shop.routes() == {"1": 100}
    assert shop.reason() == "Resource update cancelled"
    assert other.alias() == ("1", {"2": 0.1}), "what is under way beside it goes on"
    shop.advance(11 * 60)
    assert other.ended() == "UPDATE_COMPLETE"
    assert (shop.routes(), shop.status()) == ({"1": 100}, "UPDATE_ROLLBACK_COMPLETE")


def test_a_restart_ends_a_deployment_and_puts_the_alias_back(tmp_path: Path) -> None:
    quiet = {"ONA_LOCAL_ALARMS": "off"}
    try:
        running = cloud.start(tmp_path, port=cloud.free_port(0), extra_environment=quiet)
        shop = made(Shop(running.client, running.endpoint))
        shop.put("sound", "Canary10Percent10Minutes")
        shop.until(("1", {"2": 0.1}))
        cloud.stop(tmp_path)
        running = cloud.start(tmp_path, port=cloud.free_port(0), extra_environment=quiet)
        again = Shop(running.client, running.endpoint)
        again.stack, again.name, again.number = shop.stack, shop.name, shop.number
        assert again.alias() == ("1", {})
        assert again.status() == "UPDATE_ROLLBACK_COMPLETE"
        [told] = again.deployments()
        assert (told["status"], told["errorInformation"]["code"]) == ("Failed", "INTERNAL_ERROR")
    finally:
        cloud.stop(tmp_path)
