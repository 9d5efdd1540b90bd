"""Source profiles: vendors' columns, units, times and joins become canonical telemetry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ona.config import sources
from ona.config.files import directory, validated
from ona.config.sources import SourceProfile
from ona.runtime.errors import InvalidConfiguration, InvalidTelemetry
from ona.telemetry.exports import read_export, recognise
from ona.telemetry.strict_csv import without_preamble
from tests.builders.real_data import shared_data
from tests.builders.telemetry import NOW

MINIMAL: dict[str, Any] = {
    "name": "acme",
    "vendor": "Acme",
    "time": {"column": "when", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
    "asset_id": {"column": "machine"},
    "columns": {"power_kw": {"column": "P", "unit": "W"}},
    "site": {"site_id": "acme-site", "capacity_kw": 10.0},
}


def profile(**changes: Any) -> SourceProfile:
    return SourceProfile.model_validate({**MINIMAL, **changes})


def test_units_times_and_zones_are_converted() -> None:
    text = "when;machine;P;T\n10.06.2025 14:00;A;2500;86\n10.06.2025 14:15;A;2600;86\n"
    chosen = profile(
        delimiter=";",
        columns={
            "power_kw": {"column": "P", "unit": "W"},
            "temperature_c": {"column": "T", "unit": "F"},
        },
    )
    telemetry, registry = read_export(chosen, {"x.csv": text.encode()}, now=NOW, registry=None)
    first = telemetry.frame.iloc[0]
    assert first["timestamp"] == pd.Timestamp("2025-06-10T12:00Z")
    assert first["power_kw"] == pytest.approx(2.5)
    assert first["temperature_c"] == pytest.approx(30.0)
    assert registry.assets[0].capacity_kw == 10.0
    assert registry.assets[0].timezone == "Europe/Berlin"


def test_energy_of_an_interval_becomes_power() -> None:
    text = "when,machine,E\n10.06.2025 14:00,A,1.0\n10.06.2025 14:05,A,2.0\n10.06.2025 14:10,A,2.0\n"
    chosen = profile(
        columns={"power_kw": {"column": "E", "unit": "kWh", "quantity": "energy_per_interval"}},
        site={"site_id": "s", "capacity_kw": 50},
    )
    telemetry, _ = read_export(chosen, {"x.csv": text.encode()}, now=NOW, registry=None)
    assert telemetry.frame["power_kw"].tolist() == pytest.approx([12.0, 24.0, 24.0])


def test_the_hour_that_a_clock_change_skips_is_rejected_not_moved() -> None:
    text = "when,machine,P\n30.03.2025 01:45,A,1\n30.03.2025 02:15,A,2\n30.03.2025 03:00,A,3\n"
    telemetry, _ = read_export(profile(), {"x.csv": text.encode()}, now=NOW, registry=None)
    assert telemetry.quality.rejected == {"local_time_not_unique": 1}
    assert [f"{t:%H:%M}" for t in telemetry.frame["timestamp"]] == ["00:45", "01:00"]


def test_the_hour_that_a_clock_change_repeats_is_resolved_by_order() -> None:
    times = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    text = "when,machine,P\n" + "".join(f"27.10.2024 {t},A,{i}\n" for i, t in enumerate(times))
    telemetry, _ = read_export(profile(), {"x.csv": text.encode()}, now=NOW, registry=None)
    assert [f"{t:%H:%M}" for t in telemetry.frame["timestamp"]] == [
        "23:30",
        "00:00",
        "00:30",
        "01:00",
        "01:30",
        "02:00",
    ]


def test_a_weather_file_is_joined_by_time_and_its_gaps_are_counted() -> None:
    chosen = profile(
        files="gen*.csv",
        joins=[
            {
                "files": "weather*.csv",
                "time": {"column": "t", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
                "columns": {"irradiance_w_m2": {"column": "G", "unit": "kW/m2"}},
            }
        ],
    )
    files = {
        "gen1.csv": b"when,machine,P\n10.06.2025 14:00,A,1000\n10.06.2025 14:15,A,1000\n",
        "weather.csv": b"t,G\n10.06.2025 14:00,0.8\n",
    }
    telemetry, _ = read_export(chosen, files, now=NOW, registry=None)
    assert telemetry.frame["irradiance_w_m2"].iloc[0] == pytest.approx(800)
    assert telemetry.quality.flagged["joined_row_missing"] == 1
    del files["weather.csv"]
    with pytest.raises(InvalidTelemetry, match="no_matching_file"):
        read_export(chosen, files, now=NOW, registry=None)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"time": {"column": "t", "format": "%H", "zone": "Berlin"}}, "IANA"),
        ({"time": {"column": "t", "format": "%d.%m.%Y"}}, "carries no zone"),
        ({"columns": {"power_kw": {"column": "P", "unit": "hp"}}}, "unit 'hp'"),
        ({"columns": {"temperature_c": {"column": "T", "unit": "C"}}}, "power_kw"),
        (
            {"columns": {"power_kw": {"column": "P", "unit": "W"}, "rpm": {"column": "R", "unit": "W"}}},
            "rpm",
        ),
        ({"asset_id": {"column": "a", "constant": "b"}}, "exactly one"),
        ({"asset_id": {"file_name": "no-group"}}, "one group"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_reason(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidConfiguration, match=problem):
        validated(SourceProfile, {**MINIMAL, **change}, "sources/acme.yaml")


def test_a_vendor_is_recognised_by_its_header_and_canonical_files_match_none() -> None:
    profiles = sources.source_profiles()
    header = "timestamp,power,inverter_state,run_state"
    recognised = recognise(header, {"huawei_fusionsolar": profiles["huawei_fusionsolar"]})
    assert recognised is not None
    assert recognised.name == "huawei_fusionsolar"
    assert recognise("timestamp,asset_id,temperature_c,voltage_v,power_kw,power", profiles) is None
    assert recognise("a,b,c", profiles) is None


def _energy_in_file(path: Path, source: str) -> float:
    """kWh that a vendor's file holds, read in another way than through the profile."""
    if source == "huawei_fusionsolar":  # Asoba's own transform (Apache-2.0) reads this one
        import odse

        return float(sum(row["kWh"] for row in odse.transform(str(path), source="huawei")))
    raw = pd.read_csv(path)
    if source == "sma_sunny_portal":  # the plant's own counter
        days = raw["Timestamp"].str[:10]
        return float(raw["Daily Yield (kWh)"].groupby(days).max().sum())
    if source == "solaredge_monitoring":
        return float(raw["totalActivePower"].sum() / 1000 / 12)
    if source == "enphase_enlighten":
        return float(raw["wh_del"].sum() / 1000)
    return float(raw["ActiveEnergy_kWh"].sum())


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("bayou_solar_farm_sma_export.csv", "sma_sunny_portal"),
        ("huawei_fusionsolar_24h.csv", "huawei_fusionsolar"),
        ("solaredge_monitoring_24h.csv", "solaredge_monitoring"),
        ("enphase_enlighten_24h.csv", "enphase_enlighten"),
        ("generic_historian_7d.csv", "generic_historian"),
    ],
)
def test_vendors_exports_give_the_energy_that_the_file_holds(file: str, source: str) -> None:
    path = shared_data("oem_exports") / file
    chosen = recognise(path.read_text().split("\n", 1)[0], sources.source_profiles())
    assert chosen is not None
    assert chosen.name == source
    late = datetime(2026, 3, 1, tzinfo=UTC)
    telemetry, _ = read_export(chosen, {file: path.read_bytes()}, now=late, registry=None)
    lines = len([line for line in path.read_text().splitlines() if line]) - 1
    assert len(telemetry.frame) == lines
    ours = telemetry.frame["power_kw"].sum() / 12
    assert ours == pytest.approx(_energy_in_file(path, source), rel=0.005)


