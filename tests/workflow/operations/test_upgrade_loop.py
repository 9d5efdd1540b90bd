"""Upgrade proof with the real loop: a release comes and goes back while files are being worked on.

Code, definition and configuration of Detect, Diagnose, Schedule and Order change, each with files in
flight. Then one operator gives `ona stop` and another `ona deploy rollback all`, at once; more files come,
and `ona resume` takes them up. Afterwards each file ended once, each execution's states are those of the
version that it names, and the orders are those of the same files without a release.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import deploy
from ops.deployment import versions
from ops.emergency import holding
from ops.target import LIVE
from tests.builders.bursts import Planned, burst
from tests.fakes.own_platform import own_platform
from tests.fakes.platform import FAULTY, Platform
from tests.paths import ROOT
from tests.workflow.operations import reckoning
from tests.workflow.operations.test_burst import measured, running

pytestmark = [pytest.mark.cloud, pytest.mark.soak, pytest.mark.xdist_group("upgrade")]
FUNCTIONS = ("detect", "diagnose", "schedule", "order")
ADDED = "Released"
"""The state that the new definition has, and the old one has not."""
SAME = ("asset_id", "title", "component", "recommended_actions", "estimated_duration_hours", "priority")
"""What an order says of its repair, whenever and by whom it is made."""
COUNT, FAULTY_EVERY, BATCH = 24, 7, 5
PATIENCE_S = 300


@dataclass
class Release:
    """The loop's functions and workflow as they are deployed, and what is published of them."""

    platform: Platform

    def __post_init__(self) -> None:
        self.functions = self.platform.target.client("lambda")
        self.states = self.platform.states
        self.machine = self.platform.target.machine
        self.before = self.live()
        [route] = self.alias()["routingConfiguration"]
        self.old = str(route["stateMachineVersionArn"])

    def alias(self) -> Any:
        return self.states.describe_state_machine_alias(stateMachineAliasArn=f"{self.machine}:{LIVE}")

    def live(self) -> dict[str, str]:
        """The version of each function that its alias names."""
        names = {name: self.platform.target.function(name) for name in FUNCTIONS}
        return {
            name: str(self.functions.get_alias(FunctionName=full, Name=LIVE)["FunctionVersion"])
            for name, full in names.items()
        }

    def publish(self, release: str, code: bytes = b"", **variables: str) -> dict[str, str]:
        """Publish a version of each function, with other code or other settings."""
        made = {}
        for name in FUNCTIONS:
            full = self.platform.target.function(name)
            if code:
                self.functions.update_function_code(FunctionName=full, ZipFile=code)
            known = self.functions.get_function_configuration(FunctionName=full)["Environment"]["Variables"]
            given = {**known, **variables, "ONA_RELEASE": release}
            self.functions.update_function_configuration(
                FunctionName=full, Environment={"Variables": given}
            )
            made[name] = str(self.functions.publish_version(FunctionName=full)["Version"])
        return made

    def route(self, versions: dict[str, str], other: dict[str, str] | None = None) -> None:
        """Give the calls to these versions; half of them to the others, where there are any."""
        for name, version in versions.items():
            weights = {other[name]: 0.5} if other else {}
            self.functions.update_alias(
                FunctionName=self.platform.target.function(name),
                Name=LIVE,
                FunctionVersion=version,
                RoutingConfig={"AdditionalVersionWeights": weights},
            )

    def redefine(self) -> str:
        """A definition with one state more; half of the new executions get it."""
        text = self.states.describe_state_machine(stateMachineArn=self.machine)["definition"]
        definition = json.loads(text)
        definition["States"]["Name"]["Next"] = ADDED
        definition["States"][ADDED] = {"Type": "Pass", "Next": "Detect"}
        self.states.update_state_machine(stateMachineArn=self.machine, definition=json.dumps(definition))
        made = self.states.publish_state_machine_version(stateMachineArn=self.machine)
        new = str(made["stateMachineVersionArn"])
        self.route_machine((self.old, 50), (new, 50))
        return new

    def route_machine(self, *routes: tuple[str, int]) -> None:
        self.states.update_state_machine_alias(
            stateMachineAliasArn=f"{self.machine}:{LIVE}",
            routingConfiguration=[
                {"stateMachineVersionArn": arn, "weight": share} for arn, share in routes
            ],
        )

    def roll_back(self, release: str) -> None:
        """What `ona deploy rollback all --to` does."""
        target = self.platform.target
        things = versions.published(target.client, target.outputs["Environment"])
        for step in versions.way_back(things, "all", release):
            versions.take(target.client, step)

    def calls(self, function: str, version: str) -> float:
        """How often a version was called."""
        name = self.platform.target.function(function)
        of_version = {"FunctionName": name, "Resource": f"{name}:{LIVE}", "ExecutedVersion": version}
        return measured(self.platform, "AWS/Lambda", "Invocations", "Sum", **of_version)

    def worked(self, version: str) -> None:
        """Wait until a version of Detect was called, while files are in flight."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.calls("detect", version):
            assert time.monotonic() < deadline, f"Detect's version {version} was never called"
            time.sleep(0.1)


def changed_code() -> bytes:
    """The functions' package with something in it that was not there."""
    buffer = io.BytesIO(deploy.zip_folder(ROOT / "functions"))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("faulty.py", FAULTY + "\n# another release\n")
    return buffer.getvalue()


