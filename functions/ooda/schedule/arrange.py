"""The cheapest arrangement of all work: work of several days first, then the tours of the rest around it.

Promises count: a plan that moves visits is taken only where it is cheaper, with what moving costs, than the
best plan found in which each visit stays as it was promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ona.repairs.crews import Crew, Work
from ooda.schedule import around
from ooda.schedule.arrangement import Arrangement
from ooda.schedule.build import Built, build
from ooda.schedule.comparison import Simple, by_simple_rules, simple_plans
from ooda.schedule.eligibility import takes_days
from ooda.schedule.options import WORTH_USD, Options, improved
from ooda.schedule.placements import as_promised, placements
from ooda.schedule.rules import PlanningRules
from ooda.schedule.several_days import Ground, Stay, stays
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.dispatch import dispatched
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import Result, solve
from ooda.schedule.solver.tours import Tours
from ooda.schedule.visits import Calendars, Visit
from ooda.schedule.work import urgency

TRIED = 6
"""Stays of one work that are tried with the others' tours around them (ours)."""
FOR_TRYING, FOR_THE_END = 0.2, 0.1
"""Shares of a plan's time for trying stays, and for the last improvement and the reasons (ours)."""
SECURED_AGAIN_HOURS = 1.0
"""Hours of the crew's labour that beginning work today must save, where a later day would hold all of it:
the machine is secured and released once more (ours)."""


