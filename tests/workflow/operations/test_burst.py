"""A night's files at once before the whole loop: each ends once, in one place, and the rest waits its turn.

A small burst runs on the suite's cloud. The large one (`make soak`) has a cloud of its own, in which more
executions run than Detect may have calls at once: it is throttled, and nothing of that is lost.
`ONA_LOAD_FILES` says how many files, `-s` shows what it took: the table of docs/operations/load.md.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import deadletters
from tests.builders.bursts import Burst, burst
from tests.fakes.own_platform import own_platform
from tests.fakes.platform import Platform
from tests.workflow.operations import reckoning

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("operations")]
EXECUTIONS, CALLS = 40, 2
"""Executions at once, and calls of Detect at once, in the large burst."""
WAITS = 1
"""Retries wait as long as on AWS: shorter ones are used up before a slow machine has done its work."""
AT_REST_MB, A_FILE_MB = 450, 0.5
"""What the server may use, and what it may keep of each file (objects, history, logs), MB (ours)."""


def running(platform: Platform) -> int:
    """How many executions of the loop have begun and not ended."""
    pages = platform.states.get_paginator("list_executions").paginate(
        stateMachineArn=platform.target.machine, statusFilter="RUNNING"
    )
    return sum(len(page["executions"]) for page in pages)


def peak_mb(platform: Platform) -> float:
    """The most memory that the server has had, MB (proc(5): VmHWM)."""
    pid = json.loads((platform.home / "cloud.json").read_text())["pid"]
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(platform: Platform, space: str, name: str, how: str, **dimensions: str) -> float:
    """What CloudWatch says of a metric since six hours: its Sum, or its Maximum."""
    points = platform.target.client("cloudwatch").get_metric_statistics(
        Namespace=space,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=datetime.now(UTC) - timedelta(hours=6),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=[how],
    )["Datapoints"]
    values = [float(point[how]) for point in points]
    return sum(values) if how == "Sum" else max(values, default=0.0)


def throttles(platform: Platform) -> float:
    name = platform.target.function("detect")
    return measured(platform, "AWS/Lambda", "Throttles", "Sum", FunctionName=name, Resource=f"{name}:live")


def test_a_small_burst_ends_once_file_by_file(platform: Platform) -> None:
    plan = burst(24)
    reckoning.prepare(platform, plan)
    before = {item["executionArn"] for item in platform.executions()}
    reckoning.begin(platform, plan.files, plan)
    assert running(platform) > 0, "they wait their turn"
    platform.idle(240)
    seen = reckoning.reckon(platform, before)
    totals = reckoning.check(plan, seen)
    assert totals["detected"] >= 20
    assert totals["quarantined"] == 1
    for wrong in _wrong(plan, seen):
        with pytest.raises(AssertionError):
            reckoning.check(plan, wrong)


def _wrong(plan: Burst, seen: reckoning.Reckoning) -> Iterator[reckoning.Reckoning]:
    """The same burst, had a file been lost, told twice, recorded twice, or ordered twice or never."""
    item, version = plan.put[0]
    file, faulty = (item.key, version), next(one.asset for one in plan.files if one.kind == "faulty")
    yield replace(seen, ends={key: told for key, told in seen.ends.items() if key != file})
    yield replace(seen, ends=seen.ends | {file: [*seen.ends[file], "dead letter"]})
    yield replace(seen, ends=seen.ends | {file: ["dead letter"]})
    yield replace(seen, ends=seen.ends | {file: ["quarantined"]})
    yield replace(seen, records=seen.records + Counter([file]))
    yield replace(seen, runs=seen.runs | {file: []})
    yield replace(seen, orders=seen.orders + Counter([faulty]))
    yield replace(seen, tracked=seen.tracked - Counter([faulty]))
    yield replace(seen, incidents=seen.incidents | {faulty: []})
    yield replace(seen, unplaced=seen.unplaced | {faulty: "ordered, and called without a time"})
    yield replace(seen, orders=seen.orders - Counter([faulty]), tracked=seen.tracked - Counter([faulty]))
    yield replace(seen, booked=seen.booked + seen.booked)


@contextmanager
def crowded(folder: Path) -> Iterator[Platform]:
    """A cloud of its own, in which Detect has few calls at once."""
    given = {"SFN_WAIT_SCALE": str(WAITS), "ONA_LOCAL_EXECUTIONS": str(EXECUTIONS)}
    with own_platform(folder, **given) as made:
        made.target.client("lambda").put_function_concurrency(
            FunctionName=made.target.function("detect"), ReservedConcurrentExecutions=CALLS
        )
        yield made


def said(plan: Burst, platform: Platform, seen: reckoning.Reckoning, took: dict[str, Any]) -> Iterator[str]:
    """The table of the measurement, line by line."""
    machine = platform.target.machine
    waited = measured(platform, "AWS/States", "ExecutionTime", "Maximum", StateMachineArn=machine)
    yield f"files put (versions of objects): {len(plan.put)}, {Counter(i.kind for i, _ in plan.put)}"
    speed = len(plan.put) / took["all"]
    yield f"put in {took['put']:.0f} s, done in {took['all']:.0f} s: {speed:.2f} a second"
    yield f"ended: {dict(took['totals'])}"
    yield f"reasons: {dict(Counter(seen.reasons.values()))}"
    yield f"orders: {sum(seen.orders.values())}, faults without a time: {len(seen.unplaced)}"
    yield f"why: {dict(Counter(seen.unplaced.values()))}"
    yield f"executions begun and not ended, at most: {took['most']}"
    yield f"longest execution with its wait (AWS/States ExecutionTime): {waited / 1000:.0f} s"
    yield f"throttled calls of Detect (AWS/Lambda Throttles): {throttles(platform):.0f}"
    yield f"memory of the server, at most: {took['mb']:.0f} MB; load: {os.getloadavg()}"


@pytest.mark.soak
def test_thousands_of_files_at_once_wait_and_none_is_lost(tmp_path: Path) -> None:
    plan = burst(int(os.environ.get("ONA_LOAD_FILES", "2000")))
    with crowded(tmp_path) as platform:
        reckoning.prepare(platform, plan)
        began = time.monotonic()
        reckoning.begin(platform, plan.files, plan)
        took: dict[str, Any] = {"put": time.monotonic() - began, "most": running(platform)}
        told = 0.0
        while left := running(platform):
            assert time.monotonic() - began < 15 * len(plan.put) + 300, f"{left} wait"
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{told - began:.0f} s: {left} left, {peak_mb(platform):.0f} MB", flush=True)
            time.sleep(3)
        took["all"] = time.monotonic() - began
        platform.idle(600)
        took["mb"] = peak_mb(platform)
        seen = reckoning.reckon(platform)
        took["totals"] = Counter(ends[0] for ends in seen.ends.values())
        print("\n" + "\n".join(said(plan, platform, seen, took)), flush=True)
        reckoning.check(plan, seen)
        deadletters.redrive(platform.target, [], set())
        platform.idle(600)
        totals = reckoning.check(plan, reckoning.reckon(platform), redriven=True)
        print(f"after a redrive: {dict(totals)}", flush=True)
        assert throttles(platform) > 0, "more was asked for than Detect may do at once"
        assert took["most"] > EXECUTIONS, "the rest waited"
        assert took["mb"] < AT_REST_MB + A_FILE_MB * len(plan.put)
