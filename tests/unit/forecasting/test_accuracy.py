"""Measured days: what is recorded of them, and what `GET /forecast/accuracy` makes of the records."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from benchmarks import sums as bench
from forecasting.accuracy_documents import AccuracyRecord, LeadRecord
from forecasting.documents import IssuedForecast
from forecasting.forecasting_api import accuracy, accuracy_report, predict
from forecasting.forecasting_api.forecast_document import Basis, forecast_document
from forecasting.forecasting_api.handler import lambda_handler
from forecasting.layout import ACCURACY
from forecasting.model import calibration, measured_days
from ona.store import s3
from tests.builders.forecasting import site_document

DAY = datetime(2025, 6, 10, tzinfo=UTC)
SITE = site_document({"A": 100.0, "B": 300.0})


def issued(now: datetime, hours: int = 60) -> IssuedForecast:
    """A forecast by physics under an even sky."""
    index = pd.date_range(now - timedelta(days=1), periods=24 * 5, freq="h", unit="us")
    sky = pd.DataFrame({"ghi_w_m2": 400.0, "temperature_c": 20.0}, index=index)
    made = predict.predict(SITE, predict.Inputs(weather=sky), now, hours, 6)
    return forecast_document(SITE, made, Basis(None, None, ["no_model"]), now, 60)


def came(forecast: IssuedForecast, factor: float, days: int = 1) -> pd.Series:
    """Measured shares: a multiple of the forecast, on the day and the days before it alike."""
    by_hour = {p.timestamp: factor * p.predicted_power_kw / SITE.capacity_kw for p in forecast.forecasts}
    series = pd.Series(by_hour)
    series = series[(series.index > DAY) & (series.index <= DAY + timedelta(days=1))]
    series.index = pd.DatetimeIndex(series.index).as_unit("us")
    before = [series.set_axis(series.index - pd.Timedelta(days=n)) for n in range(days - 1, 0, -1)]
    return pd.concat([*before, series])


def test_a_measured_day_has_its_leads_its_reference_and_what_calibration_keeps() -> None:
    ahead = issued(DAY - timedelta(hours=7))
    near = [issued(DAY + timedelta(hours=hours)) for hours in (0, 6, 12)]
    got = accuracy.measure(
        SITE, ahead, came(ahead, 1.1, days=2), DAY, near, [issued(DAY - timedelta(hours=31))]
    )
    assert not isinstance(got, str)
    leads = {lead.lead: lead for lead in got.record.leads}
    assert set(leads) == {"day_ahead", "first_hours", "two_days"}
    assert leads["day_ahead"].hours == got.record.hours >= leads["first_hours"].hours > 0
    below = list(leads["day_ahead"].at_or_below.values())
    assert below == sorted(below), "more hours are below a higher level"
    assert below[2] == 0 < below[3], "all of them lay above the median, and inside of 80 %"
    assert got.record.bias_kw < 0
    # the day before was the same: persistence errs by nothing but the sun's way since
    assert got.record.reference_mae_kw is not None
    assert got.record.reference_mae_kw < 0.5 * got.record.mae_kw
    kept = got.kept["physical"]
    assert (got.record.source, set(got.kept)) == ("physical", {"physical"})
    assert kept is not None
    assert len(kept.scores) == len(kept.hours) == got.record.hours
    assert list(kept.hours) == [(p.timestamp.hour - 1) % 24 + 1 for p in got.points]
    assert min(kept.scores) > 0
    assert kept.misses[80] == (0.0, 0.0)


def test_a_day_that_the_model_served_tells_physics_its_errors_too() -> None:
    by_physics = issued(DAY - timedelta(hours=7))
    [physics] = by_physics.uncalibrated
    model = physics.model_copy(update={"source": "model"})
    served = by_physics.model_copy(update={"uncalibrated": [model, physics]})
    live = None
    for shift in (10, 5, 3, 2):
        when = DAY.date() - timedelta(days=shift)
        day = calibration.Day(when, "physical", (-8.0,) * 15, {80: (1.0, 0.0), 95: (1.0, 0.0)})
        live = measured_days.with_day(live, when, {"physical": day})
    got = accuracy.measure(SITE, served, came(by_physics, 0.45), DAY, live=live)
    assert not isinstance(got, str)
    model_day, physics_day = got.kept["model"], got.kept["physical"]
    assert model_day is not None
    assert physics_day is not None
    assert model_day.scores == physics_day.scores
    assert model_day.misses[80][0] > 0.9, "what was served missed"
    assert physics_day.misses[80][0] == 0.0, "physics had learned by then to be wider below"


def test_forecasts_of_earlier_versions_are_measured_and_calibrate_nothing() -> None:
    ahead = issued(DAY - timedelta(hours=7))
    old = IssuedForecast.read(ahead.document())
    assert old.uncalibrated == []
    got = accuracy.measure(SITE, old, came(ahead, 0.9), DAY)
    assert not isinstance(got, str)
    assert (got.kept, got.record.source, got.record.reference_mae_kw) == ({}, "", None)
    assert IssuedForecast.read(ahead.issued()) == ahead


def test_a_day_without_a_change_of_power_calibrates_nothing() -> None:
    ahead = issued(DAY - timedelta(hours=7))
    got = accuracy.measure(SITE, ahead, came(ahead, 0.0), DAY)
    assert not isinstance(got, str)
    assert got.kept == {"physical": None}
    assert got.record.accuracy_percent < 95, "the record says what came all the same"


def test_the_newest_forecast_of_each_quarter_of_a_day_tells_its_first_hours() -> None:
    at = [(DAY + timedelta(hours=hours), f"k{hours}") for hours in (-31, -8, -1, 0, 5, 7, 23)]
    assert accuracy.of_first_hours(at, DAY) == ["k0", "k5", "k7"]
    assert accuracy.of_two_days(at, DAY) == ["k-31"]
    assert accuracy.day_ahead(at, DAY) == "k-8"


# ------------------------------------------------------------------ the report


def record(
    day: str, hours: int = 10, mae: float = 20.0, covered: float = 80.0, **more: Any
) -> AccuracyRecord:
    """A day's record; ten hours of which one lay below each interval's lower end, and one above."""
    below = {"2.5": 0, "10": 1, "50": 5, "90": 9, "97.5": 10}
    lead = LeadRecord(
        lead="day_ahead",
        hours=hours,
        mae_kw=mae,
        bias_kw=-5.0,
        pinball_kw=6.0,
        width_80_kw=50.0,
        width_95_kw=80.0,
        at_or_below={level: count * hours // 10 for level, count in below.items()},
    )
    return AccuracyRecord.model_validate(
        {
            "customer_id": bench.CUSTOMER,
            "site_id": "site-0000",
            "day": day,
            "forecast_id": f"fc-{day}",
            "issued_at": "2025-06-01T00:00:00Z",
            "model_version": "v1",
            "hours": hours,
            "accuracy_percent": 95.0,
            "mae_kw": mae,
            "bias_kw": -5.0,
            "coverage_80_percent": covered,
            "coverage_95_percent": 95.0,
            "capacity_kw": 400.0,
            "source": "model",
            "leads": [lead.document()],
            **more,
        }
    )


def test_a_report_pools_hours_and_compares_what_can_be_compared() -> None:
    compared = {"reference_hours": 10, "reference_mae_kw": 40.0, "mae_of_reference_hours_kw": 30.0}
    records = [
        record("2025-06-02", hours=10, mae=30.0, covered=70.0, **compared),
        record("2025-05-31", hours=30, mae=10.0, covered=90.0),
    ]
    span = date(2025, 5, 1), date(2025, 6, 30)
    got = accuracy_report.report("c", "s", span, records)
    assert [day.day for day in got.days] == ["2025-05-31", "2025-06-02"]
    assert (got.measured_days, got.hours, got.mae_kw, got.mae_percent) == (2, 40, 15.0, 3.75)
    assert (got.coverage_80_percent, got.skill, got.reference_mae_kw) == (85.0, 0.25, 40.0)
    assert [(month.month, month.coverage_80_percent) for month in got.months] == [
        ("2025-05", 90.0),
        ("2025-06", 70.0),
    ]
    [lead] = got.leads
    assert [(s.level_percent, s.at_or_below, s.hours) for s in lead.reliability][1] == (10.0, 4, 40)
    assert all(s.low_percent <= s.observed_percent <= s.high_percent for s in lead.reliability)
    root = ET.fromstring(got.reliability_svg)
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 5


def test_records_of_earlier_versions_and_no_records_make_a_report() -> None:
    whole = record("2025-06-02").document()
    later = ("capacity_kw", "source", "reference_hours", "reference_mae_kw", "mae_of_reference_hours_kw")
    old = AccuracyRecord.read(
        {name: value for name, value in whole.items() if name not in (*later, "leads")}
    )
    span = date(2025, 6, 1), date(2025, 6, 30)
    got = accuracy_report.report("c", "s", span, [old])
    assert (got.mae_kw, got.mae_percent, got.skill, got.leads, got.reliability_svg) == (
        20.0,
        None,
        None,
        [],
        "",
    )
    nothing = accuracy_report.report("c", "s", span, [])
    assert (nothing.measured_days, nothing.mae_kw, nothing.months) == (0, None, [])


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (5, 10), (10, 10), (1, 1), (0, 0)])
def test_wilsons_interval_holds_its_share_and_stays_a_share(hits: int, trials: int) -> None:
    low, high = accuracy_report.wilson(hits, trials)
    assert 0.0 <= low <= (hits / trials if trials else 0.5) <= high <= 1.0
    assert high - low > 0.2


# ------------------------------------------------------------------ the route


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[bench.Slow]:
    for name, value in {**bench.BUCKETS, **bench.TABLES}.items():
        monkeypatch.setenv(name, value)
    slow = bench.Slow(0.0)
    bench.fill(slow, 2, 1, None)

    def listed(_bucket: str, prefix: str, *, start_after: str = "") -> Iterator[dict[str, Any]]:
        keys = (key for key in sorted(slow.objects) if key.startswith(prefix) and key > start_after)
        return ({"Key": key} for key in keys)

    monkeypatch.setattr(s3, "list_keys", listed)
    with bench.deployed(slow):
        yield slow


def store(cloud: bench.Slow, day: str, body: bytes | None = None, customer: str = bench.CUSTOMER) -> None:
    key = ACCURACY.build(customer_id=customer, site_id="site-0000", day=date.fromisoformat(day))
    cloud.objects[key] = body or json.dumps(record(day).document()).encode()
    cloud.objects[key.replace(".json", ".svg")] = b"<svg/>"


def ask(customer: str = bench.CUSTOMER, **query: str) -> tuple[int, Any]:
    path = bench.ROOT / "events" / "forecasting" / "forecasting_api.json"
    event = json.loads(path.read_text())
    event["path"] = event["resource"] = event["requestContext"]["resourcePath"] = "/forecast/accuracy"
    parameters = {"customer_id": customer, **query}
    event["queryStringParameters"] = parameters
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in parameters.items()}
    caller = {"customer_id": bench.CUSTOMER, "tier": "standard"}
    event["requestContext"] |= {"apiId": os.environ["API_ID"], "authorizer": caller}
    answer = lambda_handler(event, bench.Context())
    return answer["statusCode"], json.loads(answer["body"])


def test_the_route_answers_the_days_asked_for_and_names_those_it_cannot_read(cloud: bench.Slow) -> None:
    for day in ("2025-05-31", "2025-06-01", "2025-06-30", "2025-07-01"):
        store(cloud, day)
    store(cloud, "2025-06-15", b'{"no": "record"}')
    status, body = ask(site_id="site-0000", **{"from": "2025-06-01", "to": "2025-06-30"})
    assert status == 200
    data = body["data"]
    assert [day["day"] for day in data["days"]] == ["2025-06-01", "2025-06-30"]
    assert data["unreadable"] == ["2025-06-15"]
    assert (data["first_day"], data["last_day"], data["measured_days"]) == ("2025-06-01", "2025-06-30", 2)
    status, body = ask(site_id="site-0001")
    assert (status, body["data"]["measured_days"], body["data"]["mae_kw"]) == (200, 0, None)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"site_id": "site-0000", "from": "2025-06-30", "to": "2025-06-01"}, 400, "to"),
        ({"site_id": "site-0000", "from": "2023-01-01", "to": "2025-06-01"}, 400, "to"),
        ({"site_id": "site-0000", "from": "yesterday"}, 400, "from"),
        ({"site_id": "site-0000", "to": "1749000000"}, 400, "to"),
        ({"site_id": "site-0000", "to": "0001-01-01"}, 400, "to"),
        ({}, 400, "site_id"),
        ({"site_id": "site-9999"}, 404, "site_id"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    cloud: bench.Slow, query: dict[str, str], status: int, field: str
) -> None:
    got, body = ask(**query)
    assert (got, body["errors"][0]["field"].split(".")[-1]) == (status, field)


def test_another_customers_accuracy_is_not_shown(cloud: bench.Slow) -> None:
    store(cloud, "2025-06-10", customer="customer-002")
    assert ask(customer="customer-002", site_id="site-0000")[0] == 403
    status, body = ask(site_id="site-0000", **{"from": "2025-06-01", "to": "2025-06-30"})
    assert (status, body["data"]["measured_days"]) == (200, 0)
