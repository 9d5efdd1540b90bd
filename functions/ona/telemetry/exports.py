"""Vendors' exports as canonical telemetry, by their source profile."""

from __future__ import annotations

import csv
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
    AssetIdRule,
    Join,
    SourceProfile,
    TimeColumn,
    ValueColumn,
)
from ona.documents.assets import ASSET_ID, ASSET_ID_LETTERS, MOST_CAPACITY_KW, Asset, AssetRegistry
from ona.documents.columns import FULL, NECESSARY
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.decoding import decode
from ona.telemetry.intervals import USUAL_MINUTES, minutes_of, usual_step
from ona.telemetry.readings import Quality, Telemetry
from ona.telemetry.sentinels import is_made, kept
from ona.telemetry.strict_csv import POWER_WAS_TEXT, clean, read_table, without_preamble
from ona.telemetry.timestamps import local_to_utc, parse_timestamps

CAPACITY_QUANTILE = 0.999
"""The share of readings that lie below an estimated capacity (ours): one in a thousand may be a spike."""
MOST_EPOCH_SECONDS = 2.0**38
"""Seconds from 1970 to about the year 10 000: more is no time, and more than a clock can hold (ours)."""
_LEAST_CAPACITY_KW = 0.1
"""The estimate for an asset that never produced, kW (ours): a capacity must be positive."""
_COLUMNS_NAMED = 12
"""So many of a file's columns are named when one is missing."""


