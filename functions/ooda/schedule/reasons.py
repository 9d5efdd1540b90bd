"""Why each job is where it is, or nowhere: sentences for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from ona.documents.work_orders import Decision
from ona.repairs.crews import Work
from ona.runtime.words import counted
from ooda.schedule.build import Built
from ooda.schedule.calendars import why_closed
from ooda.schedule.horizon import horizon_days
from ooda.schedule.placements import Placement
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.solve import Result
from ooda.schedule.solver.tours import Tours
from ooda.schedule.times import next_step
from ooda.schedule.visits import Visit


@dataclass(frozen=True)
class Reasons:
    """The reasons of one solution."""

    built: Built
    result: Result
    now: datetime
    rules: PlanningRules

    @cached_property
    def _tours(self) -> Tours:
        return Tours(self.built.problem)

    # ------------------------------------------------------------------ jobs with a visit

    def why_here(self, placed: Placement, waiting_usd: float) -> str:
        """Why a job is where it is; `waiting_usd`: what a day later costs of production."""
        task, work, tour = placed.task, placed.work, placed.tour
        problem = self.built.problem
        parts = ["the cheapest plan of all" if self.result.optimal else "the cheapest plan found"]
        count = len(tour.tasks)
        if count > 1:
            parts.append(f"visit {tour.tasks.index(task) + 1} of {count} on one tour")
        parts.append(f"a day later costs {waiting_usd:.0f} USD more of production")
        if work.part and work.ready > next_step(self.now):
            lead = (work.ready - self.now).total_seconds() / 86400.0
            parts.append(f"waits for {work.part} ({counted(lead, 'day', '.3g')})")
        if work.hours_in_all:
            parts.append(f"takes {work.hours_in_all:g} h, more than a day: this is the first")
        closures = self._closures(placed)
        if closures:
            parts.append(f"no work on {', '.join(closures)}")
        if work.due is not None and placed.booking.start > work.due:
            parts.append(f"late: it was due by {_day(work.due, work)}")
        other = self._next_best(placed)
        if other is not None:
            crew, more = other
            parts.append(f"{crew}, the next best crew, costs {more:.0f} USD more")
        elif len({s.crew for s, w in zip(problem.shifts, problem.windows[task], strict=True) if w}) == 1:
            parts.append("no other crew can do it")
        return "; ".join(parts)

    def _closures(self, placed: Placement) -> list[str]:
        """The days between a job's readiness and its start on which the crew does not work, and why."""
        work, crew = placed.work, self.built.crews[placed.crew_id]
        zone = ZoneInfo(work.zone)
        day = work.ready.astimezone(zone).date()
        last = placed.booking.start.astimezone(zone).date()
        closures = []
        while day < last:
            why = why_closed(day, zone.key, crew, self.rules.constraints.working_hours)
            if why:
                closures.append(f"{day:%-d %B} ({why})")
            day += timedelta(days=1)
        return closures

    def _next_best(self, placed: Placement) -> tuple[str, float] | None:
        """The other crew that could do it at least cost with all other tours as they are, and its extra
        cost in weighted USD."""
        problem, used = self.built.problem, self.result.solution.tours
        task, tour = placed.task, placed.tour
        without = self._tours.tour(tour.shift, tuple(stop for stop in tour.stops if stop != task))
        if without is None:
            return None
        saved = tour.cost - without.cost
        groups = problem.groups()
        busy = {groups[number] for number in used}
        best: tuple[str, float] | None = None
        for number, shift in enumerate(problem.shifts):
            if shift.crew == placed.crew_id or problem.windows[task][number] is None:
                continue
            if number not in used and groups[number] in busy:
                continue
            base = self._tours.tour(number, used[number].stops if number in used else ())
            longer = self._tours.insert(base, task) if base else None
            if base and longer and (best is None or longer.cost - base.cost - saved < best[1]):
                best = (shift.crew, longer.cost - base.cost - saved)
        return best

    # ------------------------------------------------------------------ jobs without a visit

    def why_left_out(self, task: int, work: Work) -> tuple[Decision, str]:
        """Whether a job is deferred or unschedulable, and why."""
        problem = self.built.problem
        if not work.must and any(problem.windows[task]):
            left = problem.tasks[task].absence
            return "deferred", (
                f"{work.daily_usd:.2f} USD a day is below the threshold of "
                f"{self.rules.thresholds.ear_threshold_usd:g}, it is not critical, and sending a crew "
                "costs more than leaving it for "
                f"{counted(horizon_days(work, self.now, self.rules), 'day')} ({left:.0f} USD weighted)"
            )
        return "unschedulable", self._binding(task, work)

    def _binding(self, task: int, work: Work) -> str:
        """The constraints that leave no place for a job."""
        if not self.built.crews:
            return "no crew is registered in the crews table"
        reasons = list(self.built.obstacles[task])
        days = horizon_days(work, self.now, self.rules)
        possible = any(
            window and self._tours.tour(number, (task,))
            for number, window in enumerate(self.built.problem.windows[task])
        )
        if possible:
            reasons.append(
                f"no time within {counted(days, 'day')}: every place that fits is taken by work that costs "
                "more to leave, or the most crews "
                f"({self.rules.constraints.max_concurrent_jobs}) are out already"
            )
        elif len(self.built.crews) > len(reasons):
            reasons.append(self._no_time(work, days))
        return "; ".join(reasons)

    def _no_time(self, work: Work, days: int) -> str:
        """Why no shift of an able crew holds the work."""
        if work.ready > self.now + timedelta(days=days):
            return f"{work.part} arrives after {counted(days, 'day')}"
        why = f"no time within {counted(days, 'day')}: no free working day is long enough"
        if work.light != "any":
            why += f" while it is {'light' if work.light == 'day' else 'dark'}"
        return why


def why_moved(before: Visit, placed: Placement, because: Iterable[str]) -> str:
    """Why a visit is not where it was; `because`: the keys of the findings that are planned anew."""
    booking, work = placed.booking, placed.work
    if (placed.crew_id, before.booking.start) == (before.crew_id, booking.start):
        technicians = before.booking.technicians
        change = (
            f"the crew is {counted(booking.technicians, 'technician')}, not {technicians}: others are on it"
        )
    else:
        change = (
            f"moved from {_day(before.booking.start, work)} ({before.crew_id}) "
            f"to {_day(booking.start, work)} ({placed.crew_id})"
        )
    assets = ", ".join(sorted(key.partition("#")[0] for key in because)) or "the rest"
    return f"{change}: with {assets} the whole plan costs less"


def _day(moment: datetime, work: Work) -> str:
    return f"{moment.astimezone(ZoneInfo(work.zone)):%A %-d %B %H:%M}"
