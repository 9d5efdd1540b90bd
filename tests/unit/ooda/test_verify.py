"""Whether repairs held, and what the next ones learn from them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

import ooda.operations_api.handler as operations
from ona.repairs import experience, orders
from ona.runtime.clock import iso
from ona.store import s3
from ona.store.layout import ASSET_HISTORY
from ooda.documents.asset_history import AssetHistory
from ooda.operations_api import api, verify
from tests.builders.assets import make_registry
from tests.builders.detection import histories_of
from tests.builders.histories import day_by_day
from tests.builders.orders import Context, call, document_of, ordered, scheduled, visits
from tests.builders.plans import NOW
from tests.builders.telemetry import DAY, sunny_day
from tests.fakes.tables import OUT


def _judged(history: AssetHistory, done: datetime) -> verify.Verdict:
    """What a history says of an order for its outage that was completed then."""
    incident = next(item for item in history.incidents if item.kind == "outage")
    return verify.judge(incident.incident_id, done, history)[0]


def test_the_asset_history_shows_whether_a_repair_held() -> None:
    noon = DAY + timedelta(hours=10)
    mended = day_by_day("INV-001", dead_until=5)
    assert _judged(mended, noon + timedelta(days=5)) == "verified"
    early = _judged(mended, noon + timedelta(days=4))
    assert early == "still_there", "the machine stood for another day"
    today = day_by_day("INV-001", dead_until=5, days=6)
    assert _judged(today, noon + timedelta(days=5)) == "waiting"
    dead = day_by_day("INV-001", dead_until=None)
    assert _judged(dead, noon + timedelta(days=5)) == "still_there"
    assert verify.judge("inc-1", noon, None)[0] == "waiting"
    assert verify.judge("", noon, None)[0] == "verified"


@pytest.mark.parametrize("held", [True, False])
def test_telemetry_ends_a_completed_order_or_opens_it_again(
    world: list[str], held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/work-orders/{world[0]}"
    history = day_by_day("INV-001", dead_until=5 if held else None)
    incident = history.incidents[0].model_copy(update={"incident_id": "inc-1"})
    history = history.model_copy(update={"incidents": [incident]})
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), history.document())
    done = DAY + timedelta(days=5, hours=10)
    monkeypatch.setattr(api, "utc_now", lambda: done)
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    assert call("PATCH", path, {"version": 2, "status": "COMPLETE"})[0] == 200
    waiting = scheduled(1, "execution-7")
    assert (waiting["scheduled"], waiting["already_ordered"]) == (0, 1), (
        "nobody is sent before telemetry tells"
    )

    counts = operations.lambda_handler({"task": "verify"}, Context())
    assert counts == {"verified": int(held), "still_there": int(not held), "waiting": 0}
    assert operations.lambda_handler({"task": "verify"}, Context()) == dict.fromkeys(counts, 0)
    order = orders.require(world[0])
    assert order.history[-1].by == "ona-verify"
    assert "INV-001" not in visits()
    again = scheduled(1, "execution-8", "grid_outage")
    assert again["scheduled"] == 1
    result = ordered(again, "execution-8")[0]
    if held:
        assert (order.status, order.verified_at) == ("COMPLETE", NOW)
        assert result["status"] == "ordered", "a new fault of the same kind is a new order"
    else:
        assert (order.status, order.completed_at) == ("OPEN", None)
        assert "seen again until" in order.history[-1].note
        assert (result["status"], result["work_order_id"]) == ("moved", world[0]), (
            "the same order, a new visit"
        )
        visit = visits()["INV-001"]
        assert orders.require(world[0]).scheduled_start == visit.start
        assert iso(datetime.fromisoformat(document_of(world[0])["scheduled_start"])) == iso(visit.start)


def test_a_verified_order_teaches(world: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    history = day_by_day("INV-001", dead_until=5)
    incident = history.incidents[0].model_copy(update={"incident_id": "inc-1"})
    history = history.model_copy(update={"incidents": [incident]})
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="site", asset_id="INV-001"), history.document())
    path, done = f"/work-orders/{world[0]}", iso(DAY + timedelta(days=5, hours=10))
    monkeypatch.setattr(api, "utc_now", lambda: NOW + timedelta(days=30))
    assert call("PATCH", path, {"version": 1, "status": "IN_PROGRESS"})[0] == 200
    body = {"version": 2, "status": "COMPLETE", "completed_at": done, "actual_hours": 3.0}
    assert call("PATCH", path, body)[0] == 200
    assert operations.lambda_handler({"task": "verify"}, Context())["verified"] == 1
    assert experience.of("default", "inverter_failure").hours == (3.0,)


@pytest.mark.parametrize("cap", [50.0, 60.0])
def test_a_limit_of_the_noon_hours_is_gone_after_a_sound_day(cap: float) -> None:
    frame = pd.concat([sunny_day(day=DAY + timedelta(days=n), seed=n) for n in range(7)], ignore_index=True)
    hour, day = frame["timestamp"].dt.hour, frame["timestamp"].dt.day - DAY.day
    frame.loc[(day == 5) & (hour % 3 > 0), ["power_kw", "irradiance_w_m2"]] *= 0.35  # clouds come and go
    limited = day.isin([4, 5])
    frame.loc[limited, "power_kw"] = frame.loc[limited, "power_kw"].clip(upper=cap)
    history = histories_of(frame, make_registry())["INV-001"]
    assert history.incidents
    for incident in history.incidents:
        assert incident.expected_power_kw < 100.0, "of the hours that it names, not of the whole day"
        done = incident.window.end + timedelta(minutes=5)
        assert verify.judge(incident.incident_id, done, history)[0] == "verified"
