"""The demo waits for a slow machine, gives up on one that stands still, and reports what it has."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from urllib3.exceptions import ReadTimeoutError

from ona.documents.findings import EnergyAtRisk, Finding
from ona.documents.work_orders import BomLine, CrewAssignment, OrderRisk, WorkOrder
from ona.outbox.items import Notice
from ona.repairs.tracking import TrackedOrder
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection, DetectionRecord, Incident, Window
from ooda.documents.diagnostics import Diagnostic
from ops.demo import follow, inbox, plots, report, run, simulate
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
        cause=cause,
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
    assert [one.incident_ids for one in story.mended_faults] == [["well"]]
    assert [story.state_of(one) for one in story.standing_orders] == [
        "mended, verified by telemetry",
        "open",
    ]
    waits_for_telemetry = order(4, "other", "COMPLETE")
    assert story.state_of(waits_for_telemetry) == "mended, telemetry will tell if it held"


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


# ------------------------------------------------------------------ the page


def full_order(state: str, part: BomLine) -> WorkOrder:
    return order(1, "well", state).model_copy(
        update={
            "asset_id": "INV-002",
            "priority": "critical",
            "title": "Unknown Needs Further Investigation: intermittent fault at Inverter 2",
            "recommended_actions": ["read_event_log"],
            "crew_assignment": CrewAssignment(crew_id="crew-001", technician_count=1, specialization="x"),
            "scheduled_start": datetime(2026, 11, 30, 13, 25, tzinfo=UTC),
            "estimated_duration_hours": 3.0,
            "bill_of_materials": [part, part.model_copy(update={"sku": "FAN", "lead_time_days": 1.0})],
            "energy_at_risk": OrderRisk(daily_loss_usd=24.08, total_risk_usd=30.0, roi_days=4.9),
        }
    )


def page_of(tmp_path: Path, state: str = "COMPLETE", repaired: frozenset[str] = frozenset({"well"})) -> str:
    part = BomLine.model_construct(sku="MC4", quantity=1, lead_time_days=0.0)
    times = pd.date_range("2025-06-10", periods=4, freq="15min", tz="UTC")
    story = Story(
        detections=[],
        diagnostics=[Diagnostic.model_construct(findings=[finding("well", "wrong_setpoint")])],
        schedules=[],
        orders=[full_order(state, part)],
        crews=[],
        telemetry=pd.DataFrame({"timestamp": times, "asset_id": "A", "power_kw": 1.0, "expected_kw": 1.0}),
        accounts=[],
        letters=[],
        where={},
        repaired=repaired,
    )
    page = report.Page(
        title="t",
        subtitle="s",
        footer="Made by `make demo`.",
        now=NOW,
        zone=simulate.ZONE,
        crew_zone=simulate.ZONE,
        where=[("orders", "reports/demo/output/work-orders/")],
        cloud_words=run._cloud_words(run.HOMES / "demo-demo", keep=False),
        fleet=simulate.Fleet({}, [], {}),
        journey=None,
        repaired=None,
        unfinished=[],
        messages=[],
        messages_waiting=[],
    )
    path = tmp_path / "report.html"
    report.write(path, story, simulate.registry(), page)
    return path.read_text("utf-8")


def test_the_page_says_what_became_of_a_mended_fault(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "mended, verified by telemetry: nothing is at risk any more" in page
    assert 'critical, <span class="good">mended, verified by telemetry</span>' in page
    assert "work orders, 1 of them mended, 100 USD in parts" in page


def test_the_page_tells_a_visit_in_the_sites_time_and_utc_beside_it(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "Mon 30 Nov 08:25 America/New_York (13:25 UTC), 3 h" in page
    assert "Times are those of America/New_York where no other zone is named" in page


def test_the_page_has_one_currency_short_titles_and_commands_as_code(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "$" not in page
    assert "Unknown: intermittent fault at Inverter 2" in page
    assert "Needs Further Investigation" not in page
    assert "<code>make demo</code>" in page
    assert "`" not in page
    assert '<code class="id">MC4</code><br>' in page, "no lead time where there is none"
    assert '<code class="id">FAN</code>, 1 day lead time' in page
    assert "is down; <code>ONA_HOME=.ona/demo-demo ./ona up</code> brings it up again" in page
    assert "s3://" not in page


def test_severity_and_priority_are_explained_where_they_stand(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    told = page.index("says how far the machine is from sound")
    assert page.index("What is wrong, and what it costs") < told < page.index("The crews' week")


def test_what_waits_is_told_in_a_time_that_people_read() -> None:
    until = datetime(2026, 11, 29, 8, 10, tzinfo=UTC)
    notice = Notice.model_construct(subject="digest", next_at=until)
    assert inbox.waits(notice, "America/New_York") == (
        "digest, until Sun 29 Nov 03:10 America/New_York (08:10 UTC)"
    )
    assert inbox.waits(notice.model_copy(update={"next_at": None}), "UTC") == "digest, due now"


def test_injected_and_seen_times_are_those_of_the_site() -> None:
    fault = next(one for one in simulate.faults() if one.asset_id == "INV-003")
    dead = Incident.model_construct(
        incident_id="dead",
        asset_id="INV-003",
        window=Window(start=fault.start, end=fault.end),
        lost_energy_kwh=2290.0,
    )
    asset = AssetDetection.model_construct(asset_id="INV-003", incidents=[dead])
    record = DetectionRecord.model_construct(generated_at=NOW, assets=[asset])
    story = Story([record], [], [], [], [], pd.DataFrame(), [], [], {})
    [told] = report.verdicts(story, simulate.Fleet({}, [fault], {"INV-003": 2456.0}), simulate.ZONE)
    assert (told.start, told.seen[:15], told.true_kwh) == ("12 Jun 11:15", "12 Jun 11:15 to", "2,456")