def recognise(header: str, profiles: Mapping[str, SourceProfile]) -> SourceProfile | None:
    """The source profile whose columns all stand in a CSV header; of several the one with most columns.

    None for a canonical file, which is nobody's export, and for an unknown header. A file with our own
    names of time and power is canonical, unless a profile takes that very column. A profile that joins a
    second file is never recognised by one file alone.
    """
    best: SourceProfile | None = None
    for profile in profiles.values():
        first = header.strip().split("\r", 1)[0]  # a file of CR alone is told so by who reads it
        row = next(csv.reader([first], delimiter=profile.delimiter, skipinitialspace=True), [])
        names = {name.strip().strip('"') for name in row}
        if names >= set(FULL):
            return None
        if names >= set(NECESSARY) and profile.columns["power_kw"].column != "power_kw":
            continue
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
    add_missing: bool = False,
) -> tuple[Telemetry, AssetRegistry]:
    """Convert one export into canonical telemetry; returns it with the registry that was used.

    `files` are the export's files: name → bytes. With `any_name` the names need not match the profile's,
    because the header said whose export it is. Without a `registry` one is derived (`derive_registry`);
    with `add_missing` it is completed so, and what it says stays as it is.
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
    tables = [_read_main(profile, name, data, quality) for name, data in sorted(mains.items())]
    frame = pd.concat(tables, ignore_index=True)
    for join in profile.joins:
        frame = _joined(frame, profile, join, files, quality)
    for column in FULL:
        if column not in frame:
            frame[column] = np.nan
    if registry is None:
        registry = derive_registry(profile, frame)
    elif add_missing:
        known = {asset.id for asset in registry.assets}
        derived = derive_registry(profile, frame[~frame["asset_id"].isin(known)])
        registry = AssetRegistry(assets=[*registry.assets, *derived.assets])
    where = f"source profile {profile.name}: {', '.join(sorted(mains))}"
    return clean(frame, quality, now=now, capacity_kw=registry.capacities().get, where=where), registry


def derive_registry(profile: SourceProfile, frame: pd.DataFrame) -> AssetRegistry:
    """A registry of assets that nobody registered: one asset an id, all at the profile's site.

    A capacity that the profile does not state is estimated from each asset's power, kW.
    Raises InvalidTelemetry for a text that cannot be an asset's id.
    """
    site = profile.site
    assets = []
    for asset_id, rows in frame.dropna(subset=["asset_id"]).groupby("asset_id"):
        if not re.fullmatch(ASSET_ID, str(asset_id)) or len(str(asset_id)) > ASSET_ID_LETTERS:
            raise InvalidTelemetry(
                "asset_id_unusable",
                f"{str(asset_id)[:ASSET_ID_LETTERS]!r} cannot be an asset's id: at most {ASSET_ID_LETTERS} "
                "letters, digits, '.', '_' and '-', the first a letter or digit",
                where=f"source profile {profile.name}",
                remedy="rename it in the file, or let the profile's `asset_id` take another column",
            )
        estimate = _capacity_of(rows["power_kw"], str(asset_id), profile)
        assets.append(
            Asset(
                id=str(asset_id),
                name=str(asset_id),
                type=site.type,
                capacity_kw=site.capacity_kw or estimate,
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


def _capacity_of(power: pd.Series, asset_id: str, profile: SourceProfile) -> float:
    """What an asset that nobody registered can give, kW: a high quantile of its readings.

    Readings that no power station gives, and values that stand for "no value" (`sentinels`), say nothing of
    it: they are left out here, and put aside one by one with the other rows' rules. Raises InvalidTelemetry
    where an asset has no other.
    """
    measured = power.dropna()
    possible = kept(measured[measured.abs() <= MOST_CAPACITY_KW].to_numpy(dtype=float))
    if len(measured) and not len(possible[possible >= 0.0]) and _are_made(measured):
        raise InvalidTelemetry(
            "power_kw_out_of_range",
            f"each reading of machine {asset_id} is {measured.iloc[0]:g} kW or another number that stands "
            "for 'no value'",
            where=f"source profile {profile.name}",
            remedy="look why the logger measured nothing, or choose another column for power",
        )
    if len(measured) and not len(possible):
        raise InvalidTelemetry(
            "power_kw_out_of_range",
            f"each reading of machine {asset_id} is beyond {MOST_CAPACITY_KW:g} kW, "
            "more than any power station gives",
            where=f"source profile {profile.name}",
            remedy="check the unit of power in the profile, or state `capacity_kw` in its `site`",
        )
    estimate = float(np.quantile(possible, CAPACITY_QUANTILE)) if len(possible) else 0.0
    return max(round(estimate, 1), _LEAST_CAPACITY_KW)


def _are_made(measured: pd.Series) -> bool:
    return all(is_made(value) for value in measured.unique().tolist())


def _matches(name: str, pattern: str) -> bool:
    return fnmatch(PurePosixPath(name).name, pattern)


def _read_main(profile: SourceProfile, name: str, data: bytes, quality: Quality) -> pd.DataFrame:
    names_in = profile.asset_id.column or ""
    text = without_preamble(decode(data, name))
    raw = read_table(text, name, quality, delimiter=profile.delimiter, names_in=names_in)
    _require(raw, profile.needed_columns(), name, profile.name)
    frame = pd.DataFrame({"timestamp": _times(raw, profile.time, quality)})
    frame["asset_id"] = _asset_ids(raw, profile.asset_id, name)
    for canonical, value in profile.columns.items():
        frame[canonical] = _values(raw, canonical, value, quality)
        if canonical == "power_kw":
            frame[POWER_WAS_TEXT] = frame[canonical].isna() & raw[value.column].notna()
    frame = frame[frame["timestamp"].notna()].reset_index(drop=True)
    minutes = USUAL_MINUTES
    if len(frame):
        of_first = frame.loc[frame["asset_id"] == frame["asset_id"].iloc[0], "timestamp"]
        minutes = usual_step(minutes_of(of_first.sort_values()))
    for canonical, value in profile.columns.items():
        if value.quantity == "energy_per_interval":
            frame[canonical] *= 60.0 / minutes
    return frame


def _asset_ids(raw: pd.DataFrame, rule: AssetIdRule, name: str) -> pd.Series | str | None:
    """The readings' asset ids: a column of the file, or one id for all."""
    if rule.column:
        return raw[rule.column].astype("string").str.strip().astype(object)
    if not rule.file_name:
        return rule.constant
    match = re.search(rule.file_name, PurePosixPath(name).name)
    if not match:
        raise InvalidTelemetry(
            "no_asset_in_file_name",
            f"the name does not match {rule.file_name!r}, which should give the asset's id",
            where=name,
            remedy="rename the file, or correct the profile's asset_id",
        )
    return match.group(1)


