"""The forecasting model: quantiles of a few members (`members.Member`), averaged, for all sites at once.

A member sees which site an hour belongs to (`site_code`), so that it learns what sites share from all of
them and what is a site's own from its rows. A site that it was not trained on is forecast as the mean of
those it was trained on. All means are quantile by quantile (Vincentization; Lichtendahl, Grushka-Cockayne,
Winkler, Management Science 59(7), 2013). Members that learned different targets err differently: their mean
errs less than the best of them.

>>> at_levels(np.array([[0.1, 0.2, 0.4]]), (0.1, 0.5, 0.9), np.array([0.3, 0.99])).round(2).tolist()
[[0.15, 0.4]]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.config import BoosterSettings, MemberChoice
from forecasting.model import members
from forecasting.model.members import BASE, TARGET, Member
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted
from ona.sky.sun import Floats

__all__ = ["BASE", "TARGET", "Member", "Model", "TooFewRows", "at_levels", "fit"]
FORMAT = 2
"""Version of the files of a model: several members."""
FORMATS = (1, FORMAT)
"""What is read. In format 1 one booster of xgboost learned the share itself. Another one is refused."""
BOOSTERS = "booster.ubj"
"""The file of the members, one after the other; `model.json` says where each begins, and its hash."""
SITE_CODE = "site_code"
"""The feature that says which site a row belongs to; NaN for other customers' rows."""
MAX_STAND_INS = 8
"""How many trained sites stand in for a new one: the time of a forecast grows with them. Ours."""
MIN_ROWS = 50
"""Daylight rows that a member needs. Ours; `min_days` of the configuration asks for more."""


@dataclass(frozen=True)
class Model:
    """What forecasts a customer's sites: levels of the quantiles, the members, the codes of the sites
    they were trained on."""

    levels: tuple[float, ...]
    members: tuple[Member, ...]
    codes: Mapping[str, int] = field(default_factory=dict)

    @property
    def departs(self) -> bool:
        """Whether a member learned more than the share itself, which is all that format 1 has."""
        return any(member.choice.target != TARGET for member in self.members)

    @property
    def features(self) -> tuple[str, ...]:
        """What the members want of a frame."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.features))

    def read(self) -> None:
        """Read all members now. Raises InvalidConfiguration for bytes that are no trees."""
        for member in self.members:
            member.boosters  # noqa: B018 - kept by the member

    def predict(self, frame: pd.DataFrame, site_id: str) -> Floats:
        """Quantiles of the share of capacity, shape (n, levels), rising along each row, 0…1.

        `frame`: features, `daylight` and `BASE`. Zero where `daylight` is False.
        """
        lit = frame["daylight"].to_numpy(dtype=bool)
        out = np.zeros((len(frame), len(self.levels)))
        if lit.any():
            own = [self.codes[site_id]] if site_id in self.codes else sorted(self.codes.values())
            codes = [float(code) for code in own[:: max(1, -(-len(own) // MAX_STAND_INS))]] or [np.nan]
            as_each = [frame.loc[lit].assign(**{SITE_CODE: code}) for code in codes]
            stacked = pd.concat(as_each, ignore_index=True) if len(codes) > 1 else as_each[0]
            answers = np.mean([member.predict(stacked) for member in self.members], axis=0)
            answers = answers.reshape(len(codes), int(lit.sum()), len(self.levels)).mean(axis=0)
            out[lit] = np.sort(np.clip(answers, 0.0, 1.0), axis=1)
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
        self.read()  # here, where its name is known
        row = pd.DataFrame({SITE_CODE: [np.nan], BASE: [0.0]})
        try:
            answers = [member.predict(row) for member in self.members]
        except Exception as error:  # whatever a library says of features that are not the trees'
            raise InvalidConfiguration(f"{BOOSTERS} does not forecast: {type(error).__name__}") from error
        whole = (1, len(levels))
        if not answers or any(each.shape != whole or not np.isfinite(each).all() for each in answers):
            raise InvalidConfiguration(f"{BOOSTERS} does not forecast the levels of model.json")

    def files(self) -> dict[str, bytes]:
        """The model as files: `model.json` and `booster.ubj`."""
        manifest = {
            "format": FORMAT,
            "levels": list(self.levels),
            "sites": dict(self.codes),
            "members": [
                {
                    **member.choice.document(),
                    "features": list(member.features),
                    "bytes": len(member.raw),
                    "sha256": sha256(member.raw).hexdigest(),
                }
                for member in self.members
            ],
        }
        raw = b"".join(member.raw for member in self.members)
        return {"model.json": json.dumps(manifest, indent=1).encode(), BOOSTERS: raw}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Model:
        """The model of such files. Raises InvalidConfiguration when one is absent, damaged or of another
        format."""
        try:
            manifest, raw = json.loads(files["model.json"]), files[BOOSTERS]
            if manifest["format"] not in FORMATS:
                raise InvalidConfiguration(f"model.json: format {manifest['format']}, not {FORMAT}")
            read = _members if manifest["format"] == FORMAT else _of_format_1
            return cls(tuple(manifest["levels"]), tuple(read(manifest, raw)), dict(manifest["sites"]))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InvalidConfiguration(f"model files are not whole: {error!r}") from error


def _members(manifest: dict[str, Any], raw: bytes) -> list[Member]:
    """The members in a file of theirs. Raises InvalidConfiguration where it is another one's."""
    found, start = [], 0
    for stored in manifest["members"]:
        part = raw[start : start + stored["bytes"]]
        start += stored["bytes"]
        if stored["sha256"] != sha256(part).hexdigest():
            raise InvalidConfiguration(f"{BOOSTERS} is not the one that model.json was written for")
        choice = MemberChoice(kind=stored["kind"], target=stored["target"])
        found.append(Member(choice, tuple(stored["features"]), part))
    if not found or start != len(raw):
        raise InvalidConfiguration(f"{BOOSTERS} is not the one that model.json was written for")
    return found


