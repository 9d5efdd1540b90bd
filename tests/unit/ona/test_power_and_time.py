"""Only time and power are necessary: what else a file lacks is said; what is no telemetry is refused."""

from __future__ import annotations

import pytest

from ona.config import sources
from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.canonical import read_canonical
from ona.telemetry.exports import recognise
from ona.telemetry.readings import Telemetry
from ona.telemetry.whose import asset_of
from ops.target import use_configs
from tests.builders.assets import make_asset
from tests.builders.telemetry import NOW

KEY = "observations/2025/06/10/INV-001_20250610.csv"
TIMES = [f"2025-06-10T{hour:02d}:00:00Z" for hour in range(8, 12)]


def file(header: str, row: str) -> bytes:
    """Four readings: `T` in a row stands for the time, `#` for a number."""
    rows = [row.replace("T", time, 1).replace("#", str(n + 10.5)) for n, time in enumerate(TIMES)]
    return "\n".join([header, *rows, ""]).encode()


def read(data: bytes, asset_id: str = "") -> Telemetry:
    known = {"INV-001": 100.0}
    return read_canonical(data, now=NOW, capacity_kw=known.get, where=KEY, asset_id=asset_id)


@pytest.mark.parametrize(
    ("header", "row", "unmeasured"),
    [
        ("timestamp,asset_id,power_kw", "T,INV-001,#", ["temperature_c", "voltage_v"]),
        ("power_kw,timestamp,asset_id", "#,T,INV-001", ["temperature_c", "voltage_v"]),
        ("timestamp,asset_id,voltage_v,power_kw", "T,INV-001,700,#", ["temperature_c"]),
        (
            "timestamp,asset_id,temperature_c,voltage_v,power_kw",
            "T,INV-001,,,#",
            ["temperature_c", "voltage_v"],
        ),
        ("timestamp,asset_id,temperature_c,voltage_v,power_kw", "T,INV-001,20,700,#", []),
        ("timestamp,asset_id,temperature_c,voltage_v,power_kw", "T,INV-001,warm,700,#", ["temperature_c"]),
    ],
)
def test_what_a_file_lacks_beside_power_and_time_is_said(
    header: str, row: str, unmeasured: list[str]
) -> None:
    telemetry = read(file(header, row))
    own = telemetry.by_asset["INV-001"]
    assert own["power_kw"].tolist() == [10.5, 11.5, 12.5, 13.5]
    assert {"temperature_c", "voltage_v"} <= set(own), "all frames have the contract's columns"
    assert telemetry.quality.unmeasured == unmeasured
    assert telemetry.quality.rejected == {}


def test_a_file_without_a_column_for_the_asset_is_of_the_one_that_is_named() -> None:
    data = file("timestamp,power_kw", "T,#")
    assert list(read(data, "INV-001").by_asset) == ["INV-001"]
    with pytest.raises(InvalidTelemetry) as caught:
        read(data)
    assert (caught.value.reason, "asset_id" in caught.value.message) == ("missing_columns", True)
    assert "name the file" in caught.value.remedy


@pytest.mark.parametrize(
    ("key", "among", "expected"),
    [
        (KEY, 2, "INV-001"),
        ("nowcast/2025/06/10/INV-001_nowcast.csv", 0, "INV-001"),
        ("historical/acme/INV-001.csv", 2, "INV-001"),
        ("historical/acme/2024.csv", 1, "INV-001"),
        ("historical/acme/2024.csv", 2, ""),
        ("historical/acme/2024.csv", 0, ""),
        ("historical/acme/INV-0012_20250610.csv", 2, ""),  # looks like INV-001
        ("observations/2025/06/10/INV-001-backup_20250610.csv", 0, ""),
    ],
)
def test_whose_a_file_is(key: str, among: int, expected: str) -> None:
    battery = make_asset("BAT-1", type="Battery Storage")
    fleet = [make_asset("INV-001"), make_asset("INV-002")]
    assert asset_of(key, AssetRegistry(assets=[*fleet, battery]), [*fleet[:among], battery]) == expected


@pytest.mark.parametrize(
    ("data", "reason", "told"),
    [
        (file("timestamp,asset_id", "T,INV-001"), "missing_columns", "power_kw"),
        (file("timestamp", "T"), "missing_columns", "power_kw"),
        (file("asset_id,power_kw", "INV-001,#"), "missing_columns", "timestamp"),
        (file("timestamp,asset_id,power_mw", "T,INV-001,#"), "missing_columns", "power_mw"),
        (file("timestamp,asset_id,power_kw", "T,INV-001,"), "no_power", "4 readings"),
        (file("timestamp,asset_id,power_kw", "T,INV-001,off"), "power_kw_not_a_number", "'off'"),
        (file("timestamp,asset_id,power_kw", "noon,INV-001,#"), "timestamp_without_zone", "4"),
        (file("timestamp,asset_id,power_kw", "T,INV-009,#"), "unknown_asset", "INV-009"),
        (file("timestamp,asset_id,power_kw", "T,,#"), "asset_id_missing", "4"),
    ],
)
def test_what_is_no_telemetry_is_refused_in_words(data: bytes, reason: str, told: str) -> None:
    with pytest.raises(InvalidTelemetry) as caught:
        read(data)
    assert caught.value.reason == reason
    assert told in caught.value.message
    assert caught.value.where.startswith(KEY)
    assert caught.value.remedy


def test_a_time_that_comes_twice_counts_once() -> None:
    data = file("timestamp,asset_id,power_kw", "T,INV-001,#")
    again = data + f"{TIMES[0]},INV-001,10.5\n{TIMES[1]},INV-001,99\n".encode()
    telemetry = read(again)
    assert telemetry.by_asset["INV-001"]["power_kw"].tolist() == [10.5, 99.0, 12.5, 13.5]
    assert telemetry.quality.rejected == {"duplicate_row": 1, "conflicting_duplicate": 1}


@pytest.mark.parametrize(
    ("header", "profile"),
    [
        ("timestamp,power_kw", None),
        ("timestamp,asset_id,power_kw,power", None),  # ours, with a column of Huawei's name beside it
        ("timestamp,power", "huawei_fusionsolar"),
        ("Timestamp,SiteTag,ActiveEnergy_kWh", "generic_historian"),
    ],
)
def test_a_file_with_our_names_of_time_and_power_is_ours(header: str, profile: str | None) -> None:
    use_configs()
    found = recognise(header, sources.source_profiles())
    assert (found.name if found else None) == profile
