"""Schedule: diagnostics in, a plan out, crews booked."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.errors import CrewBookingConflict
from ona.runtime.observability import count, handler, logger
from ooda.documents.schedules import Schedule
from ooda.payloads import ScheduleRequest, ScheduleResult
from ooda.schedule import store
from ooda.schedule.plan import make_plan

ATTEMPTS = 5
"""Plans until other executions leave the crews alone (ours)."""
SECONDS = 20.0
"""Seconds after which the best plan met is taken (ours); the budget of rounds is mostly used up before."""
SEED = 1
"""Of the search's random numbers: any number, but always the same."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """Plan on the calendar as it is and book at once; plan again where another execution was faster, each
    time in less time, so that it is this one's turn. Raises CrewBookingConflict (retried) after all."""
    request, now = ScheduleRequest.read(event, "event"), utc_now()
    loaded = store.load(request, now)
    for attempt in range(1, ATTEMPTS + 1):
        crews = store.load_crews()
        plan = make_plan(
            loaded.requests, crews, loaded.rules, now=now, seed=SEED, seconds=SECONDS / attempt
        )
        schedule = plan.schedule(loaded.schedule_id, now, loaded.rules, loaded.earlier_moves)
        if store.save(loaded, schedule, plan, crews, now):
            _report(schedule)
            return ScheduleResult.of(schedule, loaded.pointer).document()
        logger.info("crews were booked meanwhile; planning again", attempt=attempt)
    raise CrewBookingConflict(f"crews changed {ATTEMPTS} times while planning")


def _report(schedule: Schedule) -> None:
    for job in schedule.jobs:
        count(f"Jobs{job.decision.title().replace('_', '')}", 1)
        logger.info("job decided", asset_id=job.asset_id, decision=job.decision, why=job.reason)
    if schedule.summary and schedule.summary.timed_out:
        logger.warning("time ran out while planning; the best plan found was taken")
