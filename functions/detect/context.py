"""What detection knows beside the file: earlier days and neighbours, from the telemetry store.

Layout of the store (output bucket): `telemetry/site=<site>/day=<YYYY-MM-DD>/<name>.parquet`, where the
name is the asset's id, or `_<stem of the file>` for a file that holds several assets of the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import PurePosixPath

import pandas as pd

from detect.analysis import Context
from ona import parquet
from ona.assets import AssetRegistry
from ona.config import ReferenceRules
from ona.errors import InvalidTelemetry, ObjectMissing
from ona.payloads import S3Pointer
from ona.storage import list_keys, read_bytes
from ona.telemetry import COLUMNS, Quality, decode, parse_timestamps, read_table


def _read(bucket: str, key: str) -> pd.DataFrame:
    body = read_bytes(S3Pointer(bucket=bucket, key=key))
    return parquet.load(body)


def _name(assets: Iterable[str], source_key: str) -> str:
    ids = list(assets)
    if len(ids) == 1:
        return ids[0]
    return "_" + re.sub(r"[^A-Za-z0-9._-]", "-", PurePosixPath(source_key).stem)


def load(
    frame: pd.DataFrame,
    registry: AssetRegistry,
    rules: ReferenceRules,
    *,
    output_bucket: str,
    input_bucket: str,
    source_key: str,
) -> Context:
    """Read the history of the file's assets, and the same days of their sites' other machines.

    Of a site's other machines at most `max_peers` are read, the same ones every time. What has not
    arrived yet is not there: the first file of a day is judged without its neighbours.
    """
    present = set(frame["asset_id"].unique())
    sites = {asset.site_id for asset in registry.assets if asset.id in present}
    days = sorted({f"{day:%Y-%m-%d}" for day in frame["timestamp"].dt.floor("D").unique()})
    oldest = frame["timestamp"].min().floor("D") - timedelta(days=rules.history_days)
    history, peers = [], []
    for site in sorted(sites):
        here = {asset.id for asset in registry.assets if asset.site_id == site}
        mine = _name(sorted(here & present), source_key)
        prefix = f"telemetry/site={site}/"
        neighbours_read = 0
        for entry in list_keys(output_bucket, prefix, start_after=f"{prefix}day={oldest:%Y-%m-%d}"):
            key = entry["Key"]
            day, name = key.split("/")[2].removeprefix("day="), PurePosixPath(key).stem
            if day < days[0] and (name in present or name.startswith("_")):
                history.append(_read(output_bucket, key))
            elif day in days and name != mine and neighbours_read < rules.max_peers:
                neighbours_read += 1
                peers.append(_read(output_bucket, key))
    empty = pd.DataFrame(columns=[*COLUMNS, "expected_kw"])
    known = _once(pd.concat(history, ignore_index=True)) if history else empty
    beside = _once(pd.concat(peers, ignore_index=True)) if peers else empty
    return Context(
        history=known[known["asset_id"].isin(present)],
        peers=beside[~beside["asset_id"].isin(present)],
        forecasts=_forecasts(present, days, input_bucket),
    )


def _once(frame: pd.DataFrame) -> pd.DataFrame:
    """Each reading once: uploads may repeat what came as an observation; the judged one stands."""
    if "expected_kw" not in frame:
        frame["expected_kw"] = float("nan")
    ranked = frame.sort_values("expected_kw", na_position="last", kind="stable")
    kept = ranked.drop_duplicates(["asset_id", "timestamp"], keep="first")
    return kept.sort_values(["asset_id", "timestamp"], ignore_index=True)


def _forecasts(assets: set[str], days: list[str], bucket: str) -> dict[str, pd.Series]:
    """Forecasts of the file's assets: `forecasts/YYYY/MM/DD/<asset>….csv`; an unreadable one is none."""
    found: dict[str, pd.Series] = {}
    for day in days:
        for asset_id in sorted(assets):
            prefix = f"forecasts/{day.replace('-', '/')}/{asset_id}"
            for entry in list_keys(bucket, prefix):
                try:
                    text = decode(read_bytes(S3Pointer(bucket=bucket, key=entry["Key"])), entry["Key"])
                    table = read_table(text, entry["Key"], Quality())
                    times = parse_timestamps(table["timestamp"], Quality())
                    values = pd.to_numeric(table["predicted_power_kw"], errors="coerce")
                except (InvalidTelemetry, ObjectMissing, KeyError):
                    continue
                series = pd.Series(values.to_numpy(), index=times)[times.notna().to_numpy()]
                found[asset_id] = pd.concat([found.get(asset_id, series.iloc[:0]), series])
    return {name: series[~series.index.duplicated(keep="last")] for name, series in found.items()}


def store(
    frame: pd.DataFrame, registry: AssetRegistry, *, output_bucket: str, source_key: str
) -> list[S3Pointer]:
    """Write the judged frame to the telemetry store, one object a site and day."""
    sites = {asset.id: asset.site_id for asset in registry.assets}
    pointers = []
    days = frame["timestamp"].dt.strftime("%Y-%m-%d")
    for (site, day), part in frame.groupby([frame["asset_id"].map(sites), days], sort=True):
        name = _name(sorted(part["asset_id"].unique()), source_key)
        key = f"telemetry/site={site}/day={day}/{name}.parquet"
        pointers.append(parquet.put(output_bucket, key, part))
    return pointers
