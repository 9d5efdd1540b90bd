"""Feature flags on the deployed template: validators, gradual change, monitors, and what callers see.

What AppConfig does is taken from its documentation: User Guide, "Understanding validators", "Monitoring
deployments for automatic rollback"; API reference, StartDeployment, StopDeployment, GetLatestConfiguration.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops import cli, customers
from ops.emergency import documents, holding
from ops.flag_guards import Guards
from ops.flags import Flags
from tests.builders.assets import make_registry
from tests.builders.flags import only
from tests.builders.telemetry import sunny_day
from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.flags import forget

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]


@pytest.fixture
def ids(platform: Platform) -> Iterator[dict[str, str]]:
    forget(platform)
    application, features, _, profile = platform.target.outputs["Flags"].split("/")
    yield {"ApplicationId": application, "EnvironmentId": features, "ConfigurationProfileId": profile}
    forget(platform)


@pytest.fixture
def ona(platform: Platform) -> Callable[..., Any]:
    def run(*words: str) -> Any:
        environment = {"ONA_HOME": str(platform.home), "COLUMNS": "200"}
        return CliRunner().invoke(cli.app, ["flags", *words], env=environment)

    return run


def version_of(client: Any, ids: dict[str, str], content: bytes) -> str:
    profile = {name: ids[name] for name in ("ApplicationId", "ConfigurationProfileId")}
    made = client.create_hosted_configuration_version(
        **profile, Content=content, ContentType="application/json"
    )
    return str(made["VersionNumber"])


def deploy(client: Any, ids: dict[str, str], version: str, speed: str = "at-once") -> Any:
    strategies = client.list_deployment_strategies()["Items"]
    [strategy] = [item["Id"] for item in strategies if item["Name"] == f"ona-flags-{speed}-dev"]
    return client.start_deployment(**ids, ConfigurationVersion=version, DeploymentStrategyId=strategy)


@pytest.mark.parametrize(
    ("content", "by"),
    [
        (b"webhooks: on", "JSON_SCHEMA"),
        (b'{"webhooks": {"default": "on"}}', "JSON_SCHEMA"),
        (b'{"webhoks": {"default": true}}', "LAMBDA"),
        (json.dumps({"webhooks": only(True, "acme")}).encode(), "LAMBDA"),
    ],
)
def test_what_a_validator_refuses_is_not_deployed(
    platform: Platform, ids: dict[str, str], content: bytes, by: str
) -> None:
    client = platform.target.client("appconfig")
    version = version_of(client, ids, content)
    with pytest.raises(ClientError, match=f"BadRequestException.*{by}"):
        deploy(client, ids, version)
    profile = {name: ids[name] for name in ("ApplicationId", "ConfigurationProfileId")}
    with pytest.raises(ClientError, match=f"BadRequestException.*{by}"):
        client.validate_configuration(**profile, ConfigurationVersion=version)
    sound = version_of(client, ids, b'{"webhooks": {"default": true}}')
    client.validate_configuration(**profile, ConfigurationVersion=sound)
    assert deploy(client, ids, sound)["State"] == "COMPLETE"


def test_a_version_that_is_not_there_is_not_deployed(platform: Platform, ids: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deploy(platform.target.client("appconfig"), ids, "9999")


def test_one_change_at_a_time_and_maintenance_waits_for_none(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    assert ona("set", "webhooks", "off", "--gradually").exit_code == 0
    refused = ona("set", "ticketing", "off")
    assert (refused.exit_code, "goes on (DEPLOYING" in refused.output) == (1, True)
    assert ona("set", "maintenance_mode", "on").exit_code == 0
    standings = {one.name: one for one in Flags(platform.target).standings()}
    assert standings["webhooks"].now, "it is not in force yet"
    assert standings["maintenance_mode"].now
    assert ona("rollback").exit_code == 0
    assert ona("set", "ticketing", "off", "--why", "a test").exit_code == 0
    watched = ona("watch")
    assert (watched.exit_code, "ticketing off" in watched.output) == (0, True)


def test_an_alarm_during_a_change_takes_it_back_also_when_it_is_soon_over(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    alarms = platform.target.client("cloudwatch")

    def rings(name: str) -> None:
        for state in ("OK", "ALARM", "OK"):
            alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")

    assert ona("set", "webhooks", "off", "--gradually").exit_code == 0
    rings("ona-api-account-5xx-dev")
    going = Flags(platform.target).newest("features")
    assert going is not None
    assert going.state == "DEPLOYING", "this alarm watches no flags"
    rings("ona-ooda-executions-failed-dev")
    watched = ona("watch")
    assert watched.exit_code == 1
    assert "alarm:ona-ooda-executions-failed-dev" in watched.output
    assert next(one for one in Flags(platform.target).standings() if one.name == "webhooks").now


def test_an_alarm_that_is_on_already_stops_a_change_only_where_it_guards_it(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    alarms, client = platform.target.client("cloudwatch"), platform.target.client("appconfig")
    place = {"ApplicationId": ids["ApplicationId"], "EnvironmentId": ids["EnvironmentId"]}
    monitors = client.get_environment(**place)["Monitors"]

    def rings(name: str, state: str) -> None:
        alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")

    rings("ona-api-account-5xx-dev", "ALARM")
    try:
        assert ona("set", "webhooks", "off", "--why", "a test").exit_code == 0, "it guards no flag"
        rings("ona-outbox-dead-letters-dev", "ALARM")
        before = Flags(platform.target).newest("features")
        refused = ona("set", "webhooks", "on")
        assert refused.exit_code == 1
        for part in ("ona-outbox-dead-letters-dev", "symptoms/letters-arrive.md", "--despite"):
            assert part in refused.output
        assert "ona-api-account-5xx-dev" not in refused.output
        assert Flags(platform.target).newest("features") == before, "nothing was deployed"
        despite = ("--despite", "ona-outbox-dead-letters-dev")
        assert ona("set", "webhooks", "on", *despite).exit_code == 1, "without a reason"
        assert ona("set", "webhooks", "on", "--despite", "ona-api-5xx-prod", "--why", "x").exit_code == 1
        with (
            pytest.raises(KeyboardInterrupt),
            patch.object(Flags, "_set", side_effect=KeyboardInterrupt),
            patch.object(Guards, "_update", killed_after_the_first(Guards._update)),
        ):
            Flags(platform.target).change(
                "webhooks", True, gradually=False, why="x", by="x", despite=[despite[1]]
            )
        assert len(client.get_environment(**place)["Monitors"]) == len(monitors) - 1
        assert ona("set", "webhooks", "on", *despite, "--why", "a mend").exit_code == 0
        assert client.get_environment(**place)["Monitors"] == monitors
        assert "[" not in client.get_environment(**place)["Description"]
    finally:
        for name in ("ona-api-account-5xx-dev", "ona-outbox-dead-letters-dev"):
            rings(name, "OK")


def killed_after_the_first(update: Callable[..., None]) -> Callable[..., None]:
    """An update that is made once: whoever would make the second was killed."""
    made: list[int] = []

    def once(*arguments: Any) -> None:
        if not made:
            made.append(1)
            update(*arguments)

    return lambda self, *arguments: once(self, *arguments)


def test_a_reason_is_kept_whole_or_refused(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    long = ona("set", "webhooks", "off", "--why", "w" * 1100, "--by", "x")
    assert long.exit_code == 1
    assert "1100 characters" in long.output
    assert ona("set", "maintenance_mode", "on", "--why", "w" * 1100).exit_code == 1
    assert documents.current(platform.target) is None, "no event is held for a change that was refused"
    assert ona("set", "webhooks", "off", "--why", "w" * 900, "--by", "x").exit_code == 0
    newest = Flags(platform.target).newest("features")
    assert newest is not None
    assert newest.description.endswith("w" * 900)


def test_a_customer_whom_nobody_knows_is_refused_with_those_known(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    [known] = {asset.customer_id for asset in make_registry().assets}
    refused = ona("set", "enable_new_api_endpoint", "on", "--customer", "akme")
    assert refused.exit_code == 1
    assert known in refused.output
    assert "--new" in refused.output
    assert ona("set", "enable_new_api_endpoint", "on", "--customer", known).exit_code == 0


def anew(platform: Platform, function: str) -> None:
    """New processes of a function: they read flags at once, not within half a minute."""
    client, name = platform.target.client("lambda"), platform.target.function(function)
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables = {**variables, "ANEW": str(time.time())}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    version = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def get(platform: Platform, path: str) -> tuple[int, Any, Any]:
    try:
        with urllib.request.urlopen(platform.target.api_url + path) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def test_callers_of_the_deployed_apis_are_told_of_maintenance(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    key = customers.add_key(platform.target, "acme", "standard")
    assert ona("set", "enable_new_api_endpoint", "on", "--customer", "acme", "--new").exit_code == 0
    anew(platform, "account_api")
    status, _, body = get(platform, f"/features?api_key={key}")
    assert (status, body["data"]["features"]["webhooks"]) == (200, True)
    assert ona("set", "maintenance_mode", "on", "--why", "a test").exit_code == 0
    for function in ("account_api", "operations_api", "forecasting_api"):
        anew(platform, function)
    for path in ("/quota/usage", "/ops/work-orders", "/sites"):
        status, headers, body = get(platform, f"{path}?api_key={key}")
        assert (status, headers["Retry-After"], body["errors"][0]["code"]) == (503, "300", "MAINTENANCE"), (
            path
        )
    status, _, body = get(platform, "/health")
    assert (status, body["data"]["status"]) == (200, "maintenance")
    assert ona("set", "maintenance_mode", "off").exit_code == 0
    for function in ("account_api", "operations_api", "forecasting_api"):
        anew(platform, function)
    assert get(platform, f"/quota/usage?api_key={key}")[0] == 200


def test_files_wait_while_the_platform_is_maintained_and_each_is_worked_on_once(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    earlier = len(platform.executions())
    assert ona("set", "maintenance_mode", "on", "--why", "a test").exit_code == 0
    for number in (1, 2):
        platform.put(sunny_day(), f"INV-00{number}")
    time.sleep(1.0)
    assert len(platform.executions()) == earlier
    done = ona("set", "maintenance_mode", "off")
    assert done.exit_code == 0
    assert "2 events came meanwhile: 2 started, 0 had begun already" in done.output
    platform.idle()
    assert len(platform.executions()) == earlier + 2
    platform.put(sunny_day(), "INV-003")
    deadline = time.monotonic() + 20
    while len(platform.executions()) < earlier + 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(platform.executions()) == earlier + 3, "what comes now starts at once"


def test_what_ona_stop_holds_waits_on_when_maintenance_is_over(
    platform: Platform, ids: dict[str, str], ona: Callable[..., Any]
) -> None:
    holding.hold(platform.target, "a bad release", "thandi")
    assert ona("set", "maintenance_mode", "on").exit_code == 0
    done = ona("set", "maintenance_mode", "off")
    assert "events still wait: a bad release (by thandi)" in done.output
    assert documents.current(platform.target) is not None
    refused = ona("rollback", "maintenance")
    assert (refused.exit_code, "maintenance_mode off" in refused.output) == (1, True)
