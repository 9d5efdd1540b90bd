"""Vendors' exports as canonical telemetry, by their source profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatch
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ona.config.sources import (
    ENERGY_UNITS,
    UNITS,
    Join,
    SourceProfile,
    TimeColumn,
    ValueColumn,
)
from ona.documents.assets import Asset, AssetRegistry
from ona.documents.columns import REQUIRED
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.intervals import USUAL_MINUTES, minutes_of, usual_step
from ona.telemetry.readings import Quality, Telemetry
from ona.telemetry.strict_csv import (
    clean,
    decode,
    local_to_utc,
    parse_timestamps,
    read_table,
)

_OFFSETS = {("temperature_c", "K"): -273.15, ("temperature_c", "F"): -160.0 / 9.0}


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
    minutes = USUAL_MINUTES
    if len(frame):
        of_first = frame.loc[frame["asset_id"] == frame["asset_id"].iloc[0], "timestamp"]
        minutes = usual_step(minutes_of(of_first.sort_values()))
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
