"""A turbine's partial loss, and what else tells of it: rated power, others' power, the service's wind."""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.borne_out import Turbine, groups
from ooda.detect.lasting import LONE_SMALL, SMALL
from ooda.documents.asset_history import DayMarks, HistoryDay, LevelOfDay
from ooda.documents.detections import Episode, Window

DAYS, SINCE = 80, 60


def _day(n: int, **of: float) -> HistoryDay:
    """A sound day; `lost`: the share that a partial loss took of it, `held`: of its readings at a level."""
    start = f"2025-01-01T{n % 24:02d}:00:00Z"
    window = Window.model_validate({"start": start, "end": start})
    levels = {"wind": [LevelOfDay(gain=1.01)]}
    weak = None
    if lost := of.get("lost", 0.0):
        signals = {
            "zero_share": 0.0, "loss_share": lost, "loss_spread": 0.1, "day_share": 1.0, "stops": 0,
            "plateau_share": of.get("held", 0.1), "plateau_level": 0.57, "recovered": False, "returns": 0.0,
        }  # fmt: skip
        weak = Episode.model_validate(
            {
                "kind": "underperformance", "window": window, "hours": 24.0, "expected_kwh": 1000.0,
                "lost_kwh": 1000.0 * lost, "confidence": 0.9, "signals": signals, "evidence": [],
            }
        )  # fmt: skip
    drivers = {name: level for name, (level,) in levels.items()}
    if "farm" in of:
        drivers["farm_power"] = LevelOfDay(gain=of["farm"])
    return HistoryDay.model_construct(
        basis="wind",
        levels=drivers,
        episodes=[],
        weak=weak,
        marks=DayMarks(rated=of.get("rated"), wind_of_service=of.get("service")),
    )


def _turbine(lost: float, **late: float) -> Turbine:
    """Days that lose from day 60 on; `late`: how many times as much as before a mark is then."""
    rng = np.random.default_rng(3)
    days = []
    for n in range(DAYS):
        now = {name: late.get(name, 1.0) if n >= SINCE else 1.0 for name in ("rated", "service", "farm")}
        of = {"rated": 0.98 * now["rated"] + rng.normal(0.0, 0.005)} if n % 3 == 0 else {}
        if "service" in late:
            of["service"] = 1.1 * now["service"] * np.exp(rng.normal(0.0, 0.08))
        if "farm" in late:
            of["farm"] = now["farm"] * np.exp(rng.normal(0.0, 0.04)) + 1e-3
        days.append([_day(n, lost=lost if n >= SINCE else 0.0, held=late.get("held", 0.1), **of)])
    return Turbine(days)


INSIDE = np.arange(SINCE, DAYS)


def test_rated_power_that_fell_is_a_loss_and_one_that_stayed_is_not_told_from_the_anemometer() -> None:
    assert _turbine(0.12, rated=0.88).says(INSIDE, INSIDE) == LONE_SMALL
    assert _turbine(0.12, rated=1.0).says(INSIDE, INSIDE) is None
    assert _turbine(0.6, rated=1.0).says(INSIDE, INSIDE) == LONE_SMALL  # no anemometer reads so much more


def test_power_held_at_a_level_is_a_limit() -> None:
    assert _turbine(0.25, held=0.9).says(INSIDE, INSIDE) == LONE_SMALL
    assert _turbine(0.25, held=0.3).says(INSIDE, INSIDE) is None


@pytest.mark.parametrize(("reads", "borne"), [(1.0, True), (1.14, False)])
def test_the_services_wind_bears_out_a_turbine_alone(reads: float, borne: bool) -> None:
    found = _turbine(0.25, service=reads).says(INSIDE, INSIDE)  # 0.25 of power are 0.13 of the wind
    assert (found is not None) == borne


@pytest.mark.parametrize(("farm", "least"), [(0.91, SMALL), (1.0, None)])
def test_the_others_power_bears_out_a_small_loss_of_a_farm(farm: float, least: float | None) -> None:
    assert _turbine(0.08, farm=farm).says(INSIDE, INSIDE) == least


def test_days_near_each_other_are_one_loss() -> None:
    days = [[_day(n)] for n in range(10)]
    for n in (1, 2, 4, 9):
        weak = _day(n, lost=0.2).weak
        assert weak is not None
        days[n] = [days[n][0].model_copy(update={"episodes": [weak]})]
    assert [inside.tolist() for inside in groups({}, days)] == [[1, 2, 4], [9]]
