"""A visit of several days on its way to people: order, its document and messages, digest, the loop API; and
a visit that nobody can make."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from delivery.deliver import digest
from ona.config import causes
from ona.documents.work_orders import Job
from ona.outbox.items import OUTBOX
from ona.repairs import crews, orders
from ona.store import tables
from ooda.bom import bill_of_materials
from ooda.operations_api.models import visit_of
from ooda.schedule import handler as scheduling
from ooda.workorder import build
from tests.builders.orders import document_of, ordered, scheduled, visits
from tests.builders.plans import NOW, crew, part, plan, request

LONG, SHORT = "flood_damage", "wrong_setpoint"


def _ordered(cause: str) -> tuple[str, Any]:
    """An order of asset INV-001 for that cause, and its visit."""
    [result] = ordered(scheduled(1, "execution-1", cause), "execution-1")
    return str(result["work_order_id"]), visits()["INV-001"]


def test_an_order_of_several_days_says_each_of_them(acting: list[Any]) -> None:
    name, visit = _ordered(LONG)
    assert len(visit.days) == 2
    document, tracked = document_of(name), orders.require(name)
    assert [day["start"] for day in document["visit_days"]] == [
        f"{day.start:%Y-%m-%dT%H:%M:%SZ}" for day in visit.days
    ]
    assert [day.end for day in tracked.visit_days] == [day.end for day in visit.days]
    assert (tracked.scheduled_start, tracked.scheduled_end) == (visit.start, visit.end)
    lost = 80.0 * (visit.end - NOW).total_seconds() / 86400
    assert document["energy_at_risk"]["total_risk_usd"] == pytest.approx(lost, abs=0.01), "until the end"
    zone = ZoneInfo("Africa/Johannesburg")
    for number, day in enumerate(visit.days, 1):
        _, text = digest.compose([tracked], [], 0, zone.key, day.start - timedelta(hours=1))
        today = text[text.index("Today") :] if "Today" in text else text
        assert f"{day.start.astimezone(zone):%H:%M}  {visit_crew()}: " in today
        assert f"(day {number} of 2)" in text
    shown = visit_of("crew-001", visit, movable=True).document()
    assert [day["start"] for day in shown["days"]] == [day["start"] for day in document["visit_days"]]


def visit_crew() -> str:
    """The crew that has a visit."""
    return next(one.crew_id for one in crews.load() if one.bookings)


def test_an_order_of_one_day_has_no_days(acting: list[Any]) -> None:
    name, visit = _ordered(SHORT)
    assert visit.days == []
    assert document_of(name)["visit_days"] == []
    assert orders.require(name).visit_days == []


def test_an_order_says_what_was_assumed_and_counts_no_price_that_nobody_knows() -> None:
    wanted = request(1)
    priced = part("PM", 900.0, None).model_copy(update={"component_type": "power_module"})
    for catalogue, price in (
        ([priced], 900.0),
        ([priced.model_copy(update={"unit_price_usd": None})], None),
    ):
        job = plan([wanted], [crew(1)], catalogue=catalogue).jobs[0]
        order = _built(wanted, job, catalogue)
        assert "Assumed for the plan: the lead time of PM is unknown, 7 days assumed" in order.description
        assert ("Without price, so not in the cost: PM." in order.description) == (price is None)
        assert (order.energy_at_risk.roi_days is None) == (price is None)
    known = [priced.model_copy(update={"lead_time_days": 1.0})]
    order = _built(wanted, plan([wanted], [crew(1)], catalogue=known).jobs[0], known)
    assert "Assumed" not in order.description
    assert order.energy_at_risk.roi_days is not None


def _built(wanted: Any, job: Job, catalogue: list[Any]) -> Any:
    rule = causes.rule_for(causes.cause_rules(), wanted.finding.cause)
    assert bill_of_materials(wanted.finding, rule, catalogue)[0]
    return build(wanted.finding, job, wanted.asset, rule, catalogue, now=NOW)


def test_operators_are_told_once_of_a_visit_that_nobody_can_make(acting: list[Any]) -> None:
    _ordered(LONG)
    for one in crews.load():
        tables.put("crews", one.item() | {"status": "ill"})
    for number in (2, 3):
        scheduled(number, f"execution-{number}", SHORT)
    told = [item for item in OUTBOX.scan([]) if item.delivery_id.startswith("dropped#")]
    assert len(told) == 1
    assert "cannot come at its time (status is ill), and nobody else is free" in told[0].text  # type: ignore[union-attr]
    assert visits()["INV-001"].days, "the booking stays, in case the crew is well again"


@pytest.mark.parametrize(("day", "told_of"), [(0, True), (1, False)])
def test_operators_are_told_once_of_a_visit_that_cannot_go_on(
    acting: list[Any], monkeypatch: pytest.MonkeyPatch, day: int, told_of: bool
) -> None:
    """A crew falls ill on a day of its visit: a day to come is told; the last day has been left for."""
    name, visit = _ordered(LONG)
    ill = next(one for one in crews.load() if one.bookings)
    monkeypatch.setattr(scheduling, "utc_now", lambda: visit.days[day].start)
    tables.put("crews", ill.item() | {"status": "ill"})
    for number in (2, 3):
        scheduled(number, f"execution-{number}", SHORT)
    told = [item for item in OUTBOX.scan([]) if item.delivery_id.startswith("stopped#")]
    assert len(told) == told_of
    assert all("began and cannot go on" in one.text and "status is ill" in one.text for one in told)  # type: ignore[union-attr]
    assert visits()["INV-001"] == visit, "its time stays"
    assert orders.require(name).status == "OPEN"
