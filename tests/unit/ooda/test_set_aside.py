"""What is told as spoilt is set aside: not judged, not learned of, and nothing booked on it stays.

A clock, a unit, a meter or a sensor that is right again must leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import Asset
from ooda.detect.asset_history import empty
from ooda.detect.context import Context
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.detect.spoilt import Spoilt, teaching, trusted
from ooda.documents.asset_history import AssetHistory, HistoryDay, SpoiltDays
from tests.builders.detection import telemetry_file
from tests.unit.ooda.test_data_days import Trouble, at_once, booked, site, told, weeks

FIRST, LAST = 15, 23
"""Days of something wrong, that is right again on the second."""
WITHOUT_DC = ["timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw", "irradiance_w_m2"]


def between(frame: pd.DataFrame, first: float, last: float) -> np.ndarray:
    """The readings from a day to before another."""
    day = (frame["timestamp"] - pd.Timestamp("2025-01-05", tz="UTC")) / pd.Timedelta(days=1)
    return np.asarray((day >= first) & (day < last))


def for_a_week(factor: float, *columns: str) -> Trouble:
    def scale(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        frame.loc[between(frame, FIRST, LAST), list(columns)] *= factor
        return frame

    return scale


def early(frame: pd.DataFrame) -> pd.DataFrame:
    """A clock that goes back an hour, and comes right again."""
    hour = pd.to_timedelta(np.where(between(frame, FIRST, LAST), -60.0, 0.0), unit="min")
    frame = frame.assign(timestamp=(frame["timestamp"] + hour).astype("datetime64[us, UTC]"))
    return frame.sort_values("timestamp").drop_duplicates("timestamp").reset_index(drop=True)


def in_files(frames: list[pd.DataFrame]) -> AssetVerdict:
    """INV-001 judged by files of six days: what ends in one began in another."""
    whole = pd.concat(frames)
    histories: dict[str, AssetHistory] = {}
    for when, part in whole.groupby((whole["timestamp"] + pd.Timedelta(hours=2)).dt.floor("6D")):
        file = telemetry_file(part.reset_index(drop=True), key=str(when))
        verdicts = judge_assets(file, Context(dict(histories)))
        histories |= {verdict.detection.asset_id: verdict.history for verdict in verdicts}
    return verdicts[0]


SPOILT: dict[str, Trouble] = {
    "clock_shift": early,
    "unit_error": for_a_week(0.25, "power_kw"),
    "level_shift": for_a_week(1.12, "power_kw"),
}


@pytest.mark.parametrize("judged", [in_files, at_once])
@pytest.mark.parametrize(
    ("kind", "after"), [*((kind, 1.0) for kind in SPOILT), ("clock_shift", 0.8), ("level_shift", 0.8)]
)
def test_what_comes_right_again_leaves_nothing(
    judged: Callable[[list[pd.DataFrame]], AssetVerdict], kind: str, after: float
) -> None:
    """A loss of a fifth in the days after is one all the same."""
    first = SPOILT[kind](weeks()[WITHOUT_DC])
    first.loc[between(first, LAST + 3, 99), "power_kw"] *= after
    frames = [first, *(frame[WITHOUT_DC] for frame in site(first, 3)[1:])]
    verdict = judged(frames)
    assert judged is in_files or kind in told(verdict)
    assert getattr(verdict.history.spoilt, "meter" if kind == "level_shift" else "power")
    assert booked(verdict) == ([] if after == 1.0 else ["underperformance"])


@pytest.mark.parametrize("judged", [in_files, at_once])
@pytest.mark.parametrize("dead", [False, True])
def test_days_of_zeros_in_all_channels_are_the_loggers(
    judged: Callable[[list[pd.DataFrame]], AssetVerdict], dead: bool
) -> None:
    """A dead machine has a voltage and a temperature still, by a logger that is alive."""
    first = weeks()[WITHOUT_DC]
    rows = between(first, 27.3, 29.6)
    first.loc[rows, ["power_kw"] if dead else ["power_kw", "voltage_v", "temperature_c"]] = 0.0
    verdict = judged([first, *(frame[WITHOUT_DC] for frame in site(first, 3)[1:])])
    assert booked(verdict) == (["outage"] if dead else [])
    assert judged is in_files or ("logger_zeros" in told(verdict)) is not dead


def test_a_spoilt_day_teaches_nothing_and_books_nothing() -> None:
    day = HistoryDay(
        basis="irradiance", levels={}, expected_kwh=9.0, measured_kwh=3.0, judged_hours=9.0, loss=0.6,
        episodes=[], profile=[0.5] * 48, irradiance=[0.6] * 48,
    )  # fmt: skip
    names = ("2025-01-05", "2025-01-06", "2025-01-07")
    spoilt = SpoiltDays(power=[names[0]], light=[names[1]])
    history: AssetHistory = empty(Asset(id="INV-001", capacity_kw=9.0)).model_copy(
        update={"days": {name: {"file": day} for name in names}, "spoilt": spoilt}
    )
    kept, taught = trusted(history), teaching(history).days
    assert [kept[name]["file"].judged_hours for name in names] == [0.0, 9.0, 9.0]
    assert [kept[name]["file"].loss for name in names] == [None, None, 0.6]
    assert [bool(taught[name]["file"].profile) for name in names] == [False, True, True]
    assert [bool(taught[name]["file"].irradiance) for name in names] == [False, False, True]
    assert history.days[names[0]]["file"].loss == 0.6  # the day itself stays as it was written
    assert [len(Spoilt.of(history).power), len(Spoilt.of(history).light)] == [1, 2]
