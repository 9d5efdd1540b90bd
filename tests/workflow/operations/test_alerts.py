"""Alerts on the deployed template: from an alarm of CloudWatch to a place, and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import alerts, cli
from ops.cli import alerts as commands
from tests.fakes.alert_places import Chat, Hook
from tests.fakes.platform import Platform
from tests.workflow.operations.alerting import alarm, alarms_heard, settle, told

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
ALARM = "ona-detect-unwell-dev"


@pytest.fixture
def places(platform: Platform) -> Iterator[tuple[Chat, Hook]]:
    """A chat at once, a webhook ten minutes later; their secrets are in Parameter Store."""
    chat, hook = Chat(), Hook()
    ssm = platform.target.client("ssm")
    for name, value in (("chat", chat.address), ("hook", Hook.SECRET)):
        path = f"/ona-platform/dev/alerting-{name}"
        ssm.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=True)
    secret = "/ona-platform/prod/alerting-{}"
    levels = [{"after_minutes": 0, "places": ["chat"]}, {"after_minutes": 10, "places": ["hook"]}]
    changes: dict[str, Any] = {
        "places": [
            {"name": "chat", "channel": "slack", "secret_parameter": secret.format("chat")},
            {"name": "hook", "channel": "webhook", "url": hook.url,
             "secret_parameter": secret.format("hook")},
        ],
        "levels": {"critical": levels, "high": levels},
    }  # fmt: skip
    try:
        with alarms_heard(platform, **changes):
            yield chat, hook
    finally:
        platform.target.client("cloudwatch").set_alarm_state(
            AlarmName=ALARM, StateValue="OK", StateReason="the test is over"
        )
        chat.close()
        hook.close()


def outputs(platform: Platform, executions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    described = [
        platform.states.describe_execution(executionArn=item["executionArn"]) for item in executions
    ]
    assert {item["status"] for item in described} == {"SUCCEEDED"}
    return [json.loads(item["output"]) for item in described]


def foreign_alarms(platform: Platform) -> list[str]:
    """Alarms that are on, of another environment and of others: no rule of ours takes them."""
    names = ["ona-detect-unwell-prod", "ona-detect-unwell-dev-copy", "shop-errors-dev"]
    for name in names:
        platform.target.client("cloudwatch").put_metric_alarm(
            AlarmName=name, Namespace="Test", MetricName="n", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        alarm(platform, name)
    return names


def test_an_alarm_is_told_escalated_when_a_place_is_gone_and_closed(
    platform: Platform, places: tuple[Chat, Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, hook = places
    before = len(settle(platform))
    chat.gone = "channel_is_archived"
    alarm(platform, "ona-detect-unwell-dev", reason="7 errors")
    others = foreign_alarms(platform)
    first = outputs(platform, settle(platform, before + 1)[: -before or None])
    assert [(item["outcome"], item["publish"]["detail_type"]) for item in first] == [
        ("opened", "Alert Opened")
    ]
    platform.target.client("cloudwatch").delete_alarms(AlarmNames=others)
    key = first[0]["alert_id"]
    assert platform.deliver()["dead"] == 1, "the channel is gone"
    settle(platform, before + 2)
    told(platform)
    assert hook.heard[f"{key}#trigger@hook"]["severity"] == "critical"
    assert "7 errors" in hook.heard[f"{key}#trigger@hook"]["text"]

    monkeypatch.setattr(commands, "resolve", lambda *_: platform.target)
    shown = CliRunner().invoke(cli.app, ["alerts", "show", "ona-detect-unwell"])
    assert "trigger  level 1  chat  undeliverable: Refused: slack chat: HTTP 410" in shown.stdout
    assert "trigger  level 2  hook  told" in shown.stdout
    taken = CliRunner().invoke(cli.app, ["alerts", "ack", "ona-detect-unwell", "--by", "Nia"])
    assert "acknowledged by Nia" in taken.stdout

    time.sleep(1)  # the alarm's times are whole seconds here
    alarm(platform, "ona-detect-unwell-dev", "OK")
    settle(platform, before + 4)
    told(platform)
    assert [data["action"] for data in hook.heard.values()] == ["trigger", "acknowledge", "resolve"]
    assert set(hook.times.values()) == {1}
    assert alerts.find(platform.target, key).status == "resolved"


def test_what_is_due_is_woken_by_the_timer(platform: Platform, places: tuple[Chat, Hook]) -> None:
    chat, hook = places
    before = len(settle(platform))
    alarm(platform, ALARM)
    settle(platform, before + 1)
    told(platform)
    assert len(chat.posted) == 1
    key = alerts.find(platform.target, "ona-detect-unwell").key
    platform.target.client("dynamodb").update_item(
        TableName=platform.target.outputs["AlertLogTableName"],
        Key={"alert_id": {"S": key}},
        UpdateExpression="SET next_at = :then",
        ExpressionAttributeValues={":then": {"S": "2026-11-28T00:00:00Z"}},
    )
    assert told(platform) == [{"ended": 0, "woken": 1}]
    told(platform)
    assert list(hook.heard) == [f"{key}#trigger@hook"]
    assert told(platform)[0]["woken"] == 0


def test_an_event_that_is_none_of_ours_is_a_dead_letter(platform: Platform) -> None:
    done = platform.run({"source": "ona.platform", "detail-type": "Site Day Judged"}, "alerts")
    assert done["status"] == "FAILED"
    platform.run({"nothing": 1}, "alerts")
    errors = {(letter.body["error"], letter.body["state"]) for letter in platform.letters()}
    assert errors == {("InvalidPayload", "Judge"), ("InvalidPayload", "Receive")}
