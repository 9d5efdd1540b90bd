"""Source profiles: what turns a vendor's export into canonical telemetry, as data.

A profile is a file under `configs/sources/`. It names the vendor's columns, their units, the time's
format and zone, where the asset's id comes from, and files to join (a weather station). Adding a
vendor means writing such a file, no code; `docs/sources.md` shows how.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ona.assets import Asset, AssetRegistry, Component, Location
from ona.errors import InvalidTelemetry
from ona.readings import NUMERIC, REQUIRED, Quality, Telemetry
from ona.telemetry import (
    clean,
    decode,
    interval_minutes,
    local_to_utc,
    parse_timestamps,
    read_table,
)

UNITS: dict[str, dict[str, float]] = {
    "power_kw": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "dc_power_kw": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "temperature_c": {"C": 1.0, "K": 1.0, "F": 5.0 / 9.0},
    "voltage_v": {"V": 1.0, "kV": 1e3},
    "irradiance_w_m2": {"W/m2": 1.0, "kW/m2": 1e3},
    "wind_speed_m_s": {"m/s": 1.0, "km/h": 1.0 / 3.6, "mph": 0.44704},
}
ENERGY_UNITS = {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3}
_OFFSETS = {("temperature_c", "K"): -273.15, ("temperature_c", "F"): -160.0 / 9.0}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeColumn(_Strict):
    """Where the time stands: `iso8601` carries its offset, `epoch_s` is UTC, else a strptime format.

    With `iso8601` a `zone` is for the rows that carry no offset (SolarEdge mixes both in one file).
    """

    column: str
    format: str = "iso8601"
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            if value:
                ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no IANA time zone, like Africa/Johannesburg") from error
        return value

    @model_validator(mode="after")
    def _zone_where_needed(self) -> Self:
        if self.format not in ("iso8601", "epoch_s") and not self.zone:
            raise ValueError(f"format {self.format!r} carries no zone: name one in `zone`")
        return self


class AssetIdRule(_Strict):
    """Where the asset's id comes from: a column, the file's name (a pattern with one group), or fixed."""

    column: str | None = None
    file_name: str | None = None
    constant: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [value for value in (self.column, self.file_name, self.constant) if value]
        if len(given) != 1:
            raise ValueError("give exactly one of column, file_name, constant")
        if self.file_name and re.compile(self.file_name).groups != 1:
            raise ValueError("file_name needs exactly one group, around the asset's id")
        return self


class ValueColumn(_Strict):
    """A vendor's column: its unit, and `energy` when it counts energy a interval instead of power."""

    column: str
    unit: str
    quantity: Literal["value", "energy_per_interval"] = "value"


class Join(_Strict):
    """Another file of the same export, joined by time (each reading takes the row of its instant)."""

    files: str
    time: TimeColumn
    columns: dict[str, ValueColumn]


class SiteDefaults(_Strict):
    """What the platform must know of the machines when no `assets.json` names them yet."""

    site_id: str
    customer_id: str = "default"
    location: Location | None = None
    capacity_kw: float | None = Field(default=None, gt=0)
    tariff_usd_per_kwh: float = Field(default=0.10, ge=0)
    components: list[Component] = []


class SourceProfile(_Strict):
    """One vendor's export."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    vendor: str
    description: str = ""
    files: str = "*.csv"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    time: TimeColumn
    asset_id: AssetIdRule
    columns: dict[str, ValueColumn]
    joins: list[Join] = []
    site: SiteDefaults

    @model_validator(mode="after")
    def _units(self) -> Self:
        if "power_kw" not in self.columns:
            raise ValueError("columns must say where power_kw comes from")
        for canonical, value in self.all_columns().items():
            if canonical not in NUMERIC:
                raise ValueError(f"{canonical} is no canonical column; use one of {NUMERIC}")
            known = ENERGY_UNITS if value.quantity == "energy_per_interval" else UNITS[canonical]
            if value.unit not in known:
                raise ValueError(f"{canonical}: unit {value.unit!r}; use one of {sorted(known)}")
        return self

    def all_columns(self) -> dict[str, ValueColumn]:
        """The main file's value columns and those of the joined files."""
        merged = dict(self.columns)
        for join in self.joins:
            merged.update(join.columns)
        return merged

    def needed_columns(self) -> set[str]:
        """Columns that the main file must have; a header with all of them is this vendor's."""
        needed = {self.time.column, *(value.column for value in self.columns.values())}
        return needed | ({self.asset_id.column} if self.asset_id.column else set())


