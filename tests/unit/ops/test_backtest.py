"""`ona models backtest`: what it may see, what it says, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from forecasting.config import ForecastingConfig, MemberChoice, forecasting_config
from forecasting.documents import SiteDocument
from ona.store import parquet
from ops import cli
from ops.backtest import peers, plan, replay, report, run
from ops.backtest.history import History
from ops.cli import models as model_commands
from ops.target import OpsError, Target
from tests.builders.models import FAST
from tests.fakes import on_moto
from tests.fakes.tables import IN, OUT

BEGIN = pd.Timestamp("2025-09-01", tz="UTC")
SAID = ["median", "low80", "high80", "low95", "high95", *peers.PEERS]


def settings() -> ForecastingConfig:
    """The platform's rules with trees that train in a moment."""
    quick = FAST.model_copy(
        update={"rounds": 8, "members": (MemberChoice(kind="lightgbm", target="departure"),)}
    )
    return forecasting_config().model_copy(update={"booster": quick})


def hours_of(days: int, seed: int) -> pd.DataFrame:
    """A plant at the equator by this test's own recipe: a parabola of light from 6 to 18 h, clouds of a
    random day and hour, power 0.7 of the light with noise."""
    rng = np.random.default_rng(seed)
    index = pd.date_range(BEGIN + pd.Timedelta(hours=1), periods=24 * days, freq="h", unit="us")
    at = (np.arange(len(index)) % 24) + 0.5
    high = np.clip(1.0 - ((at - 12.0) / 6.0) ** 2, 0.0, None)
    cloud = np.repeat(rng.uniform(0.3, 1.0, days), 24) * rng.uniform(0.85, 1.0, len(index))
    light = 950.0 * high * cloud
    share = np.clip(0.7 * light / 1000.0 * rng.normal(1.0, 0.05, len(index)), 0.0, 1.0)
    return pd.DataFrame({"share": share, "ghi_w_m2": light, "temperature_c": 28.0}, index=index)


def site(name: str) -> SiteDocument:
    return SiteDocument(
        customer_id="acme",
        site_id=name,
        latitude=0.0,
        longitude=0.0,
        kind="solar",
        capacity_kw=500.0,
        tilt=0.0,
        azimuth=0.0,
        assets={"i": 500.0},
    )


def replayed(hours: pd.DataFrame) -> pd.DataFrame:
    planned = plan.origins(hours.index[0], hours.index[-1], asked_days=2, step_days=1, min_days=7)
    return replay.replay([History(site("a"), hours)], planned, settings(), lambda *_: None, {"a"})


@pytest.fixture(scope="module")
def sound() -> tuple[pd.DataFrame, pd.DataFrame]:
    hours = hours_of(11, seed=5)
    return hours, replayed(hours)


