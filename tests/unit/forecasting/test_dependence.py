"""How errors of sites go together, learned from hours whose dependence the test knows."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from benchmarks import sums as bench
from forecasting.accuracy_documents import LiveCalibration
from forecasting.forecasting_api import answers, store
from forecasting.layout import FORECAST_LATEST
from forecasting.model import dependence, measured_days, portfolio
from forecasting.model.calibration import Day
from ona.runtime.errors import InvalidPayload

LIT = list(range(7, 19))
FIRST = date(2026, 3, 1)


def history(true: np.ndarray, days: int, seed: int = 5, scale: float = 1.0) -> list[dict[str, str]]:
    """Sites' scores of `days` days, correlated as said; a part of them stays all day."""
    draw = np.random.default_rng(seed)
    root = np.linalg.cholesky(true + 1e-9 * np.eye(len(true)))
    out: list[dict[str, str]] = [{} for _ in true]
    for number in range(days):
        all_day = draw.standard_normal(len(true)) @ root.T
        by_hour = draw.standard_normal((len(LIT), len(true))) @ root.T
        scores = scale * (0.6 * all_day + 0.8 * by_hour) + 0.4
        day = (FIRST + timedelta(days=number)).isoformat()
        for site, own in enumerate(out):
            own[day] = dependence.letters(LIT, scores[:, site].tolist())
    return out


@pytest.mark.parametrize("distance_says", [0.0, 1.0], ids=["far", "one place"])
@pytest.mark.parametrize("truly", [0.0, 0.4, 0.9])
def test_measured_days_overrule_the_distance(truly: float, distance_says: float) -> None:
    true = np.array([[1.0, truly], [truly, 1.0]])
    prior = np.array([[1.0, distance_says], [distance_says, 1.0]])
    found = dependence.learned(prior, history(true, 90, scale=0.7))[0, 1]
    assert found == pytest.approx(truly, abs=0.2)
    assert abs(found - truly) < abs(distance_says - truly) or truly == distance_says


def test_few_days_of_independent_sites_prove_nothing() -> None:
    """Distractor: chance alone correlates a few days. Many far sites must not look alike by it."""
    sites = 40
    prior = np.eye(sites)
    found = dependence.learned(prior, history(np.eye(sites), 4))
    others = found[~np.eye(sites, dtype=bool)]
    assert np.abs(others).max() < 0.35
    assert abs(others.mean()) < 0.02
    one_day = dependence.learned(prior, history(np.eye(sites), 1))
    assert (one_day == prior).all()


def test_a_new_site_beside_old_ones_keeps_its_distance() -> None:
    true = np.full((3, 3), 0.2) + 0.8 * np.eye(3)
    past = history(true, 90)
    past[2] = {}
    prior = np.full((3, 3), 0.8) + 0.2 * np.eye(3)
    found = dependence.learned(prior, past)
    assert found[0, 1] == pytest.approx(0.2, abs=0.2)
    assert found[0, 2] == pytest.approx(0.8, abs=0.05)


def test_days_that_only_some_sites_have_leave_no_impossible_matrix() -> None:
    draw = np.random.default_rng(2)
    past = history(np.full((12, 12), 0.5) + 0.5 * np.eye(12), 30)
    past = [{day: text for day, text in own.items() if draw.random() < 0.3} for own in past]
    found = dependence.learned(np.eye(12), past)
    assert np.linalg.eigvalsh(found)[0] > -1e-9
    assert np.allclose(np.diag(found), 1.0)
    assert np.abs(found).max() <= 1.0


def test_a_site_that_never_errs_is_no_nonsense() -> None:
    flat = {(FIRST + timedelta(days=n)).isoformat(): dependence.letters(LIT, [0.0] * 12) for n in range(9)}
    found = dependence.learned(np.array([[1.0, 0.3], [0.3, 1.0]]), [flat, flat])
    assert np.allclose(found, [[1.0, 0.3], [0.3, 1.0]])


