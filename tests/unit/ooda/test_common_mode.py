"""A site that is held at a level or stands still as a whole is told so without an irradiance sensor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.detect.track import Days
from ooda.detect.witnesses import common_mode
from ooda.detect.witnesses.common_mode import at_level, limited
from ooda.documents.detections import Incident
from tests.builders.assets import make_registry
from tests.builders.detection import between, telemetry_file
from tests.builders.telemetry import DAY, sunny_day

MACHINES, DAYS, CAPACITY = 5, 6, 100.0
Change = Callable[[pd.DataFrame, int], None]


def told(change: Change) -> dict[str, list[Incident]]:
    """What a file of some sound days, and a last day that `change` works on, says of each machine."""
    parts = []
    for n in range(1, MACHINES + 1):
        for back in range(DAYS, -1, -1):
            day = sunny_day(f"INV-{n:03d}", DAY - timedelta(days=back), seed=17 * n + back)
            day = day.drop(columns=["irradiance_w_m2"], errors="ignore")
            if back == 0:
                change(day, n)
            parts.append(day)
    file = telemetry_file(pd.concat(parts, ignore_index=True), make_registry())
    verdicts = judge_assets(file, Context())
    assert {v.detection.basis for v in verdicts} == {"peers"}
    return {v.detection.asset_id: v.detection.incidents for v in verdicts}


def held(day: pd.DataFrame, n: int) -> None:
    """At 45 % of capacity from 08:00 to 14:00, by a controller that strays by half a per cent."""
    rows = between(day, "08:00", "14:00")
    noise = np.random.default_rng(n).normal(0.0, 0.002, int(np.sum(rows)))
    level = 0.45 * CAPACITY * (1.0 + noise)
    day.loc[rows, "power_kw"] = np.minimum(day.loc[rows, "power_kw"].to_numpy(), level)


def hazed(day: pd.DataFrame, n: int) -> None:
    """A quiet cloud takes half of the light all day: power goes with the sun."""
    day["power_kw"] *= 0.5


def dark(day: pd.DataFrame, n: int) -> None:
    """No power at all from 09:00 to 11:00."""
    day.loc[between(day, "09:00", "11:00"), "power_kw"] = 0.0


@pytest.mark.parametrize(("change", "kind"), [(held, "curtailment"), (dark, "site_outage")])
def test_what_all_machines_share_is_told_by_the_clear_sky(change: Change, kind: str) -> None:
    result = told(change)
    for incidents in result.values():
        assert [incident.kind for incident in incidents] == [kind]
        assert incidents[0].lost_energy_kwh > 50.0
        assert kind != "curtailment" or not incidents[0].actionable


@pytest.mark.parametrize(("left", "kinds"), [(0.0, ["site_outage"]), (0.004, [])], ids=["stop", "storm"])
def test_a_stop_of_all_under_dark_clouds_leaves_nothing_and_a_storm_a_little(
    left: float, kinds: list[str]
) -> None:
    def change(day: pd.DataFrame, n: int) -> None:
        hour = (day["timestamp"].dt.hour + day["timestamp"].dt.minute / 60.0).to_numpy()
        day["power_kw"] *= np.interp(hour, [7.5, 9.0, 10.5, 12.0], [1.0, 0.03, 0.03, 1.0])
        rows = between(day, "09:00", "10:30")
        own = np.random.default_rng(n).uniform(0.8, 1.2, int(np.sum(rows)))
        day.loc[rows, "power_kw"] = left * CAPACITY * own

    for incidents in told(change).values():
        assert [incident.kind for incident in incidents] == kinds


def test_a_quiet_cloud_is_no_command() -> None:
    assert not any(told(hazed).values())


def test_a_dead_machine_of_a_held_site_is_its_own_fault() -> None:
    def one_dead(day: pd.DataFrame, n: int) -> None:
        held(day, n)
        if n == 2:
            day.loc[between(day, "09:00", "24:00"), "power_kw"] = 0.0

    assert "outage" in [incident.kind for incident in told(one_dead)["INV-002"]]


@pytest.mark.parametrize("machines", [3, 5, 12])
def test_days_on_which_too_few_are_held_are_left_early_and_nothing_else(machines: int) -> None:
    """What a command holds is the same where each machine of each day is looked at to the end."""
    rng, minutes = np.random.default_rng(machines), np.arange(0, 1440, 10)
    sun = np.clip(np.sin((minutes - 360) / 720 * np.pi), 0.0, None)
    days = Days.of(np.repeat(np.arange(8), len(minutes)))
    clear = np.tile(0.9 * sun, (machines, len(days)))
    share = clear * rng.uniform(0.97, 1.0, clear.shape) * rng.uniform(0.5, 1.0, (machines, 1))
    for day in range(len(days)):  # so many are held: none, one, … and on the last day all
        rows = slice(day * len(minutes), (day + 1) * len(minutes))
        many = machines if day == len(days) - 1 else day
        share[:many, rows] = np.minimum(share[:many, rows], 0.3)
    share[rng.random(share.shape) < 0.05] = np.nan
    quick = limited(share, clear, days, 10.0, sensed=True)

    def to_the_end(*args: object, **_: object) -> object:
        return at_level(*args[:4])  # type: ignore[arg-type]

    with mock.patch.object(common_mode, "at_level", to_the_end):
        plain = limited(share, clear, days, 10.0, sensed=True)
    np.testing.assert_array_equal(quick, plain)
    by_day = quick.reshape(len(days), -1).any(axis=1)
    assert by_day[-1]
    assert not by_day[:2].any()
