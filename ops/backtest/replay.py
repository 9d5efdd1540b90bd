"""The replay: train on what was before, forecast what came, as the service would have.

Every step the platform's own training code fits a model to the hours before. What the steps before had
forecast unseen sets the weights and the width of intervals, as a training's windows do. The service's own
`predict` then forecasts every six hours with the weather of the history, the newest measured hours, and the
days that would have been measured by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from forecasting.config import ForecastingConfig
from forecasting.documents import DatasetCard, Fitted
from forecasting.forecasting_api import predict
from forecasting.global_training_service import dataset, decide, evaluate, store
from forecasting.model import blend, calibration, experts, features, measured_days, physics
from forecasting.model.booster import TARGET, TooFewRows
from forecasting.model.calibration import Day
from forecasting.model.experts import Heard
from forecasting.model.registry import InService
from ona.sky.weather_document import VARIABLES
from ops.backtest import peers
from ops.backtest.history import History
from ops.backtest.plan import DAY, Plan

EVERY_HOURS = 6
"""Hours between two forecasts: each class of leads has all hours of the day."""
DAY_AHEAD_HOURS = 6
"""The forecast that counts as a day's day-ahead one was issued so long before the day began, as in
`GET /forecast/accuracy`."""
LEADS = {"first_hours": (0, 6), "day_ahead": (6, 30), "two_days": (30, 54)}
"""Hours ahead, (more than, up to], by class."""
BEYOND_HOURS = 3
"""Hours of weather beyond the last one that is forecast: a feature looks so far ahead."""
MEASURED_AT = timedelta(hours=2, minutes=30)
"""A day is measured so long after it has ended (`stacks/forecasting.yaml`, EveryDay)."""
SAID = "said_"
"""How the column begins that has an expert's medians."""
RECENT_DAYS = 2
"""Days of measured hours that a forecast is given (`forecasting_api.generate.RECENT_DAYS`)."""


@dataclass
class _Site:
    """What the replay keeps of one site: measured days, what experts missed on them, and rows so far."""

    days: dict[date, Day] = field(default_factory=dict)
    heard: dict[date, Heard] = field(default_factory=dict)
    rows: list[pd.DataFrame] = field(default_factory=list)


