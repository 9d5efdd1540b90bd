"""Why each job is where it is, or nowhere: sentences for people, from the numbers that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from ona.documents.work_orders import Decision
from ona.repairs.crews import Booking, Crew, Work
from ona.runtime.words import counted, listed, number_above, number_below
from ooda.schedule.arrangement import Arrangement
from ooda.schedule.calendars import why_closed
from ooda.schedule.eligibility import why_not
from ooda.schedule.horizon import LONGEST_LEAD_DAYS, arrives_in_days, horizon_days
from ooda.schedule.loss import absence
from ooda.schedule.options import Options
from ooda.schedule.placements import Placement, as_promised, placements
from ooda.schedule.requests import ARRIVES
from ooda.schedule.rules import PlanningRules
from ooda.schedule.several_days import Ground, Stay, stays
from ooda.schedule.spoken_times import MOST_NAMED, away, clock, later_days
from ooda.schedule.travel import is_assumed
from ooda.schedule.visits import Calendars, Visit

SAME_USD = 0.5
"""USD, weighted, below which two plans cost the same (ours): no number is printed for them."""


@dataclass(frozen=True)
class Reasons:
    """The reasons of one arrangement. `before`: the calendars as they were; `new`: the keys of the findings
    that are planned anew; `unread`: crews that nobody can read, in words; `others`: of a plan by regions,
    how many crews of other regions could do a work, by finding; None of a plan of all."""

    plan: Arrangement
    before: Calendars
    new: Sequence[str]
    unread: Sequence[str]
    others: Mapping[str, int] | None = None

    @property
    def _here(self) -> str:
        """Whose crews and work a sentence is about."""
        return "" if self.others is None else " of its region"

    def _elsewhere(self, work: Work) -> list[str]:
        """That crews of other regions could do it too, where there are any."""
        count = (self.others or {}).get(work.finding_key, 0)
        return [f"{counted(count, 'crew')} of other regions could do it and were not asked"] * bool(count)

    @property
    def now(self) -> datetime:
        """When the plan is made."""
        return self.plan.ground.now

    @property
    def rules(self) -> PlanningRules:
        """The rules of the plan."""
        return self.plan.ground.rules

    @cached_property
    def _options(self) -> Options:
        return Options(self.plan.built.problem, self.plan.solution.tours)

    # ------------------------------------------------------------------ jobs with a visit

    def why_here(self, placed: Placement | Stay, waiting_usd: float) -> str:
        """Why a job is where it is; `waiting_usd`: what a day later costs of production."""
        work = placed.work
        found = "" if self.plan.optimal else " found"
        if self.plan.optimal and self.others is None and not self.plan.kept:
            found = " of all"
        parts = [f"the cheapest plan{self._here}{found}{self._beside_promised}"]
        if isinstance(placed, Placement) and len(placed.tour.tasks) > 1:
            at, count = placed.tour.tasks.index(placed.task) + 1, len(placed.tour.tasks)
            parts.append(f"visit {at} of {count} on one tour")
        parts.append(f"a day later costs {waiting_usd:.0f} USD more of production")
        arrives = arrives_in_days(work, self.now)
        if work.part and arrives > 0:
            parts.append(f"waits for {work.part} ({counted(round(arrives, 2), 'day', 'g')})")
        days = placed.booking.days
        if days:
            parts.append(
                f"takes {work.hours:g} h: {counted(len(days), 'day')} of the same crew, "
                f"until {clock(placed.booking.end)}"
            )
        parts += self.assumed(work, placed.crew_id)
        closures = self._closures(placed)
        if closures:
            parts.append(f"no work on {listed(closures, MOST_NAMED)}")
        if work.due is not None and placed.booking.start > work.due:
            parts.append(f"late: it was due by {clock(work.due)}")
        return "; ".join([*parts, *self._others(placed)])

    @property
    def _beside_promised(self) -> str:
        """That visits were not asked, because moving them could not pay."""
        kept = counted(self.plan.kept, "visit")
        return f" beside {kept} that stay as promised" if self.plan.kept else ""

    def assumed(self, work: Work, crew_id: str) -> list[str]:
        """What was not known of a work, what was taken instead, and where to enter it."""
        said = list(work.assumed)
        if is_assumed(work, self.plan.built.crews[crew_id], self.rules):
            km = self.rules.crew.max_travel_distance_km
            said.append(
                f"{work.asset_id} has no location, {km:g} km assumed: enter its latitude and longitude in "
                "assets.json, or the way in travel.csv"
            )
        return said

    def why_moved(self, before: Visit, placed: Placement | Stay) -> str:
        """Why a visit is not where it was."""
        booking, work = placed.booking, placed.work
        broken = self.before.broken.get(work.finding_key)
        if as_promised(before, placed.crew_id, booking) and before.booking.days == booking.days:
            technicians = before.booking.technicians
            return (
                f"the crew is {counted(booking.technicians, 'technician')}, not {technicians}: "
                "for what else is on its tour"
            )
        change = (
            f"moved from {clock(before.booking.start)} ({before.crew_id}) "
            f"to {clock(booking.start)} ({placed.crew_id})"
        )
        if as_promised(before, placed.crew_id, booking):
            days, then = later_days(booking, work), later_days(before.booking, work)
            change = f"begins as promised, then goes on: {days}, not {then}"
        if broken:
            return f"{change}: {before.crew_id} cannot come at its time ({broken})"
        assets = listed([key.partition("#")[0] for key in self.new], MOST_NAMED)
        price = self._price(placed)
        saves = f", {self.plan.saved:.0f} USD less" if self.plan.saved >= SAME_USD else ""
        return (
            f"{change}: with {assets or 'the rest'} the whole plan{self._here} costs less{saves} than the "
            f"best found with each visit as it was, {price:.0f} USD for moving this one counted"
        )

    def _price(self, placed: Placement | Stay) -> float:
        """USD, weighted, that the plan counts for moving a visit."""
        if isinstance(placed, Stay):
            return placed.moved_usd
        return self.plan.built.problem.surcharge.get((placed.task, placed.tour.shift), 0.0)

    def _closures(self, placed: Placement | Stay) -> list[str]:
        """The days from a job's readiness to its end on which the crew does not work, and why."""
        work, crew = placed.work, self.plan.built.crews[placed.crew_id]
        zone = ZoneInfo(work.zone)
        day = max(work.ready, self.now).astimezone(zone).date()
        last = placed.booking.end.astimezone(zone).date()
        closures = []
        while day < last:
            why = self._closed(day, zone.key, crew)
            if why:
                closures.append(f"{day:%-d %B} ({why})")
            day += timedelta(days=1)
        return closures

    def _closed(self, day: date, zone: str, crew: Crew) -> str:
        return why_closed(day, zone, crew, self.rules.constraints.working_hours)

    # ------------------------------------------------------------------ other crews

    def _others(self, placed: Placement | Stay) -> list[str]:
        """What the next best crew would cost more, all else as it is; or that there is none. Nothing where
        time is up."""
        work, crews = placed.work, self.plan.built.crews
        able = [
            crew.crew_id
            for crew in crews.values()
            if crew.crew_id != placed.crew_id and not why_not(work, crew, self.rules)
        ]
        if not able:
            return [f"no other crew{self._here} can do it", *self._elsewhere(work)]
        if self.plan.clock.over():
            return []
        other = self._other_stay(placed) if isinstance(placed, Stay) else self._other_tour(placed)
        if other is None:
            one_day = "" if isinstance(placed, Stay) else " on one day"
            return [f"no other crew{self._here} has time for it{one_day}"]
        crew, more = other
        if more < -SAME_USD and not self.plan.optimal:
            return [f"{crew} would cost {-more:.0f} USD less: the search ended before it was tried"]
        if more < SAME_USD:
            return [f"{crew}, the next best crew{self._here}, costs the same"]
        return [f"{crew}, the next best crew{self._here}, costs {more:.0f} USD more"]

    def _other_tour(self, placed: Placement) -> tuple[str, float] | None:
        shifts = self.plan.built.problem.shifts
        best = self._options.best(placed.task, lambda shift: shifts[shift].crew != placed.crew_id)
        if best is None:
            return None
        return shifts[best.tour.shift].crew, best.usd - self._options.now(placed.task)

    def _other_stay(self, placed: Stay) -> tuple[str, float] | None:
        around = self.plan.ground
        own = {crew: [b for b in bookings if b != placed.booking] for crew, bookings in self._fixed.items()}
        calendars = replace(self.before, fixed=own)
        free = stays(placed.work, Ground(around.crews, calendars, self.now, self.rules))
        other = next((stay for stay in free if stay.crew_id != placed.crew_id), None)
        return (other.crew_id, other.usd - placed.usd) if other else None

    @cached_property
    def _fixed(self) -> dict[str, list[Booking]]:
        """The calendars with the plan in them, by crew."""
        fixed = {crew: list(bookings) for crew, bookings in self.plan.ground.calendars.fixed.items()}
        for item in placements(self.plan.built, self.plan.solution).values():
            fixed.setdefault(item.crew_id, []).append(item.booking)
        return fixed

    # ------------------------------------------------------------------ jobs without a visit

    def why_left_out(self, task: int, work: Work) -> tuple[Decision, str]:
        """Whether a job is deferred or unschedulable, and why."""
        best = self._options.best(task)
        if not work.must and (best is not None or self._alone(task)):
            why = self._deferred(work, best.usd if best else None)
            return "deferred", "; ".join([why, *self._elsewhere(work)])
        return "unschedulable", self._binding(task, work, best is not None)

    def why_no_stay(self, work: Work, stay: Stay | None) -> tuple[Decision, str]:
        """The same of work of several days; `stay`: the cheapest that there was."""
        if stay is not None:
            return "deferred", "; ".join([self._deferred(work, stay.usd), *self._elsewhere(work)])
        obstacles = self._obstacles(work)
        if len(obstacles) < len(self.plan.built.crews):
            obstacles += self._no_day(work, f"no crew has days enough for {work.hours:g} h of work")
        return "unschedulable", "; ".join([*obstacles, *self._elsewhere(work), *self.unread])

    def _deferred(self, work: Work, usd: float | None) -> str:
        """Why it waits. `usd`: what sending somebody would cost, None where no crew has time."""
        left = absence(work, self.now, self.rules)
        days = counted(horizon_days(work, self.now, self.rules), "day")
        threshold = self.rules.thresholds.ear_threshold_usd
        why = (
            f"{number_below(work.daily_usd, threshold, 2)} USD a day is below the threshold of "
            f"{threshold:g}, it is not critical, and "
        )
        if usd is None:
            beside = "beside work that costs more to leave"
            return f"{why}no crew{self._here} has time for it within {days} {beside}"
        if usd < left:
            return f"{why}the search ended before a crew was found for it"
        return (
            f"{why}sending a crew costs more ({number_above(usd, left)} USD weighted) than leaving it for "
            f"{days} ({left:.0f} USD weighted)"
        )

    def _alone(self, task: int) -> bool:
        """Whether a crew could do a task if nothing else was planned."""
        windows = self.plan.built.problem.windows[task]
        return any(w and self._options.tours.tour(shift, (task,)) for shift, w in enumerate(windows))

    def _obstacles(self, work: Work) -> list[str]:
        named = [(name, why_not(work, crew, self.rules)) for name, crew in self.plan.built.crews.items()]
        return [f"{name}: {why}" for name, why in named if why]

    def _binding(self, task: int, work: Work, free: bool) -> str:
        """The constraints that leave no place for a job. `free`: there is a place."""
        if not self.plan.built.crews:
            return "; ".join(
                ["no crew is registered in the crews table", *self.unread][bool(self.unread) :]
            )
        reasons = self._obstacles(work)
        days = counted(horizon_days(work, self.now, self.rules), "day")
        if free:
            reasons.append("the search ended before a place was found for it: put its file again")
        elif self._alone(task):
            most = self.rules.constraints.max_concurrent_jobs
            reasons.append(
                f"no time within {days}: every place that fits is taken by work that costs more to leave, "
                f"or the most crews{self._here} ({most}) are out already"
            )
        elif len(self.plan.built.crews) > len(reasons):
            reasons += self._no_day(work, "no free working day is long enough")
        return "; ".join([*reasons, *self._elsewhere(work), *self.unread])

    def _no_day(self, work: Work, why: str) -> list[str]:
        """Why no shift of an able crew holds the work, and which of these crews are away meanwhile."""
        said, able = self._no_time(work, why), self.plan.built.crews.values()
        last = self.now + timedelta(days=horizon_days(work, self.now, self.rules))
        if ARRIVES in said:
            return [said]
        return [said, *away(work, [c for c in able if not why_not(work, c, self.rules)], self.now, last)]

    def _no_time(self, work: Work, why: str) -> str:
        days, arrives = horizon_days(work, self.now, self.rules), arrives_in_days(work, self.now)
        if arrives > days:
            return (
                f"{work.part or 'its part'}{ARRIVES}{counted(arrives, 'day', '.6g')}: nothing is planned "
                f"more than {counted(max(LONGEST_LEAD_DAYS, days), 'day')} ahead"
            )
        said = f"no time within {counted(days, 'day')}: {why}"
        if work.light != "any":
            said += f" while it is {'light' if work.light == 'day' else 'dark'}"
        return said
