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
from ona.documents.base import S3Pointer
from ona.documents.columns import LIMITS, did_you_mean
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import listed
from ona.store.layout import ASSETS, MAINTENANCE, OBSERVATION
from ona.telemetry.decoding import decode
from ona.telemetry.exports import read_export, recognise
from ona.telemetry.readings import Telemetry
from ona.telemetry.strict_csv import column_names, without_preamble
from ooda.detect import reading
from ooda.event_logs.headers import HEAD_BYTES, head_text, header_of
from ops import identifiers
from ops import registry as registries
from ops.target import OpsError, Target, use_configs

registry, put_registry = registries.read, registries.add
HISTORIES = "backfill/"
"""The folder of histories in the input bucket."""
MOST_NAMED = 10
"""Folders of histories that are named where one is not there."""
_YEAR_FIRST = re.compile(r"(?P<year>20\d{2})[-/]?(?P<month>0[1-9]|1[0-2])[-/]?(?P<day>0[1-9]|[12]\d|3[01])")
_DAY_FIRST = re.compile(r"\b(?P<day>0?[1-9]|[12]\d|3[01])\.(?P<month>0?[1-9]|1[0-2])\.(?P<year>20\d{2})\b")
"""Dates like 2026-06-01, 20260601 and 01.06.2026. 06/01/2026 says not which of the two is the day."""
HEADER_BYTES = 4096
"""The part of a file in which its header and its first day are looked for."""
JUDGED_BYTES = 20 << 20
"""`ona put` reads a file up to this size by Detect's rule before it is put, 1 to 2 s (ours)."""


@dataclass(frozen=True)
class Upload:
    """One object to put: key and content. `dated`: the day in the key is one that the file names."""

    key: str
    body: bytes
    dated: bool = True


def key_for(name: str, first: datetime) -> str:
    """The contract's key of a file whose first reading is of the day `first`.

    >>> key_for("my export (1).csv", datetime(2025, 6, 10))
    'observations/2025/06/10/my-export-1_20250610.csv'
    >>> key_for("Planta_2026-06-01.csv", datetime(2026, 6, 1))
    'observations/2026/06/01/Planta_20260601.csv'
    >>> key_for("plant_v2026.csv", datetime(2026, 6, 1))
    'observations/2026/06/01/plant_v2026_20260601.csv'
    """
    stem = re.sub(r"_\d{8}$", "", Path(name).stem)
    day = rf"[-_. ]*{first:%Y}(?P<mark>[-_.]?){first:%m}(?P=mark){first:%d}$"
    while (shorter := re.sub(day, "", stem)) != stem:
        stem = shorter
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "telemetry"
    return OBSERVATION.build(day=first, name=f"{clean}_{first:%Y%m%d}")


def profile_named(name: str) -> SourceProfile:
    """The source profile of a name. Raises OpsError, which names those that there are."""
    use_configs()
    profiles = sources.source_profiles()
    if name not in profiles:
        told = identifiers.otherwise(name, "")
        raise OpsError(f"no source profile {name!r}; there are: {', '.join(sorted(profiles))}{told}")
    return profiles[name]


def convert(
    profile: SourceProfile, folder: Path, assets: AssetRegistry | None
) -> tuple[Telemetry, AssetRegistry]:
    """A vendor's export (a folder, or one file) as canonical telemetry, and the registry that was used.

    Assets that `assets` lacks are derived from the profile's `site`. Raises OpsError: with what is wrong
    with the files in words, nothing was put.
    """
    require_readable(folder, folders=True)
    paths = [folder] if folder.is_file() else sorted(folder.glob("*"))
    paths = [path for path in paths if path.suffix.lower() == ".csv" and path.is_file()]
    if not paths:
        what = (
            "is no .csv file: rename it, or export it as CSV" if folder.is_file() else "holds no .csv file"
        )
        raise OpsError(f"{folder} {what}")
    for path in paths:
        require_readable(path)
    files = {path.name: path.read_bytes() for path in paths}
    try:
        return read_export(profile, files, now=datetime.now(UTC), registry=assets, add_missing=True)
    except InvalidTelemetry as error:
        raise OpsError(f"{error.in_words}. Nothing was put") from error


def document_in(path: Path) -> str:
    """The document of the input bucket that a file holds, by its content: `assets.json` is a JSON object
    with a list `assets`, `maintenance.json` one with a list `windows`; "" where it is neither."""
    with path.open("rb") as stream:  # telemetry may be large: its beginning says that it is no JSON
        if not stream.read(HEADER_BYTES).lstrip().startswith((b"{", b"\xef\xbb\xbf{")):
            return ""
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return ""
    named = document if isinstance(document, dict) else {}
    lists = {ASSETS: "assets", MAINTENANCE: "windows"}
    return next((name for name, key in lists.items() if isinstance(named.get(key), list)), "")


def require_readable(path: Path, folders: bool = False) -> None:
    """Raises OpsError, which says what to do, for what is no file that can be read; with `folders` a folder
    will do too. A pipe is none: it would be read for ever, or be empty at the second look."""
    try:
        if path.is_dir():
            if not folders:
                raise OpsError(
                    f"{path} is no file, it is a folder: name its files, for example {path}/*.csv; a "
                    "vendor's export as a whole needs --source"
                )
            next(path.iterdir(), None)
        elif path.is_symlink() and not path.exists():
            raise OpsError(
                f"{path} is a link to {path.readlink()}, which does not exist: name the file itself"
            )
        elif not path.exists():
            raise OpsError(f"{path} does not exist: check the name, and from which folder you call")
        elif not path.is_file():
            raise OpsError(f"{path} is no file, it is a pipe or a device: write it to a file first")
        else:
            with path.open("rb") as stream:
                stream.read(1)
    except OSError as error:
        raise OpsError(
            f"{path} cannot be read: {error.strerror or error}; `ls -l` shows whose it is, `chmod u+r` "
            "lets its owner read it"
        ) from error


