"""Readings that nobody can use: what Detect does with a file by their share, and that somebody is told.

Each case is a sound day that something was done to. `refused`: the file goes to quarantine. `told`: an
incident of the data, which becomes a finding. `counted`: the file is judged, its record has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry
from ona.store.s3 import write_bytes, write_json
from ooda.detect import store
from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.diagnose.diagnostics import needs_diagnosis
from ooda.documents.detections import AssetDetection
from tests.builders.assets import make_registry
from tests.builders.detection import between, histories_of, week
from tests.builders.telemetry import DAY, NOW, sunny_day, to_csv
from tests.fakes.tables import IN

KEY = "observations/2025/06/10/INV-001_20250610.csv"
BEFORE = histories_of(week(), make_registry(3))
Change = Callable[[pd.DataFrame], pd.DataFrame]
WHOLE_DAY = ("00:00", "24:00")
NINE_HOURS = ("09:00", "18:00")
MIDDAY = ("06:00", "14:00")
NIGHT = ("17:00", "24:00")
DAWN_TO_DUSK = ("03:00", "16:30")


def put(column: str, value: Any, when: tuple[str, str] = WHOLE_DAY, asset: str = "INV-001") -> Change:
    """A value in one column, between two times of the day."""

    def change(day: pd.DataFrame) -> pd.DataFrame:
        day = day.astype({column: object})
        rows = between(day, *when) & (day["asset_id"] == asset).to_numpy()
        day.loc[rows, column] = value
        return day

    return change


def scaled(factor: float, when: tuple[str, str] = WHOLE_DAY) -> Change:
    def change(day: pd.DataFrame) -> pd.DataFrame:
        day.loc[between(day, *when), "power_kw"] *= factor
        return day

    return change


def every_second(column: str, value: Any) -> Change:
    def change(day: pd.DataFrame) -> pd.DataFrame:
        day = day.astype({column: object})
        day.iloc[::2, list(day).index(column)] = value
        return day

    return change


def consuming(share: float) -> Change:
    """Power of the night's consumption, as a share of the capacity of 100 kW."""

    def change(day: pd.DataFrame) -> pd.DataFrame:
        dark = day["irradiance_w_m2"] <= 0
        return day.assign(power_kw=day["power_kw"].where(~dark, -100 * share))

    return change


def detected(cloud_files: pd.DataFrame | bytes) -> dict[str, AssetDetection]:
    """What Detect says of a file, read from the bucket as the handler reads it."""
    body = cloud_files if isinstance(cloud_files, bytes) else to_csv(cloud_files)
    write_json(IN, "assets.json", make_registry(3).model_dump(mode="json", exclude_none=True))
    pointer: S3Pointer = write_bytes(IN, KEY, body, "text/csv")
    file = store.load_file(pointer, NOW)
    return {item.detection.asset_id: item.detection for item in judge_assets(file, Context(dict(BEFORE)))}


def kinds(detection: AssetDetection) -> dict[str, bool]:
    return {issue.kind: issue.blinding for issue in detection.quality.issues}


