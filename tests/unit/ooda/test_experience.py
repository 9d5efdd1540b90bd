"""What reported repairs teach: attacks and bad days beside honest repairs that look like them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from ona.config import causes, parts
from ona.documents.work_orders import Learned
from ona.repairs import experience, orders
from ona.repairs.tracking import MOST_PARTS, PartUsed, TrackedOrder
from ona.store import tables
from ona.store.layout import work_order_key
from ona.store.s3 import write_json
from ooda.reconcile.handler import reconcile
from ooda.reconcile.report import ReconcileRequest
from ooda.reconcile.restore import from_record
from tests.builders.orders import call, document_of, ordered, scheduled, tracked, visits
from tests.builders.plans import NOW
from tests.fakes.tables import OUT, create_table

CAUSE, SKU = "inverter_failure", "SG110CX-PM-R"
USUAL_H = causes.cause_rules()[CAUSE].duration_hours
PART = next(part for part in parts.parts_catalogue().parts if part.sku == SKU)
Reports = list[tuple[float | None, list[int]]]
"""For each repair: hours, and the pieces in each line that names the part."""

HONEST: Reports = [(6.0, [2])] * 3


class Memory:
    """The items of experience, in memory: a thousand reports take no time."""

    name = "tracking"

    def __init__(self) -> None:
        self.items: dict[str, experience.Repairs] = {}

    def get(self, key: str) -> experience.Repairs | None:
        return self.items.get(key)

    def edit(
        self, key: str, change: Callable[[experience.Repairs | None], experience.Repairs | None]
    ) -> None:
        after = change(self.items.get(key))
        if after is not None:
            self.items[key] = after


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(experience, "REPAIRS", memory)
    return memory


def report(customer: str, reports: Reports, first: int = 0, sku: str = SKU) -> None:
    """A customer's verified orders, with what was reported."""
    for number, (hours, pieces) in enumerate(reports, start=first):
        experience.learn(
            tracked(
                work_order_id=f"wo-20250611-{number:08x}",
                cause=CAUSE,
                customer_id=customer,
                actual_hours=hours,
                parts_used=[PartUsed(sku=sku, quantity=count) for count in pieces],
            )
        )


def learned(customer: str) -> tuple[Learned, Learned]:
    """What the customer's next order takes: hours, pieces."""
    mine = experience.of(customer, CAUSE)
    return mine.duration(causes.cause_rules()[CAUSE]), mine.pieces_of(PART)


ATTACKS: dict[str, tuple[Reports, float, int]] = {
    "1000 hours and 1000 parts": ([(1000.0, [1000])] * 3, USUAL_H, 1),
    "twenty times": ([(1000.0, [1000])] * 20, USUAL_H, 1),
    "what the API takes at most": ([(200.0, [100])] * 3, USUAL_H, 1),
    "a little too large to be true": ([(40.01, [11])] * 3, USUAL_H, 1),
    "minutes for hours": ([(240.0, [1])] * 3, USUAL_H, 1),
    "a huge number": ([(1e30, [10**15])] * 3, USUAL_H, 1),
    "less than nothing": ([(-1000.0, [-1000])] * 3, USUAL_H, 1),
    "one order of a hundred lines": ([(None, [10] * 100)], USUAL_H, 1),
    "three lines a report": ([(None, [4, 4, 4])] * 3, USUAL_H, 1),
    "two reports": ([(40.0, [10])] * 2, USUAL_H, 1),
    "one believable outlier in three": ([(4.0, [1])] * 2 + [(40.0, [10])], USUAL_H, 1),
    "two in five": ([(4.0, [1])] * 3 + [(40.0, [10])] * 2, USUAL_H, 1),
    "nine in nineteen": ([(4.0, [1])] * 10 + [(40.0, [10])] * 9, USUAL_H, 1),
    "one among honest ones": ([*HONEST, (1000.0, [1000])], 5.0, 2),
    "seventeen among honest ones": ([*HONEST, *[(1000.0, [1000])] * 17], 5.0, 2),
    "nearly no time, no parts": ([(0.01, [0])] * 20, 2.0, 1),
    "all as large as may be": ([(40.0, [10])] * 20, 8.0, 9),
}
"""What is reported; the hours and the pieces of the same customer's next order."""
HONEST_REPAIRS: dict[str, tuple[Reports, float, int]] = {
    "three of six hours": (HONEST, 5.0, 2),
    "three of twice the hours, thrice the parts": ([(8.0, [3])] * 3, 6.0, 2),
    "twenty of them": ([(8.0, [3])] * 20, 7.5, 3),
    "a large repair each time: eight parts": ([(12.0, [8])] * 6, 8.0, 6),
    "ten times the usual hours, all the parts": ([(40.0, [10])] * 3, 8.0, 6),
    "quick ones": ([(2.5, [1])] * 5, 3.0, 1),
    "hours alone": ([(6.0, [])] * 3, 5.0, 1),
    "parts alone": ([(None, [2])] * 3, USUAL_H, 2),
    "the same part in two lines": ([(6.0, [1, 1])] * 3, 5.0, 2),
}
"""Distractors: they look large, or odd, and must teach."""