@pytest.mark.parametrize("truly", [0.3, 0.6, 0.9])
def test_sums_hold_what_they_promise_wherever_the_sites_lie(truly: float) -> None:
    """Six sites said to lie at one place, whose errors go together as they like; the law is lognormal."""
    draw, sites, hours = np.random.default_rng(8), 6, 6000
    true = np.full((sites, sites), truly) + (1 - truly) * np.eye(sites)
    z = draw.standard_normal((hours, sites)) @ np.linalg.cholesky(true).T
    size = draw.uniform(20.0, 200.0, (hours, sites))
    levels = np.array([0.0, -1.2816, 1.2816, -1.96, 1.96])
    came = (size * np.exp(0.25 * z)).sum(axis=1)
    bounds = portfolio.of_sum(
        size[..., None] * np.exp(0.25 * levels), [(47.0, 8.0)] * sites, history(true, 90)
    )
    inside = [100 * ((came >= bounds[:, n]) & (came <= bounds[:, n + 1])).mean() for n in (0, 2)]
    assert inside == [pytest.approx(80.0, abs=4.0), pytest.approx(95.0, abs=2.5)]


def test_days_of_earlier_versions_are_read_and_teach_nothing() -> None:
    live = LiveCalibration.read(
        {
            "days": [
                {
                    "day": f"2026-03-0{number}",
                    "source": "model",
                    "model_version": "v1",
                    "scores": [0.5, -4.0],
                    "misses": {"80": [0.0, 0.0], "95": [0.0, 0.0]},
                    **more,
                }
                for number, more in enumerate([{}, {"hours": [7, 24]}], start=1)
            ]
        }
    ).checked()
    days = measured_days.days_of(live, "model")
    assert measured_days.past_scores(days) == {"2026-03-02": "......o................a"}
    same = measured_days.with_day(None, date(2026, 3, 2), {"model": days[1]})
    assert same is not None
    assert same.days[0].hours == [7, 24]


@pytest.mark.parametrize("hours", [[7], [0, 7], [7, 25]])
def test_hours_that_cannot_be_are_damage(hours: list[int]) -> None:
    day = Day(FIRST, "v1", (0.1, 0.2), {}, tuple(hours))
    live = measured_days.with_day(None, FIRST, {"model": day})
    assert live is not None
    with pytest.raises(ValueError, match="hours of"):
        live.checked()


def test_the_sum_reads_them_with_the_forecasts_and_customers_never_see_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**bench.BUCKETS, **bench.TABLES}.items():
        monkeypatch.setenv(name, value)
    cloud, widths, calls = bench.Slow(0.0), [], []
    independent = history(np.eye(4), 60)
    with bench.deployed(cloud):
        bench.fill(cloud, 4, 1, timedelta(minutes=5))
        for past in ([{}] * 4, independent):
            for name, own in zip(cloud.sites, past, strict=True):
                key = FORECAST_LATEST.build(customer_id=bench.CUSTOMER, site_id=name)
                cloud.objects[key] = json.dumps(
                    {**json.loads(cloud.objects[key]), "past_scores": own}
                ).encode()
            before = cloud.calls
            _, body = bench.ask()
            calls.append(cloud.calls - before)
            ends = [point["confidence_interval"] for point in body["data"]["forecasts"]]
            widths.append(sum(end["upper_80"] - end["lower_80"] for end in ends))
            _, one = bench.ask(site_id=cloud.sites[0])
            assert "past_scores" not in json.dumps([body, one])
        assert "learned from measured days" in " ".join(body["data"]["metadata"]["notes"])
        cloud.objects[key] = cloud.objects[key].replace(
            b'"past_scores": {"', b'"past_scores": {"x": "?", "'
        )
        assert store.load_newest("output", bench.CUSTOMER, cloud.sites[-1]) is None, "damaged"
    assert calls[0] == calls[1]
    assert widths[1] < 0.75 * widths[0]


def test_a_document_without_them_is_a_forecast() -> None:
    with pytest.raises(InvalidPayload, match="past scores"):
        answers.check({**_forecast(), "past_scores": {"2026-03-01": "short"}})
    answers.check(_forecast())


def _forecast() -> dict[str, object]:
    meta = {"model_version": "v", "degraded": [], "notes": [], "training_data_points": 1}
    meta |= {"model_accuracy": None, "weather_age_minutes": None, "interval_minutes": 60}
    when = datetime(2026, 3, 1, tzinfo=UTC).isoformat()
    return {
        "forecast_id": "fc",
        "generated_at": when,
        "capacity_kw": 1.0,
        "metadata": meta,
        "forecasts": [],
    }


def test_500_sites_of_90_days_take_no_time() -> None:
    past = history(np.eye(1), 90)[0]
    started = time.process_time()
    found = dependence.learned(np.eye(500), [past] * 500)
    assert time.process_time() - started < 5.0
    assert found[0, 499] > 0.85