REFUSED: dict[str, tuple[Change, str]] = {
    "words for power": (put("power_kw", "abc"), "power_kw_not_a_number"),
    "truth values for power": (put("power_kw", "true"), "power_kw_not_a_number"),
    "hexadecimal power": (put("power_kw", "0x1F"), "power_kw_not_a_number"),
    "a unit behind each power": (put("power_kw", "12.5 kW"), "power_kw_not_a_number"),
    "an error code for power": (put("power_kw", "#DIV/0!"), "power_kw_not_a_number"),
    "power of 1e308": (put("power_kw", "1e308"), "power_kw_out_of_range"),
    "power of -1e308": (put("power_kw", "-1e308"), "power_kw_out_of_range"),
    "infinite power": (put("power_kw", "1e400"), "not_finite"),
    "a counter for power": (put("power_kw", "4294967295"), "power_kw_out_of_range"),
    "no power at all": (put("power_kw", ""), "no_power"),
    "a dead thermometer": (put("temperature_c", "-999"), "temperature_c_out_of_range"),
    "voltage in millivolts": (put("voltage_v", "750000"), "voltage_v_out_of_range"),
    "words but for one reading": (put("power_kw", "abc", ("00:15", "24:00")), "power_kw_not_a_number"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_of_which_nearly_nothing_can_be_used_is_put_aside(cloud: None, kind: str) -> None:
    change, reason = REFUSED[kind]
    with pytest.raises(InvalidTelemetry) as caught:
        detected(change(sunny_day()))
    error = caught.value.as_dict()
    assert error["reason"] == reason
    assert "96" in error["message"], "how many readings"
    assert error["where"] == KEY
    assert error["remedy"]
    assert "pydantic" not in str(caught.value)


def test_a_text_in_the_place_of_power_is_shown_and_its_count_is_said_once(cloud: None) -> None:
    with pytest.raises(InvalidTelemetry) as caught:
        detected(put("power_kw", "twelve")(sunny_day()))
    told = caught.value.message
    assert told.startswith(
        "96 of 96 readings cannot be used; power_kw is for example 'twelve' (INV-001, 20"
    )
    assert "power_kw_not_a_number" not in told, "that is the reason, which is told beside it"
    with pytest.raises(InvalidTelemetry) as caught:
        detected(put("power_kw", "twelve", MIDDAY)(put("voltage_v", "9999")(sunny_day())))
    assert "voltage_v_out_of_range" in caught.value.reason
    assert "twelve" not in caught.value.message


def test_text_in_a_part_of_two_days_is_told_of_the_asset(cloud: None) -> None:
    """36 of 192 readings, and the file is judged. Distractor: the machine beside it."""
    first, second = sunny_day(), sunny_day(day=DAY + timedelta(days=1))
    fleet = pd.concat([put("power_kw", "twelve", NINE_HOURS)(first), second, sunny_day("INV-002")])
    told = detected(fleet)
    assert kinds(told["INV-001"])["unusable_readings"]
    assert told["INV-001"].quality.completeness_percent == pytest.approx(100 * 156 / 192, abs=0.01)
    assert "unusable_readings" not in kinds(told["INV-002"])


TOLD: dict[str, tuple[Change, str]] = {
    "words by day": (put("power_kw", "abc", DAWN_TO_DUSK), "unusable_readings"),
    "words for eight hours": (put("power_kw", "fault", MIDDAY), "unusable_readings"),
    "every second power a word": (every_second("power_kw", "abc"), "unusable_readings"),
    "every second power 1e308": (every_second("power_kw", "1e308"), "unusable_readings"),
    "generation counted negative": (scaled(-1.0, DAWN_TO_DUSK), "unusable_readings"),
    "a thermometer that dies": (put("temperature_c", "-999", MIDDAY), "unusable_readings"),
    "empty cells by day": (put("power_kw", "", DAWN_TO_DUSK), "communication_gap"),
    "watts": (scaled(1000.0), "unit_error"),
    "ten times watts": (scaled(9_000.0), "unit_error"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_an_asset_that_nobody_could_watch_by_day_is_told(cloud: None, kind: str) -> None:
    change, issue = TOLD[kind]
    detection = detected(change(sunny_day()))["INV-001"]
    assert kinds(detection).get(issue), detection.quality.issues
    assert needs_diagnosis(detection)
    assert detection.incidents == [], "it is no fault of the asset"


OF_ONE_ASSET: dict[str, tuple[Change, str]] = {
    "words": (put("power_kw", "abc"), "unusable_readings"),
    "1e308": (put("power_kw", "1e308"), "unusable_readings"),
    "a dead thermometer": (put("temperature_c", "-999"), "unusable_readings"),
    "infinite": (put("power_kw", "inf"), "unusable_readings"),
    "no power": (put("power_kw", ""), "communication_gap"),
}


@pytest.mark.parametrize("kind", OF_ONE_ASSET)
def test_one_asset_of_a_file_is_told_and_the_others_are_judged(cloud: None, kind: str) -> None:
    """Also one of which no row can be used: it does not vanish from the record."""
    change, issue = OF_ONE_ASSET[kind]
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in (1, 2, 3)], ignore_index=True)
    told = detected(change(fleet))
    assert sorted(told) == ["INV-001", "INV-002", "INV-003"]
    assert kinds(told["INV-001"]).get(issue), told["INV-001"].quality.issues
    for name in ("INV-002", "INV-003"):
        assert not needs_diagnosis(told[name])
        assert told[name].basis != "none"


SOUND: dict[str, Change] = {
    "words by night": put("power_kw", "offline", NIGHT),
    "empty cells by night": put("power_kw", "", NIGHT),
    "three hours of words": put("power_kw", "---", ("08:00", "11:00")),
    "one power of 1e308": put("power_kw", "1e308", ("10:00", "10:15")),
    "a deep night's consumption": consuming(0.03),
    "no thermometer": put("temperature_c", ""),
    "irradiance of 1e308 once": put("irradiance_w_m2", "1e308", ("10:00", "10:15")),
    "missing values as NaN by night": put("power_kw", "NaN", NIGHT),
    "a little above nameplate": scaled(1.15),
    "power of 1e-308": put("power_kw", "1e-308", NIGHT),
}


@pytest.mark.parametrize("kind", SOUND)
def test_a_day_that_looks_odd_and_can_be_judged_is_judged(cloud: None, kind: str) -> None:
    detection = detected(SOUND[kind](sunny_day()))["INV-001"]
    assert not any(kinds(detection).values()), detection.quality.issues
    assert detection.basis != "none"
    assert detection.measured_energy_kwh > 300.0


@pytest.mark.parametrize("column", ["irradiance_w_m2", "wind_speed_m_s", "dc_power_kw"])
@pytest.mark.parametrize("value", ["1e308", "-1e308", "1e20"])
def test_what_a_sensor_cannot_say_is_no_value_and_the_reading_counts(
    cloud: None, column: str, value: str
) -> None:
    day = sunny_day().assign(wind_speed_m_s=3.0)
    day["dc_power_kw"] = day["power_kw"] * 1.03
    [detection] = detected(put(column, value)(day)).values()
    assert detection.measured_energy_kwh == pytest.approx(sunny_day()["power_kw"].sum() / 4, rel=1e-3)
    assert not [item for item in detection.incidents if item.actionable]


def test_a_correction_in_another_file_takes_the_blame_away() -> None:
    from ona.telemetry.readings import POWER_IS_TEXT, Quality
    from tests.builders.detection import telemetry_file

    day = sunny_day()
    times = pd.DatetimeIndex(day["timestamp"]).as_unit("us").asi8
    vain = Quality(rows_read=96, unusable={"INV-001": [(POWER_IS_TEXT, times)]})
    for power, told in ((day["power_kw"], False), (np.nan, True)):
        file = telemetry_file(day.assign(power_kw=power))
        file = type(file)(**{**file.__dict__, "quality": vain})
        [verdict] = judge_assets(file, Context(dict(BEFORE)))
        assert ("unusable_readings" in kinds(verdict.detection)) is told


@pytest.mark.parametrize("name", ["INV-404", "Wechselrichter 7", "../x", "inv-001"])
def test_a_machine_that_nobody_registered_is_named_and_the_others_are_judged(
    cloud: None, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = pd.concat([sunny_day("INV-001"), sunny_day("INV-002").assign(asset_id=name)])
    told = detected(fleet)
    assert list(told) == ["INV-001"]
    assert not needs_diagnosis(told["INV-001"])
    assert any(f"{name}: not in assets.json, 96 rows" in str(item.__dict__) for item in caplog.records)
