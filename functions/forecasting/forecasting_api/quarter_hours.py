"""An hourly forecast in quarter hours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.forecasting_api.predict import Prediction
from ona.sky import sun
from ona.sky.sun import Floats


def quarter_hours(prediction: Prediction) -> Prediction:
    """The same forecast every 15 minutes: each hour keeps its mean, the sun gives its shape.

    Intervals remain those of the hourly mean. Weather is that of the hour.
    """
    first = prediction.hours[0] - pd.Timedelta(minutes=45)
    index = pd.date_range(first, periods=4 * len(prediction.hours), freq="15min", unit="us")
    hour = np.arange(len(index)) // 4
    shape = np.ones(len(index))
    if prediction.site.kind == "solar":
        clear = sun.clear_sky(index, prediction.site.plane, 15.0)["clear_poa"].to_numpy()
        mean = np.maximum(np.bincount(hour, clear) / 4, 1e-9)
        shape = clear / mean[hour]

    def spread(values: Floats) -> Floats:
        return np.asarray(np.clip(values[hour] * shape, 0.0, 1.0))

    weather = prediction.weather.iloc[hour].set_index(index)
    bounds = {level: (spread(low), spread(high)) for level, (low, high) in prediction.bounds.items()}
    return replace(
        prediction,
        hours=index,
        median=spread(prediction.median),
        bounds=bounds,
        weather=weather,
        raw=prediction.raw[hour],
    )
