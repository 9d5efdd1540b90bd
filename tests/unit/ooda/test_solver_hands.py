"""Whole tours that change hands: a move that no task by task search makes."""

from __future__ import annotations

import random

import pytest

from ooda.schedule.solver import search as module
from ooda.schedule.solver.problem import Problem, Shift, Task
from ooda.schedule.solver.search import Search
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.tours import Tour, Tours
from tests.unit.ooda.test_solver import PLENTY, checked, problem


def crossed(tasks: int = 4) -> tuple[Problem, Solution]:
    """Two valleys two hours apart, each with a crew and its tasks, and a third crew next door that may do
    nothing; and the plan in which each crew works in the other one's valley."""
    homes = [(0.0, 0.0), (120.0, 0.0), (1.0, 0.0)]
    points = [*homes, *((120.0 * (n % 2) + 5.0 * (n // 2), 5.0) for n in range(2 * tasks))]
    ways = [[abs(a[0] - b[0]) + abs(a[1] - b[1]) for b in points] for a in points]
    shifts = [Shift(f"crew-{n}", 0, n, n, 0.0, 1440.0) for n in range(3)]
    work = [Task(f"task-{n}", 3 + n, 20.0, 1e5) for n in range(2 * tasks)]
    case = Problem(work, shifts, ways, ways, [[(0.0, 1000.0), (0.0, 1000.0), None]] * (2 * tasks), 1.0, 0.1)
    tours, used = Tours(case), dict[int, Tour]()
    for crew in (0, 1):
        tour = tours.tour(crew, tuple(range(1 - crew, 2 * tasks, 2)))
        assert tour is not None
        used[crew] = tour
    return case, Solution.of(case, used)


def test_two_crews_change_tours_where_each_is_near_the_other_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    case, start = crossed()
    monkeypatch.setattr(module, "HANDED_OVER", 1.0)
    search = Search(Tours(case), random.Random(1), start)
    search.run(40, PLENTY, 1e-6, 1e-9)
    checked(case, search.best)
    assert {s: t.tasks for s, t in search.best.tours.items()} == {0: (0, 2, 4, 6), 1: (1, 3, 5, 7)}
    assert search.best.cost < 0.5 * start.cost
    assert 2 not in search.best.tours, "who may not do it never gets it, however near"


@pytest.mark.parametrize("seed", range(60))
def test_every_plan_stays_whole_when_tours_change_hands(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With prices and without, by the depot, with a limit of tours at once."""
    monkeypatch.setattr(module, "HANDED_OVER", 0.7)
    case = problem(
        seed,
        tasks=2 + seed % 7,
        priced=bool(seed % 2),
        depot=bool(seed // 2 % 2),
        together=1 if seed % 3 == 0 else 9,
    )
    start = Search.start(case, seed)
    search = Search(start.tours, random.Random(seed), start.best)
    search.run(80, PLENTY, 1.0, 0.01)
    checked(case, search.current)
    checked(case, search.best)
    assert search.best.cost <= start.best.cost + 1e-9
