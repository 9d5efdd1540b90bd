"""Production's parameters deploy in the embedded cloud: samconfig.toml's, and all that scales beside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import cloud
from local.deploy import deploy
from local.record import Cloud
from ops.deployment.settings import settings
from ops.target import EMBEDDED
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
TABLES, INDEXES, SIDES = 7, 5, 2


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("production")
    yield cloud.start(home, port=cloud.free_port(0), keep_state=False)
    cloud.stop(home)


def up(running: Cloud, *more: str) -> None:
    at_once = "Rollout=AllAtOnce"  # a canary lasts ten minutes
    chosen = settings(ROOT, "prod", ["AlertEmail=operator@example.com", at_once, *more])
    deploy(running.client, ROOT / "template.yaml", chosen.stack, {**EMBEDDED, **chosen.parameters})


def test_production_deploys_and_comes_back_from_what_is_provisioned(running: Cloud) -> None:
    up(running, "TableBilling=PROVISIONED", "TableReadMin=7", "ApiCache=0.5", "MapConcurrency=12")
    scaling, functions = running.client("application-autoscaling"), running.client("lambda")
    policies = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert len(policies) == SIDES * (TABLES + INDEXES)
    assert {item["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for item in policies} == {70.0}
    warm = functions.get_provisioned_concurrency_config(
        FunctionName="ona-forecastingApi-prod", Qualifier="live"
    )
    assert (warm["Status"], warm["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 5)
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000 - 98
    [target] = scaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (5, 50)
    tables = running.client("dynamodb")
    table = tables.describe_table(TableName="ona-platform-tracking")["Table"]
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 7
    machines = running.client("stepfunctions")
    arn = "arn:aws:states:af-south-1:000000000000:stateMachine:ona-fleet-history-prod"
    assert "{% 12 %}" in machines.describe_state_machine(stateMachineArn=arn)["definition"]

    up(running, "ReservedConcurrency=0")
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
    for namespace in ("dynamodb", "lambda"):
        assert not scaling.describe_scalable_targets(ServiceNamespace=namespace)["ScalableTargets"]
    table = tables.describe_table(TableName="ona-platform-tracking")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    with pytest.raises(functions.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        functions.get_provisioned_concurrency_config(
            FunctionName="ona-forecastingApi-prod", Qualifier="live"
        )
