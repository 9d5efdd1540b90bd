"""The deployed platform as workflow tests use it, with a way to inject faults into its functions."""

from __future__ import annotations

import io
import json
import shutil
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from local import deploy
from ona.config.services import service_limits
from ona.documents.assets import Location
from ona.store.tables import from_item
from ops import accounting, deadletters, ingest, seed
from ops.demo.follow import run_task
from ops.demo.inbox import subscribed_queue
from ops.messages import DeadLetter
from ops.target import LIVE, Target, start
from tests.builders.assets import make_registry
from tests.builders.telemetry import DAY, to_csv
from tests.paths import ROOT

FAULTY = '''
"""Stands before a handler and raises what a file tells it to, then lets the real handler work."""
import importlib, json, os, pathlib

def lambda_handler(event, context):
    plan = pathlib.Path(os.environ["ONA_FAULTS"])
    faults = json.loads(plan.read_text()) if plan.exists() else []
    if faults:
        fault, rest = faults[0], faults[1:]
        if not fault.get("when") or fault["when"] in json.dumps(event):
            plan.write_text(json.dumps(rest))
            if fault["error"] == "exit":
                os._exit(1)
            error = getattr(importlib.import_module("ona.runtime.errors"), fault["error"])
            raise error(fault.get("text", "injected"))
    module, name = os.environ["ONA_REAL_HANDLER"].rsplit(".", 1)
    return getattr(importlib.import_module(module), name)(event, context)
'''


FAST_BOOSTER = {"levels": [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], "rounds": 40, "learning_rate": 0.15}
"""Enough to be better than persistence, trained in a second."""


