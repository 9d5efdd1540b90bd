"""A fault that nobody is sent to is told to the operators, once, with the reason; a planned one is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

import ooda.schedule.handler as scheduling
from delivery.deliver import digest
from ona.documents.assets import Location
from ona.outbox import deliveries
from ona.outbox.items import Notice
from ona.repairs import orders, standing
from ona.repairs.crews import Away, Crew
from ona.runtime.errors import DependencyBusy
from ona.store import tables
from ona.store.s3 import write_json
from ona.store.unreadable import Unreadable
from ooda import notices
from ooda.schedule.requests import RepairRequest, unattended
from tests.builders.assets import make_registry
from tests.builders.orders import Context, change, deliver, ordered, scheduled
from tests.builders.plans import NOW, crew, plan, request
from tests.fakes.tables import IN

FAR = Location(latitude=-12.0, longitude=28.05)
"""1 579 km north of the site in a straight line; by road a quarter more."""
LEAVE = Away(first=NOW.date() - timedelta(days=1), last=NOW.date() + timedelta(days=60), why="leave")

NOBODY: dict[str, tuple[list[Crew], RepairRequest, str]] = {
    "no crew": ([], request(1), "no crew is registered"),
    "one far away": ([crew(1, base=FAR)], request(1), "crew-001: 1974 km away, more than 100"),
    "two far away": ([crew(1, base=FAR), crew(2, base=FAR)], request(1), "crew-002: 1974 km away"),
    "one too far by a little": (
        [crew(1, base=Location(latitude=-25.45, longitude=28.05))],
        request(1),
        "km away, more than 100",
    ),
    "without the skill": (
        [crew(1, specialisations=["electrical_work"])],
        request(1),
        "crew-001: lacks inverter_maintenance",
    ),
    "too few people": ([crew(1, size=1)], request(1), "has 1 technician, needed: 2"),
    "out of service": ([crew(1, status="on leave")], request(1), "crew-001: status is on leave"),
    "away for weeks": ([crew(1, away=[LEAVE])], request(1), "no time within"),
    "each for another reason": (
        [crew(1, base=FAR), crew(2, size=1)],
        request(1),
        "crew-001: 1974 km away, more than 100; crew-002: has 1 technician",
    ),
    "not critical, but costly": ([crew(1, base=FAR)], request(1, risk="minor"), "1974 km away"),
    "cheap, and nobody could": ([crew(1, base=FAR)], request(1, risk="minor", daily=1.0), "1974 km away"),
}
"""Crews, the fault, and what its reason says."""
SOMEBODY: dict[str, tuple[list[Crew], RepairRequest]] = {
    "a crew near": ([crew(1)], request(1)),
    "a near one beside a far one": ([crew(1, base=FAR), crew(2)], request(1)),
    "just near enough": ([crew(1, base=Location(latitude=-25.5, longitude=28.05))], request(1)),
    "put off, because it costs little": ([crew(1)], request(1, risk="minor", daily=1.0)),
    "an explanation, no fault": ([crew(1, base=FAR)], request(1, cause="curtailment")),
    "its order is open": ([crew(1)], request(1, open_order="wo-20250611-00000001")),
}
"""Distractors: a visit, a fault that may wait, and what nobody needs to go to."""


def told(crews: list[Crew], *requests: RepairRequest) -> list[Notice]:
    """What operators are told of a plan."""
    return notices.notices(unattended(plan(requests, crews).jobs, requests), NOW)


@pytest.mark.parametrize("kind", NOBODY)
def test_a_fault_that_nobody_can_be_sent_to_is_told_with_its_reason(kind: str) -> None:
    crews, wanted, why = NOBODY[kind]
    [notice] = told(crews, wanted)
    assert why in notice.text
    assert "docs/operations/settings.md" in notice.text
    assert notice.subject.startswith(f"[{wanted.priority}] Nobody can be sent to INV-1: OEM Fault")
    assert (notice.priority, notice.recipient_name, notice.lane) == (wanted.priority, "operators", "send")


@pytest.mark.parametrize("kind", SOMEBODY)
def test_a_fault_with_a_visit_or_with_time_is_not_told(kind: str) -> None:
    crews, wanted = SOMEBODY[kind]
    assert told(crews, wanted) == []


def test_the_most_pressing_come_first_and_very_many_are_one_notice() -> None:
    wanted = [
        request(number, risk="minor" if number % 2 else "critical")
        for number in range(notices.MOST_TOLD + 9)
    ]
    every = told([], *wanted)
    assert len(every) == notices.MOST_TOLD + 1
    ranks = ["critical", "medium"]
    assert [ranks.index(item.priority) for item in every] == sorted(
        ranks.index(item.priority) for item in every
    )
    assert "9 more faults" in every[-1].subject
    assert all(len(item.text) < 10_000 for item in every)


def test_a_hundred_crews_make_no_message_that_nobody_takes() -> None:
    [notice] = told([crew(number, base=FAR) for number in range(100)], request(1))
    assert len(notice.text) < 4_000
    assert "…" in notice.text


# ------------------------------------------------------------------ through the functions


def nobody_near() -> None:
    tables.put("crews", crew(1, base=FAR).item())


def items() -> list[dict[str, Any]]:
    found = tables.scan("outbox")
    return [item for item in found if str(item["delivery_id"]).startswith("unattended#")]


def at_night() -> datetime:
    return NOW.replace(hour=23)


def test_a_critical_fault_is_told_at_night_and_once(acting: list[tuple[str, str]]) -> None:
    nobody_near()
    assert scheduled(1, "execution-1")["unschedulable"] == 1
    assert deliver(at_night())["told"] == 1
    [(subject, text)] = acting
    assert subject == "[critical] Nobody can be sent to INV-001: OEM Fault: component failure"
    assert "no work order was opened, and nobody will come" in text
    assert "It loses 80.00 USD a day." in text
    assert "Why: crew-001: 1974 km away, more than 100" in text
    for number in (2, 3):  # the next files say the same
        assert scheduled(1, f"execution-{number}", day=number)["unschedulable"] == 1
    deliver(at_night() + timedelta(minutes=1))
    assert len(acting) == len(items()) == 1


def test_a_fault_that_got_worse_is_told_again(acting: list[tuple[str, str]]) -> None:
    calm = unattended(plan([request(1, risk="minor")], []).jobs, [request(1, risk="minor")])
    bad = unattended(plan([request(1)], []).jobs, [request(1)])
    for faults in (calm, calm, bad, bad):
        notices.tell(faults, NOW)
    assert sorted(item["priority"] for item in items()) == ["critical", "medium"]


def test_a_calm_fault_waits_for_the_morning(acting: list[tuple[str, str]]) -> None:
    notices.tell(unattended(plan([request(1, risk="minor")], []).jobs, [request(1, risk="minor")]), NOW)
    assert deliver(at_night())["waiting"] == 1
    assert acting == []


def test_a_fault_that_comes_again_with_an_open_order_says_so(acting: list[tuple[str, str]]) -> None:
    """The crew that had it left: its visit is over, nobody began, and nobody else can."""
    first = scheduled(1, "execution-1")
    name = ordered(first, "execution-1")[0]["work_order_id"]
    boto3.client("dynamodb").delete_item(TableName="crews", Key={"crew_id": {"S": "crew-001"}})
    nobody_near()
    assert scheduled(1, "execution-2", day=2)["unschedulable"] == 1
    [item] = items()
    assert f"{name} is open, and nobody will come" in item["text"]


def test_a_busy_outbox_repeats_the_plan_and_tells_then(
    acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_near()
    put = deliveries.put_notice

    def busy(_: Notice) -> bool:
        raise DependencyBusy("throttled")

    monkeypatch.setattr(deliveries, "put_notice", busy)
    with pytest.raises(DependencyBusy):
        scheduled(1, "execution-1")
    monkeypatch.setattr(deliveries, "put_notice", put)
    assert scheduled(1, "execution-1")["unschedulable"] == 1
    assert len(items()) == 1


def test_an_outbox_that_takes_nothing_holds_up_no_plan(
    acting: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedule of others is made all the same; the log says who was not told."""
    nobody_near()

    def broken(_: Notice) -> bool:
        raise ValueError("no such table")

    monkeypatch.setattr(deliveries, "put_notice", broken)
    assert scheduled(1, "execution-1")["unschedulable"] == 1


