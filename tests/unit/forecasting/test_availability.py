"""What is known to be out is subtracted once: by documents of the loop and the operator, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from moto import mock_aws

from forecasting.documents import Conditions, ForecastDocument, ForecastMetadata, Interval, Point, Summary
from forecasting.forecasting_api import generate, subtraction
from forecasting.model import availability, hourly, known_outs
from forecasting.model.availability import Out
from ona.documents.maintenance import MaintenanceCalendar
from ona.repairs.tracking import ORDERS
from ona.runtime.errors import InvalidPayload
from ona.store import s3, tables
from ona.store.layout import ASSET_HISTORY, MAINTENANCE
from tests.builders.forecasting import site_document
from tests.builders.orders import tracked
from tests.fakes.tables import ENVIRONMENT, IN, OUT, TABLES, create_table

NOW = datetime(2025, 6, 10, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = site_document({"INV-001": 100.0, "INV-002": 300.0})


def forecast(minutes: int = 60) -> ForecastDocument:
    """A day of power from 06 to 18 UTC, nothing by night."""
    count = 24 * 60 // minutes
    times = [NOW + timedelta(minutes=minutes) * (n + 1) for n in range(count)]
    power = [320.0 if 6 < time.hour <= 18 else 0.0 for time in times]
    points = [
        Point(
            timestamp=time,
            predicted_power_kw=kw,
            confidence_interval=Interval(
                lower_80=0.8 * kw, upper_80=1.1 * kw, lower_95=0.5 * kw, upper_95=1.2 * kw
            ),
            weather_conditions=Conditions(),
        )
        for time, kw in zip(times, power, strict=True)
    ]
    return ForecastDocument(
        forecast_id="fc-s-000000-20250610060000",
        customer_id="c",
        site_id="s",
        generated_at=NOW,
        horizon_hours=24,
        capacity_kw=400.0,
        forecasts=points,
        metadata=ForecastMetadata(
            model_version="v",
            training_data_points=1,
            model_accuracy=None,
            last_training_date=None,
            weather_provider="",
            weather_age_minutes=None,
            nowcast_age_minutes=None,
            interval_minutes=minutes,
            degraded=[],
            notes=[],
        ),
        summary=Summary(
            total_predicted_energy_kwh=0.0, peak_power_kw=0.0, average_power_kw=0.0, capacity_factor=0.0
        ),
    )


def out(start: float, end: float | None, lost: float = 1.0, asset: str = "INV-001") -> Out:
    """Hours from now."""
    until = None if end is None else NOW + end * HOUR
    return Out(asset, lost, NOW + start * HOUR, until, "stands")


def powers(document: ForecastDocument) -> list[float]:
    return [point.predicted_power_kw for point in document.forecasts]


def test_median_and_bounds_shrink_by_what_is_out_and_for_as_long() -> None:
    whole = forecast()
    less = subtraction.subtracted(whole, [out(-5, 2.5)], SITE.assets)
    assert powers(less)[:4] == [
        240.0,
        240.0,
        280.0,
        320.0,
    ]  # a quarter of the site, half an hour at the end
    interval = less.forecasts[0].confidence_interval
    assert (interval.lower_80, interval.upper_95) == (192.0, 288.0)
    told = less.metadata.unavailable
    assert [(e.asset_id, e.kw, e.end, e.reason) for e in told] == [
        ("INV-001", 100.0, NOW + 2.5 * HOUR, "stands")
    ]
    assert less.metadata.notes[-1].startswith("subtracted: 100 kW of 1 machine")
    assert less.summary.total_predicted_energy_kwh == pytest.approx(12 * 320.0 - 200.0)


def test_the_whole_forecast_is_behind_the_stored_one() -> None:
    whole = forecast()
    entries = [out(-5, 2.5), out(1, None, 0.4, "INV-002")]
    back = subtraction.restored(subtraction.subtracted(whole, entries, SITE.assets))
    assert powers(back) == pytest.approx(powers(whole), abs=0.01)
    assert back.metadata.unavailable == []
    everything = [out(0, 3, asset=name) for name in SITE.assets]
    gone = subtraction.subtracted(whole, everything, SITE.assets)
    assert powers(gone)[:4] == [0.0, 0.0, 0.0, 320.0]
    assert powers(subtraction.restored(gone))[:4] == [0.0, 0.0, 0.0, 320.0], "nothing is behind it"
    old = {name: own for name, own in whole.metadata.document().items() if name != "unavailable"}
    assert ForecastMetadata.read(old).unavailable == [], "a forecast of an earlier version"


@pytest.mark.parametrize("minutes", [15, 60])
def test_one_machine_is_out_once_whoever_says_it(minutes: int) -> None:
    entries = [out(-5, None), out(-2, 4, 0.5), out(0, 3)]
    less = subtraction.subtracted(forecast(minutes), entries, SITE.assets)
    first_lit = next(n for n, kw in enumerate(powers(forecast(minutes))) if kw > 0.0)
    assert powers(less)[first_lit] == 240.0


def test_what_takes_no_power_away_changes_nothing() -> None:
    whole = forecast()
    over, foreign = out(-9, -1), out(0, 9, asset="INV-900")
    assert subtraction.subtracted(whole, [over, foreign], SITE.assets) is whole
    night = subtraction.subtracted(whole, [out(14, 22)], SITE.assets)
    assert powers(night) == powers(whole), "maintenance at night"
    assert night.metadata.unavailable[0].kw == 100.0


def test_the_machines_that_run_speak_for_the_site() -> None:
    """The nowcast must not see the loss that is subtracted afterwards."""
    times = pd.date_range("2025-06-10T08:15Z", periods=8, freq="15min", unit="us")
    rows = [
        pd.DataFrame({"timestamp": times, "asset_id": name, "power_kw": kw})
        for name, kw in (("INV-001", 0.0), ("INV-002", 240.0))
    ]
    telemetry = pd.concat(rows, ignore_index=True)
    stands = [out(-1, None)]
    seen = availability.running(telemetry, stands)
    assert set(seen["asset_id"]) == {"INV-002"}
    grid = hourly.grid(telemetry)
    dark = np.zeros(len(grid.power), dtype=bool)
    for masked in (hourly.grid(seen), availability.of_running(grid, stands)):
        share = hourly.hourly_share(masked, dark, SITE.assets, of_kw=400.0)["share"].dropna()
        assert share.tolist() == [0.8, 0.8]
    assert availability.running(telemetry, [out(-9, -1)]) is telemetry


# ------------------------------------------------------------------ power that the loop has not seen

SEEN = NOW - 14 * HOUR
"""16:00 of the day before: until then the loop saw it stand."""


def readings(
    *hours_and_shares: tuple[float, float], asset: str = "INV-001", capacity: float = 100.0
) -> pd.DataFrame:
    """Readings at so many hours after midnight of today, UTC, as shares of the capacity."""
    midnight = pd.Timestamp("2025-06-10T00:00Z")
    return pd.DataFrame(
        {
            "timestamp": [midnight + pd.Timedelta(hours=hour) for hour, _ in hours_and_shares],
            "asset_id": asset,
            "power_kw": [share * capacity for _, share in hours_and_shares],
        }
    )


def stands_since(seen: datetime | None = SEEN, lost: float = 1.0, end: float | None = None) -> Out:
    made = out(-22, end, lost)
    return Out(made.asset_id, made.lost, made.start, made.end, made.reason, seen)


MORNING = ((3.0, 0.0), (7.0, 0.05), (7.5, 0.1), (8.0, 0.2))
"""Hours (UTC) and shares: Johannesburg's winter sun rises at 05:00."""
RAN_AGAIN = datetime(2025, 6, 10, 6, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stood", "shares", "until"),
    [
        (stands_since(), MORNING, RAN_AGAIN),
        (stands_since(end=30), MORNING, RAN_AGAIN),  # earlier than the visit
        (stands_since(end=0.5), MORNING, NOW + 0.5 * HOUR),  # the visit was over before
        (stands_since(), ((7.0, 0.0), (8.0, 0.0)), None),
        (stands_since(), ((7.0, 0.01), (8.0, 0.012)), None),  # what a meter says at nothing
        (stands_since(), ((7.0, 0.3), (8.0, 0.01)), None),  # a slip of the meter
        (stands_since(), ((-12.0, 0.3), (-11.0, 0.3), (7.0, 0.0)), None),  # the loop looked later
        (stands_since(), (*MORNING, (10.0, 0.0), (11.0, 0.001)), None),  # it tripped again at noon
        (stands_since(), (*MORNING, (17.0, 0.0), (18.0, 0.0)), RAN_AGAIN),  # night
        (stands_since(), (*MORNING, (10.0, 0.03), (11.0, 0.01)), RAN_AGAIN),  # dark clouds
        (stands_since(lost=0.4), MORNING, None),  # it gives less, and power does not say otherwise
        (stands_since(seen=None), MORNING, None),  # planned work
    ],
)
def test_newer_power_ends_a_standstill(
    stood: Out, shares: tuple[tuple[float, float], ...], until: datetime | None
) -> None:
    other = readings(*MORNING, asset="INV-002", capacity=300.0)
    telemetry = pd.concat([other, readings(*shares)], ignore_index=True)
    (after,) = availability.until_power([stood], telemetry, SITE)
    assert after.end == until
    assert availability.until_power([stood], None, SITE) == [stood]
    assert availability.until_power([stood], other, SITE) == [stood], "another machine's power"


