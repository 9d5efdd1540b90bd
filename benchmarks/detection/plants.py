"""Plants whose assets are sound: real ones from `../shared/data`, simulated ones over pvlib's typical
years.

A simulated year has what a real one has and detection must live with: an irradiance sensor with an error of
its own, clouds that pass one asset before the next, planes that differ by a few degrees, clipping on clear
days, hot inverters, rain, frost and snow. Everything follows from one seed a plant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib

from benchmarks import data
from ona.documents.assets import Asset, AssetRegistry, Component, Location
from ona.telemetry.exports import read_export

ASSETS = 7
"""Inverters of a simulated plant."""
CAPACITY_KW = 100.0
"""AC nameplate of each, kW."""
DC_AC = 1.2
"""DC over AC nameplate; inverters clip on clear days."""
GAMMA = -0.0037
"""Power temperature coefficient of the modules, 1/°C; detection assumes −0.004 (`peers.GAMMA`)."""


@dataclass(frozen=True)
class Plant:
    """A sound plant. `frames`: canonical telemetry by asset, all on one clock, with the hidden columns
    `pot_kw` (what the asset would give without the inverter's limit), `beam` (share of beam in the
    irradiance) and `eff` (AC over DC). `weather`: hourly. `channels` are those that are really measured."""

    name: str
    kind: str
    registry: AssetRegistry
    frames: dict[str, pd.DataFrame]
    weather: pd.DataFrame | None
    channels: frozenset[str]
    for_tuning: bool
    tracking: bool = False


def _registry(
    name: str, place: Location, count: int, kind: str, capacity: float, tracking: bool = False
) -> AssetRegistry:
    types = ("inverter", "fan", "string_combiner", "module", "communication_unit", "tracker")
    return AssetRegistry(
        assets=[
            Asset(
                id=f"{name}-{n}",
                type=kind,
                capacity_kw=capacity,
                location=place,
                site_id=name,
                tracking="single_axis" if tracking else "fixed",
                components=[Component(oem="X", model="Y", serial=f"{name}-{n}-{t}", type=t) for t in types],
            )
            for n in range(1, count + 1)
        ]
    )


def _typical(name: str) -> tuple[pd.DataFrame, float, float]:
    where = Path(pvlib.__file__).parent / "data"
    if name.endswith(".tm2"):
        raw, meta = pvlib.iotools.read_tmy2(where / name)
        table = pd.DataFrame(
            {
                "ghi": raw["GHI"],
                "temp_air": raw["DryBulb"] / 10.0,
                "wind_speed": raw["Wspd"] / 10.0,
                "humidity": raw["RHum"],
            }
        )
        start = pd.Timestamp("2023-01-01", tz="UTC") - pd.Timedelta(hours=meta["TZ"])
        table.index = pd.date_range(start, periods=len(table), freq="h") + pd.Timedelta(minutes=30)
    else:
        raw, meta = pvlib.iotools.read_tmy3(where / name, coerce_year=2023, map_variables=True)
        table = raw[["ghi", "temp_air", "wind_speed"]].assign(humidity=raw["relative_humidity"])
        table.index = pd.DatetimeIndex(raw.index).tz_convert("UTC") - pd.Timedelta(minutes=30)
        table = table.sort_index()
        table = table[~table.index.duplicated()]
    return table.astype(float), float(meta["latitude"]), float(meta["longitude"])


def _weather(hourly: pd.DataFrame, clear: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """The weather service's hours: what the typical year says, with rain and snow where it is dull and
    moist."""
    dull = (hourly["ghi"] / clear.where(clear > 50)).ffill().bfill().clip(0, 1) < 0.3
    wet = dull & (hourly["humidity"] > 80) & (rng.random(len(hourly)) < 0.5)
    rain = np.where(wet, rng.gamma(1.2, 1.0, len(hourly)), 0.0)
    cold = hourly["temp_air"].to_numpy() < 0.5
    return pd.DataFrame(
        {
            "ghi_w_m2": hourly["ghi"].to_numpy(),
            "temperature_c": hourly["temp_air"].to_numpy() + rng.normal(0, 0.6, len(hourly)),
            "wind_speed_m_s": np.maximum(
                hourly["wind_speed"].to_numpy() + rng.normal(0, 0.5, len(hourly)), 0
            ),
            "precipitation_mm": rain,
            "snowfall_mm": np.where(cold, rain, 0.0),
        },
        index=hourly.index + pd.Timedelta(minutes=30),
    )


def simulated(name: str, file: str, seed: int, *, for_tuning: bool, tracking: bool = False) -> Plant:
    """A year of seven inverters of 100 kW, 15 minutes, over a typical year."""
    rng = np.random.default_rng(seed)
    hourly, lat, lon = _typical(file)
    times = pd.date_range("2023-01-03", "2023-12-29", freq="15min", tz="UTC")
    place = pvlib.location.Location(lat, lon, tz="UTC")
    sun, then = place.get_solarposition(times), place.get_solarposition(hourly.index)
    clear_then = pvlib.clearsky.haurwitz(then["apparent_zenith"])["ghi"]
    clear = pvlib.clearsky.haurwitz(sun["apparent_zenith"])["ghi"]
    index = (hourly["ghi"] / clear_then.where(clear_then > 40)).clip(0, 1.1).ffill().bfill()

    def quarter(series: pd.Series) -> pd.Series:
        return series.reindex(series.index.union(times)).interpolate("time").reindex(times).ffill().bfill()

    kt = quarter(index)
    unsettled = (1.0 - kt).clip(0.02, 0.4)
    wobble = pd.Series(rng.normal(0, 1, len(times)), times).rolling(2, min_periods=1).mean()
    kt = (kt * (1 + 0.3 * unsettled * wobble)).clip(0.02, 1.12)
    ghi = kt * clear
    split = pvlib.irradiance.erbs(ghi, sun["zenith"], times)
    air, wind = quarter(hourly["temp_air"]), quarter(hourly["wind_speed"])
    sensor = 1.0 + rng.normal(0, 0.02)
    base_tilt = min(abs(lat), 35.0)
    registry = _registry(
        name, Location(latitude=lat, longitude=lon), ASSETS, "Solar Inverter", CAPACITY_KW, tracking
    )
    frames = {}
    plane_poa = None
    for number, asset in enumerate(registry.assets):
        if tracking:
            turn = pvlib.tracking.singleaxis(
                sun["apparent_zenith"], sun["azimuth"], max_angle=55, backtrack=True, gcr=0.35
            )
            tilt, azimuth = turn["surface_tilt"].fillna(0.0), turn["surface_azimuth"].fillna(180.0)
        else:
            tilt, azimuth = base_tilt + rng.normal(0, 1.0), 180.0 + rng.normal(0, 3.0)
        plane = pvlib.irradiance.get_total_irradiance(
            tilt, azimuth, sun["apparent_zenith"], sun["azimuth"], split["dni"], ghi, split["dhi"]
        )
        poa = plane["poa_global"].fillna(0.0).clip(lower=0.0)
        beam = (plane["poa_direct"] / poa.where(poa > 1)).fillna(0.0).clip(0, 1)
        if plane_poa is None:
            plane_poa = poa
        local = 1 + 0.10 * unsettled * rng.normal(0, 1, len(times))
        cell = pvlib.temperature.pvsyst_cell(poa, air, wind)
        dc = pvlib.pvsystem.pvwatts_dc(poa * local, cell, CAPACITY_KW * DC_AC, GAMMA)
        dc = dc * 0.95 * (1 + rng.normal(0, 0.01)) * (1 + rng.normal(0, 0.005, len(times)))
        load = np.clip(dc / CAPACITY_KW, 0, 1.2)
        eff = 0.982 - 0.006 / np.maximum(load, 0.02) * 0.5 - 0.01 * load
        pot = np.where(poa > 12, np.maximum(dc * np.clip(eff, 0.3, 1), 0.0), 0.0)
        power = np.minimum(pot, CAPACITY_KW)
        light = poa.to_numpy() > 12
        frames[asset.id] = pd.DataFrame(
            {
                "timestamp": times.as_unit("us"),
                "asset_id": asset.id,
                "temperature_c": air.to_numpy()
                + 20.0 * power / CAPACITY_KW
                + rng.normal(0, 0.5, len(times)),
                "voltage_v": np.where(light, 760 - 1.9 * (cell - 25) + rng.normal(0, 3, len(times)), 0.0),
                "power_kw": power,
                "irradiance_w_m2": (plane_poa * sensor * (1 + rng.normal(0, 0.01, len(times)))).to_numpy(),
                "dc_power_kw": np.where(light, power / np.clip(eff, 0.3, 1), 0.0),
                "wind_speed_m_s": wind.to_numpy(),
                "pot_kw": pot,
                "beam": beam.to_numpy(),
                "eff": np.clip(eff, 0.3, 1),
                "elevation": sun["apparent_elevation"].to_numpy(),
                "number": number,
            }
        )
    channels = frozenset({"irradiance", "voltage", "dc", "temperature", "weather", "peers"})
    return Plant(
        name, "solar", registry, frames, _weather(hourly, clear_then, rng), channels, for_tuning, tracking
    )


def _between_hours(hourly: pd.Series, times: pd.DatetimeIndex) -> pd.Series:
    """Hourly values at other times, in a straight line between two hours."""
    return hourly.reindex(hourly.index.union(times)).interpolate("time").reindex(times).ffill().bfill()


def wind_farm(name: str, file: str, seed: int, *, for_tuning: bool) -> Plant:
    """A year of three turbines of 3 MW, 15 minutes, over a typical year's wind at hub height."""
    rng = np.random.default_rng(seed)
    hourly, lat, lon = _typical(file)
    times = pd.date_range("2023-01-03", "2023-12-29", freq="15min", tz="UTC")
    wind, air = _between_hours(hourly["wind_speed"], times), _between_hours(hourly["temp_air"], times)
    registry = _registry(name, Location(latitude=lat, longitude=lon), 3, "Wind Turbine", 3000.0)
    frames = {}
    slow = pd.Series(rng.normal(0, 1, len(times)), times).ewm(span=6).mean()
    for number, asset in enumerate(registry.assets):
        hub = np.maximum(wind * 1.5 * (1 + 0.25 * slow + rng.normal(0, 0.04, len(times))), 0.0).to_numpy()
        rho = 101325 / (287.05 * (air.to_numpy() + 273.15)) / 1.225
        real = hub * rho ** (1 / 3)
        power = curve(real) * 3000.0 * (1 + rng.normal(0, 0.03, len(times)))
        power = np.clip(power * (1 + rng.normal(0, 0.01)), 0, 3000.0)
        frames[asset.id] = pd.DataFrame(
            {
                "timestamp": times.as_unit("us"),
                "asset_id": asset.id,
                "temperature_c": air.to_numpy() + rng.normal(0, 0.4, len(times)),
                "voltage_v": 690.0 + rng.normal(0, 2, len(times)),
                "power_kw": power,
                "wind_speed_m_s": np.maximum(hub + rng.normal(0, 0.25, len(times)), 0),
                "pot_kw": power,
                "true_wind": real,
                "number": number,
            }
        )
    clear = pd.Series(100.0, hourly.index)
    weather = _weather(hourly, clear, rng)
    return Plant(
        name, "wind", registry, frames, weather, frozenset({"wind", "temperature", "weather"}), for_tuning
    )


