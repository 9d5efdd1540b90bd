"""What Order decides about a job, without a cloud."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ona.documents.work_orders import CrewAssignment, Job, WorkOrder
from ona.repairs.crews import Booking, Crew
from ona.repairs.experience import NO_EXPERIENCE
from ona.repairs.locks import OrderLock
from ona.repairs.tracking import TrackedOrder
from ona.runtime.errors import InvalidPayload
from ooda.order.decisions import (
    Finish,
    Follow,
    Leave,
    Means,
    Open,
    Refuse,
    Repair,
    decide,
    decide_again,
)
from tests.builders.assets import make_asset
from tests.builders.orders import tracked
from tests.builders.plans import NOW, crew, plan, request

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def job() -> Job:
    """A job that was scheduled, for crew 1."""
    return plan([request(1)], [crew(1)]).jobs[0]


def means() -> Means:
    return Means(make_asset("INV-001"), request(1).rule, [], NO_EXPERIENCE)


def booked(job: Job, hours: float = 0.0) -> Crew:
    """Crew 1 with a visit for the job, so many hours later than its plan says."""
    assert job.scheduled_start is not None
    assert job.scheduled_end is not None
    start, end = job.scheduled_start + hours * HOUR, job.scheduled_end + hours * HOUR
    booking = Booking(
        finding_key=job.finding_key,
        finding_id=job.finding_id,
        asset_id=job.asset_id,
        site_id=job.site_id,
        leaves=start - HOUR,
        start=start,
        end=end,
        returns=end + HOUR,
        technicians=2,
        specialization="inverter_maintenance",
        travel_km=30.0,
    )
    return crew(1).model_copy(update={"bookings": [booking]})


def order_for(job: Job, crews: list[Crew]) -> WorkOrder:
    decision = decide(Repair(job, request(1).finding, crews), means(), NOW)
    assert isinstance(decision, Open)
    return decision.order


def lock(finding_id: str, finding_key: str) -> OrderLock:
    return OrderLock(
        name=f"open#{finding_key}",
        work_order_id="wo-20250601-00000001",
        finding_id=finding_id,
        finding_key=finding_key,
    )


def test_an_order_has_the_visit_that_is_booked_now(job: Job) -> None:
    assert order_for(job, []).scheduled_start == job.scheduled_start
    assert job.scheduled_start is not None
    order = order_for(job, [booked(job, hours=24)])
    assert order.scheduled_start == job.scheduled_start + 24 * HOUR
    assert order.crew_assignment == CrewAssignment(
        crew_id="crew-001", technician_count=2, specialization="inverter_maintenance"
    )


def test_a_component_that_is_not_installed_is_refused(job: Job) -> None:
    finding = request(1).finding
    component = finding.component.model_copy(update={"serial": "another"})
    wrong = finding.model_copy(update={"component": component})
    decision = decide(Repair(job, wrong, []), means(), NOW)
    assert isinstance(decision, Refuse)
    assert "another is not installed" in decision.reason


def test_a_job_without_a_crew_is_no_job_to_order(job: Job) -> None:
    without_crew = job.model_copy(update={"crew_assignment": None, "decision": "deferred"})
    with pytest.raises(InvalidPayload, match="has no crew"):
        decide(Repair(without_crew, request(1).finding, []), means(), NOW)


def again(
    repair: Repair, open_lock: OrderLock | None, earlier: TrackedOrder | None = None
) -> Finish | Follow | Leave:
    """What `decide_again` says to execution-1 at NOW."""
    order = order_for(repair.job, [])
    return decide_again(repair, order, open_lock, earlier, execution_id="execution-1", now=NOW)


@pytest.mark.parametrize("mine", [True, False])
def test_an_earlier_try_is_finished_under_its_own_number(job: Job, mine: bool) -> None:
    finding = request(1).finding
    same = lock(finding.finding_id, finding.finding_key)
    earlier = tracked(execution_id="execution-1" if mine else "execution-0")
    decision = again(Repair(job, finding, [booked(job)]), same, earlier)
    assert isinstance(decision, Finish)
    assert decision.order.work_order_id == same.work_order_id
    assert decision.status == ("ordered" if mine else "already_ordered")


def test_an_open_order_with_a_visit_to_come_stands_and_another_keys_visit_is_given_back(job: Job) -> None:
    finding = request(1).finding
    other = booked(job).bookings[0].model_copy(update={"finding_key": "INV-1#x#other"})
    crews = [booked(job).model_copy(update={"bookings": [other]})]
    open_lock = lock("find-other", "INV-1#x#other")
    assert again(Repair(job, finding, crews), open_lock) == Leave(
        open_lock.work_order_id, "an order for this fault is open", give_back=finding.finding_key
    )
    same_key = lock("find-other", finding.finding_key)
    standing = tracked(scheduled_start=booked(job).bookings[0].start)
    assert again(Repair(job, finding, [booked(job)]), same_key, standing) == Leave(
        same_key.work_order_id, "an order for this fault is open"
    )


def test_an_open_order_whose_visit_is_over_follows_the_new_one(job: Job) -> None:
    finding = request(1).finding
    over = booked(job).bookings[0].model_copy(update={"finding_key": "INV-1#x#other", "returns": NOW})
    crews = [booked(job).model_copy(update={"bookings": [over]})]
    open_lock = lock("find-other", "INV-1#x#other")
    assert again(Repair(job, finding, crews), open_lock) == Follow()
    assert again(Repair(job, finding, []), open_lock) == Follow()
    assert again(Repair(job, finding, []), None) == Follow()
    same_key = lock("find-other", finding.finding_key)
    past = tracked(scheduled_start=NOW - timedelta(days=2))
    assert again(Repair(job, finding, [booked(job)]), same_key, past) == Follow(), (
        "the plan lifted the visit that is over and booked another under the same key"
    )