def test_a_turbine_that_gives_nothing_again_may_lack_wind() -> None:
    farm = SITE.model_copy(update={"kind": "wind"})
    telemetry = readings(*MORNING, (10.0, 0.0), (11.0, 0.0))
    assert availability.until_power([stands_since()], telemetry, farm)[0].end == RAN_AGAIN


def test_from_then_on_nothing_is_subtracted_and_its_readings_count_again() -> None:
    telemetry = readings(*MORNING)
    outs = availability.until_power([stands_since()], telemetry, SITE)
    later = forecast().model_copy(update={"forecasts": forecast().forecasts[2:]})
    assert subtraction.subtracted(later, outs, SITE.assets) is later
    assert availability.running(telemetry, outs)["power_kw"].tolist() == pytest.approx([5.0, 10.0, 20.0])


# ------------------------------------------------------------------ what counts

STANDS = {
    "incident_id": "inc-1",
    "asset_id": "INV-001",
    "kind": "outage",
    "state": "open",
    "window": {"start": "2025-06-09T08:00:00Z", "end": "2025-06-09T16:00:00Z"},
    "recent_loss_share": 0.5,
    "signals": {"zero_share": 1.0, "recovered": False},
    "severity": 0.9,  # and other fields that forecasting does not know
}
VISIT = {
    "customer_id": "c",
    "site_id": "s",
    "incident_id": "inc-1",
    "open": "yes",
    "scheduled_start": NOW + 4 * HOUR,
    "scheduled_end": NOW + 8 * HOUR,
}
LONG_AGO = {"start": "2025-05-01T08:00:00Z", "end": "2025-05-01T16:00:00Z"}
Known = list[tuple[str, float, datetime | None]]
FOR_EVER: Known = [("INV-001", 1.0, None)]
UNTIL_THE_VISIT: Known = [("INV-001", 1.0, NOW + 8 * HOUR)]


