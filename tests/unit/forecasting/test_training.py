"""Training: scores, which candidate is promoted, windows, and the dataset."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecasting.config import TrainingRules
from forecasting.global_training_service import capacities, dataset, evaluate, judge, prepare
from forecasting.model import calibration, capacity, features, score
from forecasting.model.booster import TooFewRows
from ona.sky.plane import Plane
from ona.store import parquet
from tests.builders.flags import only, switched
from tests.builders.forecasting import site_document
from tests.builders.models import FAST, LEVELS
from tests.builders.weather import hours, share_of, training, weather


def test_pinball_loss_of_a_worked_example() -> None:
    loss = score.pinball(np.array([1.0]), np.array([[0.0, 1.0, 2.0]]), np.array([0.1, 0.5, 0.9]))
    assert loss == pytest.approx((0.1 * 1 + 0 + 0.1 * 1) / 3)


def test_clear_sky_persistence_scales_yesterday() -> None:
    share = np.concatenate([np.full(24, 0.5), np.zeros(24)])
    clear = np.concatenate([np.full(24, 800.0), np.full(24, 400.0)])
    got = score.clear_sky_persistence(share, clear, 24)
    assert np.isnan(got[:24]).all()
    assert got[24:] == pytest.approx(0.25)


RULES = TrainingRules(
    min_days=14,
    folds=3,
    fold_days=10,
    function_rows=1000,
    container_rows=5000,
    rows_of_others=100,
    min_unseen_days=3,
    min_gain_percent=0.0,
)


def test_windows_are_the_last_days_and_leave_enough_to_train_on() -> None:
    data = {"a": training(40)}
    windows = dataset.windows(data, RULES)
    assert len(windows) == 3
    assert all(later[0] == earlier[1] for earlier, later in pairwise(windows))
    assert pd.Timestamp(windows[-1][1]) >= data["a"].index[-1].floor("D")
    assert (windows[0][1] - windows[0][0]).days == 4, "a tenth of forty days"


def test_an_hour_in_two_uploads_has_the_newer_value_and_features_are_complete() -> None:
    sky = weather(20)
    table = sky.assign(share=share_of(sky)).rename_axis("timestamp").reset_index()
    corrected = table.tail(24).assign(share=0.123)
    merged = dataset.merge([table, corrected])
    assert len(merged) == len(table)
    assert (merged["share"].tail(24) == 0.123).all()
    document = site_document({"s": 1.0})
    made = dataset.site_frame(document, merged)
    assert made is not None
    frame, fitted = made
    assert fitted.days == 20
    assert fitted.plane_explains is not None
    back = dataset.unstacked(dataset.stacked({"s": frame}))
    assert np.allclose(back["s"]["poa"], frame["poa"], rtol=1e-5)
    assert dataset.site_frame(document, merged.drop(columns="ghi_w_m2")) is None


def upload(days: slice, capacity_kw: float | None, level: float = 1.0) -> pd.DataFrame:
    """An upload's table of some days; its share is `level` times what the sky gives."""
    sky = weather(40)
    table = sky.assign(share=(level * share_of(sky)).clip(upper=1.0))
    if capacity_kw is not None:
        table["capacity_kw"] = capacity_kw
    return table.rename_axis("timestamp").reset_index()[days]


@pytest.mark.parametrize(
    ("before_kw", "before", "expected"),
    [
        (1000.0, 0.1, 1.0),  # 100 kW, entered as 1000: its kW were right
        (50.0, 1.0, 1.0),  # half the plant then, and it gave as much of that half
        (100.0, 0.5, 0.5),  # the same capacity: half of it did not run
        (105.0, 0.96, 0.96),  # too near to tell
        (None, 0.1, 0.1),  # an upload of before: nobody knows
    ],
    ids=["corrected", "grown", "half out", "near", "unknown"],
)
def test_shares_of_a_corrected_capacity_are_brought_to_the_newest(
    before_kw: float | None, before: float, expected: float
) -> None:
    tables = [upload(slice(0, 720), before_kw, before), upload(slice(720, 960), 100.0)]
    old, new = capacities.of_newest(tables)
    assert new is tables[1]
    whole = upload(slice(0, 720), None)["share"]
    bright = whole > 0.05
    assert (old["share"] / whole)[bright].median() == pytest.approx(expected, rel=0.02)
    [alone] = capacities.of_newest(tables[:1])
    assert alone["share"].equals(tables[0]["share"])