def another_inverter_is_installed() -> None:
    registry = make_registry().model_dump(mode="json", exclude_none=True)
    other = {"oem": "SMA", "model": "STP", "serial": "1", "type": "inverter"}
    registry["assets"][0]["components"] = [other]
    write_json(IN, "assets.json", registry)


def test_a_refused_order_is_told_too(acting: list[tuple[str, str]]) -> None:
    """Its component is not installed: a person has to mend the registry."""
    schedule = scheduled(1, "execution-1")
    another_inverter_is_installed()
    assert ordered(schedule, "execution-1")[0]["status"] == "refused"
    assert ordered(schedule, "execution-1")[0]["status"] == "refused"
    [item] = items()
    assert item["priority"] == "critical"
    assert "is not installed in INV-001: correct the components in assets.json" in item["text"]


def test_who_is_refused_beside_an_open_order_is_not_nobodys(acting: list[tuple[str, str]]) -> None:
    first = scheduled(1, "execution-1")
    name = ordered(first, "execution-1")[0]["work_order_id"]
    another_inverter_is_installed()
    assert ordered(first, "execution-2")[0]["status"] == "refused"
    assert items() == []
    assert change(name, status="IN_PROGRESS").status == "IN_PROGRESS"
    assert orders.require(name).open == "yes"


