"""A schedule with one bad entry: that entry is lost, and told; the jobs beside it are ordered."""

from __future__ import annotations

from typing import Any

import pytest

from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidPayload
from ona.store.s3 import read_json, write_json
from ooda.reconcile import restore
from ooda.schedule import store as scheduling
from ooda.store import jobs_of
from tests.builders.orders import document_of, ordered, scheduled
from tests.builders.plans import NOW, crew, plan, request

GOOD = plan([request(1)], [crew(1)]).jobs[0].document()
BAD_ENTRIES: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a text": "find-1",
    "a list": [1, 2],
    "an empty object": {},
    "an unknown decision": {**GOOD, "decision": "perhaps"},
    "another priority": {**GOOD, "priority": 1},
    "no diagnostic": {name: value for name, value in GOOD.items() if name != "diagnostic"},
    "a key that is too long": {**GOOD, "diagnostic": {"bucket": "bucket", "key": "x" * 2000}},
    "a start in words": {**GOOD, "scheduled_start": "soon"},
    "a visit in the year 1": {**GOOD, "scheduled_start": "0001-01-01T00:00:00Z"},
    "hours in words": {**GOOD, "duration_hours": "long"},
    "a key of another edition": {**GOOD, "colour": "red"},
    "a crew without a size": {**GOOD, "crew_assignment": {"crew_id": "crew-001"}},
    "nested deeply": {**GOOD, "loss_terms": {"x": {"y": {"z": {}}}}},
}


@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize("kind", BAD_ENTRIES)
def test_one_bad_entry_costs_only_itself(kind: str, place: str, caplog: pytest.LogCaptureFixture) -> None:
    entries = [BAD_ENTRIES[kind], GOOD] if place == "before" else [GOOD, BAD_ENTRIES[kind]]
    [job] = jobs_of({"jobs": entries}, "schedules/x.json")
    assert job.finding_id == GOOD["finding_id"]
    number = 0 if place == "before" else 1
    assert any(f"schedules/x.json, job {number}" in str(record.__dict__) for record in caplog.records)


SOUND = {"none": [], "one": [GOOD], "the same twice": [GOOD, GOOD]}


@pytest.mark.parametrize("kind", SOUND)
def test_a_schedule_without_a_bad_entry_is_read_whole(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    assert len(jobs_of({"jobs": SOUND[kind], "another": "key"}, "x")) == len(SOUND[kind])
    assert caplog.records == []


@pytest.mark.parametrize("document", [None, 7, "x", [], {}, {"jobs": None}, {"jobs": {"0": GOOD}}], ids=str)
def test_what_is_no_schedule_says_so(document: Any) -> None:
    with pytest.raises(InvalidPayload, match=r"schedules/x\.json is no schedule"):
        jobs_of(document, "schedules/x.json")


def test_order_goes_on_past_a_bad_entry_and_a_lost_job_is_named(acting: list[tuple[str, str]]) -> None:
    answer = scheduled(1, "execution-1")
    pointer = S3Pointer.read(answer["schedule"])
    document = read_json(pointer)
    whole = document["jobs"]
    write_json(pointer.bucket, pointer.key, {**document, "jobs": [BAD_ENTRIES["a text"], *whole]})
    [result] = ordered(answer, "execution-1")
    assert result["status"] == "ordered"
    [kept] = scheduling.earlier(pointer)  # the bad entry is left out
    assert kept.finding_id == whole[0]["finding_id"]
    made = document_of(result["work_order_id"])
    assert made["finding_id"] == whole[0]["finding_id"]
    write_json(pointer.bucket, pointer.key, {**document, "jobs": [{**whole[0], "priority": 1}]})
    with pytest.raises(InvalidPayload, match="has no job for finding"):
        ordered(answer, "execution-1")  # its letter names the schedule


def test_an_order_is_made_again_from_a_schedule_with_a_bad_entry(acting: list[tuple[str, str]]) -> None:
    from ona.repairs import orders

    answer = scheduled(1, "execution-1")
    [result] = ordered(answer, "execution-1")
    pointer = S3Pointer.read(answer["schedule"])
    document = read_json(pointer)
    write_json(pointer.bucket, pointer.key, {**document, "jobs": [None, *document["jobs"]]})
    again = restore._planned(orders.require(result["work_order_id"]))
    assert again is not None
    assert again.bill_of_materials or again.component.type
    assert again.created_at == NOW