def still(outs: list[Out]) -> Known:
    return [(o.asset_id, o.lost, o.end) for o in outs if o.end is None or o.end > NOW]


@pytest.mark.parametrize(
    ("incident", "order", "expected"),
    [
        ({}, {}, UNTIL_THE_VISIT),
        ({}, None, FOR_EVER),  # nobody is sent: nobody knows when it comes back
        ({"kind": "underperformance"}, {}, [("INV-001", 0.5, NOW + 8 * HOUR)]),
        ({"signals": {"recovered": True}}, {}, [("INV-001", 0.5, NOW + 8 * HOUR)]),
        ({}, {"status": "ON_HOLD"}, FOR_EVER),
        ({}, {"scheduled_end": NOW - HOUR}, FOR_EVER),  # it was to be mended, and stands
        ({}, {"incident_id": "inc-2"}, FOR_EVER),  # an order for something else
        ({}, {"status": "COMPLETE"}, []),  # people say that it is mended
        ({"state": "closed"}, {}, []),  # an order for a machine that runs
        ({"kind": "underperformance", "recent_loss_share": 0.08}, {}, []),  # how the site is
        ({"suspected": True}, {}, []),
        ({"kind": "snow"}, {}, []),
        ({"kind": "curtailment"}, {}, []),
        ({"window": LONG_AGO}, None, []),
        ({"window": LONG_AGO}, {}, UNTIL_THE_VISIT),
    ],
)
def test_what_counts_as_out(
    incident: dict[str, Any], order: dict[str, Any] | None, expected: Known
) -> None:
    found = known_outs.Incident.read({**STANDS, **incident})
    orders = [] if order is None else [tracked(**{**VISIT, **order})]
    assert still(known_outs.out_by_incidents([found], orders, NOW)) == expected


def test_the_reason_names_incident_and_order() -> None:
    found = known_outs.Incident.read(STANDS)
    (one,) = known_outs.out_by_incidents([found], [tracked(**VISIT)], NOW)
    assert one.reason == "stands: outage inc-1, wo-20250611-00000001"
    assert one.seen == datetime(2025, 6, 9, 16, tzinfo=UTC), "power after it ends it"


def test_planned_work_on_machines_of_the_site_only() -> None:
    window = {"start": "2025-06-10T10:00:00Z", "end": "2025-06-10T14:00:00Z", "note": "filters"}
    own, other = {"asset_id": "INV-002", **window, "share": 0.5}, {"asset_id": "INV-901", **window}
    calendar = MaintenanceCalendar.read({"windows": [own, other]})
    assert still(known_outs.planned(calendar, SITE.assets)) == [
        ("INV-002", 0.5, datetime(2025, 6, 10, 14, tzinfo=UTC))
    ]
    with pytest.raises(InvalidPayload, match="end must be after start"):
        MaintenanceCalendar.read({"windows": [{**own, "end": own["start"]}]})


