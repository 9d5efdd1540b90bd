"""The real data sets under `../shared/data`, as frames; none of them is part of this repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
GEFCOM_LATITUDE, GEFCOM_LONGITUDE = -37.5, 145.0
"""Another team's published estimate of where the zones lie."""


def present() -> bool:
    """Whether the data sets are here."""
    return SHARED.is_dir()


def folder(name: str) -> Path:
    """One data set's folder."""
    return SHARED / name


def local_series(path: Path, column: str) -> pd.Series:
    """A series with a `measured_on` column that carries its offset, on UTC."""
    raw = pd.read_csv(path)
    index = pd.DatetimeIndex(pd.to_datetime(raw["measured_on"], utc=True)).as_unit("us")
    return pd.Series(raw[column].to_numpy(dtype=float), index=index)


def gefcom2014() -> tuple[dict[str, pd.Series], dict[str, pd.DataFrame]]:
    """Power (share of capacity) and weather frames of the three zones, hourly, by zone.

    VAR169, VAR175, VAR178 and VAR228 accumulate from 00:00 of the issue day: differences within the day,
    per second, are W/m².
    """
    where = folder("gefcom2014_solar")
    power = pd.read_csv(where / "power_all_zones.csv")
    predictors = pd.read_csv(where / "predictors_all_zones.csv")
    table = predictors.merge(power, on=["ZONEID", "TIMESTAMP"], how="left")
    table["t"] = pd.to_datetime(table["TIMESTAMP"], format="%Y%m%d %H:%M", utc=True).astype(
        "datetime64[us, UTC]"
    )
    shares, weather = {}, {}
    for zone, part in table.sort_values("t").groupby("ZONEID"):
        issue_day = (part["t"] - pd.Timedelta(hours=1)).dt.floor("D")
        sums = {
            v: part[v] - part.groupby(issue_day)[v].shift(1).fillna(0.0)
            for v in ("VAR169", "VAR175", "VAR178", "VAR228")
        }
        east, north = part["VAR165"].to_numpy(), part["VAR166"].to_numpy()
        frame = pd.DataFrame(
            {
                "ghi_w_m2": sums["VAR169"].to_numpy() / 3600.0,
                "temperature_c": part["VAR167"].to_numpy() - 273.15,
                "humidity_percent": part["VAR157"].to_numpy(),
                "cloud_cover_percent": part["VAR164"].to_numpy() * 100.0,
                "precipitation_mm": sums["VAR228"].to_numpy() * 1000.0,
                "pressure_hpa": part["VAR134"].to_numpy() / 100.0,
                "wind_speed_m_s": np.hypot(east, north),
                "wind_direction_deg": np.degrees(np.arctan2(-east, -north)) % 360.0,
                "cloud_water_kg_m2": part["VAR78"].to_numpy(),
                "cloud_ice_kg_m2": part["VAR79"].to_numpy(),
                "longwave_w_m2": sums["VAR175"].to_numpy() / 3600.0,
                "toa_net_w_m2": sums["VAR178"].to_numpy() / 3600.0,
            },
            index=pd.DatetimeIndex(part["t"]),
        )
        name = f"zone{zone}"
        weather[name] = frame
        shares[name] = pd.Series(part["POWER"].to_numpy(dtype=float), index=frame.index)
    return shares, weather