def curve(speed: np.ndarray) -> np.ndarray:
    """Share of rated power of a generic turbine: cut-in 3, rated 12, cut-out 25 m/s."""
    rising = ((np.clip(speed, 3, 12) ** 3) - 27.0) / (12.0**3 - 27.0)
    return np.where((speed < 3) | (speed > 25), 0.0, rising)


def solar_plant_india(*, for_tuning: bool) -> Plant | None:
    """The twenty healthy inverters of the real plant, without the days on which the README knows of
    trouble."""
    from ona.config import sources
    from ops.target import use_configs

    folder = data.folder("solar_plant_india")
    if not folder.is_dir():
        return None
    use_configs()
    files = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    telemetry, registry = read_export(
        sources.source_profiles()["solar_plant_india"], files, now=datetime.now(UTC), registry=None
    )
    frame = telemetry.frame
    bad = {"bvBOhCH3iADSZry", "1BY6WEcLGh8j5v7"}
    troubled = {
        "z9Y9gH1T5YWrNuG",
        "wCURE6d3bPkepu2",
        "McdE0feGgRqW7Ca",
        "sjndEbLyjtCKgGv",
        "zBIq5rxdHJRwDNY",
        "ih0vzX44oOqAx2f",
        "rGa61gmuvPhdLxV",
    }
    times = pd.date_range(frame["timestamp"].min(), frame["timestamp"].max(), freq="15min").as_unit("us")
    frames = {}
    for name, own in frame.groupby("asset_id"):
        if name in bad:
            continue
        table = own.set_index("timestamp").reindex(times)
        table["asset_id"] = name
        table["pot_kw"] = table["power_kw"]
        table["dc_power_kw"] = table["dc_power_kw"] / 10.0
        table["eff"] = (table["power_kw"] / table["dc_power_kw"]).fillna(0.97)
        table["beam"] = 0.7
        table["troubled"] = name in troubled
        frames[str(name)] = table.rename_axis("timestamp").reset_index()
    kept = AssetRegistry(assets=[asset for asset in registry.assets if asset.id in frames])
    return Plant(
        "gandikota",
        "solar",
        kept,
        frames,
        None,
        frozenset({"irradiance", "dc", "temperature", "peers"}),
        for_tuning,
    )


