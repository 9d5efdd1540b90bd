"""The demo waits for a slow machine, gives up on one that stands still, and reports what it has."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from urllib3.exceptions import ReadTimeoutError

from ona.documents.findings import EnergyAtRisk, Finding
from ona.documents.work_orders import WorkOrder
from ona.repairs.tracking import TrackedOrder
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection, DetectionRecord, Incident, Window
from ooda.documents.diagnostics import Diagnostic
from ops.demo import follow, plots, run
from ops.demo.collect import Story, as_it_stands
from ops.target import OpsError
from tests.builders.telemetry import NOW


@dataclass
class Clock:
    """A clock that goes on when somebody sleeps, and the executions that have ended by then."""

    every_s: float
    stops_after: int
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ended(self) -> int:
        return min(int(self.now / self.every_s), self.stops_after)


@dataclass
class States:
    """Ten executions of files, with their outcomes, and three of site days."""

    clock: Clock
    operation: str = ""

    def get_paginator(self, operation: str) -> States:
        return States(self.clock, operation)

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        ended = self.clock.ended()
        if self.operation == "list_objects_v2":
            yield {"KeyCount": ended}
            return
        states = ["SUCCEEDED"] * (ended + 3) + ["RUNNING"] * (10 - ended)
        yield {"executions": [{"status": state} for state in states]}


@dataclass
class Target:
    states: States
    machine: str = "machine"
    output_bucket: str = "output"

    def client(self, _: str) -> States:
        return self.states


def follower(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> follow.Follower:
    monkeypatch.setattr(follow, "time", clock)
    return follow.Follower(Target(States(clock)))  # type: ignore[arg-type]


def test_a_slow_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(every_s=50, stops_after=10)
    follower(clock, monkeypatch).wait(10, "day 1", patience_s=60)
    assert clock.now >= 500


def test_a_machine_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(every_s=50, stops_after=7)
    with pytest.raises(OpsError, match="day 1: 3 files did not end; none ended in the last 60 s"):
        follower(clock, monkeypatch).wait(10, "day 1", patience_s=60)
    assert clock.now < 500


@pytest.mark.parametrize(
    "error",
    [OpsError("no model was promoted"), ReadTimeoutError(None, "/forecast", "late")],  # type: ignore[arg-type]
)
def test_a_part_that_fails_is_named_and_the_rest_goes_on(error: Exception) -> None:
    unfinished: list[str] = []
    with run._part("a new customer's forecast", Console(file=io.StringIO()), unfinished):
        raise error
    assert unfinished == [f"a new customer's forecast: {error}"]


def test_a_fault_of_the_demo_itself_is_not_hidden() -> None:
    with pytest.raises(KeyError), run._part("x", Console(file=io.StringIO()), []):
        raise KeyError("x")


# ------------------------------------------------------------------ what the report tells


def order(number: int, incident: str, status: str) -> WorkOrder:
    return WorkOrder.model_construct(
        work_order_id=f"wo-{number}",
        incident_id=incident,
        status=status,
        scheduled_start=NOW - timedelta(hours=number),
        total_cost_usd=100.0,
    )


def incident(name: str, lost_kwh: float) -> Incident:
    return Incident.model_construct(incident_id=name, lost_energy_kwh=lost_kwh)


def finding(incident_id: str, cause: str) -> Finding:
    risk = EnergyAtRisk.model_construct(daily_loss_usd=60.0)
    return Finding.model_construct(
        finding_key=f"A#inverter#{cause}",
        asset_id="A",
        first_seen=NOW,
        incident_ids=[incident_id],
        energy_at_risk=risk,
    )


def test_what_was_superseded_or_repaired_is_in_no_list_and_no_sum() -> None:
    """A stop that was withdrawn and came again as another; beside it a repaired and a standing fault."""
    told = [incident("old", 389.0), incident("new", 331.0), incident("well", 50.0), incident("other", 40.0)]
    asset = AssetDetection.model_construct(asset_id="A", incidents=told)
    history = AssetHistory.model_construct(incidents=[incident("new", 720.0)], superseded=[told[0]])
    names = [("old", "dc_bus_fault"), ("new", "failure"), ("well", "fan"), ("other", "trip")]
    story = Story(
        detections=[DetectionRecord.model_construct(generated_at=NOW, assets=[asset])],
        diagnostics=[Diagnostic.model_construct(findings=[finding(*name) for name in names])],
        schedules=[],
        orders=[order(1, "old", "CANCELLED"), order(2, "new", "OPEN"), order(3, "well", "COMPLETE")],
        crews=[],
        telemetry=pd.DataFrame(),
        accounts=[],
        letters=[],
        where={},
        histories=[history],
        repaired=frozenset({"well"}),
    )
    assert [one.work_order_id for one in story.standing_orders] == ["wo-3", "wo-2"]
    assert [(one.incident_id, one.lost_energy_kwh) for one in story.incidents] == [
        ("new", 720.0),
        ("well", 50.0),
        ("other", 40.0),
    ]
    assert [one.incident_ids for one in story.findings] == [["new"], ["well"], ["other"]]
    assert [one.incident_ids for one in story.open_faults] == [["new"], ["other"]]


def test_a_copied_order_has_its_last_status() -> None:
    document = {"work_order_id": "wo-1", "status": "OPEN", "title": "x"}
    tracked = {"wo-1": TrackedOrder.model_construct(status="CANCELLED")}
    assert as_it_stands(document, tracked) == {**document, "status": "CANCELLED"}
    assert as_it_stands(document, {}) == document


@pytest.mark.parametrize(("has_order", "colour"), [(True, plots.RED), (False, plots.AMBER)])
def test_an_incident_with_an_order_is_drawn_as_one_also_when_it_is_over(
    has_order: bool, colour: str
) -> None:
    """A trip that is over is not actionable any more; its order stands."""
    times = pd.date_range("2025-06-10", periods=96, freq="15min", tz="UTC")
    trip = Incident.model_construct(
        incident_id="trip",
        asset_id="A",
        window=Window(start=times[40], end=times[52]),
        lost_energy_kwh=200.0,
        days=1,
        actionable=False,
    )
    asset = AssetDetection.model_construct(asset_id="A", incidents=[trip])
    story = Story(
        detections=[DetectionRecord.model_construct(generated_at=NOW, assets=[asset])],
        diagnostics=[],
        schedules=[],
        orders=[order(1, "trip", "OPEN")] if has_order else [],
        crews=[],
        telemetry=pd.DataFrame(
            {"timestamp": times, "asset_id": "A", "power_kw": 40.0, "expected_kw": 50.0}
        ),
        accounts=[],
        letters=[],
        where={},
    )
    drawn = plots.power(story, "UTC")
    other = plots.AMBER if has_order else plots.RED
    assert (colour in drawn, other in drawn) == (True, False)
