"""Whether a model helps sites that it never saw: each site in turn is left out of the training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.config import BoosterSettings
from forecasting.documents import Fitted
from forecasting.global_training_service import dataset, evaluate, judge
from forecasting.model import booster, score
from forecasting.model.booster import TARGET, TooFewRows
from forecasting.model.shared import Proof

MOST_SITES = 3
"""Sites that are left out at most, the farthest apart in order of name: each costs a training. Ours."""
MOST_ROWS = 6_000
"""Rows of each of these trainings. Ours."""
APART_DEG = 0.5
"""A site so near to the one that is left out (degrees of latitude or longitude) is left out with it: it has
the same weather. Ours."""


def proof(
    frames: Mapping[str, pd.DataFrame],
    sites: list[Fitted],
    settings: BoosterSettings,
    others: pd.DataFrame | None,
) -> Proof | None:
    """A model against physics at sites that it was not trained on; None where no site lies far enough from
    the others."""
    places = {fitted.site.site_id: fitted.site for fitted in sites if fitted.site.site_id in frames}
    step = max(1, -(-len(places) // MOST_SITES))
    tables = []
    for site_id in sorted(places)[::step]:
        here = places[site_id]
        far = {
            name: frames[name]
            for name, place in places.items()
            if max(abs(place.latitude - here.latitude), abs(place.longitude - here.longitude)) >= APART_DEG
        }
        if not far:
            continue
        last = max(frame.index.max() for frame in [*far.values(), frames[site_id]]).to_pydatetime()
        first = (frames[site_id].index.min() - pd.Timedelta(hours=1)).to_pydatetime()
        try:
            trained = evaluate.fit_before(
                far, last, settings, others, every=dataset.thinned(far, MOST_ROWS)
            )
        except TooFewRows:
            continue
        forecast = evaluate.forecast_window(trained, {site_id: frames[site_id]}, (first, last), as_site="")
        tables.append(judge.with_physics(forecast, {site_id: frames[site_id]}, {site_id: here.kind}))
    if not tables:
        return None
    table = pd.concat(tables, ignore_index=True)
    table = table[table["physics"].notna()]
    if table.empty:
        return None
    levels = tuple(settings.levels)
    median = booster.at_levels(evaluate.quantiles_of(table, levels), levels, np.array([0.5]))[:, 0]
    actual = table[TARGET].to_numpy(dtype=float)
    return Proof(
        sites=len(tables),
        days=int(pd.DatetimeIndex(table["timestamp"]).floor("D").nunique()),
        model_mae_percent=round(100 * score.mean_absolute_error(actual, median), 3),
        physics_mae_percent=round(
            100 * score.mean_absolute_error(actual, table["physics"].to_numpy(dtype=float)), 3
        ),
    )
