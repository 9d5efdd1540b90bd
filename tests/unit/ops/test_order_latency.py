"""The time of an order by state: reckoned from a history that was written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ops import explain
from ops.means import latency

START = datetime(2026, 11, 28, 8, tzinfo=UTC)


def _history(*visits: tuple[str, str, float, float]) -> list[dict[str, Any]]:
    """Events of states that one after the other are entered and left, seconds after START."""
    events: list[dict[str, Any]] = [{"id": 1, "type": "ExecutionStarted", "timestamp": START}]
    for kind, name, entered, left in visits:
        first = {"id": len(events) + 1, "type": f"{kind}StateEntered", "previousEventId": len(events)}
        first |= {
            "timestamp": START + timedelta(seconds=entered),
            "stateEnteredEventDetails": {"name": name},
        }
        then = {"id": len(events) + 2, "type": f"{kind}StateExited", "previousEventId": len(events) + 1}
        then |= {"timestamp": START + timedelta(seconds=left), "stateExitedEventDetails": {"name": name}}
        events += [first, then]
    return events


def _walk(put_before: float, *visits: tuple[str, str, float, float]) -> latency.Walk:
    put = START - timedelta(seconds=put_before)
    return latency.Walk(put, START, explain.steps(_history(*visits)))


def test_the_rows_are_what_the_history_says():
    """Put 0.5 s before; Detect 1 s, Schedule 2 s, orders 0.25 s; Publish comes after the order."""
    walk = _walk(
        0.5, ("Task", "Detect", 0, 1), ("Task", "Schedule", 1, 3), ("Map", "OrderEach", 3, 3.25),
        ("Task", "Publish", 3.25, 9),
    )  # fmt: skip
    told = {row.name: row.p95 for row in latency.rows([walk])}
    assert told == {
        "put → start": 0.5, "Detect": 1.0, "Schedule": 2.0, "OrderEach": 0.25, "put → order": 3.75
    }  # fmt: skip


def test_a_file_without_an_order_is_not_in_the_budget():
    sound = _walk(9, ("Task", "Detect", 0, 99))
    found = _walk(0, ("Map", "OrderEach", 0, 1))
    assert [(row.name, row.visits) for row in latency.rows([sound, found])] == [
        ("put → start", 1),
        ("OrderEach", 1),
        ("put → order", 1),
    ]


def test_of_twenty_files_the_nineteenth_is_the_p95():
    walks = [_walk(0, ("Map", "OrderEach", 0, seconds)) for seconds in range(1, 21)]
    whole = latency.rows(walks)[-1]
    assert (whole.p50, whole.p95, whole.total) == (10, 19, 210)