def test_every_profile_file_is_named_as_it_is_called() -> None:
    folder = Path(directory()) / "sources"
    for path in folder.glob("*.yaml"):
        assert yaml.safe_load(path.read_text())["name"] == path.stem


GREENBYTE = (
    "# This file was exported by Greenbyte at 2022-01-27 10:33:05.\n#\n# Turbine: Kelmarsh 1\n#\n"
    '# Date and time,Wind speed (m/s),"Wind speed, Standard deviation (m/s)",'
    '"Power, Standard deviation (kW)",Power (kW),Wind direction (°),Nacelle ambient temperature (°C)\n'
    "2016-01-03 00:00:00,NaN,NaN,NaN,NaN,NaN,NaN\n"
    "2016-01-03 00:10:00,7.5,1.1,90.2,612.5,210.5,6.5\n"
    "2016-01-03 00:20:00,2.1,0.4,3.0,-8.5,212.0,6.4\n"
)
"""As its first lines are on Zenodo (Plumley 2022): comments, a header that begins with `#`, quoted commas,
NaN, and power below none while the turbine stands."""


def test_a_turbines_export_with_comments_before_its_header_is_read() -> None:
    name = "observations/2016/01/03/Turbine_Data_Kelmarsh_1_2016-01-03_-_2017-01-01_228.csv"
    header = without_preamble(GREENBYTE).split("\n", 1)[0]
    chosen = recognise(header, sources.source_profiles())
    assert chosen is not None
    assert chosen.name == "greenbyte_wind"
    telemetry, registry = read_export(
        chosen, {name: GREENBYTE.encode()}, now=NOW, registry=None, any_name=True
    )
    (asset,) = registry.assets
    assert (asset.id, asset.is_wind) == ("Kelmarsh_1", True)
    frame = telemetry.frame
    assert frame["timestamp"].iloc[1] == pd.Timestamp("2016-01-03T00:10Z")
    assert frame["power_kw"].fillna(-1.0).tolist() == [-1.0, 612.5, 0.0]
    assert frame["wind_direction_deg"].tolist()[1:] == [210.5, 212.0]


def test_a_comment_is_no_header_where_a_header_follows() -> None:
    text = "# exported by Acme, on demand\nwhen,machine,P\n10.06.2025 14:00,A,2500\n"
    telemetry, registry = read_export(profile(), {"x.csv": text.encode()}, now=NOW, registry=None)
    assert telemetry.frame["power_kw"].tolist() == [2.5]
    assert not registry.assets[0].is_wind


@pytest.mark.parametrize(
    "rest", ["", "\r", "a\rb\n", "a" * 200_000 + "\n"], ids=["nothing", "CR", "CR within", "long"]
)
def test_comments_before_any_rest_are_read_over(rest: str) -> None:
    assert without_preamble(f"# of a portal\n{rest}") == rest