def test_nothing_that_was_measured_later_changes_a_forecast(
    sound: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """Power after a moment is turned upside down: what was forecast until then stays to the last digit, and
    what is forecast later does not. As a distractor, power before it is: forecasts of before notice."""
    hours, before = sound
    moment = BEGIN + pd.Timedelta(days=9, hours=18)
    for planted_after in (True, False):
        planted = hours.copy()
        where = (planted.index > moment) if planted_after else (planted.index <= moment)
        planted.loc[where, "share"] = 1.0 - planted.loc[where, "share"]
        after = replayed(planted)
        assert len(after) == len(before)
        early = (before["issued"] <= moment).to_numpy()
        assert early.any()
        assert not early.all()
        same = np.isclose(before[SAID], after[SAID], rtol=0, atol=0, equal_nan=True).all(axis=1)
        assert same[early].all() == planted_after
        assert not same[~early].all()


def test_a_day_is_forecast_by_the_one_made_six_hours_before_it(
    sound: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    rows = sound[1]
    ahead = rows[rows["lead"] == "day_ahead"]
    assert set(pd.DatetimeIndex(ahead["issued"]).hour) == {18}
    assert not ahead["hour"].duplicated().any()
    begun = (pd.DatetimeIndex(ahead["hour"]) - pd.Timedelta(hours=1)).floor("D")
    assert (begun - pd.DatetimeIndex(ahead["issued"]) == pd.Timedelta(hours=6)).all()
    first = rows[rows["lead"] == "first_hours"]
    assert set(pd.DatetimeIndex(first["issued"]).hour) == {0, 6, 12, 18}


def test_peers_know_what_was_measured_until_the_forecast() -> None:
    """Noon of ten days is worth its number; the tenth day's sky is twice as clear. The fourth day was not
    measured."""
    noon = pd.date_range("2025-06-01T12:00Z", periods=10, freq="D", unit="us")
    share = pd.Series(np.arange(10) / 10.0, index=noon)
    share.iloc[3] = np.nan
    clear = pd.Series([400.0] * 9 + [800.0], index=noon)
    issued = noon - pd.Timedelta(hours=6)  # yesterday's noon is known
    wanted = [9, 9, 4]
    early = [issued[9], issued[9] - pd.Timedelta(days=1), issued[4]]
    found = peers.of_measured(share, clear, noon[wanted], pd.DatetimeIndex(early))
    assert found["persistence"].tolist() == [0.8, 0.7, 0.2]
    assert found["clear_sky_persistence"].tolist() == [1.0, 1.0, 0.2]
    assert found["climatology"].iloc[2] == pytest.approx(0.1)
    assert peers.of_measured(share, None, noon[wanted], pd.DatetimeIndex(early)).iloc[0, 1] == 0.8


def test_a_verdict_needs_more_than_chance() -> None:
    """One peer errs by the double each day, one by the half, one by as much, on other days."""
    rng = np.random.default_rng(3)
    hour = pd.date_range("2025-06-01T10:00Z", periods=40, freq="D", unit="us")
    share = np.full(40, 0.5)
    sign = np.where(np.arange(40) % 2 == 0, 1.0, -1.0)
    off = {
        "persistence": 0.2 * sign,
        "clear_sky_persistence": 0.05 * sign,
        "climatology": 0.1 * sign + rng.normal(0, 0.05, 40),
        "physics": 0.2 * sign,
        "fitted_physics": 0.2 * sign,
    }
    rows = pd.DataFrame({"hour": hour, "share": share, "median": share + 0.1 * sign})
    rows = rows.assign(**{name: share + error for name, error in off.items()})
    found = {one.peer: one for one in report.verdicts(rows)}
    assert found["persistence"].verdict == "better"
    assert found["persistence"].gain_percent == pytest.approx(50.0)
    assert found["clear_sky_persistence"].verdict == "worse"
    assert "its error is 100.0 % larger, over 40 days" in found["clear_sky_persistence"].words
    assert found["climatology"].verdict == "no clear difference"
    assert {one.verdict for one in report.verdicts(rows.head(4))} == {"no clear difference"}


def test_too_little_history_says_how_much_is_needed() -> None:
    last = BEGIN + pd.Timedelta(days=8)
    with pytest.raises(OpsError, match="8 days from 2025-09-01 on; 9 are needed: 7 to train on"):
        plan.origins(BEGIN + pd.Timedelta(hours=8), last, asked_days=365, step_days=None, min_days=7)
    enough = BEGIN + pd.Timedelta(days=9)
    planned = plan.origins(
        BEGIN + pd.Timedelta(hours=8), enough, asked_days=365, step_days=None, min_days=7
    )
    assert len(planned.trained) == 2


# ------------------------------------------------------------------ the command


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Target]:
    monkeypatch.setattr(run, "forecasting_config", settings)
    with on_moto.platform(monkeypatch, tmp_path, (model_commands,)) as one:
        upload("a", hours_of(12, seed=1))
        upload("dry", hours_of(12, seed=2).drop(columns="ghi_w_m2"))
        yield one


def upload(name: str, hours: pd.DataFrame) -> None:
    """A site as uploads have left it."""
    s3 = boto3.client("s3")
    s3.put_object(Bucket=OUT, Key=f"sites/acme/{name}.json", Body=json.dumps(site(name).document()))
    table = parquet.dump(hours.rename_axis("timestamp").reset_index())
    s3.put_object(Bucket=IN, Key=f"training/acme/{name}/hourly/0123456789abcdef.parquet", Body=table)


def contents() -> dict[str, str]:
    s3 = boto3.client("s3")
    return {
        f"{bucket}/{one['Key']}": one["ETag"]
        for bucket in (IN, OUT)
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    }


def called(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, ["models", "backtest", *arguments], env={"COLUMNS": "160"})
    return done.exit_code, done.output


def test_the_command_prints_writes_and_leaves_the_cloud_alone(target: Target, tmp_path: Path) -> None:
    bad = "training/acme/a/hourly/fedcba9876543210.parquet"
    boto3.client("s3").put_object(Bucket=IN, Key=bad, Body=b"PAR1 no more")
    before = contents()
    status, said = called("acme", "--days", "2", "--step", "1", "--out", str(tmp_path))
    assert status == 0, said
    assert contents() == before
    for part in ("the platform", "24-hour persistence", "2025-09", "1 to 6", "3 of 3 steps", bad):
        assert part in said
    assert "left out dry: its history has no weather" in said
    stored = json.loads((tmp_path / "acme-a.json").read_text())
    assert [score["method"] for score in stored["overall"]["scores"]] == ["platform", *peers.PEERS]
    assert [one["name"] for one in stored["leads"]] == list(replay.LEADS)
    assert stored["overall"]["history_days"] == 10
    assert stored["overall"]["hours"] == sum(one["hours"] for one in stored["months"])
    assert (tmp_path / "acme-a.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "nobody has no history"),
        (("acme", "--site", "b"), "acme has no history of site b; of a, dry"),
        (("acme", "--site", "dry"), "no weather (ghi_w_m2)"),
        (("acme", "--site", "a", "--step", "5"), "too little history: 12 days"),
        (("wo-20250610-1f2e3d4c",), "work order"),
        (("../acme",), "is no customer's name"),
    ],
)
def test_errors_say_what_is_wrong(target: Target, arguments: tuple[str, ...], said: str) -> None:
    status, output = called(*arguments)
    assert status == 1
    assert said in output
    assert "Traceback" not in output
