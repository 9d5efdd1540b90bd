"""Which plane stands in for a roof that nobody described: three rules on real plants and by latitude.

All rules face the equator; they differ in the tilt: 20°, the latitude but at most 30°, the latitude but at
most 35°. `ona.sky.plane.unknown_roof` is the chosen one.

1. Real plants: how far power in proportion to the rule's plane-of-array irradiance is from measured power,
   hour by hour in daylight. The gain is fitted, so that only the shape of days and seasons counts. Beside
   the rules stands the plane that fits best (`ona.sky.plane_fit`); how far each rule's irradiation is from
   that plane's is the second table.
2. Typical weather (TMY3 files that pvlib ships): energy in a year under each rule, as a share of that under
   the best tilt.
3. Clear sky by latitude: the same.

`python -m benchmarks.sky.unknown_roof`
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import data
from forecasting.model.hourly import by_hour
from ona.sky import plane_fit, sun
from ona.sky.irradiance import MIN_CLEAR, plane_irradiance
from ona.sky.plane import Plane

RULES: dict[str, Callable[[float], float]] = {
    "20°": lambda latitude: 20.0,
    "min(|lat|, 30°)": lambda latitude: min(abs(latitude), 30.0),
    "min(|lat|, 35°)": lambda latitude: min(abs(latitude), 35.0),
}
"""Tilt (degrees) by latitude (degrees north)."""
LATITUDES = range(0, 61, 10)
TILTS = range(0, 61, 5)
"""Tilts among which the best one is sought, degrees."""
TYPICAL = ("723170TYA.CSV", "703165TY.csv")
"""TMY3: Greensboro, North Carolina; Sand Point, Alaska."""


@dataclass(frozen=True)
class Plant:
    """Hourly share of capacity and the weather frame of a real plant."""

    name: str
    latitude: float
    longitude: float
    share: pd.Series
    weather: pd.DataFrame


def facing_equator(latitude: float, longitude: float, tilt: float) -> Plane:
    return Plane(latitude, longitude, tilt, 0.0 if latitude < 0 else 180.0)


def plants() -> Iterator[Plant]:
    """SERF East (satellite weather), 22 inverters in India (a station's), GEFCom's zones (ECMWF's)."""
    folder = data.folder("pvanalytics_labelled")
    power = data.local_series(folder / "serf_east_15min_ac_power.csv", "ac_power").clip(lower=0.0)
    raw = pd.read_csv(folder / "serf_east_psm3_data.csv")
    index = pd.DatetimeIndex(pd.to_datetime(raw["measured_on"], utc=True)).as_unit("us")
    weather = by_hour(pd.DataFrame({"ghi_w_m2": raw["ghi"].to_numpy()}, index=index)).mean()
    share = by_hour(power / float(power.quantile(0.999))).mean().reindex(weather.index)
    yield Plant("SERF East, USA", 39.742, -105.173, share, weather)
    folder = data.folder("solar_plant_india")
    made = pd.read_csv(folder / "Plant_1_Generation_Data.csv")
    station = pd.read_csv(folder / "Plant_1_Weather_Sensor_Data.csv")
    for table in (made, station):
        table["t"] = pd.to_datetime(table["DATE_TIME"]).dt.tz_localize("Asia/Kolkata").dt.tz_convert("UTC")
    ghi = (station.set_index("t")["IRRADIATION"] * 1000.0).rename("ghi_w_m2")
    weather = by_hour(ghi.to_frame()).mean()
    mean = made.pivot_table(index="t", columns="SOURCE_KEY", values="AC_POWER").mean(axis=1) / 1400.0
    yield Plant("Gandikota, India", 14.8, 78.3, by_hour(mean).mean().reindex(weather.index), weather)
    shares, frames = data.gefcom2014()
    for zone, share in shares.items():
        name = f"GEFCom {zone}, Australia"
        yield Plant(name, data.GEFCOM_LATITUDE, data.GEFCOM_LONGITUDE, share, frames[zone])


def compared(plant: Plant, plane: Plane) -> tuple[float, float]:
    """Over unclipped daylight hours: mean absolute error of gain × plane irradiance, % of capacity;
    irradiation of the plane, kWh/m²."""
    sky = sun.clear_sky(pd.DatetimeIndex(plant.weather.index), plane, 60.0)
    share = plant.share.to_numpy(dtype=float)
    usable = (
        (sky["clear_ghi"].to_numpy() > MIN_CLEAR)
        & ~np.isnan(share)
        & plant.weather["ghi_w_m2"].notna().to_numpy()
        & (share < plane_fit.CLIPPED * np.nanmax(share))
    )
    poa = plane_irradiance(plant.weather[usable], sky[usable], plane)
    power = share[usable]
    gain = float(poa @ power) / float(poa @ poa)
    return 100.0 * float(np.abs(power - gain * poa).mean()), float(poa.sum()) / 1000.0


def typical() -> Iterator[tuple[str, float, float, pd.DataFrame]]:
    """Name, latitude, longitude, weather frame (one year of hours, interval's end, UTC)."""
    import pvlib

    for name in TYPICAL:
        path = Path(pvlib.__file__).parent / "data" / name
        table, place = pvlib.iotools.read_tmy3(path, coerce_year=2023, map_variables=True)
        index = pd.DatetimeIndex(table.index).tz_convert("UTC").as_unit("us")
        columns = {"ghi": "ghi_w_m2", "dni": "dni_w_m2", "dhi": "dhi_w_m2"}
        frame = table[list(columns)].rename(columns=columns).set_index(index).sort_index().astype(float)
        yield str(place["Name"]).strip('"').title(), place["latitude"], place["longitude"], frame


def energy_kwh_m2(weather: pd.DataFrame, plane: Plane) -> float:
    """Irradiation of a plane, kWh/m²."""
    sky = sun.clear_sky(pd.DatetimeIndex(weather.index), plane, 60.0)
    return float(plane_irradiance(weather, sky, plane).sum()) / 1000.0


def clear_energy_kwh_m2(latitude: float, tilt: float) -> float:
    """Clear-sky irradiation of a plane in a year, kWh/m²."""
    index = pd.date_range("2023-01-01 01:00", periods=8760, freq="h", tz="UTC", unit="us")
    return float(sun.clear_sky(index, facing_equator(latitude, 0.0, tilt), 60.0)["clear_poa"].sum()) / 1000


def main(_arguments: list[str] | None = None) -> int:
    """Print the three tables."""
    heading = "".join(f"{name:>18}" for name in RULES)
    if data.present():
        print(f"mean absolute error, % of capacity in daylight\n{'plant':<28}{heading}{'fitted plane':>30}")
        rows, biases = [], {}
        for plant in plants():
            by_rule = [
                compared(plant, facing_equator(plant.latitude, plant.longitude, tilt(plant.latitude)))
                for tilt in RULES.values()
            ]
            fitted, _ = plane_fit.fit(plant.weather, plant.share, plant.latitude, plant.longitude)
            best, energy = compared(plant, fitted)
            rows.append([*(error for error, _ in by_rule), best])
            biases[plant.name] = [100.0 * (kwh / energy - 1.0) for _, kwh in by_rule]
            print(
                f"{plant.name:<28}"
                + "".join(f"{error:>18.2f}" for error, _ in by_rule)
                + f"{f'{best:.2f} ({fitted.tilt:.0f}°, {fitted.azimuth:.0f}°)':>30}"
            )
        means = np.mean(rows, axis=0)
        print(f"{'mean':<28}" + "".join(f"{v:>18.2f}" for v in means[:-1]) + f"{means[-1]:>30.2f}")
        print(f"\nirradiation over that of the fitted plane, %\n{'plant':<28}{heading}")
        for name, values in biases.items():
            print(f"{name:<28}" + "".join(f"{value:>+18.2f}" for value in values))
        sizes = np.mean(np.abs(list(biases.values())), axis=0)
        print(f"{'mean size':<28}" + "".join(f"{value:>18.2f}" for value in sizes))
    else:
        print("../shared/data is not here: no real plants")
    print(f"\nenergy in a year, % of that under the best tilt\n{'place':<28}{heading}{'best tilt':>30}")
    totals = []
    for name, latitude, longitude, weather in typical():
        by_tilt = {t: energy_kwh_m2(weather, facing_equator(latitude, longitude, t)) for t in TILTS}
        shares = [
            100
            * energy_kwh_m2(weather, facing_equator(latitude, longitude, tilt(latitude)))
            / max(by_tilt.values())
            for tilt in RULES.values()
        ]
        _print_energy(f"{name} ({latitude:.1f}°)", shares, max(by_tilt, key=by_tilt.__getitem__))
        totals.append(shares)
    for latitude in LATITUDES:
        by_tilt = {t: clear_energy_kwh_m2(latitude, t) for t in TILTS}
        shares = [
            100 * clear_energy_kwh_m2(latitude, tilt(latitude)) / max(by_tilt.values())
            for tilt in RULES.values()
        ]
        _print_energy(f"clear sky at {latitude}°", shares, max(by_tilt, key=by_tilt.__getitem__))
        totals.append(shares)
    print(f"{'mean':<28}" + "".join(f"{value:>18.2f}" for value in np.mean(totals, axis=0)))
    print(f"{'least':<28}" + "".join(f"{value:>18.2f}" for value in np.min(totals, axis=0)))
    return 0


def _print_energy(name: str, shares: list[float], best: int) -> None:
    print(f"{name:<28}" + "".join(f"{value:>18.2f}" for value in shares) + f"{f'{best}°':>30}")


if __name__ == "__main__":
    sys.exit(main())