def daily(telemetry: Telemetry, assets: AssetRegistry) -> Iterator[Upload]:
    """Canonical uploads of an export: one file for each site and UTC day, with all assets of the site."""
    frame = telemetry.frame
    sites = {asset.id: asset.site_id for asset in assets.assets}
    days = frame["timestamp"].dt.floor("D")
    for (_, site), part in frame.groupby([days, frame["asset_id"].map(sites)], sort=True):
        text = part.assign(timestamp=part["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        body = text.to_csv(index=False, float_format="%.6g").encode()
        yield Upload(key_for(str(site), part["timestamp"].min().to_pydatetime()), body)


def upload_for(path: Path) -> Upload:
    """One file unchanged, under the key of the first day that its name or its beginning names, else today.

    The content is not checked here: `refusal` says what Detect will say of it.
    """
    body = path.read_bytes()
    text = f"{path.name} {body[:HEADER_BYTES].decode('latin-1')}"
    if date := _YEAR_FIRST.search(text) or _DAY_FIRST.search(text):
        year, month, day = (int(date[part]) for part in ("year", "month", "day"))
        with suppress(ValueError):  # no such day
            return Upload(key_for(path.name, datetime(year, month, day, tzinfo=UTC)), body)
    return Upload(key_for(path.name, datetime.now(UTC)), body, dated=False)


def vendor_of(path: Path) -> str:
    """The name of the source profile that recognises a file; empty for a canonical or an unknown file."""
    use_configs()
    profile = recognise(_header(path), sources.source_profiles())
    return profile.name if profile else ""


def is_event_log(path: Path) -> bool:
    """Whether a file is an event log, which the loop takes under the same keys as telemetry."""
    use_configs()
    with path.open("rb") as stream:
        return header_of(head_text(stream.read(HEAD_BYTES))) is not None


def refusal(upload: Upload, assets: AssetRegistry | None) -> InvalidTelemetry | None:
    """Why Detect will quarantine a file, by its own rule; None where it takes it. Without a registry
    (`assets`) nobody knows whether its machines are in one. A file above JUDGED_BYTES is left to Detect."""
    if len(upload.body) > JUDGED_BYTES:
        return None
    use_configs()
    source, known = S3Pointer(bucket="here", key=upload.key), assets or AssetRegistry(assets=[])
    found = reading.refusal(source, upload.body, known, datetime.now(UTC))
    return None if found and assets is None and found.reason == "unknown_asset" else found


def require_telemetry(path: Path) -> None:
    """Raises OpsError for a file that is no CSV by its name, and that Detect cannot read."""
    if path.suffix.lower() == ".csv":
        return
    if error := refusal(upload_for(path), None):
        raise OpsError(
            f"{path} is no CSV by its name, and its content is no telemetry: {error.message} "
            f"({error.reason}): {error.remedy}. Nothing was put; with `--anyway` it is"
        )


def columns_absent(path: Path) -> list[str]:
    """The columns of our own format that a file's header lacks, and without which it is taken."""
    names = _names(path)
    return [column for column in LIMITS if column not in names] if names else []


def columns_misnamed(path: Path) -> list[str]:
    """The columns of a file that are nearly called as ours and are not read, in words."""
    return did_you_mean(_names(path))


def _names(path: Path) -> list[str]:
    """The names in a file's header; empty where there is no readable one."""
    with path.open("rb") as stream:
        begin = stream.read(HEADER_BYTES).rpartition(b"\n")  # a line that is cut may end within a letter
    with suppress(InvalidTelemetry):
        text = decode(begin[0] or begin[2], path.name).lstrip()
        return column_names(text.partition("\n")[0], path.name)
    return []


def _header(path: Path) -> str:
    """A file's header: its first line that is no comment."""
    with path.open("rb") as stream:
        begin = stream.read(HEAD_BYTES).decode("utf-8", "replace").lstrip("\ufeff")
    return without_preamble(begin).partition("\n")[0]


def put(target: Target, upload: Upload) -> Any:
    """Put one object into the input bucket and return S3's answer."""
    return target.client("s3").put_object(
        Bucket=target.input_bucket, Key=upload.key, Body=upload.body, ContentType="text/csv"
    )


def has_files(target: Target, prefix: str) -> bool:
    """Whether a file lies under a prefix of the input bucket; a folder's own object is none."""
    return any(not key.endswith("/") for key in _keys(target, prefix))


def histories(target: Target) -> str:
    """Which folders and files lie under `backfill/`, for somebody who named another one."""
    answer = target.client("s3").list_objects_v2(
        Bucket=target.input_bucket, Prefix=HISTORIES, Delimiter="/"
    )
    names = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
    names += [item["Key"] for item in answer.get("Contents", []) if item["Key"] != HISTORIES]
    if not names:
        return f"put the files under {HISTORIES} first"
    return f"there are {listed(names, MOST_NAMED)}"


def _keys(target: Target, prefix: str) -> Iterator[str]:
    pages = target.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=target.input_bucket, Prefix=prefix):
        yield from (item["Key"] for item in page.get("Contents", []))