@dataclass(frozen=True)
class Planner:
    """What all phases of one plan share. `promises`: the visits that may still move, by finding; `keeps`:
    all of them stay as they are."""

    crews: Sequence[Crew]
    now: datetime
    rules: PlanningRules
    seed: int
    promises: dict[str, Visit]
    keeps: bool = False

    def arranged(self, works: Sequence[Work], calendars: Calendars, clock: Clock) -> Arrangement:
        """The best arrangement found of new works and movable visits; where little is new, of those visits
        alone that take the work along or give way to it."""
        if not around.is_little(works, calendars, len(self.crews)):
            return self._arranged(works, calendars, clock)
        near = around.near(works, calendars, self.rules)
        some = calendars.moving(near)
        plan = replace(self, keeps=True)._arranged(works, some, clock)
        ways = around.giving_way(works, plan.starts(), calendars, self.now, self.rules)
        if ways:
            some = calendars.moving(near | ways)
            plan = self._arranged(works, some, clock)
        return replace(plan, kept=len(calendars.movable) - len(some.movable))

    def _arranged(self, works: Sequence[Work], calendars: Calendars, clock: Clock) -> Arrangement:
        movable = [visit.booking.work for visit in calendars.movable.values() if visit.booking.work]
        everything = sorted([*works, *movable], key=urgency)
        long = [work for work in everything if self._takes_days(work, calendars)]
        short = [work for work in everything if work not in long]
        built = self._build(short, calendars)
        split = self._without_free_day(built, calendars)
        if split:
            short, long = [work for work in short if work not in split], [*long, *split]
            built = self._build(short, calendars)
        simple = simple_plans(built, long, self._ground(calendars), clock)
        main = clock.part(1.0 - FOR_THE_END)
        if long:
            alone = self._tours(built, calendars, main.part(0.5), clock)
            best = self._with_stays(short, long, calendars, alone, main, clock)
        else:
            starts = [one.solution for one in simple.values()]
            best = self._tours(built, calendars, main, clock, starts)
        best = self._begun_earlier(best, main)
        return self._or_simpler(replace(best, compared=simple), main)

    def _or_simpler(self, plan: Arrangement, clock: Clock) -> Arrangement:
        """The plan, or that of a simple rule where time ran out before anything better was found."""
        simple = next(iter(plan.compared.values()))
        if _size(plan) < _size(simple):
            return replace(plan, compared={})  # visits were fixed: it is not the same work any more
        simple = min(plan.compared.values(), key=lambda one: one.usd)
        if simple.usd >= plan.usd - WORTH_USD:
            return plan
        result = replace(
            plan.result, solution=improved(simple.built.problem, simple.solution, clock), optimal=False
        )
        return replace(
            plan,
            built=simple.built,
            result=result,
            ground=simple.ground,
            stays=simple.stays,
            without=simple.without,
            saved=0.0,
        )

    # ------------------------------------------------------------------ work of several days

    def _takes_days(self, work: Work, calendars: Calendars) -> bool:
        visit = calendars.movable.get(work.finding_key)
        booked = visit is not None and bool(visit.booking.days)
        return booked or takes_days(work, self.crews, self.rules)

    def _build(self, works: Sequence[Work], calendars: Calendars) -> Built:
        built = build(works, self.crews, calendars, now=self.now, rules=self.rules)
        return built.kept() if self.keeps else built

    def _without_free_day(self, built: Built, calendars: Calendars) -> list[Work]:
        """Work that would fit into a day and finds none that is free for so long: it is done on several."""
        tours, ground = Tours(built.problem), self._ground(calendars)
        return [
            work
            for task, work in enumerate(built.works)
            if len(built.obstacles[task]) < len(self.crews)
            and not any(w and tours.tour(s, (task,)) for s, w in enumerate(built.problem.windows[task]))
            and stays(work, ground)
        ]

    def _ground(self, calendars: Calendars) -> Ground:
        return Ground(self.crews, calendars, self.now, self.rules)

    def _with_stays(
        self,
        short: list[Work],
        long: list[Work],
        calendars: Calendars,
        alone: Arrangement,
        main: Clock,
        clock: Clock,
    ) -> Arrangement:
        """The works of several days, the most urgent first, each where it and the tours around it cost
        least; then the tours of the rest. The bound: each alone in the calendars, and the rest alone."""
        ground, bound = self._ground(calendars), alone.bound
        placed: list[Stay] = []
        without: list[tuple[Work, Stay | None]] = []
        trying = main.part(FOR_TRYING)
        for work in long:
            free = stays(work, self._ground(calendars))
            least = min([stay.usd for stay in free[:1]] + [ground.absence(work)])
            bound = None if bound is None else bound + least
            stay = self._best_stay(work, short, ground, trying)
            promised = work.finding_key in calendars.movable
            if stay is None or (not promised and stay.usd > ground.absence(work)):
                without.append((work, stay))
                if promised:  # nobody else can come: its time is still its own
                    ground = ground.holding(calendars.movable[work.finding_key])
                continue
            placed.append(stay)
            ground = ground.beside(stay)
        rest = self._tours(self._build(short, ground.calendars), ground.calendars, main, clock)
        return replace(rest, stays=placed, without=without, bound=bound, ground=ground)

    def _best_stay(self, work: Work, short: Sequence[Work], ground: Ground, clock: Clock) -> Stay | None:
        """The stay that is cheapest with a simple plan of the rest around it; of those that cost least
        alone."""
        free = stays(work, ground)
        best, least = (free[0] if free else None), float("inf")
        for stay in free[:TRIED] if short else ():
            if clock.over():
                break
            calendars = ground.beside(stay).calendars
            built = self._build(short, calendars)
            rest = dispatched(built.problem, range(len(short)), soonest=False, clock=clock)
            usd = stay.usd + rest.cost
            if usd < least:
                best, least = stay, usd
        return best

    def _begun_earlier(self, plan: Arrangement, clock: Clock) -> Arrangement:
        """The plan, with critical work begun in what is left of a day and continued on the next, where that
        is worth securing the machine again. The dearest is tried first; promised visits stay."""
        trying, hour = clock.part(FOR_TRYING), self.rules.weights.w_cost * self.rules.crew.hourly_cost_usd
        new = [work for work in plan.built.works if work.due and work.finding_key not in self.promises]
        for work in sorted(new, key=lambda one: -one.daily_usd):
            if trying.over():
                break
            key, worth = work.finding_key, SECURED_AGAIN_HOURS * work.technicians * hour
            options = Options(plan.built.problem, plan.solution.tours)
            placed = {
                item.work.finding_key: item for item in placements(plan.built, plan.solution).values()
            }
            if key not in placed:
                continue
            own, around = placed.pop(key), plan.ground
            for other in placed.values():
                around = around.holding(Visit(other.crew_id, other.booking))
            stay = next(iter(stays(work, around, least_days=2)), None)
            if stay is None or stay.usd > options.now(own.task) - worth:
                continue
            ground = plan.ground.beside(stay)
            short = [one for one in plan.built.works if one is not work]
            rest = self._tours(self._build(short, ground.calendars), ground.calendars, clock, plan.clock)
            split = replace(
                rest, stays=[*plan.stays, stay], without=plan.without, bound=None, ground=ground
            )
            if _size(split) == _size(plan) and split.usd < plan.usd - worth:
                plan = split
        return plan

    # ------------------------------------------------------------------ tours

    def _tours(
        self,
        built: Built,
        calendars: Calendars,
        clock: Clock,
        whole: Clock,
        starts: Sequence[Solution] = (),
    ) -> Arrangement:
        """The best tours found for work of a day at most. `starts`: those of the simple rules, where they
        are known."""
        result = around.inserted(built) if self.keeps else None
        result = result or self._solved(built, clock.part(0.5 if built.promised else 1.0), starts)
        saved = 0.0
        if built.promised and self._breaks_promises(built, result.solution, calendars):
            kept = built.kept()
            stays_put = self._solved(kept, clock)
            saved = stays_put.solution.cost - result.solution.cost
            if saved < WORTH_USD or self._drops(built, result.solution, calendars):
                as_good = result.optimal and abs(saved) < WORTH_USD
                result, saved = replace(stays_put, optimal=as_good, bound=result.bound), 0.0
        if self._drops(built, result.solution, calendars):  # time ran out
            calendars = calendars.all_fixed()
            new = [work for work in built.works if work.finding_key not in self.promises]
            built = self._build(new, calendars)
            result, saved = self._solved(built, clock), 0.0
        return Arrangement(
            built, result, calendars, whole, self._ground(calendars), bound=result.bound, saved=saved
        )

    def _solved(self, built: Built, clock: Clock, starts: Sequence[Solution] = ()) -> Result:
        """The solver's solution, improved where it is not proven, never worse than those of the simple
        rules."""
        result = solve(
            built.problem,
            seed=self.seed,
            searches=self.rules.config.solver.processes,
            starts=starts or list(by_simple_rules(built, clock).values()),
            clock=clock.part(1.0 - FOR_THE_END),
        )
        if result.optimal:
            return replace(result, timed_out=False)
        return replace(result, solution=improved(built.problem, result.solution, clock))

    def _drops(self, built: Built, solution: Solution, calendars: Calendars) -> bool:
        """Whether somebody would lose a visit whose crew can come."""
        keys = {built.works[task].finding_key for task in solution.absent}
        return bool(keys & (set(calendars.movable) - set(calendars.broken)))

    def _breaks_promises(self, built: Built, solution: Solution, calendars: Calendars) -> bool:
        """Whether a visit that could stay is not as it was promised."""
        placed = placements(built, solution)
        return any(
            task not in placed
            or not as_promised(
                calendars.movable[built.works[task].finding_key], placed[task].crew_id, placed[task].booking
            )
            for task in built.promised
        )


def _size(plan: Arrangement | Simple) -> int:
    """How much work a plan has decided on."""
    return len(plan.built.works) + len(plan.stays) + len(plan.without)
