"""Functions that a timer calls, killed after each write: the same event again ends as without a kill.

Lambda repeats an asynchronous event twice, and may deliver one twice. None of these functions has markers
of its own for that: conditional writes decide. Deliver is not repeated; its next minute is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

import ooda.operations_api.handler as operations
from ona.repairs import experience, orders
from ona.runtime.clock import iso
from ona.store import s3, tables
from ona.store.layout import ASSET_HISTORY, work_order_key
from ooda.operations_api import api
from tests.builders.histories import day_by_day
from tests.builders.orders import Context, call, deliver, visits
from tests.builders.plans import NOW
from tests.builders.telemetry import DAY
from tests.fakes.reconciling import LATER, Reconciling
from tests.fakes.sns import Mail
from tests.fakes.tables import OUT

WRITES = ("Put", "Update", "Delete", "TransactWrite", "BatchWrite", "Send", "Publish", "Subscribe")
MOST_WRITES = 60


class Killed(BaseException):
    """No handler catches it: the sandbox is gone."""


@contextmanager
def killed_after(monkeypatch: pytest.MonkeyPatch, write: int) -> Iterator[list[str]]:
    """Die right after the so manieth write took effect; yields the writes that were made."""
    made: list[str] = []
    real = BaseClient._make_api_call

    def observed(self: Any, operation: str, arguments: Any) -> Any:
        answer = real(self, operation, arguments)
        if operation.startswith(WRITES):
            made.append(operation)
            if len(made) == write:
                raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", observed)
        yield made


def each_kill(
    monkeypatch: pytest.MonkeyPatch,
    there: Reconciling,
    run: Callable[[], Any],
    end: Callable[[], Any],
    settle: Callable[[], Any] = lambda: None,
) -> int:
    """Kill `run` after each write, run it again, and compare how it ends; returns the number of kills.

    `settle`: what comes by itself afterwards, of a run that was not killed too.
    """
    before = there.state()
    run()
    settle()
    undisturbed = end()
    for write in range(1, MOST_WRITES):
        there.restore(before)
        with killed_after(monkeypatch, write) as made:
            try:
                run()
            except Killed:
                pass
            else:
                assert len(made) < write
                return write - 1
        run()
        settle()
        assert end() == undisturbed, f"killed after write {write} ({made[-1]})"
    raise AssertionError(f"more than {MOST_WRITES} writes")


@pytest.fixture
def there(world: list[str], monkeypatch: pytest.MonkeyPatch) -> Reconciling:
    return Reconciling(monkeypatch)


@pytest.mark.parametrize("held", [True, False])
def test_verify_goes_on_where_it_died(
    world: list[str], there: Reconciling, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = day_by_day("INV-001", dead_until=5 if held else None)
    incident = history.incidents[0].model_copy(update={"incident_id": "inc-1"})
    history = history.model_copy(update={"incidents": [incident]})
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), history.document())
    path, done = f"/work-orders/{world[0]}", DAY + timedelta(days=5, hours=10)
    monkeypatch.setattr(api, "utc_now", lambda: done)
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    body = {"version": 2, "status": "COMPLETE", "actual_hours": 3.0}
    assert call("PATCH", path, body)[0] == 200

    def end() -> Any:
        order = orders.require(world[0])
        learned = experience.of("default", "inverter_failure").hours
        told = there.state()["outbox"]  # without what reconciliation tells of its mend
        return order.model_dump(), sorted(visits()), learned, told

    def run() -> None:
        operations.lambda_handler({"task": "verify"}, Context())

    # reconciliation comes every hour, after the grace of a visit
    later = LATER + timedelta(hours=3)
    kills = each_kill(monkeypatch, there, run, end, settle=(lambda: there.run(now=later)) if held else run)
    assert kills >= (3 if held else 2)
    assert "INV-001" not in visits()


def test_reconcile_goes_on_where_it_died(
    world: list[str], there: Reconciling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document is gone, a lock is gone, an order's delivery is gone."""
    there.erase(work_order_key(world[0]))
    order = there.items("tracking")[world[1]]
    for key in [key for key in there.items("tracking") if key.startswith("open#")]:
        if there.items("tracking")[key].get("work_order_id") == order["job_id"]:
            there.delete("tracking", key)
    there.delete("outbox", f"{world[2]}@operators")
    kills = each_kill(monkeypatch, there, there.run, there.state)
    assert kills >= 2
    assert there.run(now=LATER).mended == []


def test_deliver_goes_on_where_it_died(
    world: list[str], there: Reconciling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each order is told; one that was being told at the kill is told again when its claim is over."""
    mail = Mail(monkeypatch)

    def end() -> Any:
        items = there.items("outbox").items()
        told = {k: (i["told"], "lane" in i) for k, i in items if "wanted" in i}
        return told, [name for name in world if any(name in text for _, text, _, _ in mail.sent)]

    def settle() -> None:
        deliver(NOW + timedelta(minutes=6))
        deliver(NOW + timedelta(hours=1))

    restore = there.restore

    def unsent(state: dict[str, Any]) -> None:
        mail.sent.clear()
        restore(state)

    monkeypatch.setattr(there, "restore", unsent)
    kills = each_kill(monkeypatch, there, lambda: deliver(NOW), end, settle)
    assert kills >= 8
    assert end()[1] == world


def test_a_kill_is_seen_by_these_tests(there: Reconciling, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distractor: work that is not repeatable is found."""

    def twice() -> None:
        tables.update("crews", {"crew_id": "crew-001"}, "ADD visited :one", {":one": 1})
        tables.update("crews", {"crew_id": "crew-001"}, "SET seen_at = :now", {":now": iso(NOW)})

    with pytest.raises(AssertionError, match="killed after write 1"):
        each_kill(monkeypatch, there, twice, lambda: there.items("crews"))