def _joined(
    frame: pd.DataFrame,
    profile: SourceProfile,
    join: Join,
    files: Mapping[str, bytes],
    quality: Quality,
) -> pd.DataFrame:
    """The frame with the columns of a joined file, by time; readings without a row there are flagged."""
    tables = []
    for name in sorted(name for name in files if _matches(name, join.files)):
        side = Quality()
        raw = read_table(decode(files[name], name), name, side, delimiter=profile.delimiter)
        needed = {join.time.column, *(value.column for value in join.columns.values())}
        _require(raw, needed, name, profile.name)
        table = pd.DataFrame({"timestamp": _times(raw, join.time, side)})
        for canonical, value in join.columns.items():
            table[canonical] = _values(raw, canonical, value, quality)
        tables.append(table.dropna(subset=["timestamp"]))
        quality.flag("joined_rows_rejected", side.rows_rejected)
    if not tables:
        raise InvalidTelemetry(
            "no_matching_file",
            f"no file matches {join.files!r}, which the profile joins",
            where=f"source profile {profile.name}",
            remedy="put the file beside the main one",
        )
    side_columns = pd.concat(tables).groupby("timestamp", as_index=False).mean()
    joined = frame.merge(side_columns, on="timestamp", how="left", validate="many_to_one")
    first = next(iter(join.columns))
    quality.flag("joined_row_missing", int(joined[first].isna().sum()))
    return joined


def _require(raw: pd.DataFrame, needed: set[str], name: str, profile: str) -> None:
    missing = sorted(needed - set(raw.columns))
    if missing:
        raise InvalidTelemetry(
            "missing_columns",
            f"columns are missing: {', '.join(missing)}; found: {', '.join(raw.columns[:_COLUMNS_NAMED])}",
            where=f"{name}, line 1",
            remedy=f"is this an export of {profile}? Otherwise choose another source profile",
        )


def _times(raw: pd.DataFrame, time: TimeColumn, quality: Quality) -> pd.Series:
    """The readings' instants in UTC, (n,); NaT for what was rejected."""
    column = raw[time.column]
    if time.format == "iso8601":
        zone = ZoneInfo(time.zone) if time.zone else None
        return parse_timestamps(column, quality, zone)
    if time.format == "epoch_s":
        seconds = pd.to_numeric(column, errors="coerce").astype(float)
        seconds = seconds.where(seconds.abs() < MOST_EPOCH_SECONDS)
        quality.reject("timestamp_unreadable", int(seconds.isna().sum()))
        return pd.to_datetime(seconds, unit="s", utc=True).astype("datetime64[us, UTC]")
    naive = pd.to_datetime(column.astype("string"), format=time.format, errors="coerce")
    quality.reject("timestamp_unreadable", int(naive.isna().sum()))
    return local_to_utc(naive, ZoneInfo(str(time.zone)), quality)


def _values(raw: pd.DataFrame, canonical: str, value: ValueColumn, quality: Quality) -> pd.Series:
    """A column's values in our unit, (n,); energy in kWh an interval. Text becomes NaN and is counted."""
    column = raw[value.column]
    if pd.api.types.is_bool_dtype(column):
        column = column.astype("string")  # true is no 1
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    quality.flag(f"{canonical}_not_a_number", int((numbers.isna() & column.notna()).sum()))
    if value.quantity == "energy_per_interval":
        return numbers * ENERGY_UNITS[value.unit]
    unit = UNITS[canonical][value.unit]
    return numbers * unit.factor + unit.offset
