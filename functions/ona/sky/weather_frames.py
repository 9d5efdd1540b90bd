"""Weather documents as frames, at the hour or at the telemetry's own interval.

A weather frame has one row an interval, indexed by the interval's end (UTC), and one column a variable of
`weather_document.VARIABLES`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ona.sky import sun
from ona.sky.irradiance import clear_sky_index
from ona.sky.plane import Plane
from ona.sky.weather_document import WeatherDocument

_SUMS = ("precipitation_mm",)
"""Variables whose value is a sum over the hour."""
_RADIATION = ("ghi_w_m2", "dni_w_m2", "dhi_w_m2", "toa_net_w_m2")
"""Variables whose value is a mean over the hour, so that it stands for the hour's middle."""
_LONGEST_BRIDGE_H = 3
"""Missing hours that are interpolated: over longer gaps the weather changes. Ours."""


def frame(document: WeatherDocument) -> pd.DataFrame:
    """A document as a weather frame on whole hours (UTC, interval's end); up to 3 missing hours bridged."""
    index = pd.DatetimeIndex(pd.to_datetime(document.hours, utc=True)).as_unit("us")
    raw = pd.DataFrame(
        {name: np.asarray(v, dtype=float) for name, v in document.values.items()}, index=index
    )
    raw = raw[~raw.index.duplicated(keep="last")].sort_index()
    whole = pd.date_range(raw.index[0].ceil("h"), raw.index[-1].floor("h"), freq="h", unit="us")
    hourly = raw.reindex(whole)
    return hourly.interpolate("time", limit=_LONGEST_BRIDGE_H, limit_area="inside").dropna(
        axis=1, how="all"
    )


def at_interval(hourly: pd.DataFrame, end: pd.DatetimeIndex, plane: Plane, minutes: float) -> pd.DataFrame:
    """A weather frame at other interval ends (UTC), `minutes` long, shape (len(end), p).

    Global irradiance keeps its clear-sky index between hours, so that mornings and evenings have the sun's
    shape; other values are linear in time; sums are shared out.
    """
    if minutes >= 60:
        return hourly.reindex(end)
    middle = _middle(end, minutes)
    hours = _middle(pd.DatetimeIndex(hourly.index), 60.0)
    out = pd.DataFrame(index=end)
    for name in hourly:
        values = hourly[name].to_numpy(dtype=float)
        given = ~np.isnan(values)
        at = hours if name in (*_RADIATION, *_SUMS) else _middle(pd.DatetimeIndex(hourly.index), 0.0)
        if not given.any():
            continue
        out[name] = np.interp(middle, at[given], values[given], left=np.nan, right=np.nan)
        if name in _SUMS:
            out[name] *= minutes / 60.0
    if "ghi_w_m2" in out:
        coarse = sun.clear_sky(pd.DatetimeIndex(hourly.index), plane, 60.0)["clear_ghi"].to_numpy()
        fine = sun.clear_sky(end, plane, minutes)["clear_ghi"].to_numpy()
        index = clear_sky_index(hourly["ghi_w_m2"].to_numpy(dtype=float), coarse)
        given = ~np.isnan(index)
        if given.any():
            within = np.interp(middle, hours[given], index[given])
            inside = out["ghi_w_m2"].notna().to_numpy()
            out["ghi_w_m2"] = np.where(inside, within * fine, np.nan)
            for name in ("dni_w_m2", "dhi_w_m2"):  # shapes differ: split anew from the global one
                if name in out:
                    del out[name]
    return out


def _middle(end: pd.DatetimeIndex, minutes: float) -> np.ndarray:
    """The middles of intervals, seconds since 1970-01-01 UTC, shape (n,)."""
    return (end - pd.Timedelta(minutes=minutes / 2)).as_unit("s").asi8.astype(float)