def settled(platform: Platform) -> None:
    platform.idle(PATIENCE_S)
    time.sleep(1)  # a site's event may be under way
    platform.idle(PATIENCE_S)


def orders(platform: Platform) -> list[str]:
    """The orders, without times, crews and ids."""
    found = [document for _, document in reckoning.documents(platform, "work-orders/")]
    told = [{name: order[name] for name in SAME} for order in found]
    skus = [sorted(part["sku"] for part in order["bill_of_materials"]) for order in found]
    return sorted(json.dumps([one, parts], sort_keys=True) for one, parts in zip(told, skus, strict=True))


def quietly(platform: Platform) -> list[str]:
    """The orders of the same files without a release."""
    plan = burst(COUNT, FAULTY_EVERY)
    reckoning.prepare(platform, plan)
    reckoning.begin(platform, plan.files, plan)
    settled(platform)
    reckoning.check(plan, reckoning.reckon(platform))
    return orders(platform)


def entered(platform: Platform, arn: str) -> set[str]:
    """The names of the states that an execution entered."""
    pages = platform.states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return {e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e}


def test_a_release_comes_and_goes_back_while_files_are_in_flight(tmp_path: Path) -> None:
    with own_platform(tmp_path) as platform:
        expected = quietly(platform)
        others = {item["executionArn"] for item in platform.executions()}
        platform.reset()
        plan, release = burst(COUNT, FAULTY_EVERY), Release(platform)
        reckoning.prepare(platform, plan)
        batches = [plan.files[at : at + BATCH] for at in range(0, len(plan.files), BATCH)]
        in_flight: list[int] = []

        def begin(batch: list[Planned]) -> None:
            reckoning.begin(platform, batch, plan)
            in_flight.append(running(platform))

        first = platform.target.client("lambda").get_function_configuration(
            FunctionName=platform.target.function("detect")
        )["Environment"]["Variables"]["ONA_RELEASE"]
        begin(batches[0])
        two = release.publish("second", changed_code())
        release.route(release.before, two)  # a canary: half of the calls
        begin(batches[1])
        release.worked(two["detect"])
        new = release.redefine()
        begin(batches[2])
        three = release.publish("third", LOG_LEVEL="DEBUG")
        release.route(three)
        release.route_machine((new, 100))
        begin(batches[3])
        release.worked(three["detect"])
        with ThreadPoolExecutor(2) as operators:  # one stops the platform, another takes the release back
            stopping = operators.submit(holding.hold, platform.target, "a bad release", "the suite")
            operators.submit(release.roll_back, first).result()
            stopping.result()
        begin([item for batch in batches[4:] for item in batch])
        progress = holding.release(platform.target)
        settled(platform)

        assert min(in_flight[:-1]) > 1, in_flight
        assert progress.came > 0
        assert progress.left == []
        assert release.live() == release.before
        [route] = release.alias()["routingConfiguration"]
        assert route["stateMachineVersionArn"] == release.old
        seen = reckoning.reckon(platform, others)
        totals = reckoning.check(plan, seen)
        assert totals["dead letter"] == 0
        assert orders(platform) == expected
        assert len(expected) == sum(item.kind == "faulty" for item in plan.files)
        began = Counter[str]()
        for run in (run for found in seen.runs.values() for run in found):
            named = platform.states.describe_execution(executionArn=run.arn)["stateMachineVersionArn"]
            began[named] += 1
            assert (ADDED in entered(platform, run.arn)) == (named == new), run.name
        assert set(began) == {release.old, new}
        calls = {n: [release.calls(n, v[n]) for v in (release.before, two, three)] for n in FUNCTIONS}
        print(
            f"\nin flight: {in_flight}; executions by definition: {sorted(began.values())}; calls: {calls}"
        )
        assert all(calls["detect"]), calls
