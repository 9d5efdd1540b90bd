"""Visits that are booked: which may move, for what, and what is left of a tour without one."""

from __future__ import annotations

import re
from datetime import timedelta

from ona.repairs.crews import Booking, without
from ooda.config import loss_function
from tests.builders.plans import NOW, booked, check, crew, plan, request


def test_a_distant_visit_moves_for_costlier_work_and_gives_the_reason() -> None:
    """Three half-days' work of little worth is planned; then an asset stops that loses a hundred times as
    much. It takes the first day on which its part is there, and the visit of that day is moved."""
    team = [crew(1)]
    first = [request(n, cause="inverter_failure", daily=55) for n in (1, 2, 3)]
    before = plan(first, team)
    after = booked(before, team)
    urgent = request(9, cause="inverter_failure", daily=5000)
    second = plan([urgent], after)
    jobs = {job.finding_id: job for job in second.jobs}
    placed = jobs["find-9"].scheduled_start
    assert placed is not None
    moved = [job for job in second.jobs if job.decision == "moved"]
    assert moved
    assert placed in [booking.start for item in after for booking in item.bookings]
    for job in moved:
        sentence = r"moved from \w+day .* to \w+day .*: with INV-9 the whole plan costs less"
        assert re.match(sentence, job.reason)
        assert job.scheduled_start is not None
        assert job.scheduled_start > placed
    assert second.summary is not None
    assert second.summary.jobs == 3, "one visit is near and stays"
    check(second, [urgent], after)


def test_a_visit_that_is_near_is_not_moved() -> None:
    team = [crew(1)]
    near = plan([request(1, cause="grid_outage", daily=60)], team)
    after = booked(near, team)
    start = near.bookings["crew-001"][0].leaves
    assert start < NOW + timedelta(hours=loss_function.loss_function_config().constraints.freeze_hours)
    second = plan([request(9, cause="grid_outage", daily=9000)], after)
    assert not second.lifted
    assert [job.decision for job in second.jobs] == ["scheduled"]


def test_a_visit_is_not_moved_for_less_than_moving_costs() -> None:
    """Whoever loses a dollar a day more would be first, by some dollars in all: not worth a phone call."""
    team = [crew(1)]
    after = booked(plan([request(n, daily=60) for n in (1, 2)], team), team)
    for daily, moves in ((61, 0), (90, 1)):
        second = plan([request(9, daily=daily)], after)
        assert len([job for job in second.jobs if job.decision == "moved"]) == moves


def test_a_visit_taken_off_a_tour_leaves_its_way_to_the_others() -> None:
    """Who goes on to the next site, or home, still has to get there."""
    requests = [request(n, cause="wrong_setpoint", daily=300 - n) for n in (1, 2, 3)]
    tour = plan(requests, [crew(1)]).bookings["crew-001"]
    assert [booking.on_tour for booking in tour] == [False, True, True]
    for gone in range(3):
        rest = without([tour[2], tour[0], tour[1]], tour[gone])
        assert [booking.finding_key for booking in rest] == [
            booking.finding_key for n, booking in enumerate(tour) if n != gone
        ]
        assert (rest[0].leaves, rest[-1].returns) == (tour[0].leaves, tour[2].returns)
        assert rest[0].returns == rest[1].leaves
        assert not rest[0].on_tour
    alone = tour[0].model_copy(update={"returns": tour[0].end})
    assert without([alone, tour[2]], alone) == [tour[2]], "two tours of a day have no part in each other"


def test_a_booking_reads_back_as_it_was_written() -> None:
    booking = plan([request(1)], [crew(1)]).bookings["crew-001"][0]
    assert Booking.model_validate(booking.document()) == booking
