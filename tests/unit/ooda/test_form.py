"""Where small losses lie, as the days before show it; and what machines of one roof lose together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ooda.detect import judge as judging
from ooda.detect.context import Context
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import Incident
from tests.builders.detection import telemetry_file
from tests.unit.ooda.test_witnesses import EAST, SOUTH, Weather, registry

DAYS, BEGIN, LIT = 42, 28, 3.0
"""Of telemetry, the day on which a loss begins, and the kW below which a reading is dark."""


def with_loss(share_of: float, by_load: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Four machines, and the share that INV-001 lost at each of its readings: the same at all light, or
    with the current, as in a contact that corrodes."""
    weather = Weather(DAYS, seed=3)
    frames = [weather.frame(n, SOUTH, None) for n in range(4)]
    power = frames[1]["power_kw"].to_numpy()
    lost = np.where(np.arange(len(power)) >= BEGIN * 96, share_of, 0.0) * (power / 95.0 if by_load else 1.0)
    frames[1]["power_kw"] = power * (1.0 - lost)
    return pd.concat(frames), lost


def covered(incidents: list[Incident], times: pd.Series) -> np.ndarray:
    """Which readings lie in what incidents list."""
    out = np.zeros(len(times), dtype=bool)
    for part in (part for one in incidents if not one.suspected for part in one.episodes):
        out |= times.between(part.window.start, part.window.end).to_numpy()
    return out


def told(frames: pd.DataFrame, count: int, *cuts: int) -> dict[str, list[Incident]]:
    """The incidents of each machine, of files that are cut at days of the telemetry."""
    begin = frames["timestamp"].min()
    histories: dict[str, AssetHistory] = {}
    for first, last in zip((0, *cuts), (*cuts, DAYS), strict=True):
        at = (frames["timestamp"] - begin) / pd.Timedelta(days=1)
        file = telemetry_file(frames[(at >= first) & (at < last)], registry(count), key=f"{first:03d}")
        for verdict in judging.judge_assets(file, Context(histories)):
            histories[verdict.detection.asset_id] = verdict.history
    return {name: history.incidents for name, history in histories.items()}


@pytest.mark.parametrize("by_load", [True, False], ids=["grows with the current", "is always there"])
def test_a_small_loss_is_placed_where_it_is(by_load: bool) -> None:
    frames, lost = with_loss(0.09 if by_load else 0.06, by_load)
    own = frames[frames["asset_id"].eq("INV-001")].reset_index(drop=True)
    within = covered(told(frames, 4)["INV-001"], own["timestamp"])
    due = own["power_kw"].to_numpy() / (1.0 - lost)
    lit = within & (due > LIT)
    assert (lost[lit] > 0.02).mean() > 0.83  # each day by itself: 0.76 where it grows
    assert (lost * due)[within].sum() > 0.92 * (lost * due).sum()


def test_files_of_a_day_place_it_where_one_long_file_does() -> None:
    frames, _ = with_loss(0.09, by_load=True)
    own = frames.loc[frames["asset_id"].eq("INV-001"), "timestamp"].reset_index(drop=True)
    long, daily = (covered(told(frames, 4, *cuts)["INV-001"], own) for cuts in ((), range(DAYS - 7, DAYS)))
    assert (long & daily).sum() > 0.97 * max(long.sum(), daily.sum()) > 0


@pytest.mark.parametrize("more", [0.0, 0.1], ids=["all of a roof", "and one of it more"])
def test_what_all_of_a_roof_lose_is_no_machines_loss(more: float) -> None:
    """Three machines that lie alike and fall alike: their plane is off, or the sky is not what it was."""
    weather = Weather(DAYS, seed=5)
    frames = pd.concat([weather.frame(n, roof, None) for n, roof in enumerate([SOUTH] * 3 + [EAST] * 4)])
    late = frames["timestamp"] >= weather.times[BEGIN * 96]
    off = np.where(late & frames["asset_id"].isin(["INV-000", "INV-001", "INV-002"]), 0.86, 1.0)
    off = off * np.where(late & frames["asset_id"].eq("INV-001"), 1.0 - more, 1.0)
    frames["power_kw"] *= off
    found = {name for name, own in told(frames, 7).items() if any(i.lost_energy_kwh for i in own)}
    assert found == ({"INV-001"} if more else set())
