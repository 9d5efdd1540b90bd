"""The workflow `daily_routine` on the deployed template: what it stores is what the command says."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from operations.config.routines import routines
from ops.cli import routines as commands
from ops.emergency import holding
from ops.target import start
from tests.builders.telemetry import dead_from, sunny_day
from tests.fakes.pdf_reader import Pdf
from tests.fakes.platform import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]


def ran(platform: Platform, given: object) -> Any:
    """The execution of the routine, when it has ended."""
    machine = platform.target.machines["daily_routine"]
    arn = start(platform.target.client("stepfunctions"), machine, input=json.dumps(given))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = platform.states.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.05)
    raise TimeoutError(arn)


def report(platform: Platform, execution: Any) -> Any:
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return platform.read(json.loads(execution["output"])["report"]["key"])


def test_the_stored_health_is_that_of_the_command(platform: Platform) -> None:
    platform.put_and_wait(sunny_day())
    stored = report(platform, ran(platform, {"routine": "health"}))
    asked = json.loads(commands.report_of(platform.target).model_dump_json())

    def seen(found: Any) -> list[tuple[str, str, str]]:
        return sorted((f["check"], f["about"], f["state"]) for f in found["findings"])

    assert not {f["text"] for f in stored["findings"] if f["state"] == "unknown"}
    assert seen(stored) == seen(asked)
    assert ("apis", "/health", "ok") in seen(stored)
    assert ("stop", "platform", "ok") in seen(stored)
    holding.hold(platform.target, "a test", "the suite")
    try:
        stopped = report(platform, ran(platform, {"routine": "health"}))
    finally:
        holding.release(platform.target)
    assert ("stop", "platform", "warning") in seen(stopped), "its role may read the stop"
    assert not {f["text"] for f in stopped["findings"] if f["state"] == "unknown"}


def test_each_routine_ends_well_and_tells_of_it(platform: Platform) -> None:
    platform.put_and_wait(dead_from(10))  # an incident, its diagnostic, its order: all of it is read
    today = routines().zone
    for kind in ("midday", "closing", "summary", "weekly"):
        execution = ran(platform, {"routine": kind})
        stored = report(platform, execution)
        assert stored["kind"] == ("summary" if kind == "closing" else kind)
        day = execution["startDate"].astimezone(today).date()
        key = json.loads(execution["output"])["report"]["key"]
        assert kind == "closing" or key == f"operations/reports/{day:%Y/%m/%d}/{kind}.json"
        history = platform.states.get_execution_history(executionArn=execution["executionArn"])
        assert "Routine Finished" in str(history["events"])
        if kind == "weekly":
            bucket, beside = platform.target.output_bucket, key.replace("weekly.json", "performance")
            page, sheets = (
                platform.s3.get_object(Bucket=bucket, Key=f"{beside}.{suffix}")["Body"].read()
                for suffix in ("html", "pdf")
            )
            assert b"<td>ona-detect-dev</td>" in page
            assert any("ona-detect-dev" in lines for lines in Pdf(sheets).texts())
    assert stored["figures"] if kind == "summary" else stored["days"]


def test_a_try_after_a_kill_writes_the_same_report(platform: Platform) -> None:
    """A try that was killed after its write is followed by another with the same time."""
    platform.put_and_wait(sunny_day())
    given = {"routine": "summary", "now": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    client, name = platform.target.client("lambda"), platform.target.function("routines")
    answers, bodies = [], []
    for _ in range(2):
        answer = client.invoke(FunctionName=f"{name}:live", Payload=json.dumps(given))
        answers.append(json.loads(answer["Payload"].read()))
        bodies.append(platform.read(answers[-1]["report"]["key"]))
        answers[-1]["report"].pop("version_id")
        bodies[-1]["figures"].pop("cost"), bodies[-1].pop("month_usd")  # the try before was billed, too
    assert answers[0] == answers[1]
    assert bodies[0] == bodies[1]
    assert bodies[0]["figures"]["files"]["observations"]["outcomes"] == {"nothing_found": 1}


def test_what_is_no_routine_ends_as_a_letter(platform: Platform) -> None:
    execution = ran(platform, {"routine": "evening"})
    assert execution["status"] == "FAILED"
    assert "routine is evening" in execution["cause"]
    assert execution["cause"].startswith("dead letter written: ")


def test_the_timers_go_off_when_the_file_says(platform: Platform) -> None:
    """EventBridge Scheduler's own words: cron(minutes hours day month weekday year) in a time zone."""
    scheduler = platform.target.client("scheduler")
    rules = routines()
    for kind, when in rules.times.items():
        timer = scheduler.get_schedule(Name=f"ona-routine-{kind}-dev")
        *weekday, clock = when.split()
        hour, minute = (int(part) for part in clock.split(":"))
        on = f"? * {weekday[0][:3].upper()} *" if weekday else "* * ? *"
        assert timer["ScheduleExpression"] == f"cron({minute} {hour} {on})"
        assert timer["ScheduleExpressionTimezone"] == rules.timezone
        assert json.loads(timer["Target"]["Input"]) == {"routine": kind}
        assert timer["Target"]["Arn"].endswith(":stateMachine:ona-daily-routine-dev:live")
