"""How a file is cut into batches: the assets of one site that one process judges at a time.

A site is never mixed with another. Of a large file at most `BATCH` assets are judged at a time, so that
several processes share the work and each needs little memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ooda.detect.context import TelemetryFile

LARGE = 1_000_000
"""Readings. From so many on a file is judged in several processes."""
BATCH = 24
"""Assets of one site in a batch of a large file."""


@dataclass(frozen=True)
class Batch:
    """Assets of one site; `part` counts the site's batches from 0, `names` are asset ids."""

    site: str
    part: int
    names: list[str]


def is_large(file: TelemetryFile) -> bool:
    """Whether several processes judge the file."""
    return file.rows >= LARGE


def batches(file: TelemetryFile) -> list[Batch]:
    """A file's assets by site, in order of site and asset id."""
    sites: dict[str, list[str]] = {}
    for asset in file.registry.assets:
        if asset.id in file.readings:
            sites.setdefault(asset.site_id, []).append(asset.id)
    result = []
    for site, names in sorted(sites.items()):
        ordered = sorted(names)
        most = BATCH if is_large(file) else len(ordered)
        parts = [ordered[start : start + most] for start in range(0, len(ordered), most)]
        result += [Batch(site, part, own) for part, own in enumerate(parts)]
    return result
