"""For each task the shifts that can do it, the cheapest first: what a search looks through, and where it
may stop."""

from __future__ import annotations

from ooda.schedule.solver.problem import NEVER, SLOT
from ooda.schedule.solver.tours import Tours

Candidate = tuple[float, int, float]
"""A shift that can do a task: USD that the task adds there at least, the shift, and USD of a tour for it
alone (infinite where it needs company or a depot)."""


class Places:
    """The candidates of each task, worked out when somebody asks for them: only pairs that are possible."""

    def __init__(self, tours: Tours) -> None:
        self.tours = tours
        self._listed: list[list[Candidate] | None] = [None] * len(tours.problem.tasks)

    def of(self, task: int) -> list[Candidate]:
        """The candidates of a task, the one with the lowest bound first."""
        listed = self._listed[task]
        if listed is None:
            listed = self._listed[task] = sorted(self._candidates(task))
        return listed

    def _candidates(self, task: int) -> list[Candidate]:
        tours, problem = self.tours, self.tours.problem
        work, found = problem.tasks[task], []
        prices, surcharge = work.prices, problem.surcharge
        for number, window in tours.open[task].items():
            shift = problem.shifts[number]
            way = problem.minutes[shift.start][work.place]
            if max(shift.opens + way, window[0]) > window[1] + 1e-6:
                continue
            place = tours.place(tours.empty(number), task)
            if place is None and shift.depot is None:
                continue
            least = surcharge.get((task, number), 0.0) if surcharge else 0.0
            if prices is not None:
                least += min(prices[int(window[0]) // SLOT], prices[int(window[1]) // SLOT])
            found.append((least - 1e-9, number, place[0] if place else NEVER))
        return found
