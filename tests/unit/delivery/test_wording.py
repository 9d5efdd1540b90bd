"""Orders in words."""

from __future__ import annotations

from delivery.deliver import wording
from ona.repairs.tracking import HistoryLine
from tests.builders.plans import NOW


def test_a_line_of_history_is_written_in_words() -> None:
    line = HistoryLine(status="OPEN", at=NOW, event="changed", fields=["due_date"], by="x", note="rain")
    assert wording.history_line(line) == "Wed 11 Jun 09:03 UTC  Changed: due date, by x: rain"