@pytest.mark.parametrize("kind", ATTACKS)
def test_reports_that_are_not_to_be_believed(kept: Memory, kind: str) -> None:
    """Another customer's next order is as ever; the reporter's own stays within bounds."""
    reports, hours, pieces = ATTACKS[kind]
    report("attacker", reports)
    assert [item.planned for item in learned("neighbour")] == [USUAL_H, 1]
    assert [item.planned for item in learned("attacker")] == [hours, pieces]


@pytest.mark.parametrize("kind", HONEST_REPAIRS)
def test_honest_repairs_teach_beside_an_attack(kept: Memory, kind: str) -> None:
    reports, hours, pieces = HONEST_REPAIRS[kind]
    report("attacker", [(1000.0, [1000])] * 20, first=100)
    report("honest", reports)
    evidence = learned("honest")
    assert [item.planned for item in evidence] == [hours, pieces]
    assert [item.set_aside for item in evidence] == [0, 0]


def test_evidence_says_how_many_what_and_how_much_weight(kept: Memory) -> None:
    report("honest", [(6.0, [2]), (7.0, [2]), (8.0, [3]), (1000.0, [1000])])
    hours, pieces = learned("honest")
    assert hours.document() == {
        "what": "duration_hours",
        "usual": 4.0,
        "reports": 3,
        "set_aside": 1,
        "median": 7.0,
        "weight": 0.5,
        "planned": 5.5,
    }
    assert (pieces.what, pieces.reports, pieces.set_aside) == (SKU, 3, 1)
    assert (pieces.usual, pieces.median, pieces.weight, pieces.planned) == (1.0, 2.0, 0.5, 2.0)


def test_weight_grows_with_the_reports_and_never_is_all(kept: Memory) -> None:
    weights = []
    for number in range(25):
        report("honest", [(6.0, [2])], first=number)
        weights.append(learned("honest")[0].weight)
    assert weights[:4] == [0.0, 0.0, 0.5, 0.571]
    assert sorted(weights) == weights
    assert weights[-1] == 0.87, "the latest twenty count"


def test_an_order_teaches_once_and_only_by_what_it_says(kept: Memory) -> None:
    for _ in range(5):
        report("honest", [(6.0, [2])])
    assert [item.reports for item in learned("honest")] == [1, 1]
    report("honest", [(None, [])], first=9)
    assert [item.reports for item in learned("honest")] == [1, 1], "nothing reported, nothing learned"
    report("honest", [(None, [5])] * 3, first=10, sku="NOT-IN-THE-CATALOGUE")
    assert len(experience.of("honest", CAUSE).pieces) == 1, "what is never ordered is not kept"


def test_what_is_kept_stays_small(kept: Memory) -> None:
    """Twenty repairs with a hundred long names each were more than the 400 KB of an item."""
    used = [PartUsed(sku=f"{number:03d}{'x' * 197}", quantity=1) for number in range(MOST_PARTS)]
    for number in range(experience.REPAIRS_KEPT):
        name = f"wo-20250611-{number:08x}"
        done = tracked(work_order_id=name, cause=CAUSE, customer_id="a", actual_hours=6.0, parts_used=used)
        experience.learn(done)
    item = kept.items[experience.key_of(CAUSE, "a")].item()
    assert learned("a")[0].reports == experience.REPAIRS_KEPT
    assert len(str(item)) < 4_000


# ------------------------------------------------------------------ through the loop


