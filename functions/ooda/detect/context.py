"""What detection judges by: the telemetry file, and the context that lies beside it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from ona.documents.assets import AssetRegistry
from ona.telemetry.readings import Quality, span
from ooda.config.detection import DetectionConfig
from ooda.detect.logged import Logged
from ooda.documents.asset_history import AssetHistory, HistoryDay

Ends = tuple[pd.Timestamp, pd.Timestamp]
"""First and last reading, UTC."""


@dataclass(frozen=True)
class Before:
    """What is known of an asset when a part of a long file is judged (`long_files.py`): its `history`
    before the file, and the `days` of the file's earlier parts."""

    history: AssetHistory
    days: Mapping[str, HistoryDay]


@dataclass(frozen=True)
class TelemetryFile:
    """One telemetry file, read, with the rules by which it is judged.

    `readings`: a canonical frame by asset id, sorted by time. `threshold`: the severity (0…1) from which an
    incident is actionable. `key`: the file's S3 key; the asset history files its days under it. `span`:
    first and last reading of the file, where `readings` are only some of its assets. `rows`: readings of
    all assets. `source_profile`: the vendor's export by which it was read ("": our own columns).
    `joint`: by asset and solar day the keys of all files whose readings are among `readings`, where others
    overlap with this one (`overlaps.py`). `storages`: frames of batteries, which nobody judges.

    Of a part of a long file (`long_files.py`) only: `edges`, between which times an asset's readings are
    due; `before`, what came of its earlier parts; `goes_on`: assets of which more is to come; `came`: all
    assets of the whole.
    """

    readings: Mapping[str, pd.DataFrame]
    quality: Quality
    registry: AssetRegistry
    rules: DetectionConfig
    threshold: float
    key: str = "file"
    span: Ends | None = None
    rows: int = 0
    source_profile: str = ""
    joint: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    storages: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    edges: Mapping[str, Ends] = field(default_factory=dict)
    before: Mapping[str, Before] = field(default_factory=dict)
    goes_on: frozenset[str] = frozenset()
    came: frozenset[str] = frozenset()

    @cached_property
    def ends(self) -> Ends:
        """First and last reading of the file, UTC."""
        return self.span or span(self.readings)

    def ends_of(self, name: str) -> Ends:
        """Between which times an asset's readings are due, UTC: the file's, and what others add to it."""
        first, last = self.edges.get(name) or self.ends
        if name not in self.joint:
            return first, last
        times = self.readings[name]["timestamp"]
        return min(first, times.iloc[0]), max(last, times.iloc[-1])

    @property
    def share_valid(self) -> float:
        """Rows that were not rejected, of all that were read (0…1)."""
        return 1.0 - self.quality.rows_rejected / max(self.quality.rows_read, 1)


@dataclass(frozen=True)
class Context:
    """What lies beside the file. Whatever is missing is not used.

    `histories`: each asset's history, and `etags` the version of the object that it was read from ("":
    there was none). `damaged`: what is said of a history that could not be read.
    `beside`: histories of neighbours, for their planes and levels.
    `neighbours`: the same days of the site's other assets, one canonical frame.
    `forecasts`: predicted power in kW by UTC time, for each asset. `weather`: hourly weather by site.
    `logs`: what event logs say of each asset, and `log_versions` the versions of the objects that this was
    read from.
    """

    histories: dict[str, AssetHistory] = field(default_factory=dict)
    neighbours: pd.DataFrame = field(default_factory=pd.DataFrame)
    forecasts: dict[str, pd.Series] = field(default_factory=dict)
    weather: dict[str, pd.DataFrame] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    beside: dict[str, AssetHistory] = field(default_factory=dict)
    logs: dict[str, Logged] = field(default_factory=dict)
    log_versions: dict[str, str] = field(default_factory=dict)
