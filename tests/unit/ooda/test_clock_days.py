"""The clock: what weather, a roof's lie and odd days do to the begin and the end of power, and what
neighbours show of one machine's clock.

Begins, ends, clouds and gusts are made here and share no code with the checks.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import Asset, Location
from ooda.config.detection import detection_config
from ooda.detect.clock import shift_by_day
from ooda.detect.clock_beside import lags
from ooda.detect.sky import sky
from ooda.detect.track import Track

YEAR = 365
PLACE = Location(latitude=47.0, longitude=11.0)


def ends(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Minutes after sunrise and sunset at which a machine begins and ends; dull days make days short."""
    own = np.random.default_rng(seed)
    dull = np.where(own.random(YEAR) < 0.3, own.exponential(25.0, YEAR), 0.0)
    return 27 + dull + own.normal(0, 2, YEAR), -17 - dull * own.uniform(0.5, 1.5, YEAR)


def shift(begins: np.ndarray, finish: np.ndarray, late: np.ndarray | None = None) -> np.ndarray:
    return shift_by_day(begins, finish, np.full(YEAR, np.nan) if late is None else late, 10.0)


def test_two_odd_days_do_not_blind_a_machine_for_months() -> None:
    begins, finish = ends()
    begins[48:50], finish[48:50] = (42.0, 92.0), (-113.0, -19.0)  # -36 and +36 minutes about noon
    assert not shift(begins, finish).any()


@pytest.mark.parametrize("towards", [-1.0, 1.0])
def test_clear_weeks_move_a_roof_to_the_east_or_west_and_no_clock(towards: float) -> None:
    """In clear weeks the beam comes at once on one side, and there is little else on the other."""
    begins, finish = ends()
    for first in range(20, 340, 40):
        week = slice(first, first + 12)
        begins[week], finish[week] = 30 + towards * 14, -40 + towards * 26
    assert not shift(begins, finish).any()


@pytest.mark.parametrize("minutes", [-60.0, 60.0])
@pytest.mark.parametrize("length", [5, 12, 60])
def test_an_hour_is_told_from_its_day_to_its_last(minutes: float, length: int) -> None:
    begins, finish = ends()
    days = slice(150, 150 + length)
    begins[days] += minutes
    finish[days] += minutes
    told = shift(begins, finish)
    assert np.abs(told[days] - minutes).max() < 15
    assert np.count_nonzero(told) == length


def test_neighbours_tell_a_quarter_of_an_hour_on_the_days_that_show_it() -> None:
    late = np.where(np.arange(YEAR) % 3 == 0, 0.0, np.nan)
    late[90:101] = np.where(np.isfinite(late[90:101]), 20.0, np.nan)
    late[200] = 75.0  # one odd day
    told = shift(np.full(YEAR, np.nan), np.full(YEAR, np.nan), late)
    assert np.flatnonzero(told).tolist() == list(range(90, 102))


def machines(
    kind: str, step: int, late: int, days: int = 20, *, clouds: float = 1.0, turns: tuple[int, ...] = ()
) -> list[Track]:
    """Four machines; the clock of the first is late. Solar: two roofs under the same clouds. Wind: the same
    fronts, gusts of their own. `turns`: those that are switched off for two hours each, in turn,
    from 9 to 17."""
    times = pd.date_range("2025-05-01", periods=days * 1440 // step, freq=f"{step}min", tz="UTC")
    common, own = np.random.default_rng(5), np.random.default_rng(6)
    slow = pd.Series(common.normal(size=len(times))).ewm(span=(360 if kind == "wind" else 40) / step).mean()
    slow = slow.to_numpy() / float(slow.std())
    hour = (times.hour + times.minute / 60.0).to_numpy() + 11.0 / 15.0
    tracks = []
    for n in range(4):
        if kind == "wind":
            wind = 8.0 + 2.5 * slow + 0.8 * own.normal(size=len(times))
            share = np.clip((wind / 12.0) ** 3, 0.0, 1.0)
        else:
            noon = 10.5 if n % 2 else 13.5  # roofs to the east and to the west
            share = np.clip(np.cos((hour - noon) * np.pi / 13.0), 0.0, 1.0) ** 1.2 * np.clip(
                0.75 + 0.2 * clouds * slow, 0.2, 1.0
            )
        if n in turns:
            turn = (hour // 2 + np.arange(len(times)) * step // 1440).astype(int) % 3
            share = np.where((hour >= 9) & (hour < 17) & (turn == n % 3), 0.0, share)
        moved = times + pd.Timedelta(minutes=late if n == 0 else 0)
        asset = Asset(
            id=f"M-{n}",
            type="Wind Turbine" if kind == "wind" else "Solar Inverter",
            capacity_kw=100.0,
            location=PLACE,
        )
        frame = pd.DataFrame({"timestamp": moved.as_unit("us"), "power_kw": 100.0 * share})
        if kind == "wind":
            frame["wind_speed_m_s"] = wind
        tracks.append(Track.of(frame, asset, sky(moved, PLACE, detection_config().filtering)))
    return tracks


@pytest.mark.parametrize("kind", ["solar", "wind"])
@pytest.mark.parametrize("late", [-60, 0, 60])
@pytest.mark.parametrize("step", [5, 15])
def test_ups_and_downs_show_whose_clock_is_late(kind: str, late: int, step: int) -> None:
    found = lags(machines(kind, step, late), [], {"M-0", "M-1"})
    assert np.isfinite(found["M-0"]).sum() >= 10
    assert abs(float(np.nanmedian(found["M-0"])) - late) < 5
    assert float(np.nanmedian(np.abs(found["M-1"]))) == 0.0


@pytest.mark.parametrize(("kind", "clouds"), [("solar", 0.0), ("solar", 0.1), ("wind", 1.0)])
def test_machines_that_are_switched_in_turn_have_right_clocks(kind: str, clouds: float) -> None:
    """Each comes back when the next one goes: their ups and downs are alike, two hours apart."""
    names = {f"M-{n}" for n in range(4)}
    for late in lags(machines(kind, 10, 0, clouds=clouds, turns=(0, 1, 2, 3)), [], names).values():
        assert not np.nan_to_num(late).any()


def test_a_late_clock_is_seen_beside_machines_that_are_switched() -> None:
    found = lags(machines("solar", 10, 60, turns=(3,)), [], {"M-0"})["M-0"]
    assert np.isfinite(found).sum() >= 10
    assert abs(float(np.nanmedian(found)) - 60) < 5


def test_of_two_clocks_nobody_knows_which_is_wrong() -> None:
    found = lags(machines("solar", 15, 60)[:2], [], {"M-0", "M-1"})
    assert not np.isfinite(found["M-0"]).any()
