"""Signs of a stretch as Detect takes them: volts in the same light, dawn, the ceiling, the weather."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ooda.detect.channels import Usual, at_point, cold, of_usual, sag
from ooda.detect.incident_signals import _first
from ooda.detect.signals import _from_dawn, _hidden
from tests.builders.assets import make_asset
from tests.unit.ooda.test_signs_of_causes import MORNING, STOP, TURBINE, cause, hourly, of_days, signs

SOUND = Usual(volts=600.0, efficiency=None, warmth_c=None, cell_c=45.0, due=0.5, sag=0.02)


def case_of(due: np.ndarray, power: np.ndarray, asset: Any = None) -> Any:
    track = SimpleNamespace(capacity=100.0, share=power / 100.0, asset=asset or make_asset())
    return SimpleNamespace(track=track, ref=SimpleNamespace(expected=due))


# ------------------------------------------------------------------ volts


def test_modules_beside_a_lost_half_are_looked_at_in_the_same_light_as_before() -> None:
    due = np.array([10.0, 20.0, 50.0, 90.0, 97.0])
    expected = [False, True, True, True, False]
    assert at_point(case_of(due, due)).tolist() == expected
    assert at_point(case_of(due, due / 2)).tolist() == expected
    assert not at_point(case_of(due, np.zeros(5))).any()


def test_a_voltage_is_compared_at_the_same_warmth_and_in_the_same_light() -> None:
    assert of_usual(600.0, 45.0, 0.5, SOUND) == 1.0
    assert of_usual(600.0 * (1 - 0.0032 * 10), 55.0, 0.5, SOUND) == pytest.approx(1.0, abs=0.002)
    assert of_usual(600.0 * 1.012, 45.0, 0.8, SOUND) == pytest.approx(1.0, abs=0.002)
    assert of_usual(560.0, 45.0, 0.5, SOUND) == pytest.approx(0.933, abs=0.001)


def test_without_a_temperature_a_small_change_of_volts_may_be_the_season() -> None:
    assert [of_usual(600.0 * part, None, 0.5, SOUND) for part in (0.97, 1.03)] == [1.0, 1.0]
    assert of_usual(600.0 * 0.85, None, 0.5, SOUND) == pytest.approx(0.884)
    assert of_usual(600.0 * 0.02, None, 0.5, SOUND) == pytest.approx(0.021)


@pytest.mark.parametrize("heats", [28.0, 38.0])
def test_a_resistance_draws_the_voltage_down_with_the_current_and_shunts_in_weak_light(
    heats: float,
) -> None:
    """Modules that get warmer than the table has it sag too, on all days."""
    due = np.linspace(0.15, 0.9, 40)
    taken = 20.0 + 28.0 * due
    sound = 620.0 * (1 - 0.0032 * (heats * due - 5.0)) * (1 + 0.022 * np.log(due))
    usual = Usual(600.0, None, None, 45.0, 0.5, 0.0)
    own = sag(cold(sound, taken, due), due, usual)
    assert own is not None
    usual = Usual(600.0, None, None, 45.0, 0.5, own)
    contact, shunts = sound * (1 - 0.15 * due), sound * (1 - 0.15 * (1 - due))
    sags = [sag(cold(volts, taken, due), due, usual) for volts in (contact, sound, shunts)]
    assert sags[0] < -0.05 < sags[1] == 0.0 < 0.06 < sags[2]
    low = {
        "loss_share": 0.12,
        "loss_high": 0.13,
        "loss_low": 0.1,
        "voltage_ratio": 0.93,
        "loss_before": 0.5,
    }
    names = [cause(of_days(30, **low, voltage_sag=sag)) for sag in sags]
    assert names == ["connector_wear", "module_degradation", "module_degradation"]


# ------------------------------------------------------------------ hours and load


def test_what_gave_power_in_a_dark_morning_has_started() -> None:
    dark, gave = np.zeros(12, bool), np.full(12, 0.04)
    assert _from_dawn(dark, np.zeros(12), stood=True) == 1.0
    assert _from_dawn(dark, gave, stood=True) == 0.0
    assert _from_dawn(dark, gave, stood=False) == 1.0
    assert _from_dawn(np.ones(12, bool), gave, stood=True) == 0.0


def test_the_ceiling_hides_what_modules_lack_at_full_load() -> None:
    due = np.append(np.linspace(30.0, 90.0, 20), np.full(20, 98.0))
    modules = np.minimum(due * np.where(due > 95.0, 1.15, 1.0) * 0.9, 100.0)
    assert _hidden(case_of(due, modules), modules, due, due / 100.0).tolist() == [False] * 20 + [True] * 20
    held = np.minimum(due, 80.0)
    assert not _hidden(case_of(due, held), held, due, due / 100.0).any()
    assert not _hidden(case_of(due, modules, TURBINE), modules, due, due / 100.0).any()


def test_a_loss_of_most_of_morning_and_evening_and_little_at_noon_is_not_the_same_all_day() -> None:
    reversed_ = {"loss_share": 0.66, "loss_early": 0.92, "loss_noon": 0.24, "loss_late": 0.85}
    tracked = make_asset(tracking="single_axis")
    assert cause(of_days(3, **reversed_, loss_before=0.0), tracked) == "tracker_stuck"
    small = {"loss_share": 0.06, "loss_early": 0.075, "loss_noon": 0.05, "loss_late": 0.07}
    assert cause(of_days(9, **small, loss_before=0.0), make_asset()) == "string_loss"


# ------------------------------------------------------------------ weather


def episodes(*losses: float) -> Any:
    return [SimpleNamespace(signals=SimpleNamespace(loss_share=loss)) for loss in losses]


def test_the_weather_of_later_days_did_not_begin_a_loss_that_was_there_at_once() -> None:
    assert len(_first(episodes(0.2, 0.2, 0.2, 0.2), 0.2)) == 1
    assert len(_first(episodes(0.05, 0.2, 0.2, 0.2), 0.2)) == 2
    assert len(_first(episodes(0.02, 0.04, 0.08, 0.2, 0.3), 0.2)) == 3


def test_ice_melts_in_mild_hours_and_a_blade_stays_wrong() -> None:
    frost = hourly()
    frost["temperature_c"] = -3.0
    assert signs(frost)["frost_share"] == 1.0
    mixed = frost.copy()
    mixed.loc[MORNING + pd.Timedelta(hours=2) :, "temperature_c"] = 8.0
    share = signs(mixed)["frost_share"]
    assert share == pytest.approx(0.4, abs=0.2)
    low = {"loss_share": 0.16, "loss_low": 0.2, "loss_high": 0.14, "loss_full": 0.04, "snow_mm": 6.0}
    cold_air = {**low, "ambient_c": -2.0, "rain_mm": 1.0}
    assert cause(of_days(4, **cold_air, frost_share=1.0), TURBINE) == "icing"
    assert cause(of_days(4, **cold_air, frost_share=0.2), TURBINE) == "yaw_misalignment"


# ------------------------------------------------------------------ how it goes on, and the answer


def test_what_stays_away_for_days_is_dead_though_it_was_wet_when_it_began() -> None:
    dead = {**STOP, "returns": 0.0, "wet_mm": 0.7, "from_dawn": 1.0}
    assert cause(of_days(4, "outage", 4.2, **dead)) == "inverter_failure"
    again = {**dead, "returns": 1.0, "wet_share": 1.0}
    assert cause(of_days(4, "outage", 2.0, **again)) == "isolation_fault"
