"""Putting telemetry: canonical files as they are, vendors' exports through their source profile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ona.config import sources
from ona.config.sources import SourceProfile
from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidConfiguration
from ona.telemetry.exports import read_export, recognise
from ona.telemetry.readings import Telemetry
from ops.target import OpsError, Target, use_configs


@dataclass(frozen=True)
class Upload:
    """One object to put: key and content."""

    key: str
    body: bytes


def key_for(name: str, first: datetime) -> str:
    """The contract's key of a file: `observations/YYYY/MM/DD/<name>_YYYYMMDD.csv`."""
    stem = re.sub(r"_\d{8}$", "", Path(name).stem)
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "telemetry"
    return f"observations/{first:%Y/%m/%d}/{clean}_{first:%Y%m%d}.csv"


def registry(target: Target) -> AssetRegistry | None:
    """The target's `assets.json`, or None when it has none yet. Raises OpsError for a wrong one."""
    s3 = target.client("s3")
    try:
        body = s3.get_object(Bucket=target.input_bucket, Key="assets.json")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    try:
        return AssetRegistry.parse(json.loads(body))
    except (ValueError, InvalidConfiguration) as error:
        raise OpsError(f"assets.json of {target.name}: {error}") from error


def put_registry(target: Target, wanted: AssetRegistry) -> int:
    """Add assets that are not registered yet; those that are stay as they are. Returns how many."""
    known = registry(target) or AssetRegistry(assets=[])
    fresh = [asset for asset in wanted.assets if known.get(asset.id) is None]
    if fresh:
        merged = AssetRegistry(assets=[*known.assets, *fresh])
        target.client("s3").put_object(
            Bucket=target.input_bucket,
            Key="assets.json",
            Body=merged.model_dump_json(indent=2, exclude_none=True).encode(),
            ContentType="application/json",
        )
    return len(fresh)


def profile_named(name: str) -> SourceProfile:
    """A source profile. Raises OpsError naming the ones there are."""
    use_configs()
    profiles = sources.source_profiles()
    if name not in profiles:
        raise OpsError(f"no source profile {name!r}; there are: {', '.join(sorted(profiles))}")
    found: SourceProfile = profiles[name]
    return found


def convert(
    profile: SourceProfile, folder: Path, known: AssetRegistry | None
) -> tuple[Telemetry, AssetRegistry]:
    """Read a vendor's export (a folder, or one file). Raises InvalidTelemetry, OpsError."""
    if not folder.exists():
        raise OpsError(f"{folder} does not exist")
    paths = [folder] if folder.is_file() else sorted(folder.glob("*"))
    files = {path.name: path.read_bytes() for path in paths if path.suffix.lower() == ".csv"}
    if not files:
        raise OpsError(f"{folder} holds no .csv file")
    return read_export(profile, files, now=datetime.now(UTC), registry=known)


def daily(telemetry: Telemetry, assets: AssetRegistry) -> Iterator[Upload]:
    """Canonical uploads of an export: one file a site and day, all its assets in it."""
    frame = telemetry.frame
    sites = {asset.id: asset.site_id for asset in assets.assets}
    days = frame["timestamp"].dt.floor("D")
    for (_, site), part in frame.groupby([days, frame["asset_id"].map(sites)], sort=True):
        text = part.assign(timestamp=part["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        body = text.to_csv(index=False, float_format="%.6g").encode()
        yield Upload(key_for(str(site), part["timestamp"].min().to_pydatetime()), body)


def upload_for(path: Path) -> Upload:
    """One file as it is, under the key of its first day; a vendor's file is told by its header.

    The content is not judged here: the loop validates, quarantines and tells why.
    """
    body = path.read_bytes()
    text = f"{path.name} {body[:4096].decode('latin-1')}"
    found = re.search(r"(20\d{2})[-/]?(0[1-9]|1[0-2])[-/]?(0[1-9]|[12]\d|3[01])", text)
    first = datetime.now(UTC)
    if found:
        year, month, day = (int(part) for part in found.groups())
        with suppress(ValueError):
            first = datetime(year, month, day, tzinfo=UTC)
    return Upload(key_for(path.name, first), body)


def vendor_of(path: Path) -> str:
    """The source profile that knows a file by its header; empty for canonical or unknown ones."""
    use_configs()
    with path.open("rb") as stream:
        header = stream.readline(4096).decode("utf-8", "replace").lstrip("\ufeff")
    profile = recognise(header, sources.source_profiles())
    return profile.name if profile else ""


def put(target: Target, upload: Upload) -> Any:
    """Put one object; returns S3's answer."""
    return target.client("s3").put_object(
        Bucket=target.input_bucket, Key=upload.key, Body=upload.body, ContentType="text/csv"
    )