class Platform:
    """The deployed platform, as tests use it."""

    def __init__(self, target: Target, scratch: Path, home: Path | None = None) -> None:
        self.target = target
        self.scratch = scratch
        self.home = home or Path()
        self.earlier: set[str] = set()
        self.s3 = target.client("s3")
        self.states = target.client("stepfunctions")
        self.day = 0
        self.has_lab = False
        """Whether the role of throw-away machines is there (`tests/fakes/lab.py`)."""

    def settle(self) -> None:
        """No faults, no timers, nothing running. What earlier tests stored stays."""
        for path in self.scratch.glob("*.json"):
            path.unlink()
        self.stop_timers()
        self.idle()

    def reset(self) -> None:
        """No telemetry, no bookings, no orders, no letters, nothing running: every test starts alone."""
        self.settle()
        for bucket in (self.target.input_bucket, self.target.output_bucket):
            pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for page in pages:
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    self.s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        dynamodb = self.target.client("dynamodb")
        for table, key in (("Crews", "crew_id"), ("Tracking", "job_id")):
            name = self.target.outputs[f"{table}TableName"]
            for item in dynamodb.scan(TableName=name)["Items"]:
                dynamodb.delete_item(TableName=name, Key={key: item[key]})
        for table, key in (
            ("ona-platform-alert-log", "alert_id"),
            ("ona-platform-outbox", "delivery_id"),
            ("ona-platform-customers", "id"),
            ("ona-platform-locations", "location_id"),
            ("ona-platform-weather-cache", "location_timestamp"),
        ):
            for item in dynamodb.scan(TableName=table)["Items"]:
                dynamodb.delete_item(TableName=table, Key={key: item[key]})
        for queue in ("DeadLetterQueueUrl", "OutboxDeadLetterQueueUrl"):
            self.target.client("sqs").purge_queue(QueueUrl=self.target.outputs[queue])
        ingest.put_registry(self.target, make_registry())
        seed.put_crews(self.target, seed.example_crews(Location(latitude=-26.2, longitude=28.0)))
        self.messages()
        self.earlier = {
            item["executionArn"] for workflow in self.target.machines for item in self.executions(workflow)
        }

    def stop_timers(self) -> None:
        """Tests say when a timer goes off, not the clock; those of stacks that other tests left, too. Only
        the tests of alerts ask who is told of alarms: they enable its rules."""
        events = self.target.client("events")
        for rule in events.list_rules()["Rules"]:
            quiet = rule.get("ScheduleExpression") or rule["Name"].startswith("ona-alerts-")
            if quiet and rule["State"] == "ENABLED":
                events.disable_rule(Name=rule["Name"])
        self.set_schedules("DISABLED")

    def set_schedules(self, state: str) -> None:
        """Turn the schedules of EventBridge Scheduler on (ENABLED) or off (DISABLED)."""
        scheduler = self.target.client("scheduler")
        for item in scheduler.list_schedules()["Schedules"]:
            if item["State"] != state:
                known = scheduler.get_schedule(Name=item["Name"])
                kept = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
                given = {name: known[name] for name in (*kept, "Description")}
                scheduler.update_schedule(Name=item["Name"], State=state, **given)

    def put(self, frame: pd.DataFrame | bytes, asset: str = "INV-001", key: str | None = None) -> str:
        """Put a file; returns its key."""
        body = frame if isinstance(frame, bytes) else to_csv(frame)
        where = key or f"observations/{DAY:%Y/%m/%d}/{asset}_{DAY:%Y%m%d}.csv"
        self.s3.put_object(Bucket=self.target.input_bucket, Key=where, Body=body)
        return where

    def event(self, key: str) -> dict[str, Any]:
        """The event of the newest version of an object."""
        head = self.s3.head_object(Bucket=self.target.input_bucket, Key=key)
        account = accounting.FileAccount(key, head.get("VersionId", ""), head["ContentLength"], "done")
        return account.event(self.target.input_bucket)

    def idle(self, seconds: float = 60) -> None:
        """Wait until no workflow runs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            running = [
                item
                for machine in self.target.machines.values()
                for item in self.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")[
                    "executions"
                ]
            ]
            if not running:
                return
            time.sleep(0.05)
        raise TimeoutError("executions still run")

    def executions(self, workflow: str = "ooda") -> list[dict[str, Any]]:
        """All executions of a workflow, newest first; earlier tests' too."""
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.target.machines[workflow]
        )
        return [item for page in pages for item in page["executions"]]

    def start(self, event: dict[str, Any], workflow: str = "ooda") -> str:
        machine = self.target.machines[workflow]
        return start(self.states, machine, name=str(uuid.uuid4()), input=json.dumps(event))

    def run(self, event: dict[str, Any], workflow: str) -> dict[str, Any]:
        """Start a workflow and wait for its end."""
        return self.wait(self.start(event, workflow))

    def ended(self, workflow: str, marker: str, seconds: float = 120) -> dict[str, Any]:
        """The execution of this test whose input holds a text, once it ended. Files of other tests may
        have the same key."""
        deadline = time.monotonic() + seconds
        texts = {marker, json.dumps(marker)[1:-1]}  # an event's JSON may have letters as numbers
        while time.monotonic() < deadline:
            for item in self.executions(workflow):
                if item["executionArn"] in self.earlier:
                    continue
                described = self.states.describe_execution(executionArn=item["executionArn"])
                if any(text in described["input"] for text in texts) and described["status"] != "RUNNING":
                    return dict(described)
            time.sleep(0.05)
        raise TimeoutError(f"no {workflow} of {marker} ended")

    def wait(self, arn: str, seconds: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            described = self.states.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return dict(described)
            time.sleep(0.05)
        raise TimeoutError(arn)

    def put_and_wait(
        self, frame: pd.DataFrame | bytes, asset: str = "INV-001", key: str | None = None
    ) -> Any:
        """Put a file and wait for the execution that its event starts."""
        before = {item["executionArn"] for item in self.executions()}
        self.put(frame, asset, key)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            fresh = [i for i in self.executions() if i["executionArn"] not in before]
            if fresh:
                return self.wait(fresh[0]["executionArn"])
            time.sleep(0.05)
        raise TimeoutError("no execution started")

    def keys(self, prefix: str) -> list[str]:
        answer = self.s3.list_objects_v2(Bucket=self.target.output_bucket, Prefix=prefix)
        return [item["Key"] for item in answer.get("Contents", [])]

    def read(self, key: str) -> Any:
        body = self.s3.get_object(Bucket=self.target.output_bucket, Key=key)["Body"].read()
        return json.loads(body)

    def table(self, name: str) -> list[dict[str, Any]]:
        items = self.target.client("dynamodb").scan(TableName=self.target.outputs[f"{name}TableName"])
        return [from_item(item) for item in items["Items"]]

    def letters(self) -> list[DeadLetter]:
        """All letters, also those that somebody else reads at this moment."""
        deadline = time.monotonic() + 60
        while (seen := deadletters.look(self.target)).hidden and time.monotonic() < deadline:
            time.sleep(0.1)
        return seen.letters

    def deliver(self) -> dict[str, Any]:
        """What the outbox's schedule does every minute."""
        counts = run_task(self.target, "deliver", "send")
        assert "told" in counts, counts
        return counts

    def messages(self) -> list[dict[str, Any]]:
        """What was published to the alerts topic since the last call, all that is due delivered."""
        self.deliver()
        sqs, messages = self.target.client("sqs"), []
        while True:
            answer = sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages", [])
            if not answer:
                return messages
            for item in answer:
                messages.append(json.loads(item["Body"]))
                sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=item["ReceiptHandle"])

    def redefine(self, workflow: str, definition: str) -> Callable[[], None]:
        """Give a workflow another definition, which its alias starts from now on; returns the undoing."""
        machine, states = self.target.machines[workflow], self.states
        alias = f"{machine}:{LIVE}"
        before = states.describe_state_machine(stateMachineArn=machine)["definition"]
        routes = states.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]
        states.update_state_machine(stateMachineArn=machine, definition=definition)
        made = states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
        new = [{"stateMachineVersionArn": made, "weight": 100}]
        states.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=new)

        def back() -> None:
            states.update_state_machine(stateMachineArn=machine, definition=before)
            states.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes)
            states.delete_state_machine_version(stateMachineVersionArn=made)

        return back

    def inject(self, function: str, *faults: dict[str, Any]) -> None:
        """Let the function's next invocations raise these errors, one each."""
        (self.scratch / f"{function}.json").write_text(json.dumps(list(faults)))

    def prepare(self) -> None:
        """Subscribe a queue to alerts, put the fault injector before every handler, train in seconds."""
        self.configs = self.scratch / "configs"
        shutil.copytree(ROOT / "configs", self.configs)
        forecasting = yaml.safe_load((self.configs / "forecasting" / "forecasting.yaml").read_text())
        forecasting["booster"].update(FAST_BOOSTER)
        notifications = yaml.safe_load((self.configs / "delivery" / "notifications.yaml").read_text())
        notifications.update(quiet_hours=None, digest=None)  # the suite runs at any hour
        (self.configs / "delivery" / "notifications.yaml").write_text(yaml.safe_dump(notifications))
        (self.configs / "forecasting" / "forecasting.yaml").write_text(yaml.safe_dump(forecasting))
        seed.put_signing_key(self.target)
        self.stop_timers()
        self.inbox = subscribed_queue(self.target, "test-inbox", self.target.outputs["AlertsTopicArn"])
        buffer = io.BytesIO(deploy.zip_folder(ROOT / "functions"))
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("faulty.py", FAULTY)
        client = self.target.client("lambda")
        for name in sorted(service_limits()):
            function = self.target.function(name)
            config = client.get_function_configuration(FunctionName=function)
            variables = {
                **config["Environment"]["Variables"],
                "ONA_FAULTS": str(self.scratch / f"{name}.json"),
                "ONA_REAL_HANDLER": config["Handler"],
                "ONA_CONFIG_DIR": str(self.configs),
            }
            client.update_function_code(FunctionName=function, ZipFile=buffer.getvalue())
            client.update_function_configuration(
                FunctionName=function,
                Handler="faulty.lambda_handler",
                Environment={"Variables": variables},
            )
            made = client.publish_version(FunctionName=function)["Version"]
            client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=made)
