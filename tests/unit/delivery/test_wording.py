"""Orders in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from delivery.deliver import wording
from delivery.deliver.message import OrderMessage
from ona.documents.work_orders import VisitDay, WorkOrder
from ona.repairs.tracking import HistoryLine
from tests.builders import orders
from tests.builders.plans import NOW


def test_a_line_of_history_is_written_in_words() -> None:
    line = HistoryLine(status="OPEN", at=NOW, event="changed", fields=["due_date"], by="x", note="rain")
    assert wording.history_line(line) == "Wed 11 Jun 09:03 UTC  Changed: due date, by x: rain"


@pytest.mark.parametrize(
    ("zone", "start", "moved", "days", "line"),
    [
        (
            "America/New_York",
            "Wed 11 Jun 2025 05:03 America/New_York (09:03 UTC), crew-001",
            "visit moved to Wed 11 Jun 05:03 America/New_York (09:03 UTC)",
            "(Wed 11 Jun 05:03 to 07:03 America/New_York)",
            "Wed 11 Jun 05:03 America/New_York (09:03 UTC)  Status: open, by x",
        ),
        (
            "",
            "Wed 11 Jun 2025 09:03 UTC, crew-001",
            "visit moved to Wed 11 Jun 09:03 UTC",
            "(Wed 11 Jun 09:03 to 11:03 UTC)",
            "Wed 11 Jun 09:03 UTC  Status: open, by x",
        ),
    ],
)
def test_a_crew_reads_the_time_at_the_site_and_its_zone(
    zone: str, start: str, moved: str, days: str, line: str
) -> None:
    event = HistoryLine(status="OPEN", at=NOW, event="visit_moved", by="x")
    tracked = orders.tracked(zone=zone)
    order = WorkOrder.model_construct(asset_id="INV-001", title="t")
    message = OrderMessage(tracked, order, [event], [event])
    assert wording.visit(message) == start
    assert moved in wording.headline(message)
    several = tracked.model_copy(update={"visit_days": [VisitDay(start=NOW, end=NOW + timedelta(hours=2))]})
    assert days in wording.visit(OrderMessage(several, order, [], []))
    told = HistoryLine(status="OPEN", at=NOW, event="status", by="x")
    assert wording.history_line(told, zone=zone) == line