def replay(
    histories: list[History],
    plan: Plan,
    settings: ForecastingConfig,
    told: Callable[[int, int], None],
    asked: set[str],
) -> pd.DataFrame:
    """Forecasts and what came, one row a site, lead class and hour with measured power.

    Columns: site_id, hour (end, UTC), issued, lead, share, median, low80, high80, low95, high95, raw0 to
    raw4 (uncalibrated), one a peer, lit (daylight), step. Shares of capacity. All sites train; those in
    `asked` are forecast. `told` is called with each step that is done, and with how many there are.
    """
    windows: list[pd.DataFrame] = []
    sites = {history.site.site_id: _Site() for history in histories if history.site.site_id in asked}
    for number, moment in enumerate(plan.trained):
        window = plan.window(number)
        step = _trained(histories, moment, windows, settings)
        if step is not None:
            frames = {one.own_site.site.site_id: _frame(_of(histories, one), one) for one in step}
            windows.append(evaluate.forecast_window(step[0].model, frames, _times(window)))
            for one in step:
                site_id = one.own_site.site.site_id
                if site_id in sites:
                    kept = sites[site_id]
                    rows = _window(_of(histories, one), one, window, kept, settings, frames[site_id])
                    kept.rows.append(rows.assign(site_id=site_id, step=number))
        told(number + 1, len(plan.trained))
    parts = [part for one in sites.values() for part in one.rows if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _times(window: tuple[pd.Timestamp, pd.Timestamp]) -> tuple[datetime, datetime]:
    return window[0].to_pydatetime(), window[1].to_pydatetime()


def _of(histories: list[History], one: InService) -> History:
    return next(history for history in histories if history.site.site_id == one.own_site.site.site_id)


def _trained(
    histories: list[History], moment: pd.Timestamp, windows: list[pd.DataFrame], settings: ForecastingConfig
) -> list[InService] | None:
    """The model of the hours up to a moment, as it would serve each site; None where there are too few.

    `windows`: what the steps before had forecast unseen.
    """
    past = [(one.site, one.hours[one.hours.index <= moment]) for one in histories]
    frames, fitted = dataset.site_frames([(site, [_table(hours)]) for site, hours in past if len(hours)])
    if not frames:
        return None
    rules, levels = settings.training, settings.booster.levels
    try:
        every = dataset.thinned(frames, rules.function_rows)
        trained = evaluate.fit_before(
            frames, moment.to_pydatetime(), settings.booster, None, every=every, threads=1
        )
    except TooFewRows:
        return None
    before = trained.before_judging
    trained = replace(
        trained, weights=blend.learn(evaluate.unseen_by_site(windows, levels), levels, before)
    )
    folds = evaluate.weighted(windows, levels, before)
    card = decide.model_card(
        store.Dataset(_dataset_card(fitted, frames, moment), frames, None),
        folds,
        settings.booster,
        decide.Comparison(None, {}),
        trained,
        moment.to_pydatetime(),
    )
    return [InService(card.version, card, trained, own) for own in fitted]


def _table(hours: pd.DataFrame) -> pd.DataFrame:
    return hours.rename_axis("timestamp").reset_index()


def _dataset_card(
    fitted: list[Fitted], frames: Mapping[str, pd.DataFrame], moment: pd.Timestamp
) -> DatasetCard:
    return DatasetCard(
        customer_id=fitted[0].site.customer_id,
        version=f"v{moment:%Y%m%d%H%M}-backtest",
        digest="",
        execution_id="backtest",
        started=moment.to_pydatetime(),
        trained_until=moment.to_pydatetime(),
        sites=fitted,
        sources=[],
        rows=dataset.rows_of(frames),
        rows_of_others=0,
        thinned=1,
        folds=[],
    )


def _frame(history: History, one: InService) -> pd.DataFrame:
    """Features and share of all hours of a site, on the plane that was fitted to the past alone."""
    hours = history.hours
    whole = hours.reindex(pd.date_range(hours.index[0], hours.index[-1], freq="h", unit="us"))
    frame = features.build(_weather(whole), features.site_of(history.site, one.own_site))
    return frame.assign(**{TARGET: whole[TARGET].astype(float)})


def _weather(hours: pd.DataFrame) -> pd.DataFrame:
    return hours[[name for name in VARIABLES if name in hours]]


def _window(
    history: History,
    one: InService,
    window: tuple[pd.Timestamp, pd.Timestamp],
    kept: _Site,
    settings: ForecastingConfig,
    frame: pd.DataFrame,
) -> pd.DataFrame:
    """The rows of one site in one window, with peers."""
    parts = []
    for now in pd.date_range(window[0], window[1], freq=f"{EVERY_HOURS}h", inclusive="left", unit="us"):
        is_day_ahead = now.hour == 24 - DAY_AHEAD_HOURS
        horizon = LEADS["two_days" if is_day_ahead else "first_hours"][1]
        made, weights = _forecast(history, one, now, horizon, kept, settings)
        if is_day_ahead:
            _measure(kept, one.version, made, weights, history.hours[TARGET], now)
        parts.append(made.drop(columns=[f"{SAID}{name}" for name in weights]))
    rows = pd.concat(parts, ignore_index=True)
    share = history.hours[TARGET].astype(float)
    hour = pd.DatetimeIndex(rows["hour"])
    rows[TARGET] = share.reindex(hour).to_numpy(dtype=float)
    rows = rows[rows[TARGET].notna() & rows["median"].notna() & rows["lead"].notna()].reset_index(drop=True)
    return rows.join(_peers(rows, share, frame, one))


def _forecast(
    history: History,
    one: InService,
    now: pd.Timestamp,
    horizon: int,
    kept: _Site,
    settings: ForecastingConfig,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """One forecast as the service would have made it at a moment: nothing measured after it is given. And
    the weights of its experts, whose medians stand in `said_<expert>`."""
    hours = history.hours
    end = now + pd.Timedelta(hours=horizon + BEYOND_HOURS)
    weather = _weather(hours[(hours.index > now - RECENT_DAYS * DAY) & (hours.index <= end)])
    recent = hours.loc[(hours.index > now - RECENT_DAYS * DAY) & (hours.index <= now), TARGET].dropna()
    known = [day for day in kept.days.values() if _end_of(day.day) + MEASURED_AT <= now]
    inputs = predict.Inputs(
        model=one,
        weather=weather.dropna(axis="columns", how="all"),
        measured=recent if len(recent) else None,
        days={"model": known},
        heard=_heard(one, kept, now),
    )
    made = predict.predict(
        history.site, inputs, now.to_pydatetime(), horizon, settings.forecast.nowcast_hours
    )
    ahead = (made.hours - now) / pd.Timedelta(hours=1)
    table = pd.DataFrame({"hour": made.hours, "issued": now, "lead": _lead(np.asarray(ahead))})
    table["median"] = made.median
    for level, (low, high) in made.bounds.items():
        table[f"low{level}"], table[f"high{level}"] = low, high
    for column in range(made.raw.shape[1]):
        table[f"raw{column}"] = made.raw[:, column]
    for name, spoken in made.experts.items():
        table[f"{SAID}{name}"] = spoken.median
    return table, {name: spoken.weight for name, spoken in made.experts.items()}


def _heard(one: InService, kept: _Site, now: pd.Timestamp) -> list[Heard]:
    """What experts missed on the newest unseen days of the training, and on days measured since."""
    stored = one.card.experts.get(one.own_site.site.site_id)
    trained = [measured_days.heard_of(stored)] if stored is not None else []
    after = trained[0].day if trained else date.min
    known = [d for d in kept.heard.values() if d.day > after and _end_of(d.day) + MEASURED_AT <= now]
    return [*trained, *known]


def _lead(ahead: np.ndarray) -> list[str | None]:
    """The class of each number of hours ahead; None between the classes."""
    return [
        next((name for name, (more, most) in LEADS.items() if more < hours <= most), None)
        for hours in ahead
    ]


def _end_of(day: date) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC") + DAY


def _measure(
    kept: _Site,
    version: str,
    made: pd.DataFrame,
    weights: Mapping[str, float],
    share: pd.Series,
    now: pd.Timestamp,
) -> None:
    """The next UTC day as it is measured once it has ended; it is used from then on (`MEASURED_AT`)."""
    rows = made[made["lead"] == "day_ahead"]
    rows = rows[rows["raw4"] > 0]
    actual = share.reindex(pd.DatetimeIndex(rows["hour"])).to_numpy(dtype=float)
    raw = rows[[f"raw{column}" for column in range(5)]].to_numpy(dtype=float)
    bounds = {
        level: (rows[f"low{level}"].to_numpy(), rows[f"high{level}"].to_numpy())
        for level in calibration.INTERVALS
    }
    day = (now + DAY).date()
    measured = calibration.measured(day, version, actual, raw, bounds) if len(rows) else None
    if measured is not None:
        kept.days[day] = measured
        came = ~np.isnan(actual)
        said = {name: rows[f"{SAID}{name}"].to_numpy(dtype=float)[came] for name in weights}
        if heard := experts.heard(day, actual[came], said, weights):
            kept.heard[day] = heard
    for of_days in (kept.days, kept.heard):
        of_days.pop(day - timedelta(days=calibration.KEPT_DAYS + 3), None)


def _peers(rows: pd.DataFrame, share: pd.Series, frame: pd.DataFrame, one: InService) -> pd.DataFrame:
    hour, issued = pd.DatetimeIndex(rows["hour"]), pd.DatetimeIndex(rows["issued"])
    kind = one.own_site.site.kind
    clear = frame["clear_poa"] if kind == "solar" else None
    found = peers.of_measured(share, clear, hour, issued)
    weather = frame.drop(columns=TARGET).reindex(hour)
    weather["daylight"] = weather["daylight"].fillna(False).astype(bool)
    found["physics"] = physics.share(weather, physics.default(kind))
    own = one.model.physics_of(weather, one.own_site.site.site_id)
    found["fitted_physics"] = physics.share(weather, own)
    found["lit"] = weather["daylight"].to_numpy()
    return found
