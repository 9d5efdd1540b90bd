"""The forecasting model: gradient-boosted quantiles, one pooled over all sites, one a site of its own.

The pooled member has seen every site and serves a site from its first day; a site's own member joins
with a weight that grows with the days it was trained on. Members' quantiles are averaged level by level
(Vincentization; Lichtendahl, Grushka-Cockayne, Winkler, Management Science 59(7), 2013).
Members are kept as xgboost's UBJSON, never pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.config import BoosterSettings
from ona.errors import InvalidConfiguration
from ona.forecasting.sun import Floats

FORMAT = 1
TARGET = "share"
"""Measured power as a share of capacity; the column of a training frame beside its features."""
NOT_FEATURES = {TARGET, "daylight"}


@dataclass(frozen=True)
class Member:
    """One trained booster with the features it wants, in order."""

    features: tuple[str, ...]
    raw: bytes

    @cached_property
    def booster(self) -> Any:
        """The booster, read once."""
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(self.raw))
        return booster

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Quantiles of the share, shape (n, levels); features that a frame lacks count as unknown."""
        import xgboost

        wanted = frame.reindex(columns=list(self.features)).to_numpy(dtype=np.float32)
        data = xgboost.DMatrix(wanted, feature_names=list(self.features))
        answer = np.asarray(self.booster.predict(data), dtype=float)
        return answer.reshape(len(frame), -1)


@dataclass(frozen=True)
class Model:
    """What forecasts a customer's sites: levels of the quantiles, the members, and the weights."""

    levels: tuple[float, ...]
    pooled: Member
    own: Mapping[str, Member] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def predict(self, frame: pd.DataFrame, site_id: str) -> Floats:
        """Quantiles of the share of capacity, shape (n, levels), rising along each row, 0…1.

        Zero where `daylight` is False.
        """
        lit = frame["daylight"].to_numpy(dtype=bool)
        out = np.zeros((len(frame), len(self.levels)))
        if lit.any():
            part = frame.loc[lit]
            values = self.pooled.predict(part)
            weight = self.weights.get(site_id, 0.0)
            if site_id in self.own and weight > 0:
                values = (1 - weight) * values + weight * self.own[site_id].predict(part)
            out[lit] = np.sort(np.clip(values, 0.0, 1.0), axis=1)
        return out

    def files(self) -> dict[str, bytes]:
        """The model as files: `model.json` and one `.ubj` a member."""
        members = {"pooled": self.pooled, **{f"site-{name}": m for name, m in self.own.items()}}
        manifest = {
            "format": FORMAT,
            "levels": list(self.levels),
            "weights": dict(self.weights),
            "members": {name: {"features": list(m.features)} for name, m in members.items()},
        }
        files = {f"{name}.ubj": member.raw for name, member in members.items()}
        return {"model.json": json.dumps(manifest, indent=1).encode(), **files}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], *, site_id: str | None = None) -> Model:
        """The model of such files; with a site only the members that this site needs.

        Raises InvalidConfiguration when a file is absent or of another format.
        """
        try:
            manifest = json.loads(files["model.json"])
            if manifest["format"] != FORMAT:
                raise InvalidConfiguration(f"model.json: format {manifest['format']}, not {FORMAT}")
            wanted = [
                name
                for name in manifest["members"]
                if name != "pooled" and (site_id is None or name == f"site-{site_id}")
            ]
            members = {
                name: Member(tuple(manifest["members"][name]["features"]), files[f"{name}.ubj"])
                for name in ["pooled", *wanted]
            }
        except (KeyError, ValueError) as error:
            raise InvalidConfiguration(f"model files are not whole: {error!r}") from error
        return cls(
            levels=tuple(manifest["levels"]),
            pooled=members.pop("pooled"),
            own={name.removeprefix("site-"): member for name, member in members.items()},
            weights=manifest["weights"],
        )


def fit_member(frame: pd.DataFrame, settings: BoosterSettings, threads: int = 0) -> Member:
    """Train one booster on rows with features, `daylight` and `share`; dark rows and unknown power are
    left out. Raises ValueError for fewer than 50 usable rows."""
    import xgboost

    used = frame[frame["daylight"].to_numpy(dtype=bool) & frame[TARGET].notna().to_numpy()]
    if len(used) < 50:
        raise ValueError(f"{len(used)} daylight rows are too few to train on")
    names = [name for name in frame.columns if name not in NOT_FEATURES and used[name].notna().any()]
    data = xgboost.QuantileDMatrix(
        used[names].to_numpy(dtype=np.float32),
        used[TARGET].to_numpy(dtype=np.float32),
        feature_names=names,
        nthread=threads or None,
    )
    booster = xgboost.train(
        {
            "objective": "reg:quantileerror",
            "quantile_alpha": np.asarray(settings.levels),
            "tree_method": "hist",
            "eta": settings.learning_rate,
            "max_depth": settings.depth,
            "min_child_weight": settings.min_rows_a_leaf,
            "subsample": settings.row_share,
            "colsample_bytree": settings.feature_share,
            "seed": settings.seed,
            **({"nthread": threads} if threads else {}),
        },
        data,
        settings.rounds,
    )
    return Member(tuple(names), bytes(booster.save_raw("ubj")))


def site_weight(days: float, settings: BoosterSettings) -> float:
    """How far a site's own member counts after so many days of training data, 0…1."""
    if days < settings.own_from_days:
        return 0.0
    return settings.own_weight * days / (days + settings.own_half_days)


def fit(
    frames: Mapping[str, pd.DataFrame],
    settings: BoosterSettings,
    *,
    others: pd.DataFrame | None = None,
    threads: int = 0,
) -> Model:
    """Train the model of a customer's sites.

    `frames`: features and share by site, indexed by time; `others`: rows of other customers' sites for
    the pooled member. Raises ValueError when there are too few rows altogether.
    """
    pool = [*frames.values()] + ([others] if others is not None and len(others) else [])
    pooled = fit_member(pd.concat(pool, ignore_index=True), settings, threads)
    own, weights = {}, {}
    for name, frame in frames.items():
        weight = site_weight(days_of(frame), settings)
        if weight > 0 and len(frames) > 1:
            own[name] = fit_member(frame, settings, threads)
            weights[name] = weight
    return Model(tuple(settings.levels), pooled, own, weights)


def days_of(frame: pd.DataFrame) -> float:
    """Days on which a training frame has measured power."""
    known = frame.index[frame[TARGET].notna().to_numpy()]
    return float(len(pd.DatetimeIndex(known).floor("D").unique()))


def at_levels(values: Floats, levels: tuple[float, ...], wanted: NDArray[np.float64]) -> Floats:
    """Quantiles at other levels, shape (n, len(wanted)): linear between those given, flat beyond."""
    given = np.asarray(levels)
    right = np.clip(np.searchsorted(given, wanted), 1, len(given) - 1)
    left = right - 1
    share = np.clip((wanted - given[left]) / (given[right] - given[left]), 0.0, 1.0)
    return np.asarray(values[:, left] * (1 - share) + values[:, right] * share)
