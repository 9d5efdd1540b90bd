"""The sum of many sites: bounded calls a request, pages, and what stands in when there is no time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from benchmarks import sums as bench
from forecasting.forecasting_api import answers, store, sums
from forecasting.layout import FORECAST_LATEST
from tests.fakes import own_clock

CALLS_BESIDES = 5
"""The quota, and the pages of the customer's locations."""


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[bench.Slow]:
    for name, value in {**bench.BUCKETS, **bench.TABLES}.items():
        monkeypatch.setenv(name, value)
    slow = bench.Slow(0.0)
    with bench.deployed(slow):
        yield slow


def ask(**query: str) -> tuple[int, Any]:
    return bench.ask(**query)


def test_a_page_reads_one_object_a_site_and_next_brings_all(
    cloud: bench.Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sums.SITES_A_PAGE, 60, 50)
    bench.fill(cloud, 120, 1, timedelta(minutes=5))
    seen, more = [], {}
    for _ in range(3):
        before = cloud.calls
        status, body = ask(horizon_hours="24", **more)
        assert status == 200
        assert cloud.calls - before <= 50 + CALLS_BESIDES
        seen.append(body["data"])
        more = {"next": body["data"]["next"]}
    assert more == {"next": None}
    assert [round(page["capacity_kw"]) for page in seen] == [5000, 5000, 2000]
    assert all("add the sums of all pages" in " ".join(page["metadata"]["notes"]) for page in seen)
    # the pages together are the sum of all
    monkeypatch.setitem(sums.SITES_A_PAGE, 60, 500)
    _, whole = ask(horizon_hours="24")
    assert whole["data"]["next"] is None
    assert "page" not in " ".join(whole["data"]["metadata"]["notes"])
    for points in zip(whole["data"]["forecasts"], *(page["forecasts"] for page in seen), strict=True):
        total, *parts = (point["predicted_power_kw"] for point in points)
        assert total == pytest.approx(sum(parts), abs=0.01)


def test_sites_apart_have_a_narrower_sum_for_no_more_calls(cloud: bench.Slow) -> None:
    """Distractor: the same sites at one place. The places come with the page of locations."""
    bench.fill(cloud, 9, 1, timedelta(minutes=5))
    widths, calls = [], []
    for apart in (0.0, 8.0):
        cloud.places = {name: (-30.0, apart * number) for number, name in enumerate(cloud.sites)}
        before = cloud.calls
        _, body = ask()
        calls.append(cloud.calls - before)
        ends = [point["confidence_interval"] for point in body["data"]["forecasts"]]
        widths.append(sum(end["upper_80"] - end["lower_80"] for end in ends))
    assert calls[0] == calls[1] <= 9 + CALLS_BESIDES
    assert widths[1] < 0.5 * widths[0]


