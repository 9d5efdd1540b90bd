"""Trees that are evaluated without LightGBM's package say exactly what the package says."""

from __future__ import annotations

import gc
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from forecasting.model.trees import NoTrees, Trees
from tests.paths import ROOT

RANDOM = np.random.default_rng(11)
ROWS = RANDOM.normal(size=(400, 6)).astype(np.float32)
ROWS[RANDOM.random(ROWS.shape) < 0.1] = np.nan
POWER = np.nansum(ROWS[:, :2], axis=1) + RANDOM.normal(size=len(ROWS))


def text(**rules: object) -> str:
    data = lightgbm.Dataset(ROWS, POWER)
    chosen = {"objective": "quantile", "verbose": -1, "num_threads": 1, **rules}
    return str(lightgbm.train(chosen, data, 20).model_to_string())


@pytest.mark.parametrize(
    "rules", [{"alpha": 0.025}, {"alpha": 0.9, "num_leaves": 4}, {"objective": "regression"}]
)
@pytest.mark.parametrize(
    "rows",
    [ROWS, ROWS[:1], ROWS[::-3], np.full((2, 6), np.nan), ROWS.astype(float)[:, ::-1], ROWS[:0]],
    ids=["all", "one", "not in one piece", "nothing known", "double precision", "none"],
)
def test_they_give_what_the_package_gives(rules: dict[str, object], rows: np.ndarray) -> None:
    stored = text(**rules)
    said = Trees(stored).predict(rows)
    assert said.shape == (len(rows),)
    if len(rows):
        whole = np.ascontiguousarray(rows, dtype=np.float32)
        assert np.array_equal(said, lightgbm.Booster(model_str=stored).predict(whole, num_threads=1))


@pytest.mark.parametrize("damaged", ["", "garbage", '{"learner": {}}'])
def test_a_text_that_is_no_model_is_named(damaged: str) -> None:
    with pytest.raises(NoTrees, match="number of classes"):
        Trees(damaged)


def test_rows_of_other_features_are_refused() -> None:
    trees = Trees(text())
    with pytest.raises(NoTrees, match="number of features"):
        trees.predict(ROWS[:, :5])
    assert len(trees.predict(ROWS)) == len(ROWS), "and the next rows are answered"


def test_a_model_of_several_outputs_is_refused() -> None:
    classes = lightgbm.Dataset(ROWS, np.arange(len(ROWS)) % 3)
    stored = lightgbm.train({"objective": "multiclass", "num_class": 3, "verbose": -1}, classes, 3)
    with pytest.raises(NoTrees, match=r"for 400 rows|400 rows"):
        Trees(stored.model_to_string()).predict(ROWS)


def test_one_that_nobody_needs_is_freed_and_the_others_go_on() -> None:
    first, second = Trees(text(alpha=0.1)), Trees(text(alpha=0.9))
    before = second.predict(ROWS)
    del first
    gc.collect()
    assert np.array_equal(second.predict(ROWS), before)


def test_neither_the_package_nor_scipy_is_imported() -> None:
    code = (
        "import sys; from forecasting.model.trees import Trees, NoTrees\n"
        "try: Trees('x')\n"
        "except NoTrees: print(sorted({'lightgbm', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "functions"
    )
    assert done.stdout.splitlines()[-1] == "[]"
