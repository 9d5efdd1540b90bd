"""Real plants in the same table: GEFCom2014's zones, NREL's SERF East, an Indian fleet without weather.

GEFCom2014: ECMWF forecasts of one day, as in the competition. SERF East: satellite weather stands for the
forecast, so that its figures are too good. India: no weather at all; what recent days gave is served. Left
out: pvOps' two sites (nobody says where they stand, and their irradiance is that of the modules), vendors'
exports (some days, made up). Nothing here is tuned on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecasting.strangers import sun

TIMES = "datetime64[us, UTC]"
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


@dataclass(frozen=True)
class RealSite:
    """A real plant as the customer would describe it; its plane is never stated."""

    name: str
    latitude: float
    longitude: float
    capacity_kw: float
    readings: pd.DataFrame
    share: pd.Series
    archived: pd.DataFrame
    is_wind: bool = False

    def document(self, customer_id: str) -> dict[str, object]:
        """The site's stored document."""
        machines = list(self.readings.columns)
        return {
            "customer_id": customer_id,
            "site_id": self.name,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "kind": "solar",
            "capacity_kw": self.capacity_kw,
            "tilt": None,
            "azimuth": None,
            "timezone": None,
            "assets": {f"{self.name}-{name}": self.capacity_kw / len(machines) for name in machines},
        }

    def forecast_of_weather(self, now: pd.Timestamp) -> pd.DataFrame:
        """What is known at a moment: two days back and 48 h ahead; without weather nothing."""
        low, high = now - pd.Timedelta(days=2), now + pd.Timedelta(hours=48)
        frame = self.archived
        return frame[(frame.index > low) & (frame.index <= high)]


@dataclass(frozen=True)
class Case:
    """Plants of one data set, the moment at which their history ends, days of history and days asked."""

    name: str
    sites: list[RealSite]
    until: datetime
    histories: tuple[int, ...]
    days: int


def cases() -> list[Case]:
    """What can be run of the shared data; none where it is not here."""
    return [_gefcom(SHARED), _serf(SHARED), _india(SHARED)] if SHARED.is_dir() else []


def _gefcom(where: Path) -> Case:
    folder = where / "gefcom2014_solar"
    power = pd.read_csv(folder / "power_all_zones.csv")
    table = pd.read_csv(folder / "predictors_all_zones.csv").merge(power, on=["ZONEID", "TIMESTAMP"])
    table["t"] = pd.to_datetime(table["TIMESTAMP"], format="%Y%m%d %H:%M", utc=True).astype(TIMES)
    out = []
    for zone, part in table.sort_values("t").groupby("ZONEID"):
        day = (part["t"] - pd.Timedelta(hours=1)).dt.floor("D")
        light, rain = (part[v] - part.groupby(day)[v].shift(1).fillna(0.0) for v in ("VAR169", "VAR228"))
        index = pd.DatetimeIndex(part["t"])
        wind = np.hypot(part["VAR165"], part["VAR166"])
        weather = {
            "ghi_w_m2": light / 3600.0,
            "temperature_c": part["VAR167"] - 273.15,
            "humidity_percent": part["VAR157"],
            "cloud_cover_percent": 100.0 * part["VAR164"],
            "precipitation_mm": 1000.0 * rain,
            "pressure_hpa": part["VAR134"] / 100.0,
            "wind_speed_m_s": wind,
        }
        frame = pd.DataFrame({name: np.asarray(v, dtype=float) for name, v in weather.items()}, index=index)
        share = pd.Series(part["POWER"].to_numpy(dtype=float), index=index)
        out.append(_one(f"gefcom-zone{zone}", (-37.5, 145.0), 1000.0, share.to_frame("unit") * 1000, frame))
    return Case("gefcom", out, datetime(2013, 7, 1, tzinfo=UTC), (30, 365), 61)


def _serf(where: Path) -> Case:
    folder = where / "pvanalytics_labelled"
    power = _on_utc(folder / "serf_east_15min_ac_power.csv", ["ac_power"])
    sky = _on_utc(folder / "serf_east_psm3_data.csv", ["ghi", "temp_air"])
    sky = sky.resample("1h", closed="right", label="right").mean()
    weather = sky.rename(columns={"ghi": "ghi_w_m2", "temp_air": "temperature_c"})
    rated = float(power["ac_power"].quantile(0.9995))
    meters = power.rename(columns={"ac_power": "unit"}).clip(lower=0.0)
    site = _one("serf-east", (39.742, -105.173), rated, meters, weather)
    return Case("serf", [site], datetime(2016, 8, 31, tzinfo=UTC), (30, 60), 40)


def _india(where: Path) -> Case:
    table = pd.read_csv(where / "solar_plant_india" / "Plant_1_Generation_Data.csv")
    when = pd.to_datetime(table["DATE_TIME"]) - pd.Timedelta(hours=5.5)
    table = table.assign(t=when.dt.tz_localize("UTC").astype(TIMES))
    wide = table.pivot_table(index="t", columns="SOURCE_KEY", values="AC_POWER")
    meters = wide.sum(axis=1, min_count=len(wide.columns) // 2).to_frame("unit")
    meters = meters.reindex(pd.date_range(wide.index[0], wide.index[-1], freq="15min", unit="us"))
    rated = float(meters["unit"].quantile(0.9995))
    site = _one("india-plant-1", (14.8, 78.3), rated, meters, pd.DataFrame(index=meters.index[:0]))
    return Case("india", [site], datetime(2020, 6, 4, tzinfo=UTC), (14,), 13)


def _one(
    name: str, place: tuple[float, float], rated: float, meters: pd.DataFrame, weather: pd.DataFrame
) -> RealSite:
    by_hour = meters["unit"].resample("1h", closed="right", label="right")
    full = by_hour.count() >= max(1, by_hour.count().max() / 2)
    share = (by_hour.mean() / rated).where(full)
    up = sun.position(share.index.as_unit("s").asi8.astype(float) - 1800.0, *place)[0] > -0.02
    share = share.where(share.notna() | up, 0.0)
    share.index = pd.DatetimeIndex(share.index).as_unit("us")
    weather.index = pd.DatetimeIndex(weather.index).as_unit("us")
    return RealSite(name, *place, rated, meters, share, weather)


def _on_utc(path: Path, columns: list[str]) -> pd.DataFrame:
    raw = pd.read_csv(path)
    index = pd.DatetimeIndex(pd.to_datetime(raw["measured_on"], utc=True)).as_unit("us")
    return pd.DataFrame({name: raw[name].to_numpy(dtype=float) for name in columns}, index=index)