def _of_format_1(manifest: dict[str, Any], raw: bytes) -> list[Member]:
    """The one booster of an older model. The oldest manifests have no hash."""
    expected = manifest.get("booster_sha256")
    if expected is not None and expected != sha256(raw).hexdigest():
        raise InvalidConfiguration(f"{BOOSTERS} is not the one that model.json was written for")
    return [Member(MemberChoice(kind="xgboost", target="share"), tuple(manifest["features"]), raw)]


class TooFewRows(ValueError):
    """There are too few rows to train on."""


def fit(
    frames: Mapping[str, pd.DataFrame],
    settings: BoosterSettings,
    *,
    others: pd.DataFrame | None = None,
    threads: int = 0,
) -> Model:
    """Train the model of a customer's sites.

    `frames`: features, `daylight`, `share` and `base` by site, indexed by time; `others`: rows of other
    customers' sites, which carry no site code. Dark rows, missing power and missing weather are left out.
    Raises TooFewRows for fewer than 50 usable rows altogether.
    """
    codes = {name: number for number, name in enumerate(sorted(frames))}
    pool = [frames[name].assign(**{SITE_CODE: float(code)}) for name, code in codes.items()]
    if others is not None and len(others):
        pool.append(others.assign(**{SITE_CODE: np.nan}))
    rows = pd.concat(pool, ignore_index=True)
    used = rows[rows["daylight"].to_numpy(dtype=bool) & rows[[TARGET, BASE]].notna().all(axis=1).to_numpy()]
    if len(used) < MIN_ROWS:
        raise TooFewRows(f"{counted(len(used), 'daylight row')}: too few to train on")
    trained = [members.fit(used, settings, choice, threads) for choice in settings.members]
    return Model(tuple(settings.levels), tuple(trained), codes)


def at_levels(values: Floats, levels: tuple[float, ...], wanted: NDArray[np.float64]) -> Floats:
    """Quantiles at other levels, shape (n, len(wanted)): linear between those given, flat beyond."""
    given = np.asarray(levels)
    right = np.clip(np.searchsorted(given, wanted), 1, len(given) - 1)
    left = right - 1
    share = np.clip((wanted - given[left]) / (given[right] - given[left]), 0.0, 1.0)
    return np.asarray(values[:, left] * (1 - share) + values[:, right] * share)
