"""What a plan does when: the tours, the stays, and what nobody does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ona.repairs.crews import Work
from ooda.schedule.build import Built
from ooda.schedule.comparison import Simple
from ooda.schedule.placements import placements
from ooda.schedule.several_days import Ground, Stay
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import Result
from ooda.schedule.visits import Calendars

PROVEN = 1e-6
"""Share of its cost within which a plan is as good as its bound: the solver's own (numbers' rounding)."""


@dataclass(frozen=True)
class Arrangement:
    """What is done when: the tours (`built`, `result`), the `stays` of work of several days, and the work
    of several days that nobody does (`without`), with the cheapest stay that there was.

    `usd`: the plan's weighted loss; `bound`: what no plan can be below, None where none is known. `saved`:
    USD that moving visits saves against the best plan found without, 0 where nothing moved. `compared`:
    what simple rules do with the same work. `kept`: visits that might have moved and were not planned anew,
    because moving them could not pay (`around`).
    """

    built: Built
    result: Result
    calendars: Calendars
    clock: Clock
    ground: Ground
    stays: list[Stay] = field(default_factory=list)
    without: list[tuple[Work, Stay | None]] = field(default_factory=list)
    bound: float | None = None
    saved: float = 0.0
    compared: dict[str, Simple] = field(default_factory=dict)
    kept: int = 0

    @property
    def solution(self) -> Solution:
        """The tours."""
        return self.result.solution

    def starts(self) -> dict[str, datetime]:
        """When each work begins that somebody does, by its fault."""
        placed = placements(self.built, self.solution).values()
        return {
            **{item.work.finding_key: item.booking.start for item in placed},
            **{stay.work.finding_key: stay.booking.start for stay in self.stays},
        }

    @property
    def usd(self) -> float:
        """The weighted loss of all work, with the absence of what is left out."""
        left = sum(self.ground.absence(work) for work, _ in self.without)
        return self.solution.cost + sum(stay.usd for stay in self.stays) + left

    @property
    def optimal(self) -> bool:
        """Whether no plan can be cheaper."""
        if not self.stays and not self.without:
            return self.result.optimal
        return self.bound is not None and self.usd - self.bound <= PROVEN * max(self.usd, 1.0)
