"""What docs/operations/symptoms/executions-hang.md shows: nothing happens in an execution any more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from ona.runtime import clock
from ops.emergency import restart
from tests.builders.telemetry import DAY, sunny_day
from tests.fakes.platform import Platform

STILL = {"StartAt": "Still", "States": {"Still": {"Type": "Wait", "Seconds": 30_000, "End": True}}}


@contextmanager
def sound(_: Platform) -> Iterator[None]:
    """Nothing runs."""
    yield


@contextmanager
def hanging(platform: Platform) -> Iterator[None]:
    """One hangs since an hour."""
    with _still(platform, "still-one"):
        yield


@contextmanager
def another(platform: Platform) -> Iterator[None]:
    """Another one hangs."""
    with _still(platform, "still-two"):
        yield


@contextmanager
def _still(platform: Platform, name: str) -> Iterator[None]:
    """An execution that begins with a definition that waits; its file is done, and an hour has passed."""
    key = f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}.csv"
    if not platform.s3.list_objects_v2(Bucket=platform.target.input_bucket, Prefix=key).get("KeyCount"):
        platform.put_and_wait(sunny_day(), key=key)
    machine, states = platform.target.machine, platform.states
    before = states.describe_state_machine(stateMachineArn=machine)["definition"]
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(STILL))
    event = json.dumps(platform.event(key))
    arn = states.start_execution(stateMachineArn=machine, name=name, input=event)["executionArn"]
    time.sleep(1)  # until it has begun, with that definition
    states.update_state_machine(stateMachineArn=machine, definition=before)
    later = patch.object(restart, "utc_now", lambda: clock.utc_now() + timedelta(hours=1))
    with later, patch.object(platform, "idle"):  # it is to run while the commands are given
        yield
    if states.describe_execution(executionArn=arn)["status"] == "RUNNING":
        states.stop_execution(executionArn=arn)
    platform.idle()
