"""The forecasting model: gradient-boosted quantiles, one booster for all sites, adapted to each.

The booster sees which site an hour belongs to (`site_code`), so that it learns what sites share from all of
them and what is a site's own from its rows. A site that it was not trained on is forecast as the mean of
those it was trained on, quantile by quantile (Vincentization; Lichtendahl, Grushka-Cockayne, Winkler,
Management Science 59(7), 2013): a new site has a forecast on its first day. Stored as xgboost's UBJSON,
never pickled.

>>> at_levels(np.array([[0.1, 0.2, 0.4]]), (0.1, 0.5, 0.9), np.array([0.3, 0.99])).round(2).tolist()
[[0.15, 0.4]]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.config import BoosterSettings
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted
from ona.sky.sun import Floats

FORMAT = 1
"""Version of the files of a model; another one is refused."""
TARGET = "share"
"""Measured power as a share of capacity; the column of a training frame beside its features."""
SITE_CODE = "site_code"
"""The feature that says which site a row belongs to; NaN for other customers' rows."""
MAX_STAND_INS = 8
"""How many trained sites stand in for a new one: the time of a forecast grows with them. Ours."""
NOT_FEATURES = {TARGET, "daylight"}
"""Columns of a training frame that the booster must not see."""
MIN_ROWS = 50
"""Daylight rows that a booster needs. Ours; `min_days` of the configuration asks for more."""


