"""The solver's tours as visits of crews: each task served becomes a booking."""

from __future__ import annotations

from dataclasses import dataclass

from ona.repairs.crews import Booking, Work
from ooda.schedule.build import Built
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.tours import Tour
from ooda.schedule.visits import Visit


@dataclass(frozen=True)
class Placement:
    """Where a task is done: its work, the tour that serves it, the crew, and the booking."""

    task: int
    work: Work
    tour: Tour
    crew_id: str
    booking: Booking


def placements(built: Built, solution: Solution) -> dict[int, Placement]:
    """Where each task is done that a tour serves, by task."""
    return {placed.task: placed for tour in solution.tours.values() for placed in _on_tour(built, tour)}


def as_promised(before: Visit, crew_id: str, booking: Booking) -> bool:
    """Whether a visit is by the crew and at the time that people were told."""
    return (before.crew_id, before.booking.start) == (crew_id, booking.start)


def _on_tour(built: Built, tour: Tour) -> list[Placement]:
    """A tour as bookings that touch each other: each with the way to it, the last with the way home."""
    problem = built.problem
    shift = problem.shifts[tour.shift]
    here, leaves, placed = shift.start, tour.leaves, []
    for n, number in enumerate(tour.tasks):
        work, task = built.works[number], problem.tasks[number]
        ends = tour.begins[n] + task.minutes
        km = problem.km[here][task.place]
        last = n == len(tour.tasks) - 1
        if last:
            km += problem.km[task.place][shift.end]
        booking = Booking(
            finding_key=work.finding_key,
            finding_id=work.finding_id,
            asset_id=work.asset_id,
            site_id=work.site_id,
            leaves=built.moment(leaves),
            start=built.moment(tour.begins[n]),
            end=built.moment(ends),
            returns=built.moment(tour.returns if last else ends),
            technicians=tour.people,
            specialization=work.specialization,
            travel_km=round(km, 1),
            on_tour=n > 0,
            work=work,
        )
        placed.append(Placement(number, work, tour, shift.crew, booking))
        here, leaves = task.place, ends
    return placed
