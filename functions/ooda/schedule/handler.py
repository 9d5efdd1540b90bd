"""Schedule: diagnostics in, a plan out, crews booked."""

from __future__ import annotations

from typing import Any

from ona.runtime.clock import utc_now
from ona.runtime.errors import CrewBookingConflict
from ona.runtime.observability import handler, logger
from ooda.payloads import JoinRequest, RegionRequest, ScheduleRequest
from ooda.schedule import by_regions, fleet, store
from ooda.schedule.answer import answer
from ooda.schedule.plan import make_plan

ATTEMPTS = 5
"""Plans until other executions leave the crews alone (ours)."""
SEED = 1
"""Of the search's random numbers: any number, but always the same."""


@handler
def lambda_handler(event: Any, _context: Any) -> dict[str, Any]:
    """`ScheduleRequest` in, `ScheduleResult` out; `DivisionResult` where there is too much for one plan.
    Then `RegionRequest` in, `RegionResult` out for each region, and `JoinRequest` in, `ScheduleResult` out.

    Plans on the calendar as it is and books at once; plans again where another execution was faster, each
    time in less time, so that it is this one's turn. Operators are told of faults that nobody can be sent
    to. Raises CrewBookingConflict (retried) after all."""
    now = utc_now()
    if isinstance(event, dict) and "region" in event:
        return by_regions.plan_one(RegionRequest.read(event, "event"), SEED).document()
    if isinstance(event, dict) and "join" in event:
        return by_regions.join(JoinRequest.read(event, "event"), now).document()
    loaded = store.load(ScheduleRequest.read(event, "event"), now)
    for attempt in range(1, ATTEMPTS + 1):
        tours = fleet.read()
        crews, unread = store.load_crews()
        missing = [f"{entry.where} cannot be read: {entry.why}" for entry in unread]
        division = by_regions.divide(loaded, crews, missing, now)
        if division is not None:
            return division.document()
        plan = make_plan(
            loaded.requests,
            crews,
            loaded.rules,
            now=now,
            seed=SEED,
            seconds=loaded.rules.config.solver.cpu_seconds / attempt,
            unread=missing,
        )
        schedule = plan.schedule(loaded.schedule_id, now, loaded.rules, loaded.earlier)
        if store.save(loaded, schedule, plan, crews, tours, now):
            by_regions.told(schedule, loaded.requests, plan.stopped, now)
            return answer(schedule, loaded.pointer).document()
        logger.info("crews were booked meanwhile; planning again", attempt=attempt)
    raise CrewBookingConflict(f"crews changed {ATTEMPTS} times while planning")
