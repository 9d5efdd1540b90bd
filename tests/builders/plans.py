"""What tests of plans share: a moment, requests, crews, and the plan that Schedule makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ona.config import causes, parts
from ona.config.parts import Part
from ona.documents.assets import Location
from ona.documents.base import S3Pointer
from ona.documents.findings import ConfidenceInterval, EnergyAtRisk, Finding, FindingComponent, RiskHorizon
from ona.repairs.crews import Booking, Crew
from ona.runtime.clock import WEEKDAYS
from ooda.config import loss_function
from ooda.schedule.plan import Plan, make_plan
from ooda.schedule.requests import RepairRequest
from ooda.schedule.rules import Legs, PlanningRules
from tests.builders.assets import SITE, make_asset

NOW = datetime(2025, 6, 11, 9, 3, tzinfo=UTC)
"""A Wednesday morning, in Johannesburg 11:03."""
YOUTH_DAY = date(2025, 6, 16)
"""A Monday, and a public holiday in South Africa."""
ZONE = ZoneInfo("Africa/Johannesburg")
SKILLS = ["inverter_maintenance", "electrical_work", "mechanical_repair"]
DEAD_INVERTER = Finding(
    finding_id="find-5dfb2b6353c3",
    finding_key="INV-001#inverter#component_failure",
    asset_id="INV-001",
    component=FindingComponent(oem="Sungrow", model="SG110CX", serial="INV-001-inverter", type="inverter"),
    severity=0.99,
    risk_class="critical",
    rank_score=0.6956,
    cause="inverter_failure",
    category="OEM Fault",
    subcategory="component_failure",
    orange_button="InverterFailure",
    sunspec=["HW_TEST_FAILURE", "MANUAL_SHUTDOWN"],
    error_type="critical",
    description="INV-001: no power for 6.0 h of daylight",
    reasons=["no power for 6.0 h of daylight", "and it did not come back the same day"],
    confidence=0.9,
    recommended_actions=["inspect_inverter", "replace_component", "verify_output"],
    energy_at_risk=EnergyAtRisk(
        daily_loss_kwh=607.78,
        daily_loss_usd=121.56,
        confidence_interval=ConfidenceInterval(lower=607.05, upper=608.12),
        horizons=[
            RiskHorizon(
                hours=24,
                loss_kwh=607.78,
                loss_usd=121.56,
                confidence_interval=ConfidenceInterval(lower=607.05, upper=608.12),
            )
        ],
        growth_percent_per_day=0.0,
        lost_so_far_kwh=405.56,
        lost_so_far_usd=81.11,
        daily_expected_kwh=607.78,
    ),
    first_seen=datetime(2025, 6, 10, 9, 0, tzinfo=UTC),
    last_seen=datetime(2025, 6, 10, 14, 45, tzinfo=UTC),
    incident_ids=["inc-20250610-e4df6c8562"],
)
"""What Diagnose says of a sunny day on which an inverter of 100 kW stops at 09:00 UTC."""


def request(
    number: int,
    *,
    cause: str = "inverter_failure",
    daily: float = 80.0,
    risk: str = "critical",
    site: str = "site",
    location: Location = SITE,
    open_order: str = "",
) -> RepairRequest:
    """A fault of asset INV-<number> that loses `daily` USD a day."""
    finding = DEAD_INVERTER.model_copy(
        update={
            "finding_id": f"find-{number}",
            "finding_key": f"INV-{number}#x#{cause}",
            "asset_id": f"INV-{number}",
            "risk_class": risk,
            "cause": cause,
            "incident_ids": [f"inc-{number}"],
            "energy_at_risk": DEAD_INVERTER.energy_at_risk.model_copy(update={"daily_loss_usd": daily}),
        }
    )
    asset = make_asset(f"INV-{number}", site_id=site, location=location)
    pointer = S3Pointer(bucket="out", key="diagnostics/x.json")
    return RepairRequest(finding, asset, causes.cause_rules()[cause], pointer, open_order)


def part(sku: str, price: float | None, lead: float | None, oem: str = "*", model: str = "*") -> Part:
    """A fan of the catalogue: USD and days."""
    return Part(
        sku=sku,
        description=sku,
        component_type="fan",
        oem=oem,
        model=model,
        unit_price_usd=price,
        lead_time_days=lead,
    )


def crew(number: int, **changes: Any) -> Crew:
    """A crew of three with all skills, 15 km by road from the site."""
    base: dict[str, Any] = {
        "crew_id": f"crew-{number:03d}",
        "base": Location(latitude=-26.1, longitude=28.1),
        "specialisations": SKILLS,
        "size": 3,
    }
    return Crew.model_validate({**base, **changes})


def plan(
    requests: Sequence[RepairRequest],
    crews: Sequence[Crew],
    *,
    now: datetime = NOW,
    catalogue: Sequence[Part] | None = None,
    legs: Legs | None = None,
    seconds: float = 20.0,
) -> Plan:
    """The plan by the project's own rules, with its own parts unless others are given."""
    config = loss_function.loss_function_config()
    listed = parts.parts_catalogue().parts if catalogue is None else catalogue
    rules = PlanningRules(config, config.weights, listed, legs or {})
    return make_plan(requests, crews, rules, now=now, seed=1, seconds=seconds)


