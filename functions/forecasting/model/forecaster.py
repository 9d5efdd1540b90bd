"""What forecasts a customer's sites: each site's physics, trees that learned the departure from it.

`fit` and `predict` take frames of features (`features.build`). What the physics of a site says of each row
is put beside them here (`booster.BASE`), so that nobody else must know of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
from pydantic import ValidationError

from forecasting.config import BoosterSettings
from forecasting.model import blend, booster, physics
from forecasting.model.booster import BASE, Model
from forecasting.model.physics import Physics
from ona.runtime.errors import InvalidConfiguration
from ona.sky.sun import Floats


@dataclass(frozen=True)
class Parts:
    """Quantiles of the two parts of a forecast, shape (n, levels) each."""

    physics: Floats
    trees: Floats


@dataclass(frozen=True)
class Forecaster:
    """Trees, and by site the fitted physics and the weight of the trees."""

    trees: Model
    physics: Mapping[str, Physics] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles."""
        return self.trees.levels

    @property
    def before_judging(self) -> dict[str, float]:
        """The weights of the trees by days of history alone."""
        return {name: blend.before_judging(own.days) for name, own in self.physics.items()}

    def predict(self, frame: pd.DataFrame, site_id: str) -> Floats:
        """Quantiles of the share of capacity, shape (n, levels), rising along each row, 0…1; zero outside
        daylight, NaN without weather. A site that was not trained has the default physics alone; a model of
        before physics was stored has trees alone."""
        if not self.trees.departs:
            return self.trees.predict(frame, site_id)
        if self.weight_of_trees(site_id) == 0.0:
            return physics.quantiles(frame, self.physics_of(frame, site_id), self.levels)
        return self.whole(self.parts(frame, site_id), site_id)

    def check(self) -> None:
        """Whether the parts fit together. Raises InvalidConfiguration."""
        self.trees.check()

    def parts(self, frame: pd.DataFrame, site_id: str) -> Parts:
        """What physics and what the trees say of a frame."""
        own = self.physics_of(frame, site_id)
        based = frame.assign(**{BASE: physics.share(frame, own)})
        return Parts(physics.quantiles(frame, own, self.levels), self.trees.predict(based, site_id))

    def whole(self, parts: Parts, site_id: str) -> Floats:
        """The forecast that the two parts of a site make, shape (n, levels)."""
        return blend.mixed(parts.physics, parts.trees, self.weight_of_trees(site_id))

    def weight_of_trees(self, site_id: str) -> float:
        """How much the trees count beside physics at a site, 0…1, by what the training's windows said."""
        return self.weights.get(site_id, 0.0) if self.trees.departs else 1.0

    def physics_of(self, frame: pd.DataFrame, site_id: str) -> Physics:
        """The physics of a site; the default of the frame's kind for one that was not trained."""
        return self.physics.get(site_id) or physics.default("solar" if "poa" in frame else "wind")

    def files(self) -> dict[str, bytes]:
        """The model as files: `model.json` and `booster.ubj`."""
        files = self.trees.files()
        manifest = json.loads(files["model.json"])
        manifest["physics"] = {name: own.document() for name, own in self.physics.items()}
        manifest["weights"] = dict(self.weights)
        return {**files, "model.json": json.dumps(manifest, indent=1).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Forecaster:
        """The model of such files; one of before physics was stored has none. Raises InvalidConfiguration
        when a file is absent, damaged or of another format."""
        trees = Model.from_files(files)
        try:
            manifest = json.loads(files["model.json"])
            own = {
                name: Physics.model_validate(stored) for name, stored in manifest.get("physics", {}).items()
            }
            weights = {name: float(weight) for name, weight in manifest.get("weights", {}).items()}
        except (ValidationError, AttributeError, TypeError, ValueError) as error:
            raise InvalidConfiguration(f"model.json: physics cannot be read: {error}") from error
        return cls(trees, own, weights)


def fit(
    frames: Mapping[str, pd.DataFrame],
    settings: BoosterSettings,
    *,
    others: pd.DataFrame | None = None,
    threads: int = 0,
) -> Forecaster:
    """The forecaster of a customer's sites.

    `frames`: features and share by site, indexed by time; `others`: rows of other customers' sites with
    `site_id` and `timestamp`. Weights are those before judging (`blend`). Raises TooFewRows when there are
    too few rows altogether.
    """
    own = {name: physics.fit(frame) for name, frame in frames.items()}
    based = {
        name: frame.assign(**{BASE: physics.share(frame, own[name])}) for name, frame in frames.items()
    }
    trees = booster.fit(based, settings, others=_of_others(others), threads=threads)
    fitted = Forecaster(trees, own)
    return replace(fitted, weights=fitted.before_judging)


def _of_others(rows: pd.DataFrame | None) -> pd.DataFrame | None:
    """Other customers' rows with what each site's own physics says of them, without site and time."""
    if rows is None or rows.empty:
        return None
    parts = []
    for _, part in rows.groupby("site_id"):
        own = part.dropna(axis=1, how="all")  # wind has no column of the sun
        timed = own.set_index(pd.DatetimeIndex(part["timestamp"])).drop(columns=["site_id", "timestamp"])
        parts.append(timed.assign(**{BASE: physics.share(timed, physics.fit(timed))}))
    return pd.concat(parts, ignore_index=True)
