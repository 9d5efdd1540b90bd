"""The planning model against its definition: every tour walked again, small problems tried out whole."""

from __future__ import annotations

import math
import random
from itertools import permutations, product

import pytest

from ooda.schedule.solver import pricing
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.dispatch import dispatched
from ooda.schedule.solver.partition import Partition, choose
from ooda.schedule.solver.pricing import Pricing
from ooda.schedule.solver.problem import DEPOT, NEVER, SLOT, Problem, Shift, Task, Window
from ooda.schedule.solver.proof import provable, prove
from ooda.schedule.solver.search import Search
from ooda.schedule.solver.solution import Solution, fits
from ooda.schedule.solver.solve import rounds_for, solve
from ooda.schedule.solver.tours import Tour, Tours

PLENTY = Clock(1e6, 1e6)


def problem(
    seed: int, *, tasks: int = 5, priced: bool = True, depot: bool = False, together: int = 9
) -> Problem:
    """Random places in a square of 60 minutes, shifts of several crews and days, windows, tools, parts."""
    rng = random.Random(seed)
    crews, days = rng.randint(1, 3), rng.randint(1, 3)
    points = [(rng.uniform(0, 60), rng.uniform(0, 60)) for _ in range(crews + tasks + 1)]
    minutes = [[float(math.ceil(math.dist(a, b))) for b in points] for a in points]
    shifts = [
        Shift(
            f"crew-{c}",
            day=d,
            start=c,
            end=c,
            opens=d * 1440.0,
            closes=d * 1440.0 + rng.choice([360, 480, 540]),
            longest=rng.choice([NEVER, 420.0]),
            tools=frozenset(k for k in range(2) if rng.random() < 0.5),
            stock=(rng.randint(0, 2),),
            depot=crews + tasks if depot else None,
        )
        for c, d in product(range(crews), range(days))
    ]
    slots = (days * 1440 + 1440) // SLOT
    work, windows = [], []
    for n in range(tasks):
        rate = rng.uniform(0, 0.5)
        work.append(
            Task(
                f"task-{n}",
                place=crews + n,
                minutes=float(rng.choice([30, 60, 120, 180])),
                absence=rng.choice([1e5, rng.uniform(0, 900)]),
                people=rng.randint(1, 3),
                tools=frozenset({rng.randrange(2)} if rng.random() < 0.3 else ()),
                parts=(rng.randint(0, 1),),
                prices=[rate * slot * SLOT for slot in range(slots)] if priced else None,
            )
        )
        row: list[Window | None] = []
        for shift in shifts:
            opens = shift.opens + rng.choice([0, 0, 60, 200])
            row.append((opens, opens + rng.choice([60, 300])) if rng.random() < 0.85 else None)
        windows.append(row)
    surcharge = {(0, s): 25.0 for s in range(len(shifts)) if rng.random() < 0.5} if priced else {}
    taken = [(0.0, 200.0)] if rng.random() < 0.3 else []
    return Problem(work, shifts, minutes, minutes, windows, 0.35, 0.2, together, surcharge, taken)


