"""A generated fleet: physics over real weather, with named faults injected.

Weather is the typical meteorological year of Greensboro, North Carolina, that pvlib ships (TMY3 723170);
plane-of-array irradiance by pvlib's isotropic transposition, cell temperature by PVsyst's model, DC power
by PVWatts, inverter limit at the nameplate. Hourly weather is interpolated to 15 minutes in clear-sky
index and gets a cloud flicker of its own. Everything follows from one seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from ona.documents.assets import Asset, AssetRegistry, Component, Electrical, Location
from ona.store.layout import OBSERVATION

SITE = Location(latitude=36.10, longitude=-79.95, address="Greensboro, North Carolina (simulated)")
SECOND = Location(latitude=36.35, longitude=-79.66, address="Reidsville, North Carolina (simulated)")
FIRST_OF_SECOND = 6
"""From this inverter on they stand at the second site, 38 km from the first, under the same sky."""
ZONE = "America/New_York"
CUSTOMER = "demo"
FIRST_DAY = date(2025, 6, 9)
DAYS = 8
INVERTERS = 10
CAPACITY_KW = 100.0
DC_AC_RATIO = 1.15
TILT, AZIMUTH = 25.0, 180.0
TARIFF = 0.12
SEED = 20250609


@dataclass(frozen=True)
class Fault:
    """One injected fault: what an expert would say it is."""

    asset_id: str
    name: str
    start: datetime
    end: datetime
    subcategory: str
    is_data_problem: bool
    apply: Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]


def registry() -> AssetRegistry:
    """The fleet's `assets.json`."""
    installed = datetime(2022, 3, 1, tzinfo=UTC)
    assets = []
    for number in range(1, INVERTERS + 1):
        name = f"INV-{number:03d}"
        site_id, place = ("greensboro", SITE) if number < FIRST_OF_SECOND else ("reidsville", SECOND)
        parts = [("inverter", "SG110CX"), ("fan", "SG110CX"), ("string_combiner", "SG110CX")]
        assets.append(
            Asset(
                id=name,
                name=f"Inverter {number}",
                capacity_kw=CAPACITY_KW,
                location=place,
                site_id=site_id,
                customer_id=CUSTOMER,
                tilt=TILT,
                azimuth=AZIMUTH,
                timezone=ZONE,
                tariff_usd_per_kwh=TARIFF,
                components=[
                    Component(
                        oem="Sungrow",
                        model=model,
                        serial=f"{name}-{kind}",
                        type=kind,
                        installation_date=installed,
                    )
                    for kind, model in parts
                ],
                configuration=Electrical(dc_voltage_max=1100, ac_voltage_nominal=400, frequency_nominal=60),
            )
        )
    return AssetRegistry(assets=assets)


def typical_hours(first: datetime, last: datetime) -> pd.DataFrame:
    """The typical year's hours around a span, moved to its years; UTC index of the hours' ends.

    29 February takes the 28th's weather.
    """
    import pvlib

    path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    parts = []
    for year in range(first.year - 1, last.year + 2):
        hourly, _ = pvlib.iotools.read_tmy3(path, coerce_year=year, map_variables=True)
        parts.append(hourly[["ghi", "dni", "dhi", "temp_air", "wind_speed", "relative_humidity"]])
    joined = pd.concat(parts).tz_convert("UTC").sort_index()
    joined = joined[~joined.index.duplicated()]
    around = joined[pd.Timestamp(first) - timedelta(hours=3) : pd.Timestamp(last) + timedelta(hours=3)]
    return around.asfreq("h").ffill()