@dataclass(frozen=True)
class Member:
    """One trained booster with the features it wants, in order."""

    features: tuple[str, ...]
    raw: bytes

    @cached_property
    def booster(self) -> Any:
        """The booster, read once. Raises InvalidConfiguration for bytes that are none."""
        import xgboost

        booster = xgboost.Booster()
        try:
            if not (self.raw.startswith(b"{") and self.raw.endswith(b"}")):
                raise ValueError("it neither begins nor ends as UBJSON")  # xgboost ends the process for b""
            booster.load_model(bytearray(self.raw))
        except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
            raise InvalidConfiguration(
                f"booster.ubj of {counted(len(self.raw), 'byte')} is no booster of xgboost"
            ) from error
        return booster

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Quantiles of the share, shape (n, levels); features that a frame lacks count as missing."""
        import xgboost

        wanted = frame.reindex(columns=list(self.features)).to_numpy(dtype=np.float32)
        data = xgboost.DMatrix(wanted, feature_names=list(self.features))
        answer = np.asarray(self.booster.predict(data), dtype=float)
        return answer.reshape(len(frame), -1)


@dataclass(frozen=True)
class Model:
    """What forecasts a customer's sites: levels of the quantiles, the booster, the codes of the sites
    it was trained on."""

    levels: tuple[float, ...]
    member: Member
    codes: Mapping[str, int] = field(default_factory=dict)

    def predict(self, frame: pd.DataFrame, site_id: str) -> Floats:
        """Quantiles of the share of capacity, shape (n, levels), rising along each row, 0…1.

        Zero where `daylight` is False.
        """
        lit = frame["daylight"].to_numpy(dtype=bool)
        out = np.zeros((len(frame), len(self.levels)))
        if lit.any():
            part = frame.loc[lit]
            own = [self.codes[site_id]] if site_id in self.codes else sorted(self.codes.values())
            codes = [float(code) for code in own[:: max(1, -(-len(own) // MAX_STAND_INS))]] or [np.nan]
            answers = [self.member.predict(part.assign(**{SITE_CODE: code})) for code in codes]
            out[lit] = np.sort(np.clip(np.mean(answers, axis=0), 0.0, 1.0), axis=1)
        return out

    def check(self) -> None:
        """Whether the parts fit together: read the booster and forecast one row.

        Raises InvalidConfiguration.
        """
        levels = self.levels
        if not levels or any(type(level) not in (int, float) or not 0 < level < 1 for level in levels):
            raise InvalidConfiguration("model.json: levels are no numbers between 0 and 1")
        if list(levels) != sorted(set(levels)):
            raise InvalidConfiguration("model.json: levels do not rise")
        if any(type(code) is not int for code in self.codes.values()):
            raise InvalidConfiguration("model.json: a site has no code")
        self.member.booster  # noqa: B018 - read here, where its name is known
        try:
            answer = self.member.predict(pd.DataFrame({SITE_CODE: [np.nan]}))
        except Exception as error:  # whatever xgboost says of features that are not the booster's
            raise InvalidConfiguration(f"booster.ubj does not forecast: {type(error).__name__}") from error
        if answer.shape != (1, len(levels)) or not np.isfinite(answer).all():
            raise InvalidConfiguration("booster.ubj does not forecast the levels of model.json")

    def files(self) -> dict[str, bytes]:
        """The model as files: `model.json` and `booster.ubj`."""
        manifest = {
            "format": FORMAT,
            "levels": list(self.levels),
            "sites": dict(self.codes),
            "features": list(self.member.features),
            "booster_sha256": sha256(self.member.raw).hexdigest(),
        }
        return {"model.json": json.dumps(manifest, indent=1).encode(), "booster.ubj": self.member.raw}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Model:
        """The model of such files. Raises InvalidConfiguration when one is absent or of another format."""
        try:
            manifest = json.loads(files["model.json"])
            if manifest["format"] != FORMAT:
                raise InvalidConfiguration(f"model.json: format {manifest['format']}, not {FORMAT}")
            expected = manifest.get("booster_sha256")  # older manifests have none
            if expected is not None and expected != sha256(files["booster.ubj"]).hexdigest():
                raise InvalidConfiguration("booster.ubj is not the one that model.json was written for")
            member = Member(tuple(manifest["features"]), files["booster.ubj"])
            return cls(tuple(manifest["levels"]), member, dict(manifest["sites"]))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InvalidConfiguration(f"model files are not whole: {error!r}") from error


class TooFewRows(ValueError):
    """There are too few rows to train on."""


def fit_member(frame: pd.DataFrame, settings: BoosterSettings, threads: int = 0) -> Member:
    """Train one booster on rows with features, `daylight` and `share`; dark rows and missing power are
    left out. Raises TooFewRows for fewer than 50 usable rows."""
    import xgboost

    used = frame[frame["daylight"].to_numpy(dtype=bool) & frame[TARGET].notna().to_numpy()]
    if len(used) < MIN_ROWS:
        raise TooFewRows(f"{counted(len(used), 'daylight row')}: too few to train on")
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


def fit(
    frames: Mapping[str, pd.DataFrame],
    settings: BoosterSettings,
    *,
    others: pd.DataFrame | None = None,
    threads: int = 0,
) -> Model:
    """Train the model of a customer's sites.

    `frames`: features and share by site, indexed by time; `others`: rows of other customers' sites, which
    carry no site code. Raises TooFewRows when there are too few rows altogether.
    """
    codes = {name: number for number, name in enumerate(sorted(frames))}
    pool = [frames[name].assign(**{SITE_CODE: float(code)}) for name, code in codes.items()]
    if others is not None and len(others):
        pool.append(others.assign(**{SITE_CODE: np.nan}))
    member = fit_member(pd.concat(pool, ignore_index=True), settings, threads)
    return Model(tuple(settings.levels), member, codes)


def at_levels(values: Floats, levels: tuple[float, ...], wanted: NDArray[np.float64]) -> Floats:
    """Quantiles at other levels, shape (n, len(wanted)): linear between those given, flat beyond."""
    given = np.asarray(levels)
    right = np.clip(np.searchsorted(given, wanted), 1, len(given) - 1)
    left = right - 1
    share = np.clip((wanted - given[left]) / (given[right] - given[left]), 0.0, 1.0)
    return np.asarray(values[:, left] * (1 - share) + values[:, right] * share)