def next_order(number: int) -> dict[str, Any]:
    """The next order for asset INV-00<number>, as it lies in S3."""
    execution = f"execution-next-{number}"
    result = ordered(scheduled(number, execution), execution)[0]
    assert result["status"] == "ordered", result
    return document_of(result["work_order_id"])


@pytest.mark.parametrize("who", ["another customer", "its own"])
def test_an_order_after_three_reports_of_1000_parts_and_1000_hours(world: list[str], who: str) -> None:
    """It was an order of 640 000 USD."""
    usual = document_of(world[0])
    report("stranger" if who == "another customer" else "default", [(1000.0, [1000])] * 3)
    document = next_order(5)
    assert document["total_cost_usd"] == usual["total_cost_usd"]
    assert document["estimated_duration_hours"] == USUAL_H
    assert [line["quantity"] for line in document["bill_of_materials"]] == [1, 1]
    if who == "another customer":
        assert document["learned"] == []
        assert "set aside" not in document["description"]
    else:
        assert [item["set_aside"] for item in document["learned"]] == [3, 3]
        assert "Hours: 3 reports of no plausible size set aside." in document["description"]


def test_an_order_shows_what_it_learned_from(world: list[str]) -> None:
    report("default", [(6.0, [2]), (7.0, [2]), (8.0, [3]), (1000.0, [])])
    document = next_order(5)
    assert document["estimated_duration_hours"] == 5.5
    visit = visits()["INV-005"]
    assert visit.end - visit.start == timedelta(hours=5.5)
    assert [line["quantity"] for line in document["bill_of_materials"]] == [2, 1]
    assert [(item["what"], item["reports"], item["weight"]) for item in document["learned"]] == [
        ("duration_hours", 3, 0.5),
        (SKU, 3, 0.5),
    ]
    assert (
        " Hours: 3 earlier repairs with a median of 7, usual 4, weight 50%: 5.5 hours planned; "
        "1 report of no plausible size set aside."
        f" Pieces of {SKU}: 3 earlier repairs with a median of 2, usual 1, weight 50%: 2 pieces planned."
    ) in document["description"]


# ------------------------------------------------------------------ where reports enter

REFUSED: dict[str, dict[str, Any]] = {
    "1000 hours": {"actual_hours": 1000},
    "a little more than 200 hours": {"actual_hours": 200.1},
    "no hours": {"actual_hours": 0},
    "less than no hours": {"actual_hours": -4},
    "1e308 hours": {"actual_hours": 1e308},
    "hours as text": {"actual_hours": "4"},
    "1000 parts": {"parts_used": [{"sku": SKU, "quantity": 1000}]},
    "101 parts": {"parts_used": [{"sku": SKU, "quantity": 101}]},
    "less than no parts": {"parts_used": [{"sku": SKU, "quantity": -1}]},
    "half a part": {"parts_used": [{"sku": SKU, "quantity": 0.5}]},
    "1e30 parts": {"parts_used": [{"sku": SKU, "quantity": 10**30}]},
    "101 kinds of parts": {"parts_used": [{"sku": f"P{n}", "quantity": 1} for n in range(101)]},
}
TAKEN: dict[str, dict[str, Any]] = {
    "a long repair": {"actual_hours": 200},
    "a quick one": {"actual_hours": 0.1},
    "many parts": {"parts_used": [{"sku": SKU, "quantity": 100}]},
    "none used": {"parts_used": [{"sku": SKU, "quantity": 0}]},
    "a part that the catalogue lacks": {"parts_used": [{"sku": "bought-on-site", "quantity": 2}]},
}


@pytest.fixture
def reported(cloud: None, monkeypatch: pytest.MonkeyPatch) -> TrackedOrder:
    """An order of the customer `default`, and its document."""
    create_table("customers", "id")
    monkeypatch.setenv("CUSTOMERS_TABLE", "customers")
    order = tracked(customer_id="default")
    tables.put("tracking", order.item())
    write_json(OUT, work_order_key(order.work_order_id), from_record(order).document())
    return order


