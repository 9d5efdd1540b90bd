"""What Schedule tells CloudWatch: a metric a kind of decision, and one log line a job."""

from __future__ import annotations

from ona.runtime.observability import count, logger
from ooda.documents.schedules import Schedule


def jobs(schedule: Schedule) -> None:
    """Metrics: jobs by decision. Log: why each was decided so, and whether the search ran out of time."""
    for job in schedule.jobs:
        count(f"Jobs{job.decision.title().replace('_', '')}", 1)
        logger.info("job decided", asset_id=job.asset_id, decision=job.decision, why=job.reason)
    if schedule.summary and schedule.summary.timed_out:
        logger.warning("time ran out while planning; the best plan found was taken")