# ------------------------------------------------------------------ from the documents


def history(asset: str, **changes: Any) -> None:
    body = {
        "asset_id": asset,
        "site_id": "s",
        "days": {},
        "incidents": [{**STANDS, "asset_id": asset, **changes}],
    }
    s3.write_json(OUT, ASSET_HISTORY.build(site_id="s", asset_id=asset), body)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        for bucket in (IN, OUT):
            boto3.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
            )
        create_table("tracking", *TABLES["tracking"])
        yield


def test_histories_orders_and_calendar_are_read_and_damage_holds_up_nothing(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known() -> Known:
        return still(known_outs.of_site(SITE, NOW))

    mine = tracked(**VISIT)
    tables.put(ORDERS.name, mine.item())
    assert known() == [], "an order alone"
    history("INV-001")
    assert known() == UNTIL_THE_VISIT
    cancelled = mine.model_copy(update={"status": "CANCELLED", "open": None, "version": 2})
    tables.put(ORDERS.name, cancelled.item())
    foreign = mine.model_copy(update={"work_order_id": "wo-20250611-00000002", "customer_id": "another"})
    tables.put(ORDERS.name, foreign.item())
    assert known() == FOR_EVER, "it stands all the same"
    s3.write_bytes(OUT, ASSET_HISTORY.build(site_id="s", asset_id="INV-001"), b"{", "application/json")
    s3.write_json(IN, MAINTENANCE, {"windows": "soon"})
    history("INV-002", state="closed", episodes=[{"window": STANDS["window"], "hours": 8.0}])
    assert known() == [], "a damaged history, a wrong calendar, and a machine that runs again"
    past = known_outs.before(SITE, OUT)
    assert [(o.asset_id, o.start.hour, o.end and o.end.hour) for o in past] == [("INV-002", 8, 16)]
    monkeypatch.setenv("TRACKING_TABLE", "")
    unread = ["availability_unknown"]  # the calendar and a history
    assert generate._known_outs(SITE, NOW) == (known_outs.of_site(SITE, NOW), unread), (
        "nobody asks for orders"
    )
    s3.write_json(IN, MAINTENANCE, {"windows": [{"asset_id": "INV-002"}]})
    history("INV-001", state="closed")
    assert generate._known_outs(SITE, NOW)[1] == unread, "one window"
    s3.write_json(IN, MAINTENANCE, {"windows": []})
    assert generate._known_outs(SITE, NOW)[1] == []
    history("INV-002")
    assert generate._known_outs(SITE, NOW) == ([], ["availability_unknown"])


def test_only_histories_that_are_there_and_have_changed_are_read(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_outs._held.clear()
    calls: list[str] = []
    read, query = s3.read_json, tables.query
    monkeypatch.setattr(s3, "read_json", lambda pointer: (calls.append(pointer.key), read(pointer))[1])
    monkeypatch.setattr(tables, "query", lambda *given: (calls.append("orders"), query(*given))[1])

    def asked() -> set[str]:
        calls.clear()
        known_outs.of_site(SITE, NOW)
        return {call.removeprefix("incidents/s/") for call in calls} - {MAINTENANCE}

    assert asked() == set(), "no machine has a history"
    history("INV-001", state="closed")
    history("INV-009")  # a machine that is no longer of the site
    assert asked() == {"INV-001.json"}
    assert asked() == set(), "its ETag is the one of before"
    history("INV-001")
    assert asked() == {"INV-001.json", "orders"}
    assert asked() == {"orders"}, "an order may change without its machine's history"
    assert still(known_outs.of_site(SITE, NOW)) == FOR_EVER
    s3.write_bytes(OUT, ASSET_HISTORY.build(site_id="s", asset_id="INV-001"), b"{", "application/json")
    assert (asked(), asked()) == ({"INV-001.json"}, {"INV-001.json"}), "damage is never kept"


def test_of_a_large_site_the_machines_with_a_history_count(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_outs, "MOST_HISTORIES", 1)
    tables.put(ORDERS.name, tracked(**VISIT).item())
    history("INV-001")
    assert still(known_outs.of_site(SITE, NOW)) == UNTIL_THE_VISIT
    history("INV-002")  # one too many: only the one with an order is read
    assert still(known_outs.of_site(SITE, NOW)) == UNTIL_THE_VISIT
    assert [out.asset_id for out in known_outs.before(SITE, OUT)] == ["INV-001"]
