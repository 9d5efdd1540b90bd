"""What serves each site today, as forecasts of hours that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from forecasting.global_training_service import evaluate, judge, store
from forecasting.global_training_service.judge import Incumbent, OutOfSample
from forecasting.model.registry import InService, Service
from ona.store.unreadable import attempted, note


def of_sites(
    bucket: str, services: Mapping[str, Service], frames: Mapping[str, pd.DataFrame], hours: pd.DataFrame
) -> dict[str, Incumbent]:
    """Each site's incumbent. `hours`: the candidate's out-of-sample table; only its hours are compared."""
    seen: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame | None]] = {}
    found = {}
    for site_id, service in services.items():
        model = service.model
        wanted = hours.loc[hours["site_id"] == site_id, "timestamp"]
        if model is None or wanted.empty:
            found[site_id] = Incumbent(service.version)
            continue
        name = (model.card.customer_id, model.version)
        if name not in seen:
            seen[name] = _history(bucket, model)
        frame = {site_id: frames[site_id]}
        table = _unseen(model, site_id, frame, pd.DatetimeIndex(wanted), *seen[name])
        found[site_id] = Incumbent(model.version, OutOfSample(table, model.model.levels))
    return found


def _history(bucket: str, model: InService) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """A version's forecasts of its own windows, and the hours that it was trained on (None: unknown).

    What cannot be read of them is named in the log: fewer hours are compared then.
    """
    customer, version = model.card.customer_id, model.version
    nothing = evaluate.no_window(model.model.levels)
    folds, damage = attempted(
        lambda: evaluate.weighted(
            store.load_folds(bucket, store.load_dataset_card(bucket, customer, version)),
            model.model.levels,
            model.model.before_judging,
        )
    )
    hours, other_damage = attempted(lambda: store.hours_trained(bucket, customer, version))
    for text in (damage, other_damage):
        if text:
            note(f"s3://{bucket}/models/{customer}/{version}/", text)
    return pd.concat([nothing, *(folds or [])], ignore_index=True) if folds else nothing, hours


def _unseen(
    model: InService,
    site_id: str,
    frame: Mapping[str, pd.DataFrame],
    wanted: pd.DatetimeIndex,
    windows: pd.DataFrame,
    trained: pd.DataFrame | None,
) -> pd.DataFrame:
    """A model's forecasts of a site's hours that it has not learned: its windows, and all other hours."""
    before = wanted.min() - pd.Timedelta(hours=1)
    since = evaluate.forecast_window(
        model.model, frame, (before.to_pydatetime(), wanted.max().to_pydatetime())
    )
    if trained is not None:
        known = trained.loc[trained["site_id"] == site_id, "timestamp"]
        since = since[~since["timestamp"].isin(known)]
    else:
        since = since[since["timestamp"] > pd.Timestamp(model.card.trained_until)]
    own = windows[windows["site_id"] == site_id]
    return judge.with_newest_truth([part for part in (own, since) if len(part)] or [since], frame)
