"""How often tours were booked, where fewer crews may be out at once than there are.

Each booking checks the versions of its own crews. Two executions that book other crews in the same second
do not see each other there, and may together pass `max_concurrent_jobs`. So each booking also counts up one
item of the tracking table. It is refused where another booking counted since the calendars were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ona.repairs.crews import Crew
from ona.repairs.tracking import VARIABLE
from ona.store.items import Table, TableItem
from ona.store.tables import Write
from ooda.schedule.rules import PlanningRules

NAME = "fleet#tours"
"""Its key; the rights of Schedule name it (`stacks/ooda.yaml`)."""


class Tours(TableItem):
    """The item; `version` counts the bookings."""

    name: str = Field(default=NAME, alias="job_id")
    status: Literal["fleet"] = "fleet"
    version: int = 0


TOURS = Table(VARIABLE, "job_id", Tours.read)


def all_may_be_out(crews: Sequence[Crew], rules: PlanningRules) -> bool:
    """Whether each crew may be out at any time, so that nobody needs the count."""
    return len(crews) <= rules.constraints.max_concurrent_jobs


def read() -> Tours | None:
    """The count, to be read before the crews are; None before the first booking. Raises DependencyBusy."""
    return TOURS.get(NAME)


def counted(before: Tours | None) -> tuple[Write, Tours]:
    """The write that goes with a booking, refused where another booking came before it; and the count after
    it, for who books once more."""
    after = Tours(version=(before.version if before else 0) + 1)
    return TOURS.changed(before, after), after