@pytest.mark.parametrize("wrong", [None, "x", 91.0, float("nan"), True, [1]])
def test_a_place_that_cannot_be_is_none(wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCATIONS_TABLE", "locations")
    items = [
        {"location_name": "b", "latitude": wrong, "longitude": 24.0},
        {"location_name": "a", "latitude": -29, "longitude": 24.5},
    ]
    monkeypatch.setattr(store.tables, "query", lambda *_: items)
    assert store.places_of("c") == {"a": (-29.0, 24.5), "b": None}


def test_one_site_has_no_next(cloud: bench.Slow) -> None:
    bench.fill(cloud, 2, 1, timedelta(minutes=5))
    status, body = ask(site_id="site-0001")
    assert (status, body["data"]["site_id"]) == (200, "site-0001")
    assert "next" not in body["data"], "it is the document, as stored"


def test_a_sum_names_the_sites_of_a_note_and_counts_a_training_once(cloud: bench.Slow) -> None:
    bench.fill(cloud, 2, 1, timedelta(minutes=5))
    one = ask(site_id="site-0000")[1]["data"]
    two = {
        **one,
        "site_id": "site-0001",
        "metadata": {**one["metadata"], "notes": ["physics forecasts it"]},
    }
    for document in (one, two):
        document["metadata"] |= {"model_version": "v1", "training_data_points": 700}
    added = answers.Total("customer")
    added.add(two)
    assert "physics forecasts it" in added.document()["metadata"]["notes"], "it is of the only site"
    added.add(one)
    whole = added.document()["metadata"]
    assert "site-0001: physics forecasts it" in whole["notes"]
    assert whole["training_data_points"] == 700


def test_quarter_hours_are_made_for_few_sites_a_page(
    cloud: bench.Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sums.SITES_A_PAGE, 15, 2)
    bench.fill(cloud, 3, 1, timedelta(minutes=5))
    status, body = ask(interval_minutes="15", horizon_hours="1")
    assert (status, len(body["data"]["forecasts"]), body["data"]["capacity_kw"]) == (200, 4, 200.0)
    status, body = ask(interval_minutes="15", horizon_hours="1", next=body["data"]["next"])
    assert (status, body["data"]["next"], body["data"]["capacity_kw"]) == (200, None, 100.0)


def _time_runs_out_after(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """The clock stands still for so many looks, then the time for new forecasts is over."""
    ticks = itertools.chain([0.0] * (2 + looks), itertools.repeat(sums.MAKE_S))
    own_clock.give(monkeypatch, sums, monotonic=lambda: next(ticks))


def test_without_time_older_forecasts_stand_in_and_say_so(
    cloud: bench.Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.fill(cloud, 6, 1, timedelta(hours=3))
    made = []
    make = sums._made
    monkeypatch.setattr(sums, "_made", lambda *given: made.append(given[1]) or make(*given))
    _time_runs_out_after(monkeypatch, 2)
    status, body = ask()
    assert (status, made) == (200, ["site-0000", "site-0001"])
    assert sums.STALE in body["data"]["metadata"]["degraded"]


def test_without_time_and_without_any_forecast_the_caller_comes_back(
    cloud: bench.Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.fill(cloud, 5, 1, None)
    statuses = []
    for _ in range(3):
        with monkeypatch.context() as inner:
            _time_runs_out_after(inner, 2)
            status, body = ask()
        statuses.append(status)
        if status == 503:
            assert body["errors"][0]["retry_after"] == sums.RETRY_S
    assert statuses == [503, 503, 200], "what was made is stored: each try gets further"


def test_old_forecasts_do_not_starve_sites_without_any(
    cloud: bench.Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sites with an old forecast stood first in the page: they took the time of every request, and the
    caller of a page with one new site got 503 for as long as there were enough old ones."""
    bench.fill(cloud, 40, 1, timedelta(hours=3))
    for site in ("site-0030", "site-0038"):
        del cloud.objects[FORECAST_LATEST.build(customer_id=bench.CUSTOMER, site_id=site)]
    statuses, body = [], {}
    for _ in range(2):
        with monkeypatch.context() as inner:
            _time_runs_out_after(inner, 1)
            status, body = ask()
        statuses.append(status)
    assert statuses == [503, 200]
    assert sums.STALE in body["data"]["metadata"]["degraded"], "the old ones stand in"
    assert round(body["data"]["capacity_kw"]) == 40 * 100


def test_each_request_makes_a_forecast_even_when_reading_took_all_the_time(
    cloud: bench.Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.fill(cloud, 3, 1, None)
    statuses = []
    for _ in range(3):
        with monkeypatch.context() as inner:
            _time_runs_out_after(inner, 0)
            statuses.append(ask()[0])
    assert statuses == [503, 503, 200]


@pytest.mark.parametrize("text", ["abc", "eyJzaXRlX2lkIjogInoifQ=="], ids=["odd", "of a sum"])
def test_a_next_beside_a_site_is_refused(cloud: bench.Slow, text: str) -> None:
    bench.fill(cloud, 1, 1, timedelta(minutes=5))
    status, body = ask(site_id="site-0000", next=text)
    assert (status, body["errors"][0]["field"]) == (400, "next")
    assert ask(site_id="site-0000", next="")[0] == 200, "none was given"


def test_a_next_of_nobody_is_refused(cloud: bench.Slow) -> None:
    bench.fill(cloud, 1, 1, timedelta(minutes=5))
    for wrong in ("x", "é", "W10=", "eyJzaXRlX2lkIjogInoifQ=="):
        status, body = ask(next=wrong)
        assert (status, body["errors"][0]["field"]) == (400, "next"), wrong


@pytest.mark.parametrize(
    "name",
    [None, "", "../../etc", "a/b", "\x00", "x" * 129, 7, ["karoo"], b"karoo"],
    ids=["none", "empty", "a way out", "two", "NUL", "too long", "a number", "a list", "bytes"],
)
def test_an_item_that_names_no_site_takes_no_sum_away(
    name: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCATIONS_TABLE", "locations")
    bad = {"location_id": "c/x"} | ({} if name is None else {"location_name": name})
    items = [{"location_id": "c/karoo", "location_name": "karoo"}, bad]
    monkeypatch.setattr(store.tables, "query", lambda *_: items)
    assert store.sites_of("c") == ["karoo"]