def weather(start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
    """15-minute weather of a span (by default the simulated days): irradiance in the plane, air
    temperature, wind; UTC index."""
    import pvlib

    start = start or datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    times = pd.date_range(start, end or start + timedelta(days=DAYS), freq="15min", inclusive="left")
    around = typical_hours(times[0], times[-1])
    around.index = pd.DatetimeIndex(around.index) - pd.Timedelta(
        minutes=30
    )  # hourly means: to the hour's middle
    place = pvlib.location.Location(SITE.latitude, SITE.longitude, tz="UTC")
    sun = place.get_solarposition(times)
    sun_then = place.get_solarposition(around.index)
    clear_then = pvlib.clearsky.haurwitz(sun_then["apparent_zenith"])["ghi"]
    clear = pvlib.clearsky.haurwitz(sun["apparent_zenith"])["ghi"]
    index_then = (around["ghi"] / clear_then.where(clear_then > 30)).clip(0, 1.2).ffill().bfill()
    quarter = around.index.union(times)

    def interpolated(series: pd.Series) -> pd.Series:
        return series.reindex(quarter).interpolate("time").reindex(times)

    rng = np.random.default_rng(SEED)
    index = interpolated(index_then)
    unsettled = np.clip(1.0 - index, 0.0, 0.4)
    flicker = pd.Series(rng.normal(0.0, 1.0, len(times)), times).rolling(2, min_periods=1).mean()
    ghi = (index * (1 + 0.25 * unsettled * flicker)).clip(0, 1.15) * clear
    split = pvlib.irradiance.erbs(ghi, sun["zenith"], times)
    plane = pvlib.irradiance.get_total_irradiance(
        TILT, AZIMUTH, sun["apparent_zenith"], sun["azimuth"], split["dni"], ghi, split["dhi"]
    )
    return pd.DataFrame(
        {
            "poa": plane["poa_global"].fillna(0.0).clip(lower=0.0),
            "temp_air": interpolated(around["temp_air"]),
            "wind_speed": interpolated(around["wind_speed"]),
        },
        index=times,
    )


def healthy(sky: pd.DataFrame, number: int) -> pd.DataFrame:
    """What a sound inverter reports, canonical columns (n rows) with a column `true_kw` of its power."""
    import pvlib

    rng = np.random.default_rng(SEED + number)
    cell = pvlib.temperature.pvsyst_cell(sky["poa"], sky["temp_air"], sky["wind_speed"])
    dc = pvlib.pvsystem.pvwatts_dc(sky["poa"], cell, CAPACITY_KW * DC_AC_RATIO, -0.0037)
    gain = 0.93 * (1 + rng.normal(0.0, 0.008))
    power = np.minimum(dc * gain * (1 + rng.normal(0.0, 0.006, len(sky))), CAPACITY_KW)
    power = np.where(sky["poa"] > 15, power, 0.0)
    load = power / CAPACITY_KW
    daylight = sky["poa"] > 15
    frame = pd.DataFrame(
        {
            "timestamp": sky.index,
            "asset_id": f"INV-{number:03d}",
            "temperature_c": sky["temp_air"] + 22.0 * load + rng.normal(0.0, 0.4, len(sky)),
            "voltage_v": np.where(daylight, 760 - 1.6 * (cell - 25) + rng.normal(0, 3, len(sky)), 0.0),
            "power_kw": np.where(daylight, power, -0.05),
            "irradiance_w_m2": (sky["poa"] * (1 + rng.normal(0.0, 0.01, len(sky)))).clip(lower=0.0),
            "wind_speed_m_s": sky["wind_speed"],
        }
    ).reset_index(drop=True)
    numbers = frame.select_dtypes("number").columns
    return frame.assign(**frame[numbers].round(3))


def _at(day: int, hour: float) -> datetime:
    """A local solar-ish hour of the n-th day, in UTC (the site lies 5.33 h west)."""
    midnight = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) + timedelta(days=day - 1)
    return midnight + timedelta(hours=hour + 5.25)


