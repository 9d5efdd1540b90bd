"""Training: scores, which candidate is promoted, windows, and the dataset."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecasting.config import TrainingRules
from forecasting.global_training_service import dataset, evaluate, judge, prepare
from forecasting.model import calibration, score
from forecasting.model.booster import TooFewRows
from ona.store import parquet
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