def test_schedule_without_faults_tells_nothing(acting: list[tuple[str, str]]) -> None:
    answer = scheduling.lambda_handler({"diagnostics": [], "execution_id": "execution-9"}, Context())
    assert answer["unschedulable"] == 0
    assert items() == []


# ------------------------------------------------------------------ as it stands: digest and API


def stands(now: datetime = NOW) -> list[str]:
    """The assets that nobody is sent to, as the digest reads them."""
    return [fault.asset_id for fault in standing.all_seen(orders.all_open(), now, 100)]


def the_digest(now: datetime = NOW) -> str:
    faults = standing.all_seen(orders.all_open(), now, 100)
    return digest.compose([], [], 0, "Africa/Johannesburg", now, unattended=faults)[1]


def test_the_digest_names_each_fault_with_the_reason_until_somebody_is_sent(
    acting: list[tuple[str, str]],
) -> None:
    nobody_near()
    for number in (1, 2):
        scheduled(1, f"execution-{number}", day=number)
    text = the_digest()
    assert "Nobody is sent to 1 fault:\n  INV-001 (site " in text
    assert "OEM Fault: component failure [critical], 80.00 USD a day, last seen " in text
    assert "why: crew-001: 1974 km away, more than 100" in text
    tables.put("crews", crew(1).item())
    ordered(scheduled(1, "execution-3", day=3), "execution-3")
    assert stands() == []
    assert "Nobody is sent to" not in the_digest()


def test_a_fault_that_is_not_seen_again_stands_no_longer_than_three_days(
    acting: list[tuple[str, str]],
) -> None:
    nobody_near()
    scheduled(1, "execution-1")
    assert stands(NOW + timedelta(days=2, hours=23)) == ["INV-001"]
    assert stands(NOW + timedelta(days=3, hours=1)) == []


def test_a_fault_whose_visit_is_over_stands_beside_its_open_order(acting: list[tuple[str, str]]) -> None:
    name = ordered(scheduled(1, "execution-1"), "execution-1")[0]["work_order_id"]
    boto3.client("dynamodb").delete_item(TableName="crews", Key={"crew_id": {"S": "crew-001"}})
    nobody_near()
    scheduled(1, "execution-2", day=2)
    after = orders.require(name).scheduled_end + timedelta(minutes=1)
    if after < NOW + standing.SEEN:
        assert stands(after) == ["INV-001"]
    change(name, status="IN_PROGRESS")
    assert stands(after) == [], "people work on it"


def test_one_bad_item_is_named_and_hides_no_other(acting: list[tuple[str, str]]) -> None:
    nobody_near()
    scheduled(1, "execution-1")
    tables.put(
        "outbox", {"delivery_id": "standing#x", "lane": "unattended", "next_at": "2025-06-11T00:00:00Z"}
    )
    bad: list[Unreadable] = []
    assert [fault.asset_id for fault in standing.all_seen([], NOW, 100, bad)] == ["INV-001"]
    assert [entry.where for entry in bad] == ["table outbox, standing#x"]


def test_what_stands_is_no_delivery(acting: list[tuple[str, str]]) -> None:
    """Distractor: its lane is no sender's."""
    nobody_near()
    scheduled(1, "execution-1")
    for _ in range(2):
        deliver(NOW)
    assert len(acting) == 1
    assert stands() == ["INV-001"]
