"""Signs of causes that come from physics: water, storms and frost of the site, volts, warmth, dust."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ona.documents.assets import Asset
from ooda.detect.channels import DUE_RISE_C, module_volts, warmth
from ooda.detect.incident_signals import _rain_cleans
from ooda.detect.rolling import of_sound_days
from ooda.detect.weather_signals import by_day, film_mm, of_stretch
from ooda.diagnose.cause import diagnose
from ooda.documents.detections import LoggedEvent
from tests.builders.assets import make_asset
from tests.builders.telemetry import NOW
from tests.unit.ooda.test_signatures import incident_like, named

TURBINE = make_asset("WTG-1", type="Wind Turbine", capacity_kw=2000.0)
STOP = {"zero_share": 1.0, "loss_share": 1.0}
MORNING = pd.Timestamp("2025-06-20T06:00Z")


def of_days(days: int, kind: str = "underperformance", hours: float = 8.0, **signals: Any) -> Any:
    """An incident of so many days, so many hours each."""
    update = {"days": days, "duration_hours": hours * days}
    return incident_like(kind, **signals).model_copy(update=update)


def cause(incident: Any, asset: Asset | None = None) -> str:
    return diagnose(incident, asset or make_asset()).name


def hourly(days: int = 60, **changes: tuple[str, float]) -> pd.DataFrame:
    """Mild, dry, calm weather around `MORNING`; `changes`: by column a time and its value then."""
    index = pd.date_range(MORNING.floor("D") - pd.Timedelta(days=days), periods=24 * (days + 3), freq="h")
    sun = np.clip(800.0 * np.sin(np.pi * (index.hour.to_numpy() - 6) / 12), 0.0, None)
    plain = {"temperature_c": 18.0, "wind_speed_m_s": 4.0, "precipitation_mm": 0.0}
    frame = pd.DataFrame({**plain, "ghi_w_m2": sun}, index=index)
    for column, (when, value) in changes.items():
        frame.loc[pd.Timestamp(when), column] = value
    return frame


def signs(weather: pd.DataFrame, begin: pd.Timestamp = MORNING) -> dict[str, float | None]:
    times = pd.Series(pd.date_range(begin, periods=24, freq="15min"))
    return of_stretch(weather, by_day(weather), times, np.full(24, 0.2), None)


# ------------------------------------------------------------------ water


def test_rain_of_the_night_is_there_at_dawn_and_dried_by_the_next_morning() -> None:
    rain = hourly(precipitation_mm=("2025-06-20T02:00Z", 6.0))
    assert film_mm(rain, MORNING) > 0.8
    assert film_mm(rain, MORNING + pd.Timedelta(hours=8)) == 0.0
    assert signs(rain)["rain_mm"] == 6.0
    assert film_mm(hourly(), MORNING) == 0.0


@pytest.mark.parametrize(
    ("wet_mm", "wet_share", "name"),
    [(0.9, 1.0, "isolation_fault"), (0.9, 0.0, "inverter_trip"), (0.0, 0.0, "inverter_trip")],
)
def test_two_stops_that_both_began_wet_are_insulation(wet_mm: float, wet_share: float, name: str) -> None:
    stops = {"returns": 1.0, "rain_mm": 4.0, "wet_mm": wet_mm, "wet_share": wet_share}
    assert cause(of_days(2, "outage", 3.0, **STOP, **stops)) == name


def test_a_logged_insulation_fault_that_stays_is_one() -> None:
    dead = of_days(3, "outage", 11.0, **STOP, returns=0.0, from_dawn=1.0)
    event = LoggedEvent(
        event_class="fault",
        code="",
        text="Isolationsfehler",
        cause="isolation_fault",
        start=NOW,
        end=NOW,
        share=1.0,
    )
    assert cause(dead) == "inverter_failure"
    assert cause(dead.model_copy(update={"events": [event]})) == "isolation_fault"


# ------------------------------------------------------------------ storms and frost of the site


def test_how_often_a_site_has_such_wind_is_counted_on_its_other_days() -> None:
    rare = hourly(wind_speed_m_s=("2025-06-20T03:00Z", 21.0))
    often = rare.copy()
    often.loc[often.index.hour == 5, "wind_speed_m_s"] = 22.0
    assert signs(rare)["storm_rate"] == 0.0
    assert signs(often)["storm_rate"] == 1.0
    assert "storm_rate" not in signs(hourly())


def test_a_string_lost_after_a_gale_at_a_windy_site_is_a_string_lost() -> None:
    gale = {"gust_m_s": 21.0, "rain_mm": 0.5, "storm_days": 120.0}
    assert cause(incident_like(**gale, storm_rate=0.05)) == "string_loss"
    windy, calm = (named(incident_like(**gale, storm_rate=rate))["wind_damage"] for rate in (0.05, 0.0))
    assert calm > 2.5 * windy
    torn = incident_like(**gale, storm_rate=0.05, voltage_ratio=0.94)
    assert named(torn)["wind_damage"] > 2 * windy


def test_ice_grows_in_wet_frost_and_goes_when_it_thaws() -> None:
    loss = {"loss_share": 0.15, "loss_low": 0.23, "loss_high": 0.08, "loss_full": 0.02, "ambient_c": -2.0}
    wet = named(of_days(4, **loss, snow_mm=6.0, cell_correlation=-0.5), TURBINE)
    dry = named(of_days(4, **loss, snow_mm=0.0, rain_mm=0.0, cell_correlation=0.0), TURBINE)
    assert wet["icing"] > 0.75 > 1.5 * dry["icing"]


# ------------------------------------------------------------------ dust


def test_dust_goes_with_rain_and_a_lost_string_does_not() -> None:
    rain = {n: 9.0 if n % 6 == 0 else 0.0 for n in range(40)}
    noise = np.random.default_rng(1).normal(0.0, 0.004, 40)
    dust = {n: 0.06 + 0.012 * (n % 6) + float(noise[n]) for n in range(40)}
    string = {n: 0.1 + float(noise[n]) for n in range(40)}
    cleaned, kept = _rain_cleans(dust, rain), _rain_cleans(string, rain)
    assert cleaned is not None
    assert kept is not None
    assert cleaned > 3.0 > 1.8 > kept
    assert _rain_cleans(dust, {}) is None
    loss = {"loss_share": 0.1, "slope_per_day": 0.0, "loss_before": 0.3, "rain_mm": 0.0}
    assert cause(of_days(40, **loss, rain_cleans=cleaned)) == "soiling"
    assert cause(of_days(40, **{**loss, "loss_before": 0.0}, rain_cleans=kept)) == "string_loss"


# ------------------------------------------------------------------ volts and warmth


def test_what_grows_for_weeks_does_not_become_usual() -> None:
    days = np.arange(80)
    loss = np.clip((days - 30) / 50 * 0.3, 0, None)
    usual = of_sound_days(np.empty(0), 600.0 * (1 - loss), loss < 0.04)
    assert usual[-1] > 590.0
    assert of_sound_days(np.full(30, 610.0), np.full(3, 500.0), np.zeros(3, bool)).tolist() == [610.0] * 3


def test_a_voltage_that_does_not_move_from_dawn_to_dusk_is_not_the_modules() -> None:
    def of(volts: np.ndarray) -> np.ndarray:
        case: Any = SimpleNamespace(track=SimpleNamespace(volts=volts))
        return module_volts(case)

    light = np.sin(np.pi * (np.arange(40) + 0.5) / 40)
    modules = 650.0 * (1 - 0.0032 * 28 * light + 0.05 * np.log(light))
    grid = 400.0 * (1 + 0.01 * light)
    assert np.isnan(of(grid)).all()
    assert (of(modules) == modules).all()
    stopped = np.append(modules[:3], np.zeros(37))
    assert (of(stopped) == stopped).all()


def test_a_device_that_works_hard_is_not_warmer_for_that() -> None:
    due = np.array([10.0, 50.0, 100.0])
    track = SimpleNamespace(temperature=25.0 + 30.0 * due / 100.0, capacity=100.0)
    case: Any = SimpleNamespace(track=track, ref=SimpleNamespace(expected=due))
    sound = warmth(case, np.ones(3, bool), np.full(3, 20.0))
    assert np.ptp(sound) < 5.0 < DUE_RISE_C
    track.temperature = track.temperature + np.array([0.0, 0.0, 12.0])
    assert warmth(case, np.ones(3, bool), np.full(3, 20.0))[2] - sound[2] == pytest.approx(12.0)


@pytest.mark.parametrize(("spread", "name"), [(0.003, "mppt_fault"), (0.07, "module_degradation")])
def test_a_voltage_that_stands_still_is_the_trackers_and_one_that_moves_the_modules(
    spread: float, name: str
) -> None:
    low = {"loss_share": 0.2, "voltage_ratio": 0.72, "voltage_spread": spread, "loss_before": 0.0}
    assert cause(of_days(9, **low)) == name
    always = {"voltage_ratio": 1.001, "voltage_spread": 0.001}
    assert cause(of_days(9, **{**low, **always})) == "string_loss"


def test_strings_lost_one_after_another_are_strings() -> None:
    steps = {"loss_share": 0.2, "slope_per_day": 0.02, "slope_step": 0.6, "loss_before": 0.02}
    assert cause(of_days(12, **steps, voltage_ratio=1.0, rain_cleans=0.2)) == "string_loss"