def recognise(header: str, profiles: Mapping[str, SourceProfile]) -> SourceProfile | None:
    """The profile whose columns all stand in a CSV header; the most specific one wins.

    A canonical file is nobody's export: None. Profiles that join a second file are never taken
    from one file alone.
    """
    best: SourceProfile | None = None
    for profile in profiles.values():
        names = {name.strip().strip('"') for name in header.strip().split(profile.delimiter)}
        if names >= set(REQUIRED):
            return None
        if profile.joins or not profile.needed_columns() <= names:
            continue
        if best is None or len(profile.needed_columns()) > len(best.needed_columns()):
            best = profile
    return best


def read_export(
    profile: SourceProfile,
    files: Mapping[str, bytes],
    *,
    now: datetime,
    registry: AssetRegistry | None,
    any_name: bool = False,
) -> tuple[Telemetry, AssetRegistry]:
    """Convert one export (file name → bytes) into canonical telemetry.

    `any_name`: the header told the vendor, so the files' names need not match the profile's.

    Without a registry one is derived from the profile's `site`; a capacity that it does not state
    is estimated as the 99.9th percentile of each machine's power. Returns both.
    Raises InvalidTelemetry when a file is missing or unusable.
    """
    quality = Quality()
    mains = {name: data for name, data in files.items() if any_name or _matches(name, profile.files)}
    for join in profile.joins:
        mains = {name: data for name, data in mains.items() if not _matches(name, join.files)}
    if not mains:
        raise InvalidTelemetry(
            "no_matching_file",
            f"no file matches {profile.files!r}; found: {', '.join(sorted(files)) or 'nothing'}",
            where=f"source profile {profile.name}",
            remedy="check the folder, or the profile's `files`",
        )
    parts = [_read_main(profile, name, data, quality) for name, data in sorted(mains.items())]
    frame = pd.concat(parts, ignore_index=True)
    for join in profile.joins:
        frame = _joined(frame, profile, join, files, quality)
    for column in REQUIRED:
        if column not in frame:
            frame[column] = np.nan
    known = registry or derive_registry(profile, frame)
    where = f"source profile {profile.name}: {', '.join(sorted(mains))}"
    return clean(frame, quality, now=now, capacity_kw=known.capacity_kw, where=where), known


def derive_registry(profile: SourceProfile, frame: pd.DataFrame) -> AssetRegistry:
    """A registry for machines that nobody registered: the profile's site, one asset an id."""
    site = profile.site
    assets = []
    for asset_id, rows in frame.dropna(subset=["asset_id"]).groupby("asset_id"):
        power = rows["power_kw"].dropna()
        estimate = float(power.quantile(0.999)) if len(power) else 0.0
        assets.append(
            Asset(
                id=str(asset_id),
                name=str(asset_id),
                capacity_kw=site.capacity_kw or max(round(estimate, 1), 0.1),
                location=site.location,
                site_id=site.site_id,
                customer_id=site.customer_id,
                tariff_usd_per_kwh=site.tariff_usd_per_kwh,
                timezone=profile.time.zone,
                components=[
                    part.model_copy(update={"serial": f"{asset_id}-{part.type}"})
                    for part in site.components
                ],
            )
        )
    return AssetRegistry(assets=assets)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch(PurePosixPath(name).name, pattern)


