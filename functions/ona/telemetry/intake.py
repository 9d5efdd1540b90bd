"""Taking in a telemetry file: size, registry, our own columns or a vendor's export."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from ona.config import services, sources
from ona.config.sources import SourceProfile
from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry, ObjectMissing
from ona.store import s3
from ona.store.registry import read_registry
from ona.telemetry.exports import read_export, recognise
from ona.telemetry.fast_csv import Source
from ona.telemetry.readings import Telemetry
from ona.telemetry.strict_csv import read_canonical

DEFAULT_LIMIT_MB = 100.0
EXPORT_LIMIT_MB = 100.0
"""A vendor's export is read in one piece; our own columns are not."""


def registry(bucket: str) -> AssetRegistry:
    """`assets.json` of the input bucket. Raises InvalidTelemetry when there is none."""
    try:
        return read_registry(bucket)
    except ObjectMissing as error:
        raise InvalidTelemetry(
            "no_asset_registry",
            "the input bucket has no assets.json, so no machine's capacity is known",
            where=f"s3://{bucket}/assets.json",
            remedy="put assets.json, then `ona dlq redrive`",
        ) from error


def read(source: S3Pointer, known: AssetRegistry, now: datetime, *, service: str) -> tuple[Telemetry, str]:
    """A file as canonical telemetry, and the source profile it was read by ("" for our own columns).

    A file larger than the service's `max_file_size_mb` is refused unread. Raises InvalidTelemetry.
    """
    limit = services.service_limits()[service].max_file_size_mb or DEFAULT_LIMIT_MB
    size = s3.size_of(source)
    if size > limit * 1e6:
        raise _too_large(source, size, limit)
    small = size <= EXPORT_LIMIT_MB * 1e6
    data = Source.of(s3.read_bytes(source)) if small else Source(size, partial(s3.stream, source))
    header = (
        next(data.pieces(0))[:4096].decode("utf-8", errors="replace").lstrip("\ufeff").split("\n", 1)[0]
    )
    profile: SourceProfile | None = recognise(header, sources.source_profiles())
    if profile is None:
        return read_canonical(data, now=now, capacity_kw=known.capacity_kw, where=source.key), ""
    if not small:
        raise _too_large(source, size, EXPORT_LIMIT_MB)
    files = {source.key: next(data.pieces(0))}
    telemetry, _ = read_export(profile, files, now=now, registry=known, any_name=True)
    return telemetry, profile.name


def _too_large(source: S3Pointer, size: int, limit: float) -> InvalidTelemetry:
    return InvalidTelemetry(
        "file_too_large",
        f"the file has {size / 1e6:.0f} MB, more than {limit:g}",
        where=source.key,
        remedy="split it by day or asset",
    )