def _scaled(factor: float) -> Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]:
    def apply(frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
        frame.loc[inside, "power_kw"] *= factor
        return frame

    return apply


def _stopped(volts: float | None) -> Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]:
    def apply(frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
        frame.loc[inside, "power_kw"] = 0.0
        if volts is not None:
            frame.loc[inside, "voltage_v"] = volts
        return frame

    return apply


def _held(share: float) -> Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]:
    def apply(frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
        frame.loc[inside, "power_kw"] = frame.loc[inside, "power_kw"].clip(upper=share * CAPACITY_KW)
        return frame

    return apply


def _fan_failed(frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
    """Without its fan the inverter heats up and lowers its power by 4 % a degree above 62 °C."""
    load = frame["power_kw"] / CAPACITY_KW
    hot = frame["temperature_c"] + 30.0 * load.clip(lower=0)
    derated = 1.0 - 0.04 * (hot - 62.0).clip(lower=0.0)
    frame.loc[inside, "temperature_c"] = hot[inside].round(2)
    frame.loc[inside, "power_kw"] = (frame["power_kw"] * derated.clip(lower=0.2))[inside].round(3)
    return frame


def _stuck(frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
    columns = ["power_kw", "voltage_v", "temperature_c"]
    frame.loc[inside, columns] = frame.loc[inside, columns].iloc[0].to_numpy()
    return frame


def _silent(frame: pd.DataFrame, inside: np.ndarray) -> pd.DataFrame:
    return frame[~inside]


def faults() -> list[Fault]:
    """What is wrong with the fleet. The last three are problems of the data, not of an asset."""
    end = _at(DAYS, 19)
    return [
        Fault("INV-003", "inverter dead", _at(4, 10), end, "component_failure", False, _stopped(None)),
        Fault("INV-005", "a third of the strings lost", _at(3, 5), end, "connector_corrosion", False, _scaled(0.66)),
        Fault("INV-007", "fan failure", _at(5, 5), end, "inverter_overtemp", False, _fan_failed),
        Fault("INV-002", "power limit left at 40 %", _at(6, 5), end, "wrong_setpoint", False, _held(0.4)),
        Fault("INV-006", "DC bus fault", _at(7, 9), end, "dc_bus_fault", False, _stopped(12.0)),
        Fault("INV-010", "trip, came back", _at(2, 11), _at(2, 14), "intermittent_fault", False, _stopped(None)),
        Fault("INV-009", "stuck logger", _at(5, 9), _at(5, 12), "stale_values", True, _stuck),
        Fault("INV-008", "communication gap", _at(2, 10), _at(2, 14), "communication_gap", True, _silent),
        Fault("INV-004", "power in watts for a day", _at(6, -5.25), _at(6, 18.5), "unit_error", True, _scaled(1000.0)),
    ]  # fmt: skip


@dataclass(frozen=True)
class Fleet:
    """Files by day, and the truth."""

    files: dict[date, dict[str, bytes]]
    faults: list[Fault]
    lost_kwh: dict[str, float]


def fleet() -> Fleet:
    """The whole simulated delivery: canonical CSV files by day and key, with what was injected.

    `lost_kwh` is the energy that each fault of an asset really took, by asset.
    """
    sky = weather()
    injected = faults()
    files: dict[date, dict[str, bytes]] = {}
    lost: dict[str, float] = {}
    for number in range(1, INVERTERS + 1):
        frame = healthy(sky, number)
        asset_id = f"INV-{number:03d}"
        for fault in injected:
            if fault.asset_id != asset_id:
                continue
            before = frame["power_kw"].sum()
            inside = frame["timestamp"].between(fault.start, fault.end).to_numpy()
            frame = fault.apply(frame, inside)
            if not fault.is_data_problem:
                lost[asset_id] = (before - frame["power_kw"].sum()) / 4.0
        for day, part in frame.groupby(frame["timestamp"].dt.date):
            key = OBSERVATION.build(day=day, name=f"{asset_id}_{day:%Y%m%d}")
            files.setdefault(day, {})[key] = _csv(part)
    return Fleet(files, injected, lost)


def sound_day(asset_id: str, day: date) -> bytes:
    """A later day's file of one asset that is well."""
    start = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    sky = weather(start, datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1))
    frame = healthy(sky, int(asset_id.rpartition("-")[2]))
    return _csv(frame[frame["timestamp"].dt.date == day])


def _csv(part: pd.DataFrame) -> bytes:
    text = part.assign(timestamp=part["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return text.to_csv(index=False).encode()


def poisoned() -> dict[str, bytes]:
    """Files that must not come through, for the last day."""
    day = FIRST_DAY + timedelta(days=DAYS - 1)
    folder = OBSERVATION.prefix(day=day)
    good = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n"
    row = f"{day:%Y-%m-%d}T12:00:00Z,INV-999,31.0,760,40.0\n"
    return {
        f"{folder}INV-001_broken_{day:%Y%m%d}.csv": b"PK\x03\x04 an Excel workbook, renamed",
        f"{folder}INV-999_{day:%Y%m%d}.csv": (good + row).encode(),
    }
