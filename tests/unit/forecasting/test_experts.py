"""Experts: whose forecast counts how much, by what each missed on the newest days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.accuracy_documents import LiveCalibration
from forecasting.documents import SiteDocument
from forecasting.forecasting_api import accuracy, forecast_document, generate, predict
from forecasting.model import calibration, experts, measured_days, physics, recent
from forecasting.model.experts import PERSISTED, PHYSICS, RECENT, TREES, Heard
from tests.builders.flags import only, switched

DAY = date(2025, 6, 10)
BEFORE = {"trees": 0.9, "physics": 0.1}
NOON = np.sin(np.linspace(0.1, np.pi - 0.1, 12))
"""A clear day's twelve hours of light, shares of capacity."""


def said_of(
    number: int, *, trees: float, physics: float, noise: float = 0.04, seed: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What came on a day of changing sky, and what two experts said: each is off by its own share."""
    chance = np.random.default_rng((seed, number))
    came = NOON * chance.uniform(0.4, 0.9)
    off = {name: chance.normal(share, noise, len(NOON)) for name, share in (("t", trees), ("p", physics))}
    return came, {"trees": came + NOON * off["t"], "physics": came + NOON * off["p"]}


def days_of(count: int, *, trees: float, physics: float, first: int = 0, seed: int = 0) -> list[Heard]:
    """Days of such errors, one after the other."""
    found = []
    for number in range(first, first + count):
        came, said = said_of(number, trees=trees, physics=physics, seed=seed)
        one = experts.heard(DAY + timedelta(days=number), came, said, BEFORE)
        assert one is not None
        found.append(one)
    return found


@given(
    st.lists(st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.integers(0, 60)), max_size=12),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_weights_are_never_negative_and_together_one_in_whatever_order(
    days: list[tuple[float, float, int]], first: float
) -> None:
    known = [
        one for trees, physics, at in days for one in days_of(1, trees=trees, physics=physics, first=at)
    ]
    found = experts.weights({"trees": first, "physics": 1.0 - first}, known)
    assert min(found.values()) >= 0.0
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-3)
    backwards = experts.weights({"trees": first, "physics": 1.0 - first}, known[::-1])
    assert backwards == pytest.approx(found, abs=2e-4)


def test_an_expert_that_is_always_worse_fades_and_one_that_is_always_better_stays() -> None:
    worse = experts.weights(BEFORE, days_of(20, trees=-0.3, physics=-0.02))
    assert worse["trees"] < 0.1
    better = experts.weights(BEFORE, days_of(20, trees=-0.02, physics=-0.3))
    assert better["trees"] > 0.9


def test_two_days_move_the_weight_where_one_misses_half_as_much_again() -> None:
    moved = experts.weights(BEFORE, days_of(2, trees=-0.30, physics=-0.20))
    assert moved["trees"] < 0.9 - 0.15
    same = experts.weights(BEFORE, days_of(2, trees=-0.20, physics=-0.20))
    assert same["trees"] == pytest.approx(0.9, abs=0.1), "no difference, no move"


def test_one_bad_day_does_not_outvote_ten_good_ones() -> None:
    good = days_of(10, trees=-0.03, physics=-0.12)
    steady = experts.weights(BEFORE, good)["trees"]
    shaken = experts.weights(BEFORE, [*good, *days_of(1, trees=-0.5, physics=-0.12, first=10)])["trees"]
    assert shaken > 0.5
    assert steady - shaken < 0.35
    lasting = experts.weights(BEFORE, [*good, *days_of(8, trees=-0.5, physics=-0.12, first=10)])["trees"]
    assert lasting < shaken - 0.2, "eight such days are no noise"


def test_days_that_lack_an_expert_teach_nothing_of_it() -> None:
    came, said = said_of(0, trees=-0.3, physics=0.0)
    silent = experts.heard(DAY, came, {**said, "physics": np.full(12, np.nan)}, BEFORE)
    assert silent is not None
    assert silent.names == ("trees",)
    assert experts.weights(BEFORE, [silent]) == BEFORE
    assert experts.heard(DAY, np.full(12, np.nan), said, BEFORE) is None
    assert experts.heard(DAY, came, {}, BEFORE) is None


QUANTILES = st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5).map(sorted)


@given(QUANTILES, QUANTILES, st.floats(0.0, 1.0))
def test_bounds_rise_and_stay_within_what_is_said(
    one: list[float], other: list[float], weight: float
) -> None:
    said = {"a": np.array([one]), "b": np.array([other])}
    [row] = experts.combined(said, {"a": weight, "b": 1.0 - weight})
    assert np.all(np.diff(row) >= -1e-9)
    assert 0.0 <= row[0] <= row[-1] <= 1.0
    assert row[2] == pytest.approx(weight * one[2] + (1.0 - weight) * other[2])


def test_where_experts_disagree_the_forecast_is_wide_and_a_silent_one_does_not_count() -> None:
    low, high, silent = (
        np.array([[0.1, 0.15, 0.2, 0.25, 0.3]]),
        np.array([[0.6, 0.65, 0.7, 0.75, 0.8]]),
        np.full((1, 5), np.nan),
    )
    half = {"a": 0.5, "b": 0.5}
    apart = experts.combined({"a": low, "b": high}, half)[0]
    alike = experts.combined({"a": low, "b": low + 0.01}, half)[0]
    assert apart[3] - apart[1] > 0.4
    assert alike[3] - alike[1] == pytest.approx(0.1, abs=0.02)
    assert experts.combined({"a": low, "b": silent}, half)[0] == pytest.approx(low[0], abs=0.01)
    assert experts.combined({"a": low, "b": high}, {"a": 1.0, "b": 0.0})[0].tolist() == low[0].tolist()
    assert np.isnan(experts.combined({"a": silent, "b": silent}, half)).all()


# ------------------------------------------------------------------ what the newest days say


def hours_of(days: int) -> pd.DatetimeIndex:
    """Ends of hours, UTC."""
    return pd.date_range("2025-06-01 01:00", periods=24 * days, freq="h", tz="UTC", unit="us")


def test_the_sky_of_the_day_before_is_carried_over_and_of_two_days_before_where_it_is_silent() -> None:
    index = hours_of(4)
    clear = pd.Series(np.maximum(0.0, np.sin((index.hour - 6) / 12 * np.pi)), index)
    measured = (clear * np.where(index.day == 2, 0.3, 0.6))[index < "2025-06-03 01:00"]
    tomorrow = index[(index > "2025-06-03 00:00") & (index <= "2025-06-04 00:00")]
    got = pd.Series(recent.persisted(tomorrow, measured, clear), tomorrow)
    assert got["2025-06-03 12:00"] == pytest.approx(0.3, abs=0.01)
    gone = measured.drop(pd.Timestamp("2025-06-02 12:00", tz="UTC"))
    got = pd.Series(recent.persisted(tomorrow, gone, clear), tomorrow)
    assert got["2025-06-03 12:00"] == pytest.approx(0.6, abs=0.01), "two days before"
    assert got["2025-06-03 11:00"] == pytest.approx(0.3 * clear["2025-06-03 11:00"], abs=0.01)
    assert np.isnan(recent.persisted(tomorrow, measured.head(0), clear)).all()


def history(days: int, melts: int) -> pd.DataFrame:
    """Features and power of a wind farm that gives half of its curve until a day, and then all of it."""
    index = hours_of(days)
    speed = pd.Series(8.0 + 3.0 * np.sin(np.arange(len(index)) / 7.0), index)
    frame = pd.DataFrame({"wind_speed_m_s": speed, "daylight": True}, index=index)
    sound = physics.share(frame.assign(wind_speed_hub_m_s=speed), physics.default("wind"))
    part = np.where(
        (index - pd.Timedelta(hours=1)).normalize() < index[0].normalize() + pd.Timedelta(days=melts),
        0.5,
        1.0,
    )
    return frame.assign(wind_speed_hub_m_s=speed, share=sound * part, sound=sound)


def test_a_training_replays_its_newest_days_so_that_the_first_forecast_knows_of_the_thaw() -> None:
    frame = history(30, melts=24)
    unseen = frame.tail(24 * 10).rename_axis("timestamp").reset_index()
    said = {TREES: 0.5 * unseen["sound"].to_numpy(), PHYSICS: unseen["sound"].to_numpy()}
    before = experts.with_model(0.9)
    found = recent.replayed(unseen, said, before, frame)
    assert found is not None
    assert found.day == date(2025, 6, 30)
    assert experts.weights(before, [found])[TREES] < 0.5
    frozen = history(30, melts=60)
    found = recent.replayed(
        frozen.tail(24 * 10).rename_axis("timestamp").reset_index(), said, before, frozen
    )
    assert found is not None
    assert experts.weights(before, [found])[TREES] > 0.8, "no thaw: the trees are right"


# ------------------------------------------------------------------ stored days


def test_measured_days_keep_what_experts_missed_and_those_of_earlier_versions_are_read() -> None:
    [heard] = days_of(1, trees=-0.2, physics=0.1)
    day = calibration.Day(heard.day, "v2", (0.1, -0.3), {80: (0.0, 0.1), 95: (0.0, 0.0)})
    live = measured_days.with_day(None, heard.day, {"model": day, "physical": day}, heard)
    assert live is not None
    again = LiveCalibration.read(live.document()).checked()
    [kept] = measured_days.heard_days(None, "s", again)
    assert (kept.day, kept.names) == (heard.day, heard.names)
    assert kept.products == pytest.approx(heard.products, abs=1e-6)
    document = live.document()
    for one in document["days"]:
        del one["experts"]
    old = LiveCalibration.read(document).checked()
    assert measured_days.heard_days(None, "s", old) == []
    assert len(measured_days.days_of(old, "model")) == 1


@pytest.mark.parametrize("rows", [{"trees": [0.1, 0.2]}, {"a": [1.0], "b": [1.0]}])
def test_products_that_are_no_square_of_numbers_are_damage(rows: dict[str, list[float]]) -> None:
    [heard] = days_of(1, trees=-0.2, physics=0.1)
    day = calibration.Day(heard.day, "v2", (0.1,), {80: (0.0, 0.1), 95: (0.0, 0.0)})
    live = measured_days.with_day(None, heard.day, {"model": day}, heard)
    assert live is not None
    document = live.document()
    document["days"][0]["experts"]["products"] = rows
    with pytest.raises(ValueError, match="no square"):
        LiveCalibration.read(document).checked()


# ------------------------------------------------------------------ the service

SITE = SiteDocument.read(
    {
        "customer_id": "customer-001",
        "site_id": "site-a",
        "latitude": 40.0,
        "longitude": 0.0,
        "kind": "solar",
        "tilt": 25.0,
        "azimuth": 180.0,
        "capacity_kw": 1000.0,
        "assets": {"inv-1": 1000.0},
    }
)
NOW = datetime(2025, 6, 10, 17, 50, tzinfo=UTC)


def sky() -> pd.DataFrame:
    """Four days under a thin, even cloud."""
    index = pd.date_range("2025-06-08 01:00", periods=96, freq="h", tz="UTC", unit="us")
    high = np.maximum(0.0, np.sin((index.hour - 5) / 14 * np.pi))
    return pd.DataFrame({"ghi_w_m2": 500.0 * high, "temperature_c": 20.0}, index=index)


def test_a_forecast_without_model_leans_to_the_sky_of_the_day_before_where_that_was_right() -> None:
    weather = sky()
    measured = 0.2 * (weather["ghi_w_m2"] / 500.0)[weather.index <= pd.Timestamp(NOW)]
    first = predict.predict(SITE, predict.Inputs(weather=weather, measured=measured), NOW, 30, 6)
    assert set(first.experts) == {RECENT, PERSISTED}
    assert first.experts[RECENT].weight == pytest.approx(0.9)
    right = experts.heard(
        DAY - timedelta(days=2),
        0.2 * NOON,
        {RECENT: 0.5 * NOON, PERSISTED: 0.2 * NOON},
        experts.WITHOUT_MODEL,
    )
    assert right is not None
    inputs = predict.Inputs(weather=weather, measured=measured, heard=[right] * 5)
    then = predict.predict(SITE, inputs, NOW, 30, 6)
    assert then.experts[PERSISTED].weight > 0.6
    noon = then.hours.get_loc(pd.Timestamp("2025-06-11 12:00", tz="UTC"))
    spread = sorted(spoken.median[noon] for spoken in then.experts.values())
    assert spread[0] <= then.median[noon] <= spread[1]


def test_what_experts_said_is_stored_measured_and_never_shown() -> None:
    weather = sky()
    measured = 0.2 * (weather["ghi_w_m2"] / 500.0)[weather.index <= pd.Timestamp(NOW)]
    made = predict.predict(SITE, predict.Inputs(weather=weather, measured=measured), NOW, 40, 6)
    document = forecast_document.forecast_document(
        SITE, made, forecast_document.Basis(None, None, []), NOW, 60
    )
    assert "experts" not in document.document()
    start = datetime(2025, 6, 11, tzinfo=UTC)
    came = pd.Series(made.experts[PERSISTED].median, made.hours)
    got = accuracy.measure(SITE, document, came, start)
    assert not isinstance(got, str)
    assert got.heard is not None
    missed = dict(zip(got.heard.names, np.diag(got.heard.products), strict=True))
    assert missed[PERSISTED] < 1e-6 < missed[RECENT]
    old = document.model_copy(update={"experts": []})
    got = accuracy.measure(SITE, old, came, start)
    assert not isinstance(got, str)
    assert got.heard is None, "a forecast of an earlier version"


def test_switched_off_for_a_customer_the_newest_days_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    [heard] = days_of(1, trees=-0.2, physics=0.1)
    day = calibration.Day(heard.day, "v2", (0.1, -0.3), {80: (0.0, 0.1), 95: (0.0, 0.0)})
    live = measured_days.with_day(None, heard.day, {"model": day, "physical": day}, heard)
    site = SITE.model_copy(update={"customer_id": "acme"})
    assert len(generate.missed_by_experts(site, None, live)) == 1
    switched(monkeypatch, {"experts": only(False, "acme")})
    assert generate.missed_by_experts(site, None, live) == ()
    assert len(generate.missed_by_experts(SITE, None, live)) == 1