def walked(case: Problem, tour: Tour) -> float:
    """The cost of a tour from the definition; fails where it breaks a rule."""
    shift = case.shifts[tour.shift]
    clock, here, km, price, people = tour.leaves, shift.start, 0.0, 0.0, 0
    tools, stock, called = set(shift.tools), list(shift.stock), False
    assert clock >= shift.opens - 1e-6
    for stop, begins in zip(tour.stops, tour.begins, strict=True):
        if stop == DEPOT:
            assert shift.depot is not None
            assert not called
            called = True
            clock += case.minutes[here][shift.depot]
            km += case.km[here][shift.depot]
            here = shift.depot
            assert begins == pytest.approx(clock)
            continue
        task, window = case.tasks[stop], case.windows[stop][tour.shift]
        assert window is not None
        clock = max(clock + case.minutes[here][task.place], window[0])
        assert begins == pytest.approx(clock)
        assert clock <= window[1] + 1e-6
        if not called:
            assert task.tools <= tools
            for kind, count in enumerate(task.parts):
                stock[kind] -= count
                assert stock[kind] >= 0
        if task.prices is not None:
            price += task.prices[int(clock) // SLOT]
        price += case.surcharge.get((stop, tour.shift), 0.0)
        km += case.km[here][task.place]
        here, clock, people = task.place, clock + task.minutes, max(people, task.people)
    clock += case.minutes[here][shift.end]
    km += case.km[here][shift.end]
    assert clock == pytest.approx(tour.returns)
    assert clock <= shift.closes + 1e-6
    assert clock - tour.leaves <= shift.longest + 1e-6
    return (clock - tour.leaves) * people * case.usd_per_minute + km * case.usd_per_km + price


def checked(case: Problem, plan: Solution) -> None:
    """Fails where a whole solution breaks a rule, or its cost is not that of the definition."""
    served = [task for tour in plan.tours.values() for task in tour.tasks]
    assert len(served) == len(set(served))
    assert set(served) | plan.absent == set(range(len(case.tasks)))
    assert not set(served) & plan.absent
    days = [(case.shifts[s].crew, case.shifts[s].day) for s in plan.tours]
    assert len(days) == len(set(days)), "one tour a crew and day"
    out = [*case.taken, *((tour.leaves, tour.returns) for tour in plan.tours.values())]
    for begin, _ in out:
        running = sum(a <= begin < b for a, b in out)
        assert running <= case.together or begin in [a for a, _ in case.taken]
    cost = sum(walked(case, tour) for tour in plan.tours.values())
    cost += sum(case.tasks[task].absence for task in plan.absent)
    assert plan.cost == pytest.approx(cost)


def cheapest(case: Problem) -> float:
    """The least cost of all plans, by trying every one: each task somewhere or left out, in any order."""
    tours, best = Tours(case), math.inf
    everything = range(len(case.tasks))
    cost: dict[tuple[int, frozenset[int]], list[Tour]] = {}
    for where in product([-1, *range(len(case.shifts))], repeat=len(case.tasks)):
        left = sum(case.tasks[t].absence for t in everything if where[t] < 0)
        used: list[list[Tour]] = []
        groups = set()
        for shift in set(where) - {-1}:
            mine = frozenset(t for t in everything if where[t] == shift)
            if (shift, mine) not in cost:
                made = [tours.tour(shift, order) for order in permutations(sorted(mine))]
                cost[shift, mine] = [tour for tour in made if tour]
            used.append(cost[shift, mine])
            groups.add((case.shifts[shift].crew, case.shifts[shift].day))
        if len(groups) < len(used) or not all(used):
            continue
        for chosen in product(*used):
            total = left + sum(tour.cost for tour in chosen)
            if total < best and all(
                fits(case, {t.shift: t for t in chosen if t is not one}, one) for one in chosen
            ):
                best = total
    return best


def seeds(count: int, ordinary: int) -> list[object]:
    """Seeds: so many always run, two rounds and more of all kinds of problems; the rest as soak."""
    return [*range(ordinary), *(pytest.param(n, marks=pytest.mark.soak) for n in range(ordinary, count))]


@pytest.mark.parametrize("seed", seeds(40, 20))
def test_the_proven_plan_is_the_cheapest_of_all_plans(seed: int) -> None:
    case = problem(seed, tasks=3 if seed % 2 else 4, together=1 if seed % 5 == 0 else 9)
    if len(case.shifts) > 6:
        case = problem(seed + 1000, tasks=3, together=9)
    result = solve(case, seed=1, seconds=60.0)
    checked(case, result.solution)
    assert result.optimal
    assert result.solution.cost == pytest.approx(cheapest(case), rel=2e-4)
    assert result.bound is not None
    assert result.bound <= result.solution.cost + 1e-6


@pytest.mark.parametrize("seed", seeds(150, 48))
def test_pricing_finds_exactly_the_tours_under_its_limit(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against all tours there are, at duals that make some of them worth while."""
    case = problem(seed, tasks=3 if seed % 2 else 4)
    rng, tours, tasks = random.Random(seed), Tours(case), range(len(case.tasks))
    groups = case.groups()
    alone = [[t.cost for s in range(len(case.shifts)) if (t := tours.tour(s, (n,)))] for n in tasks]
    duals = [rng.uniform(0.3, 1.5) * min(costs, default=0.0) for costs in alone]
    days = [rng.uniform(-80.0, 0.0) for _ in range(max(groups) + 1)]
    reduced = {
        (shift, stops): tour.cost - sum(duals[task] for task in stops) - days[groups[shift]]
        for shift in range(len(case.shifts))
        for size in range(1, len(case.tasks) + 1)
        for stops in permutations(tasks, size)
        if (tour := tours.tour(shift, stops))
    }
    lowest_first = sorted(reduced.values())[: 3 if seed % 3 else None]
    limit = rng.choice(lowest_first) + 1e-3 if reduced else 1.0  # just above one of them
    monkeypatch.setattr(pricing, "A_SHIFT", 1000)
    priced = Pricing(tours).negative(duals, days, limit, PLENTY, None)
    assert priced is not None
    assert priced.whole
    listed = {(tour.shift, tour.stops) for tour in priced.tours}
    assert {name for name, value in reduced.items() if value < limit - 1e-6} <= listed
    assert listed <= {name for name, value in reduced.items() if value < limit + 1e-6}
    lowest = [min((v for (s, _), v in reduced.items() if groups[s] == g), default=0.0) for g in set(groups)]
    if limit >= 0.0:
        assert sum(priced.least) <= sum(min(value, 0.0) for value in lowest) + 1e-6, "the bound is one"


@pytest.mark.parametrize("seed", seeds(300, 72))
def test_every_plan_keeps_every_rule(seed: int) -> None:
    """Priced and unpriced, with and without a depot, with a limit of tours at once and without."""
    priced, depot = bool(seed % 2), bool(seed // 2 % 2)
    case = problem(seed, tasks=2 + seed % 9, priced=priced, depot=depot, together=1 if seed % 3 == 0 else 9)
    assert provable(case) is (priced and not depot)
    start = Search.start(case, seed)
    checked(case, start.best)
    search = Search(start.tours, random.Random(seed), start.best)
    search.run(60, PLENTY, 1.0, 0.01)
    checked(case, search.current)
    checked(case, search.best)
    assert search.best.cost <= start.best.cost + 1e-9
    for met in search.pool.values():
        tour = start.tours.tour(met.shift, met.stops)
        assert tour is not None
        assert walked(case, tour) == pytest.approx(met.cost)
    chosen = choose(start.tours, search.pool.values(), search.best, PLENTY, 1)
    checked(case, chosen)
    assert chosen.cost <= search.best.cost + 1e-6
    for soonest in (True, False):
        checked(case, dispatched(case, range(len(case.tasks)), soonest))


def test_an_insertion_is_the_cheapest_place() -> None:
    """What `insert` finds from segments is what trying every place finds."""
    insertions = 0
    for seed in range(60):
        case = problem(seed, tasks=6, priced=bool(seed % 2))
        tours = Tours(case)
        for shift in range(len(case.shifts)):
            tour = tours.empty(shift)
            for task in range(6):
                places = [
                    longer
                    for at in range(len(tour.stops) + 1)
                    if (longer := tours.tour(shift, (*tour.stops[:at], task, *tour.stops[at:])))
                ]
                best = min((longer.cost for longer in places), default=None)
                longer = tours.insert(tour, task)
                assert (longer.cost if longer else None) == (
                    pytest.approx(best) if best is not None else None
                )
                insertions += longer is not None
                tour = longer or tour
    assert insertions > 300


def test_a_task_that_needs_the_depot_goes_right_behind_a_call_or_behind_a_short_one() -> None:
    """Never cheaper than trying every call and place, and equal for tours of few stops; the pieces that a
    tour takes from another one are those that it would work out itself."""
    found = 0
    for seed in range(120):
        case, rng = problem(seed, tasks=6, priced=False, depot=True), random.Random(seed)
        tours, fresh = Tours(case), Tours(case)
        for shift in range(len(case.shifts)):
            tour = tours.empty(shift)
            for task in rng.sample(range(6), 6):
                plain = tour.stops
                ends = range(len(plain) + 1)
                every = [fresh.tour(shift, (*plain[:at], task, *plain[at:])) for at in ends]
                if DEPOT not in plain:  # the call comes before the task that needs it
                    calls = [(*plain[:at], DEPOT, *plain[at:]) for at in ends]
                    every += [
                        fresh.tour(shift, (*stops[:at], task, *stops[at:]))
                        for stops in calls
                        for at in range(stops.index(DEPOT) + 1, len(stops) + 1)
                    ]
                longer = tours.insert(tour, task)
                possible = [one.cost for one in every if one]
                assert possible or longer is None
                if longer is None:
                    continue
                found += DEPOT in longer.stops and DEPOT not in plain
                assert walked(case, longer) == pytest.approx(longer.cost)
                own = fresh.tour(shift, longer.stops)
                assert own is not None
                for mine, theirs in ((longer.ahead, own.ahead), (longer.behind, own.behind)):
                    assert [piece[:4] for piece in mine] == [pytest.approx(piece[:4]) for piece in theirs]
                assert longer.cost >= min(possible) - 1e-6
                if len(plain) <= 2:
                    assert longer.cost == pytest.approx(min(possible))
                tour = longer
            for task in tour.tasks:
                rest = tours.without(tour, {task})
                if rest is not None and rest.stops:
                    assert walked(case, rest) == pytest.approx(rest.cost)
                    assert set(rest.tasks) == set(tour.tasks) - {task}
    assert found > 20


def test_the_same_seed_gives_the_same_plan() -> None:
    case = problem(7, tasks=12)
    one, other = (solve(case, seed=3, seconds=300.0, proof=False).solution for _ in range(2))
    assert {s: t.stops for s, t in one.tours.items()} == {s: t.stops for s, t in other.tours.items()}


def test_searches_in_processes_find_the_plan_too() -> None:
    case = problem(8, tasks=12)
    alone = solve(case, seed=3, seconds=300.0)
    beside = solve(case, seed=3, seconds=300.0, searches=2)
    checked(case, beside.solution)
    assert beside.solution.cost == pytest.approx(alone.solution.cost, rel=2e-4)


def test_at_the_deadline_the_best_plan_and_its_bound_so_far_are_returned() -> None:
    case = problem(9, tasks=12)
    late = solve(case, seed=3, seconds=0.0)
    assert late.timed_out
    assert not late.optimal
    checked(case, late.solution)
    assert (late.bound, late.gap) == (None, None)
    start = Search.start(case, 3)
    stopped = prove(start.tours, Partition(case, 1), start.best, Clock(-1.0), 1)
    assert (stopped.solution.cost, stopped.optimal, stopped.bound) == (start.best.cost, False, 0.0)


def test_nothing_to_do_costs_nothing() -> None:
    case = problem(1, tasks=1)
    nothing = Problem([], case.shifts, case.minutes, case.km, [], 1.0, 1.0)
    assert solve(nothing, seed=1, seconds=1.0).solution.cost == 0.0
    nobody = Problem(case.tasks, [], case.minutes, case.km, [[]], 1.0, 1.0)
    assert solve(nobody, seed=1, seconds=5.0).solution.absent == {0}
    assert rounds_for(nobody) > 0
