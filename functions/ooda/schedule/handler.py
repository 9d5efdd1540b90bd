"""Schedule: diagnostics in, a plan out, crews booked."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.errors import CrewBookingConflict
from ona.runtime.observability import handler, logger
from ooda import notices
from ooda.payloads import ScheduleRequest, ScheduleResult
from ooda.schedule import monitoring, store
from ooda.schedule.plan import make_plan
from ooda.schedule.requests import unattended

ATTEMPTS = 5
"""Plans until other executions leave the crews alone (ours)."""
SEED = 1
"""Of the search's random numbers: any number, but always the same."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Plan on the calendar as it is and book at once; plan again where another execution was faster, each
    time in less time, so that it is this one's turn. Operators are told of faults that nobody can be sent
    to. Raises CrewBookingConflict (retried) after all."""
    request, now = ScheduleRequest.read(event, "event"), utc_now()
    loaded = store.load(request, now)
    for attempt in range(1, ATTEMPTS + 1):
        crews, unread = store.load_crews()
        plan = make_plan(
            loaded.requests,
            crews,
            loaded.rules,
            now=now,
            seed=SEED,
            seconds=loaded.rules.config.solver.cpu_seconds / attempt,
            unread=[f"{entry.where} cannot be read: {entry.why}" for entry in unread],
        )
        schedule = plan.schedule(loaded.schedule_id, now, loaded.rules, loaded.earlier_moves)
        if store.save(loaded, schedule, plan, crews, now):
            monitoring.jobs(schedule)
            notices.tell(unattended(schedule.jobs, loaded.requests), now)
            notices.tell_dropped(schedule, now)
            for visit, why in plan.stopped:
                notices.tell_stopped(visit.crew_id, visit.booking, why, now)
            return ScheduleResult.of(schedule, loaded.pointer).document()
        logger.info("crews were booked meanwhile; planning again", attempt=attempt)
    raise CrewBookingConflict(f"crews changed {ATTEMPTS} times while planning")
