"""Lists that do not fit into a state's answer: where they lie, and what the next step reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ooda.order.handler as ordering
from ona.documents.base import S3Pointer
from ona.documents.work_orders import Job
from ona.runtime.errors import InvalidPayload
from ona.store import s3
from ooda import listing
from ooda.documents.schedules import Schedule
from ooda.payloads import JobReference, ScheduleResult
from ooda.reconcile.store import _orders_in
from ooda.schedule.answer import answer
from tests.builders.orders import Context
from tests.builders.plans import NOW
from tests.fakes.tables import OUT

WHERE = S3Pointer(bucket=OUT, key="schedules/2025/06/10/sched-1.json")


def schedule_of(count: int) -> Schedule:
    """A plan with so many visits, a fault that waits, and a visit that another plan made."""

    def job(number: int, decision: Any) -> Job:
        return Job(
            finding_id=f"find-{number}",
            finding_key=f"INV-{number}#inverter",
            asset_id=f"INV-{number}",
            site_id="site",
            diagnostic=S3Pointer(bucket=OUT, key=f"diagnostics/2025/06/10/diag-{number}.json"),
            decision=decision,
            reason="r" * 200,
            priority="high",
            duration_hours=2.0,
        )

    jobs = [job(n, "moved" if n % 2 else "scheduled") for n in range(count)]
    others = [job(count, "deferred"), job(count + 1, "already_ordered")]
    return Schedule(schedule_id="sched-1", created_at=NOW, weights={}, jobs=[*others, *jobs])


def test_a_short_list_travels_and_nothing_is_written(cloud: None) -> None:
    result = answer(schedule_of(listing.MOST_LISTED), WHERE)
    assert isinstance(result.jobs, list)
    assert {job.schedule for job in result.jobs} == {WHERE}
    assert list(s3.list_keys(OUT, "map-results/")) == []


def test_a_long_list_is_a_pointer_and_each_job_names_a_part_that_has_it(cloud: None) -> None:
    result = answer(schedule_of(2500), WHERE)
    text = json.dumps(result.document())
    assert ScheduleResult.read(json.loads(text)) == result
    assert len(text) < 1_000
    jobs = listing.taken(result.jobs, JobReference)
    assert sum(len(json.dumps(job.document())) for job in jobs) > 256 * 1024, "it would not have fitted"
    assert [job.finding_id for job in jobs] == [f"find-{n}" for n in range(2500)]
    assert (result.scheduled, result.deferred, result.already_ordered) == (1250, 1, 1)
    for number in (0, 99, 100, 2499):
        part = s3.read_json(jobs[number].schedule)["jobs"]
        assert len(part) <= listing.MOST_LISTED
        assert [job["finding_id"] for job in part].count(f"find-{number}") == 1


def test_what_is_no_list_is_refused_and_a_damaged_entry_named(cloud: None) -> None:
    place = listing.written({"jobs": []}, "sched-1", "jobs")
    with pytest.raises(InvalidPayload, match="is no list"):
        listing.taken(place, JobReference)
    place = listing.written([{"finding_id": "x"}], "sched-1", "jobs")
    with pytest.raises(InvalidPayload, match="entry 1"):
        listing.taken(place, JobReference)


def results(**records: list[dict[str, Any]]) -> dict[str, Any]:
    """The event that asks for what a map wrote: its records by status."""
    files = {}
    for status in ("SUCCEEDED", "FAILED", "PENDING"):
        key = f"map-results/ooda/run/{status}_0.json"
        files[status] = [{"Key": key, "Size": 1}] if records.get(status) else []
        s3.write_json(OUT, key, records.get(status, []))
    manifest = s3.write_json(OUT, "map-results/ooda/run/manifest.json", {"ResultFiles": files})
    return {"gather": manifest.document(), "execution_id": "execution-1"}


def ended(status: str, number: int) -> dict[str, Any]:
    order = {"finding_id": f"find-{number}", "status": status, "work_order_id": f"wo-{number}"}
    return {"Name": "child", "Status": "SUCCEEDED", "Output": json.dumps(order)}


def test_orders_are_gathered_counted_and_the_lost_are_told_apart(cloud: None) -> None:
    said = ["ordered", "failed", "refused", "ordered", "moved"]
    lost = {"Name": "child", "Status": "FAILED", "Error": "DeadLetterQueueUnreachable"}
    event = results(SUCCEEDED=[ended(status, n) for n, status in enumerate(said)], FAILED=[lost])
    done = ordering.lambda_handler(event, Context())
    assert (done["ordered"], done["failed"], done["lost"]) == (2, 1, 1)
    orders = s3.read_json(S3Pointer.read(done["orders"]))
    assert [order["status"] for order in orders] == said
    assert ordering.lambda_handler(event, Context()) == done, "a try again"
    outcome = {"outcome": "found", "orders": done["orders"]}
    assert _orders_in(outcome) == ["wo-0", "wo-3"], "reconciliation reads the list"
    assert _orders_in({"outcome": "found", "orders": orders}) == ["wo-0", "wo-3"]


def test_results_that_are_none_are_refused(cloud: None) -> None:
    with pytest.raises(InvalidPayload, match="no results of a map"):
        ordering.lambda_handler(results(SUCCEEDED=[{"Name": "child"}]), Context())