def serf_east(*, for_tuning: bool) -> Plant | None:
    """NREL SERF East: one real system, AC power only, with satellite irradiance on the horizontal."""
    folder = data.folder("pvanalytics_labelled")
    if not folder.is_dir():
        return None
    power = data.local_series(folder / "serf_east_15min_ac_power.csv", "ac_power")
    raw = pd.read_csv(folder / "serf_east_psm3_data.csv")
    raw.index = pd.DatetimeIndex(pd.to_datetime(raw["measured_on"], utc=True)).as_unit("us")
    times = pd.date_range(power.index.min(), power.index.max(), freq="15min").as_unit("us")
    power = power[~power.index.duplicated()].reindex(times)
    sky = raw[~raw.index.duplicated()][["ghi", "temp_air", "ghi_clear"]].reindex(times).interpolate(limit=4)
    capacity = float(np.ceil(power.quantile(0.999)))
    place = Location(latitude=39.742, longitude=-105.173)
    registry = _registry("serf", place, 1, "Solar Inverter", capacity)
    beam = (1.35 * (sky["ghi"] / sky["ghi_clear"].where(sky["ghi_clear"] > 30)).clip(0, 1) - 0.45).clip(
        0, 0.85
    )
    frame = pd.DataFrame(
        {
            "timestamp": times,
            "asset_id": "serf-1",
            "temperature_c": sky["temp_air"].to_numpy(),
            "voltage_v": np.nan,
            "power_kw": power.clip(lower=0.0).to_numpy(),
            "irradiance_w_m2": sky["ghi"].to_numpy(),
            "pot_kw": power.clip(lower=0.0).to_numpy(),
            "beam": beam.fillna(0.0).to_numpy(),
            "eff": 0.96,
            "number": 0,
        }
    )
    return Plant(
        "serf",
        "solar",
        registry,
        {"serf-1": frame},
        None,
        frozenset({"irradiance", "temperature"}),
        for_tuning,
    )


def all_plants() -> list[Plant]:
    """Those that thresholds were chosen on (Greensboro, SERF East, one wind farm), and those that judge."""
    made = [
        simulated("greensboro", "723170TYA.CSV", 11, for_tuning=True),
        simulated("greensboro-tracked", "723170TYA.CSV", 12, for_tuning=True, tracking=True),
        wind_farm("greensboro-wind", "723170TYA.CSV", 13, for_tuning=True),
        serf_east(for_tuning=True),
        simulated("miami", "12839.tm2", 21, for_tuning=False),
        simulated("sandpoint", "703165TY.csv", 22, for_tuning=False),
        simulated("miami-tracked", "12839.tm2", 23, for_tuning=False, tracking=True),
        wind_farm("sandpoint-wind", "703165TY.csv", 24, for_tuning=False),
        solar_plant_india(for_tuning=False),
    ]
    return [plant for plant in made if plant is not None]
