"""What forecasts a customer's sites: each site's physics, trees that learned the departure from it.

`fit` and `predict` take frames of features (`features.build`); what the physics of a site says of each row is
put beside them here (`booster.BASE`), so that nobody else must know of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from pydantic import ValidationError

from forecasting.config import BoosterSettings
from forecasting.model import booster, physics
from forecasting.model.booster import BASE, Model
from forecasting.model.physics import Physics
from ona.runtime.errors import InvalidConfiguration
from ona.sky.sun import Floats


@dataclass(frozen=True)
class Forecaster:
    """Trees, and the fitted physics by site."""

    trees: Model
    physics: Mapping[str, Physics] = field(default_factory=dict)

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles."""
        return self.trees.levels

    def predict(self, frame: pd.DataFrame, site_id: str) -> Floats:
        """Quantiles of the share of capacity, shape (n, levels), rising along each row, 0…1; zero outside
        daylight. A site that was not trained has the default physics."""
        return self.trees.predict(self.with_base(frame, site_id), site_id)

    def with_base(self, frame: pd.DataFrame, site_id: str) -> pd.DataFrame:
        """The frame with what the site's physics says of each row."""
        own = self.physics.get(site_id) or physics.default("solar" if "poa" in frame else "wind")
        return frame.assign(**{BASE: physics.share(frame, own)})

    def files(self) -> dict[str, bytes]:
        """The model as files: `model.json` and `booster.ubj`."""
        files = self.trees.files()
        manifest = json.loads(files["model.json"])
        manifest["physics"] = {name: own.document() for name, own in self.physics.items()}
        return {**files, "model.json": json.dumps(manifest, indent=1).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Forecaster:
        """The model of such files; one of before physics was stored has none. Raises InvalidConfiguration
        when a file is absent, damaged or of another format."""
        trees = Model.from_files(files)
        try:
            stored = json.loads(files["model.json"]).get("physics", {})
            return cls(trees, {name: Physics.model_validate(own) for name, own in stored.items()})
        except (ValidationError, AttributeError, TypeError) as error:
            raise InvalidConfiguration(f"model.json: physics cannot be read: {error}") from error


def fit(
    frames: Mapping[str, pd.DataFrame],
    settings: BoosterSettings,
    *,
    others: pd.DataFrame | None = None,
    threads: int = 0,
) -> Forecaster:
    """The forecaster of a customer's sites.

    `frames`: features and share by site, indexed by time; `others`: rows of other customers' sites with
    `site_id` and `timestamp`. Raises TooFewRows when there are too few rows altogether.
    """
    own = {name: physics.fit(frame) for name, frame in frames.items()}
    based = {
        name: frame.assign(**{BASE: physics.share(frame, own[name])}) for name, frame in frames.items()
    }
    trees = booster.fit(based, settings, others=_of_others(others), threads=threads)
    return Forecaster(trees, own)


def _of_others(rows: pd.DataFrame | None) -> pd.DataFrame | None:
    """Other customers' rows with what each site's own physics says of them, without site and time."""
    if rows is None or rows.empty:
        return None
    parts = []
    for _, part in rows.groupby("site_id"):
        timed = part.set_index(pd.DatetimeIndex(part["timestamp"])).drop(columns=["site_id", "timestamp"])
        parts.append(timed.assign(**{BASE: physics.share(timed, physics.fit(timed))}))
    return pd.concat(parts, ignore_index=True)