@pytest.mark.parametrize("kind", REFUSED)
def test_a_report_of_no_possible_size_is_refused(reported: TrackedOrder, kind: str) -> None:
    name = reported.work_order_id
    status, errors = call("PATCH", f"/work-orders/{name}", {"version": 1, **REFUSED[kind]})
    assert (status, errors[0]["code"]) == (400, "VALIDATION_ERROR")
    assert errors[0]["field"].split(".")[0] in REFUSED[kind]
    assert orders.require(name) == reported


@pytest.mark.parametrize("kind", TAKEN)
def test_a_report_that_only_looks_odd_is_taken(reported: TrackedOrder, kind: str) -> None:
    status, data = call("PATCH", f"/work-orders/{reported.work_order_id}", {"version": 1, **TAKEN[kind]})
    assert status == 200
    assert TAKEN[kind].items() <= data["state"].items()


def test_an_order_of_before_with_a_larger_report_is_still_told(reported: TrackedOrder) -> None:
    before = {"actual_hours": 1000.0, "parts_used": [PartUsed(sku="x" * 300, quantity=1000)]}
    tables.put("tracking", reported.model_copy(update=before).item())
    status, data = call("GET", f"/work-orders/{reported.work_order_id}")
    assert status == 200
    assert data["state"]["actual_hours"] == 1000
    assert data["state"]["parts_used"] == [{"sku": "x" * 300, "quantity": 1000}]


# ------------------------------------------------------------------ items of before


def shared(*names: str, version: int = 7) -> None:
    """An item as commit 851e08e wrote it: the repairs of all customers in one."""
    repairs = [{"order": name, "hours": 6, "parts": [{"sku": SKU, "quantity": 2}]} for name in names]
    tables.put("tracking", {"job_id": f"experience#{CAUSE}", "repairs": repairs, "version": version})


@pytest.fixture
def names(cloud: None) -> list[str]:
    """Three orders of the customer `default`, one of another; their ids."""
    customers = ("default", "default", "default", "stranger")
    made = [
        tracked(work_order_id=f"wo-20250611-{number:08x}", customer_id=customer)
        for number, customer in enumerate(customers)
    ]
    for order in made:
        tables.put("tracking", order.item())
    return [order.work_order_id for order in made]


def keys() -> list[str]:
    items = boto3.client("dynamodb").scan(TableName="tracking")["Items"]
    return sorted(item["job_id"]["S"] for item in items if item["job_id"]["S"].startswith("experience#"))


@pytest.mark.parametrize("task", ["forward", "repair"])
def test_experience_of_before_goes_to_those_whose_orders_it_was(names: list[str], task: Any) -> None:
    report("default", [(3.0, [1])], first=77)
    shared(*names, "wo-20250611-ffffffff")
    done = reconcile(ReconcileRequest(task=task), NOW, lambda: 600.0)
    assert f"divide experience#{CAUSE} by customer: 5 repairs" in done.mended
    assert not any("divide" in item.what for item in done.failed)
    assert keys() == [experience.key_of(CAUSE, "default"), experience.key_of(CAUSE, "stranger")]
    assert experience.of("default", CAUSE).hours == (6.0, 6.0, 6.0, 3.0), "what came later counts longer"
    assert experience.of("stranger", CAUSE).pieces == {SKU: (2,)}
    again = reconcile(ReconcileRequest(task=task), NOW, lambda: 600.0)
    assert not any("divide" in text for text in again.mended)


def test_experience_of_before_that_still_changes_stays(names: list[str]) -> None:
    """A function of the version before, while the new one is deployed, learns meanwhile."""
    shared(names[0])
    item = experience.REPAIRS.get(f"experience#{CAUSE}")
    assert item is not None
    shared(names[0], names[1], version=8)
    assert not experience.divide(item)
    assert f"experience#{CAUSE}" in keys()
    newer = experience.REPAIRS.get(f"experience#{CAUSE}")
    assert newer is not None
    assert experience.divide(newer)
    assert experience.of("default", CAUSE).hours == (6.0, 6.0)


def test_an_order_that_nobody_can_read_holds_up_nobody_elses_experience(names: list[str]) -> None:
    shared(*names)
    tables.put("tracking", {"job_id": names[0], "status": "NO SUCH"})
    done = reconcile(ReconcileRequest(task="forward"), NOW, lambda: 600.0)
    assert done.failed == []
    assert experience.of("default", CAUSE).hours == (6.0, 6.0)
    assert experience.of("stranger", CAUSE).hours == (6.0,)