def test_a_served_model_follows_the_level_of_the_last_days() -> None:
    learned, days = np.array([0.0, 0.04, 0.08, np.nan]), np.array([0.0, 0.4, 0.7, np.nan])
    assert capacity.factor(1000.0, 100.0, learned, days) == 10.0, "1000 kW were entered for 100"
    assert capacity.factor(1000.0, 100.0, learned, None) == 10.0, "nothing was measured: kW stay"
    assert capacity.factor(50.0, 100.0, days, days * 0.9) == 1.0, "twice the plant gives twice as much"
    assert capacity.factor(100.0, 104.0, learned, days) == 1.0, "as good as the same"


def windy(days: int) -> pd.DataFrame:
    """Features and share of a wind site whose power follows the wind, on the hours of `training`."""
    index = training(days).index
    speed = 8.0 + 6.0 * np.sin(np.arange(len(index)) / 7.0)
    sky = pd.DataFrame({"wind_speed_m_s": speed / 1.5, "wind_speed_hub_m_s": speed}, index=index)
    frame = features.build(sky, features.Site("w", Plane(55.0, 8.0, 0.0, 0.0), 1.0, "wind"))
    return frame.assign(share=np.clip((speed - 4.0) / 8.0, 0.0, 1.0))


def test_a_customer_with_sun_and_wind_trains_and_its_wind_stays_wind() -> None:
    """One table holds all sites: the sun's columns are no features of wind, and no site is lost."""
    together = {"s": training(40), "w": windy(40)}
    frames = dataset.unstacked(dataset.stacked(together))
    assert "poa" not in frames["w"]
    assert {name: int(dataset.usable(one).sum()) for name, one in frames.items()} == {
        name: int(dataset.usable(one).sum()) for name, one in together.items()
    }
    window = dataset.windows(dataset.aligned(frames)[0], RULES)[-1]
    model = evaluate.fit_before(frames, window[0], FAST, None)
    assert (model.physics["w"].kind, model.physics["s"].kind) == ("wind", "solar")
    folds = [evaluate.forecast_window(model, frames, window)]
    assert evaluate.scores(folds, LEVELS).mae_percent < 8.0
    others = dataset.stacked({"x": windy(20), "y": training(20)})
    alone = evaluate.fit_before({"s": frames["s"]}, window[0], FAST, others)
    assert evaluate.forecast_window(alone, {"s": frames["s"]}, window)["share"].notna().all()


# ------------------------------------------------------------------ histories with holes


def holed(days: int, keep: slice, start: str = "2025-03-01") -> pd.DataFrame:
    """A site's frame without power but in some of its rows."""
    frame = training(days)
    frame.index = hours(days, start)
    share = frame["share"].copy()
    frame["share"] = np.nan
    frame.iloc[keep, frame.columns.get_loc("share")] = share.iloc[keep]
    return frame


HOLES: dict[str, tuple[dict[str, pd.DataFrame], bool]] = {
    "nothing measured": ({"a": holed(20, slice(0, 0))}, False),
    "one site of two without power": ({"a": training(30), "b": holed(30, slice(0, 0))}, True),
    "measured by night only": ({"a": holed(20, slice(0, 4))}, False),
    "two days": ({"a": holed(20, slice(0, 48))}, False),
    "a morning, a silence of months, two weeks": (
        {"a": pd.concat([holed(1, slice(None), "2024-09-01"), training(14)])},
        True,
    ),
    "two weeks, a silence of months, one day": (
        {"a": pd.concat([training(14), holed(1, slice(None), "2025-12-01")])},
        True,
    ),
}
"""Sites' frames, and whether something can be trained."""


