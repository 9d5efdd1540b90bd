"""A file's rows collected by asset; in the end its telemetry, or the reason why there is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.readings import Piece, Quality, ReadingsByAsset, Rows, Telemetry
from ona.telemetry.row_rules import Capacities

_ASSETS_NAMED = 5
"""So many unregistered assets are named in an error."""
_REMEDIES = {
    "timestamp_without_zone": "write times as ISO 8601 with Z, or use a source profile that names the zone",
    "timestamp_unreadable": "write times as ISO 8601, for example 2025-01-15T08:00:00Z",
    "timestamp_in_the_future": "check the logger's clock and its time zone",
    "timestamp_implausible": "check the logger's clock and the unit of epoch times",
    "negative_power": "check the sign convention: generation counts positive",
    "not_finite": "export missing values as empty cells",
    "power_kw_not_a_number": "export numbers with a decimal point",
}
"""What the owner of a file can do, by the reason for which most of its rows were rejected."""


class Collector:
    """Rows of one file, by asset, in the order in which they come."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._pieces: dict[str, list[Piece]] = {}
        self.seen: dict[str, None] = {}
        """All asset ids of the file, registered or not, in order; the values mean nothing."""

    def add(self, rows: Rows) -> None:
        """Put rows behind those of the same assets."""
        self.seen.update(dict.fromkeys(rows.names))
        rows, edges = side_by_side(rows)
        for first, end in pairwise(edges):
            name = rows.names[int(rows.asset[first])]
            self.put(name, (rows.time[first:end], rows.numbers[:, first:end]))

    def put(self, name: str, piece: Piece) -> None:
        """Put a piece behind those of the same asset."""
        self._pieces.setdefault(name, []).append(piece)

    def telemetry(self, quality: Quality, where: str, capacity_kw: Capacities) -> Telemetry:
        """The file's telemetry, each asset's readings in order of time.

        Raises InvalidTelemetry when no row survived, with the reasons and their counts.
        """
        if len(quality.offsets) > 1:
            quality.flag("mixed_zones", sum(quality.offsets.values()) - max(quality.offsets.values()))
        if self._pieces:
            by_asset = ReadingsByAsset(self._columns, self._pieces)
            by_asset.tidy(quality)
            return Telemetry(by_asset, quality)
        raise self._nothing_usable(quality, where, capacity_kw)

    def _nothing_usable(self, quality: Quality, where: str, capacity_kw: Capacities) -> InvalidTelemetry:
        unregistered = sorted(name for name in self.seen if capacity_kw(name) is None)
        if unregistered and len(unregistered) == len(self.seen):
            more = " …" if len(unregistered) > _ASSETS_NAMED else ""
            return InvalidTelemetry(
                "unknown_asset",
                f"not in assets.json: {', '.join(unregistered[:_ASSETS_NAMED])}{more}",
                where=where,
                remedy="add the asset with its capacity to assets.json, then `./ona dlq redrive`",
            )
        worst = max(quality.rejected, key=lambda reason: quality.rejected[reason])
        reasons = ", ".join(f"{count} × {reason}" for reason, count in quality.rejected.items())
        return InvalidTelemetry(
            worst,
            f"no reading is usable: {reasons}",
            where=where,
            remedy=_REMEDIES.get(worst, "correct the values and put the file again"),
        )


def side_by_side(rows: Rows) -> tuple[Rows, list[int]]:
    """Rows ordered by asset, and where the assets begin and the last one ends: [0, …, number of rows].

    The rows of one asset keep the order in which they came. Rows that come by asset already are not copied.
    """
    cuts = np.flatnonzero(np.diff(rows.asset)) + 1
    if len(cuts) > 4 * len(rows.names):  # the assets take turns
        small = rows.asset.astype(np.int16 if len(rows.names) < 2**15 else np.int64)
        rows = rows.where(np.argsort(small, kind="stable"))
        cuts = np.flatnonzero(np.diff(rows.asset)) + 1
    return rows, [0, *cuts.tolist(), len(rows)] if len(rows) else []