def calendars_after(result: Plan, crews: Sequence[Crew]) -> dict[str, list[Booking]]:
    """The calendars with the plan in them, by crew."""
    return {
        item.crew_id: [
            *(b for b in item.bookings if b.finding_key not in result.lifted),
            *result.bookings.get(item.crew_id, []),
        ]
        for item in crews
    }


def booked(result: Plan, crews: Sequence[Crew]) -> list[Crew]:
    """The crews with the plan in their calendars."""
    calendars = calendars_after(result, crews)
    return [item.model_copy(update={"bookings": calendars[item.crew_id]}) for item in crews]


def check(result: Plan, requests: Sequence[RepairRequest], crews: Sequence[Crew]) -> None:
    """Fails where the plan breaks a constraint of the project's own rules."""
    rules = loss_function.loss_function_config()
    decided = [job for job in result.jobs if job.decision != "moved"]
    assert sorted(job.finding_id for job in decided) == sorted(r.finding.finding_id for r in requests)
    before = {b.finding_key: b for item in crews for b in item.bookings}
    frozen = NOW + timedelta(hours=rules.constraints.freeze_hours)
    assert all(before[key].leaves >= frozen for key in result.lifted), "what is near is not moved"
    placed = [b.finding_key for bookings in result.bookings.values() for b in bookings]
    assert result.lifted <= set(placed), "nobody loses a visit"
    assert len(placed) == len(set(placed))
    assert {job.finding_key for job in result.jobs if job.decision == "moved"} <= result.lifted
    by_crew = calendars_after(result, crews)
    everyone = [b for bookings in by_crew.values() for b in bookings]
    for crew_id, bookings in by_crew.items():
        ordered = sorted(bookings, key=lambda b: b.leaves)
        times = sorted((time for b in ordered for time in b.times), key=lambda t: t.leaves)
        for earlier, later in pairwise(times):
            assert earlier.returns <= later.leaves, "double booking"
        hours: dict[Any, float] = {}
        for time in times:
            day = time.leaves.astimezone(ZONE).date()
            hours[day] = hours.get(day, 0) + (time.returns - time.leaves).total_seconds() / 3600
        assert all(value <= rules.crew.hours_per_day + 1e-9 for value in hours.values())
        owner = next(item for item in crews if item.crew_id == crew_id)
        for booking in result.bookings.get(crew_id, []):
            for time in booking.times:
                local_leave, local_back = time.leaves.astimezone(ZONE), time.returns.astimezone(ZONE)
                assert local_leave.time() >= rules.constraints.working_hours.start
                assert local_back.time() <= rules.constraints.working_hours.end
                assert local_leave.date() == local_back.date()
                day = local_leave.date()
                weekday = WEEKDAYS[day.weekday()]
                assert weekday in (owner.working_days or rules.constraints.working_hours.days)
                assert day != YOUTH_DAY or owner.works_on_holidays
                assert not any(absence.first <= day <= absence.last for absence in owner.away)
            assert booking.specialization in owner.specialisations
            assert booking.technicians <= owner.size
            assert booking.travel_km <= 2 * len(booking.times) * rules.crew.max_travel_distance_km
            assert booking.leaves >= NOW
    out = [time for booking in everyone for time in booking.times]
    for time in out:
        running = sum(one.leaves <= time.leaves < one.returns for one in out)
        assert running <= rules.constraints.max_concurrent_jobs
    for job in result.jobs:
        if job.decision == "scheduled" and job.parts_arrive:
            assert job.scheduled_start is not None
            assert job.scheduled_start >= job.parts_arrive
