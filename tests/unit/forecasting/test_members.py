"""Members of the forecasting model: what they learn, how they are kept, how many threads train them."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest

from forecasting.config import BoosterSettings, MemberChoice
from forecasting.model import booster, members
from forecasting.model.booster import BASE, TARGET, Model
from ona.runtime.errors import InvalidConfiguration
from tests.builders.models import FAST, LEVELS, old_model

MIDDLE = LEVELS.index(0.5)
MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"


def season(clear: float, days: int, seed: int) -> pd.DataFrame:
    """Hours of a plant that gives 0.8 of the irradiance on it; its physics says 0.7. `clear`: the season's
    greatest clear-sky irradiance, W/m²."""
    rng = np.random.default_rng(seed)
    hour = np.arange(24 * days) % 24
    sky = clear * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)
    index = rng.uniform(0.3, 1.0, days).repeat(24)
    return pd.DataFrame(
        {
            "clear_poa": sky,
            "clear_sky_index": index,
            "noise": rng.normal(size=len(sky)),
            BASE: 0.7 * sky * index / 1000.0,
            TARGET: 0.8 * sky * index / 1000.0,
            "daylight": sky > 1.0,
        }
    )


def settings(*choices: tuple[str, str], **changes: object) -> BoosterSettings:
    members_ = tuple(MemberChoice.model_validate({"kind": kind, "target": what}) for kind, what in choices)
    return FAST.model_copy(update={"members": members_, **changes})


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_an_unseen_summer_is_reached_by_departure_and_clear_sky_not_by_the_share(kind: str) -> None:
    winter, summer = season(500.0, 60, 1), season(1000.0, 20, 2)
    noon = (summer["clear_poa"] > 900) & (summer["clear_sky_index"] > 0.8)
    truth = summer.loc[noon, TARGET].to_numpy()
    short = {}
    for target in ("share", "departure", "clear_sky"):
        model = booster.fit({"a": winter}, settings((kind, target)), threads=1)
        short[target] = 1 - (model.predict(summer[noon], "a")[:, MIDDLE] / truth).mean()
    assert abs(short["clear_sky"]) < 0.05
    assert 0 < short["departure"] < 0.10, "the physics is an eighth too low; trees add what winter showed"
    assert short["share"] > 0.35, "trees cannot leave the range that they were trained in"


def test_wind_rows_have_no_clear_sky_and_learn_the_share() -> None:
    frame = season(1000.0, 40, 3).drop(columns="clear_poa").assign(wind=lambda f: f[TARGET] * 10)
    model = booster.fit({"w": frame}, settings(("lightgbm", "clear_sky")), threads=1)
    lit = frame[frame["daylight"]]
    assert np.abs(model.predict(lit, "w")[:, MIDDLE] - lit[TARGET]).mean() < 0.03


def test_the_forecast_is_the_mean_of_its_members() -> None:
    frame = season(1000.0, 40, 4)
    choices = [("lightgbm", "departure"), ("xgboost", "share")]
    both = booster.fit({"a": frame}, settings(*choices), threads=1)
    alone = [
        booster.fit({"a": frame}, settings(choice), threads=1).predict(frame, "a") for choice in choices
    ]
    together = both.predict(frame, "a").mean(axis=1)  # over the levels: quantiles are sorted once more
    assert together == pytest.approx(np.mean(alone, axis=0).mean(axis=1), abs=2e-3)


def test_a_stranger_is_forecast_as_the_mean_of_the_trained_sites() -> None:
    frame = season(1000.0, 40, 5)
    worse = frame.assign(**{TARGET: frame[TARGET] / 2})
    model = booster.fit({"a": frame, "b": worse}, settings(("lightgbm", "clear_sky")), threads=1)
    each = np.mean([model.predict(frame, name) for name in ("a", "b")], axis=0)
    assert model.predict(frame, "stranger").mean(axis=1) == pytest.approx(each.mean(axis=1), abs=5e-3)
    assert (model.predict(frame, "a") - model.predict(frame, "b")).max() > 0.2


def test_members_are_read_back_and_other_bytes_are_refused() -> None:
    frame = season(1000.0, 40, 6)
    model = booster.fit(
        {"a": frame}, settings(("lightgbm", "departure"), ("xgboost", "clear_sky")), threads=1
    )
    files = model.files()
    again = Model.from_files(files)
    again.read()
    assert np.array_equal(again.predict(frame, "a"), model.predict(frame, "a"))
    manifest = json.loads(files["model.json"])
    assert [member["kind"] for member in manifest["members"]] == ["lightgbm", "xgboost"]
    raw = files["booster.ubj"]
    swapped = json.dumps({**manifest, "members": manifest["members"][::-1]}).encode()
    for damaged in (
        {**files, "booster.ubj": raw[:-1]},
        {**files, "booster.ubj": raw + b"}"},
        {**files, "booster.ubj": b""},
        {**files, "model.json": swapped},
        {**files, "model.json": json.dumps({**manifest, "members": []}).encode()},
    ):
        with pytest.raises(InvalidConfiguration):
            Model.from_files(damaged)


def test_a_model_of_the_first_format_forecasts_the_share() -> None:
    levels, files = old_model()
    model = Model.from_files(files)
    assert not model.departs
    frame = pd.DataFrame({"poa": [200.0, 800.0, 800.0], "daylight": [True, True, False]})
    q = model.predict(frame, "a")
    assert q.shape == (3, len(levels))
    assert q[:, MIDDLE] == pytest.approx([0.1, 0.4, 0.0], abs=0.03)


def test_bytes_that_are_no_trees_are_told() -> None:
    for kind in ("lightgbm", "xgboost"):
        choice = MemberChoice.model_validate({"kind": kind, "target": "share"})
        for raw in (b"", b"{}", b"the export failed", b"x\x9c"):
            with pytest.raises(InvalidConfiguration, match="booster"):
                _ = members.Member(choice, ("poa",), raw).boosters


def test_threads_are_the_cpus_that_are_there_and_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    monkeypatch.delenv(MEMORY, raising=False)
    for load, threads in ((0.1, 4), (2.2, 2), (3.9, 1), (11.0, 1)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert members.free_threads() == threads
    for memory, threads in (("1024", 1), ("1769", 1), ("3538", 2), ("10240", 4)):
        monkeypatch.setenv(MEMORY, memory)
        assert members.free_threads() == threads, "what the memory buys, and never more than there are"


def test_a_long_history_does_not_make_a_tree_dearer() -> None:
    assert members._row_share(FAST, 1_000) == FAST.row_share
    assert members._row_share(FAST, 1_000_000) == FAST.rows_a_tree / 1_000_000
