"""What two simple rules would do with the same work: a plan is compared with them, and never worse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ona.repairs.crews import Work
from ooda.schedule.build import Built, build
from ooda.schedule.several_days import Ground, Stay, stays
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.dispatch import dispatched
from ooda.schedule.solver.solution import Solution
from ooda.schedule.work import urgency

LEAST_SECONDS = 2.0
"""CPU s that a simple rule has even where time is up, so that there is a plan (ours): for 1 000 jobs and 60
crews it takes 0.3."""


@dataclass(frozen=True)
class Simple:
    """What a simple rule makes of all work: work of several days first (`stays`, and what it leaves
    `without`), then the tours of the rest. `usd`: its weighted loss."""

    usd: float
    built: Built
    solution: Solution
    ground: Ground
    stays: list[Stay] = field(default_factory=list)
    without: list[tuple[Work, Stay | None]] = field(default_factory=list)


def by_simple_rules(built: Built, clock: Clock | None = None) -> dict[str, Solution]:
    """The same work given out by two simple rules: as it arrived where it begins soonest, and the most
    urgent first where it costs least. When time is up, each has `LEAST_SECONDS` still."""
    return {"first_come_first_served": _first_come(built, clock), "greedy": _greedy(built, clock)}


def simple_plans(
    built: Built, long: Sequence[Work], ground: Ground, clock: Clock | None = None
) -> dict[str, Simple]:
    """The plans of the two rules by their names; `built`: the work of a day at most, `long`: the rest."""
    return {
        "first_come_first_served": _simple(
            built, _in_order(long, _arrived), ground, _first_come, lambda stay: stay.days[0].start, clock
        ),
        "greedy": _simple(built, _in_order(long, _urgent), ground, _greedy, lambda stay: stay.usd, clock),
    }


def _simple(
    built: Built,
    long: Sequence[Work],
    ground: Ground,
    tours: Callable[[Built, Clock | None], Solution],
    rank: Callable[[Stay], object],
    clock: Clock | None,
) -> Simple:
    """A rule's plan: work of several days in this order, each at its first stay by a rank, then tours."""
    usd, placed, without = 0.0, list[Stay](), list[tuple[Work, Stay | None]]()
    for work in long:
        left = ground.absence(work)
        best = min(stays(work, ground), key=rank, default=None)  # type: ignore[arg-type]
        if best is None or best.usd > left:
            without.append((work, best))
            usd += left
        else:
            placed.append(best)
            usd, ground = usd + best.usd, ground.beside(best)
    if long:
        built = build(built.works, ground.crews, ground.calendars, now=ground.now, rules=ground.rules)
    solution = tours(built, clock)
    return Simple(usd + solution.cost, built, solution, ground, placed, without)


def _first_come(built: Built, clock: Clock | None) -> Solution:
    return dispatched(built.problem, _arrived(built.works), soonest=True, clock=_some(clock))


def _greedy(built: Built, clock: Clock | None) -> Solution:
    return dispatched(built.problem, _urgent(built.works), soonest=False, clock=_some(clock))


def _some(clock: Clock | None) -> Clock | None:
    return clock and clock.at_least(LEAST_SECONDS)


def _in_order(works: Sequence[Work], order: Callable[[Sequence[Work]], list[int]]) -> list[Work]:
    return [works[n] for n in order(works)]


def _arrived(works: Sequence[Work]) -> list[int]:
    return sorted(range(len(works)), key=lambda n: (works[n].known_since, works[n].finding_key))


def _urgent(works: Sequence[Work]) -> list[int]:
    return sorted(range(len(works)), key=lambda n: urgency(works[n]))