def _read_main(profile: SourceProfile, name: str, data: bytes, quality: Quality) -> pd.DataFrame:
    names_in = profile.asset_id.column or ""
    raw = read_table(decode(data, name), name, quality, delimiter=profile.delimiter, names_in=names_in)
    _require(raw, profile.needed_columns(), name, profile.name)
    frame = pd.DataFrame({"timestamp": _times(raw, profile.time, quality)})
    rule = profile.asset_id
    if rule.column:
        frame["asset_id"] = raw[rule.column].astype("string").str.strip().astype(object)
    elif rule.file_name:
        found = re.search(rule.file_name, PurePosixPath(name).name)
        if not found:
            raise InvalidTelemetry(
                "no_asset_in_file_name",
                f"the name does not match {rule.file_name!r}, which should give the asset's id",
                where=name,
                remedy="rename the file, or correct the profile's asset_id",
            )
        frame["asset_id"] = found.group(1)
    else:
        frame["asset_id"] = rule.constant
    for canonical, value in profile.columns.items():
        frame[canonical] = _values(raw, canonical, value)
    frame = frame[frame["timestamp"].notna()].reset_index(drop=True)
    minutes = (
        interval_minutes(frame.loc[frame["asset_id"] == frame["asset_id"].iloc[0], "timestamp"])
        if len(frame)
        else 15.0
    )
    for canonical, value in profile.columns.items():
        if value.quantity == "energy_per_interval":
            frame[canonical] *= 60.0 / minutes
    return frame


def _joined(
    frame: pd.DataFrame,
    profile: SourceProfile,
    join: Join,
    files: Mapping[str, bytes],
    quality: Quality,
) -> pd.DataFrame:
    parts = []
    for name in sorted(name for name in files if _matches(name, join.files)):
        side = Quality()
        raw = read_table(decode(files[name], name), name, side, delimiter=profile.delimiter)
        needed = {join.time.column, *(value.column for value in join.columns.values())}
        _require(raw, needed, name, profile.name)
        part = pd.DataFrame({"timestamp": _times(raw, join.time, side)})
        for canonical, value in join.columns.items():
            part[canonical] = _values(raw, canonical, value)
        parts.append(part.dropna(subset=["timestamp"]))
        quality.flag("joined_rows_rejected", side.rows_rejected)
    if not parts:
        raise InvalidTelemetry(
            "no_matching_file",
            f"no file matches {join.files!r}, which the profile joins",
            where=f"source profile {profile.name}",
            remedy="put the file beside the main one",
        )
    weather = pd.concat(parts).groupby("timestamp", as_index=False).mean()
    joined = frame.merge(weather, on="timestamp", how="left", validate="many_to_one")
    first = next(iter(join.columns))
    quality.flag("joined_row_missing", int(joined[first].isna().sum()))
    return joined


def _require(raw: pd.DataFrame, needed: set[str], name: str, profile: str) -> None:
    missing = sorted(needed - set(raw.columns))
    if missing:
        raise InvalidTelemetry(
            "missing_columns",
            f"columns are missing: {', '.join(missing)}; found: {', '.join(raw.columns[:12])}",
            where=f"{name}, line 1",
            remedy=f"is this an export of {profile}? Otherwise choose another source profile",
        )


def _times(raw: pd.DataFrame, time: TimeColumn, quality: Quality) -> pd.Series:
    column = raw[time.column]
    if time.format == "iso8601":
        zone = ZoneInfo(time.zone) if time.zone else None
        return parse_timestamps(column, quality, zone)
    if time.format == "epoch_s":
        seconds = pd.to_numeric(column, errors="coerce")
        quality.reject("timestamp_unreadable", int(seconds.isna().sum()))
        return pd.to_datetime(seconds, unit="s", utc=True).astype("datetime64[us, UTC]")
    naive = pd.to_datetime(column.astype("string"), format=time.format, errors="coerce")
    quality.reject("timestamp_unreadable", int(naive.isna().sum()))
    return local_to_utc(naive, ZoneInfo(str(time.zone)), quality)


def _values(raw: pd.DataFrame, canonical: str, value: ValueColumn) -> pd.Series:
    numbers = pd.to_numeric(raw[value.column], errors="coerce").astype(float)
    if value.quantity == "energy_per_interval":
        return numbers * ENERGY_UNITS[value.unit]
    return numbers * UNITS[canonical][value.unit] + _OFFSETS.get((canonical, value.unit), 0.0)
