"""Readings that no machine gave: a logger's zeros, straight lines, single spikes; and what looks alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.builders.detection import between, judge, week
from tests.builders.telemetry import sunny_day

NOON = ("08:00", "13:00")


def told(day: pd.DataFrame) -> set[str]:
    return {issue.kind for issue in judge(day, history=week())["INV-001"].quality.issues}


def booked(day: pd.DataFrame) -> list[str]:
    return [incident.kind for incident in judge(day, history=week())["INV-001"].incidents]


def with_dc(day: pd.DataFrame) -> pd.DataFrame:
    return day.assign(dc_power_kw=day["power_kw"] / 0.96)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_zeros_beside_dc_power_are_the_loggers_and_no_stop(scale: float) -> None:
    """Also where DC power has another unit, as in the plant of Gandikota."""
    day = with_dc(sunny_day())
    day["dc_power_kw"] *= scale
    day.loc[between(day, *NOON), "power_kw"] = 0.0
    assert "logger_zeros" in told(day)
    assert booked(day) == []


def test_zeros_of_all_channels_are_the_loggers() -> None:
    day = with_dc(sunny_day())
    day.loc[between(day, *NOON), ["power_kw", "dc_power_kw", "voltage_v", "temperature_c"]] = 0.0
    assert "logger_zeros" in told(day)
    assert booked(day) == []


@pytest.mark.parametrize("channel", ["voltage stays", "voltage falls"])
def test_a_real_stop_is_no_zero_of_the_logger(channel: str) -> None:
    day = with_dc(sunny_day())
    stopped = between(day, *NOON)
    day.loc[stopped, ["power_kw", "dc_power_kw"]] = 0.0
    if channel == "voltage falls":
        day.loc[stopped, "voltage_v"] = 0.0
    assert "logger_zeros" not in told(day)
    assert booked(day) == ["outage"]


def test_a_filled_gap_is_told_and_a_mornings_ramp_is_not() -> None:
    day = sunny_day()
    rows = np.flatnonzero(between(day, *NOON))
    first, last = day["power_kw"].iloc[rows[0]], 0.3 * day["power_kw"].iloc[rows[-1]]
    day.loc[rows, "power_kw"] = np.linspace(first, last, len(rows))
    assert "interpolated_values" in told(day)
    assert booked(day) == []
    assert "interpolated_values" not in told(sunny_day().round(1))


@pytest.mark.parametrize("factor", [2.0, 0.05])
def test_a_single_wild_reading_is_told(factor: float) -> None:
    day = sunny_day()
    day.loc[between(day, "10:00", "10:15"), "power_kw"] *= factor
    assert "outliers" in told(day)


def test_a_gap_in_the_clouds_is_no_spike() -> None:
    day = sunny_day()
    dull = between(day, "09:00", "11:00") & ~between(day, "10:00", "10:15")
    day.loc[dull, ["power_kw", "irradiance_w_m2"]] *= 0.4
    assert "outliers" not in told(day)


def test_a_loggers_zeros_from_dawn_on_and_under_dark_clouds_are_no_stop() -> None:
    """A third of the stretch has hardly any light: DC power there shows nothing."""
    day = with_dc(sunny_day())
    dull = between(day, "00:00", "09:00")
    day.loc[dull, ["irradiance_w_m2", "dc_power_kw"]] *= 0.02
    day["power_kw"] = 0.0
    assert "logger_zeros" in told(day)
    assert booked(day) == []


def test_a_stop_on_the_day_before_the_loggers_zeros_stays_a_stop() -> None:
    first, second = with_dc(sunny_day()), with_dc(sunny_day())
    second["timestamp"] += pd.Timedelta(days=1)
    afternoon = between(first, "12:00", "23:00")
    first.loc[afternoon, ["power_kw", "dc_power_kw"]] = 0.0
    second["power_kw"] = 0.0
    both = pd.concat([first, second], ignore_index=True)
    assert "logger_zeros" in told(both)
    assert booked(both) == ["outage"]


@pytest.mark.parametrize("others", [0, 1])
def test_a_gap_in_the_clouds_is_no_spike_without_irradiance(others: int) -> None:
    """Neighbours on the same sky saw it too; where nobody did, the sun may give so much."""
    day = sunny_day()
    day.loc[~between(day, "10:00", "10:15"), "power_kw"] *= 0.2  # dark clouds but for a moment
    day = day.drop(columns="irradiance_w_m2")
    beside = [day.assign(asset_id=f"INV-00{n + 2}") for n in range(3 * others)]
    assert "outliers" not in told(pd.concat([day, *beside], ignore_index=True))


def test_a_spike_that_no_neighbour_has_is_one() -> None:
    day = sunny_day().drop(columns="irradiance_w_m2")
    day["power_kw"] *= 0.5  # a dull day: twice as much is no more than the nameplate
    beside = [day.assign(asset_id=f"INV-00{n + 2}") for n in range(3)]
    spoilt = day.copy()
    spoilt.loc[between(day, "09:00", "09:15"), "power_kw"] *= 2.0
    assert spoilt["power_kw"].max() < 105.0
    assert "outliers" in told(pd.concat([spoilt, *beside], ignore_index=True))