@pytest.mark.parametrize("kind", HOLES)
def test_a_history_with_holes_trains_or_says_why_not(kind: str) -> None:
    """Windows without a row, windows with too little before them: none of them ends the training."""
    frames, trainable = HOLES[kind]
    frames = {name: frame for name, frame in frames.items() if dataset.usable(frame).any()}
    assert prepare.too_dark(frames) is not trainable
    if not trainable:
        return
    windows = dataset.windows(frames, RULES)
    folds = []
    for window in windows:
        try:
            model = evaluate.fit_before(frames, window[0], FAST, None)
        except TooFewRows:
            folds.append(evaluate.no_window(LEVELS))
            continue
        folds.append(evaluate.forecast_window(model, frames, window))
    kept = [parquet.load(parquet.dump(fold)) for fold in folds]
    assert [len(fold) for fold in kept] == [len(fold) for fold in folds], "also one without rows is kept"
    rows = [fold for fold in kept if len(fold)]
    table = evaluate.together(rows, LEVELS)
    told = judge.with_physics(table, frames, dict.fromkeys(frames, "solar"))
    verdicts = judge.judge(judge.OutOfSample(told, LEVELS), dict.fromkeys(frames, judge.Incumbent()), RULES)
    assert all(verdict.reason for verdict in verdicts.values())
    assert set(evaluate.scores_of(rows, LEVELS)) <= {"", *frames}
    if len(table):
        assert 0 < evaluate.scores(rows, LEVELS).rows <= len(table)


def test_a_prior_is_as_wide_as_the_windows_and_a_little_wider() -> None:
    chance, spread = np.random.default_rng(3), 0.1 * np.array(LEVELS)
    table = pd.DataFrame(0.5 + np.tile(spread - spread.mean(), (400, 1)), columns=evaluate.names(LEVELS))
    table = table.assign(
        site_id="a", share=chance.uniform(0.4, 0.6, 400), timestamp=pd.Timestamp(0, tz="UTC")
    )
    raw = calibration.reference(evaluate.quantiles_of(table, LEVELS), LEVELS)
    windows = calibration.prior(table["share"].to_numpy(), raw)
    kept = evaluate.scores_of([table.head(200), table.tail(200)], LEVELS)
    assert kept["a"] == kept[""] == pytest.approx([evaluate.FARTHER * each for each in windows], abs=0.002)


def test_without_a_single_window_nothing_is_calibrated() -> None:
    assert evaluate.scores_of([], LEVELS) == {}


def test_a_site_of_which_no_hour_can_train_is_left_out_of_a_dataset() -> None:
    sky = weather(20)
    table = sky.assign(share=share_of(sky)).rename_axis("timestamp").reset_index()
    document = site_document({"s": 1.0})
    silent = document.model_copy(update={"site_id": "silent"})
    frames, fitted = dataset.site_frames([(document, [table]), (silent, [table.assign(share=np.nan)])])
    assert list(frames) == ["s"]
    assert [item.site.site_id for item in fitted] == ["s"]
    assert prepare.too_little([], RULES).startswith("no upload has weather")


def test_thinned_rows_are_of_all_hours_of_the_day() -> None:
    frame = training(60)
    kept = evaluate.one_in(frame, 4)
    assert 0.15 < len(kept) / len(frame) < 0.35
    assert set(kept.index.hour) == set(range(24))
    assert kept.equals(evaluate.one_in(frame, 4)), "always the same rows"


def test_the_container_is_for_large_datasets_where_it_is_switched_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRAINING_CONTAINER", "yes")
    assert prepare.wants_container(1001, RULES, "acme")
    assert not prepare.wants_container(1000, RULES, "acme")
    switched(monkeypatch, {"container_training": only(False, "acme")})
    assert [prepare.wants_container(1001, RULES, who) for who in ("acme", "other")] == [False, True]
    monkeypatch.setenv("TRAINING_CONTAINER", "")
    assert not prepare.wants_container(1001, RULES, "other")
