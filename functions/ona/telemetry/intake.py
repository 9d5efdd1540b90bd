"""Taking in one telemetry file from S3: its size, then our own columns or a vendor's export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from ona.config import services, sources
from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry
from ona.store import s3
from ona.telemetry.blocks import Source
from ona.telemetry.canonical import read_canonical
from ona.telemetry.exports import read_export, recognise
from ona.telemetry.readings import Telemetry
from ona.telemetry.strict_csv import without_preamble
from ona.telemetry.whose import asset_of

DEFAULT_LIMIT_MB = 100.0
"""The largest file, MB, of a service whose `max_file_size_mb` in configs/services.yaml is not set."""
EXPORT_LIMIT_MB = 100.0
"""The largest vendor's export, MB (ours): it is read in one piece. A canonical file is read in blocks."""
_HEADER_BYTES = 65_536
"""The part of a file in which its header is looked for."""


def read(
    source: S3Pointer,
    registry: AssetRegistry,
    now: datetime,
    *,
    service: str,
    among: Sequence[Asset] = (),
    body: bytes | None = None,
) -> tuple[Telemetry, str]:
    """A file as canonical telemetry, and the name of the source profile it was read by ("": canonical).

    `service` names the entry of configs/services.yaml whose `max_file_size_mb` holds; a larger file is
    refused unread. `among`: where a file has no column `asset_id` and its name names no asset, the only one
    of these is meant (`ona.telemetry.whose`). `body`: the file, where it was read already. Raises
    InvalidTelemetry for a file that fails as a whole, ObjectMissing, DependencyBusy.
    """
    limit = services.service_limits()[service].max_file_size_mb or DEFAULT_LIMIT_MB
    size = s3.size_of(source) if body is None else len(body)
    if size > limit * 1e6:
        raise _too_large(source, size, limit)
    small = size <= EXPORT_LIMIT_MB * 1e6
    if body is None and small:
        body = s3.read_bytes(source)
    data = Source(size, partial(s3.stream, source)) if body is None else Source.of(body)
    profile = recognise(_header(data), sources.source_profiles())
    if profile is None:
        capacities, asset_id = registry.capacities().get, asset_of(source.key, registry, among)
        telemetry = read_canonical(
            data, now=now, capacity_kw=capacities, where=source.key, asset_id=asset_id
        )
        return telemetry, ""
    if not small:
        raise _too_large(source, size, EXPORT_LIMIT_MB)
    files = {source.key: next(data.pieces(0))}
    telemetry, _ = read_export(profile, files, now=now, registry=registry, any_name=True)
    return telemetry, profile.name


def _header(data: Source) -> str:
    """The file's header: its first line that is no comment."""
    begin = next(data.pieces(0))[:_HEADER_BYTES].decode("utf-8", errors="replace")
    return without_preamble(begin.lstrip("\ufeff")).split("\n", 1)[0]


def _too_large(source: S3Pointer, size: int, limit: float) -> InvalidTelemetry:
    return InvalidTelemetry(
        "file_too_large",
        f"the file has {size / 1e6:.0f} MB, more than {limit:g}",
        where=source.key,
        remedy="split it by day or asset",
    )
