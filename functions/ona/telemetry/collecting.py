"""A file's rows collected by asset; in the end its telemetry, or the reason why there is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import counted
from ona.telemetry.pieces import Piece
from ona.telemetry.readings import POWER_IS_TEXT as _TEXT
from ona.telemetry.readings import Quality, ReadingsByAsset, Rows, Telemetry
from ona.telemetry.row_rules import Capacities

MOST_UNUSABLE = 0.9
"""Share of a file's readings (ours). With more that cannot be used nobody should trust the rest: the file
is put aside. With fewer Detect tells of each asset that nobody could watch by day. Not lower: by night a
logger may write `offline` for power, and in winter that is most of a day."""
_NO_FAULT_OF_VALUES = ("unknown_asset", "duplicate_row", "conflicting_duplicate")
"""Why a row is left out although its values can be used."""
_ASSETS_NAMED = 5
"""So many unregistered assets are named in an error."""
_REMEDIES = {
    "timestamp_without_zone": "write times as ISO 8601 with Z, or use a source profile that names the zone",
    "timestamp_unreadable": "write times as ISO 8601, for example 2025-01-15T08:00:00Z, "
    "not as numbers since 1970",
    "timestamp_in_the_future": "check the logger's clock and its time zone",
    "timestamp_implausible": "check the logger's clock and the unit of epoch times",
    "negative_power": "check the sign convention: generation counts positive",
    "not_finite": "export missing values as empty cells",
    "power_kw_not_a_number": "export numbers with a decimal point",
    "power_kw_out_of_range": "put the file again with power in kW, or correct capacity_kw in assets.json, "
    "then `./ona dlq redrive`",
    "no_power": "check which column power comes from; a machine that stands still has power 0",
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
            self.put(name, Piece.of(rows.time[first:end], rows.numbers[:, first:end], rows.columns))

    def put(self, name: str, piece: Piece) -> None:
        """Put a piece behind those of the same asset."""
        self._pieces.setdefault(name, []).append(piece)

    def telemetry(self, quality: Quality, where: str, capacity_kw: Capacities) -> Telemetry:
        """The file's telemetry, each asset's readings in order of time.

        Raises InvalidTelemetry when no row survived, or so few that nobody should trust them, or none with
        power; with the reasons and their counts.
        """
        if len(quality.offsets) > 1:
            quality.flag("mixed_zones", sum(quality.offsets.values()) - max(quality.offsets.values()))
        if not self._pieces:
            raise self._nothing_usable(quality, where, capacity_kw)
        by_asset = ReadingsByAsset(self._columns, self._pieces)
        by_asset.tidy(quality)
        _refuse_unusable(quality, where)
        if not self._has_power():
            raise _refused("no_power", f"none of {counted(by_asset.readings, 'reading')} has power", where)
        return Telemetry(by_asset, quality)

    def _has_power(self) -> bool:
        return any(piece.has_power for pieces in self._pieces.values() for piece in pieces)

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
        worst, reasons = _most_frequent(quality.rejected)
        none = (
            f"no reading is usable{reasons}" if reasons else f"no reading of {quality.rows_read} is usable"
        )
        return _refused(worst, none, where)


def _refuse_unusable(quality: Quality, where: str) -> None:
    """Raises InvalidTelemetry when nearly none of a file's readings can be used, by whatever reasons."""
    reasons = {name: n for name, n in quality.rejected.items() if name not in _NO_FAULT_OF_VALUES}
    text = [times for own in quality.unusable.values() for reason, times in own if reason == _TEXT]
    if text:
        reasons[_TEXT] = sum(map(len, text))
    whole = quality.rows_read - sum(quality.rejected.get(name, 0) for name in _NO_FAULT_OF_VALUES)
    bad = min(sum(reasons.values()), whole)
    if bad > MOST_UNUSABLE * whole:
        worst, counts = _most_frequent(reasons)
        message = f"{bad} of {counted(whole, 'reading')} cannot be used{counts}"
        if worst == _TEXT and quality.text_in_power:
            message += f"; power_kw is for example {quality.text_in_power}"
        raise _refused(worst, message, where)


def _most_frequent(reasons: dict[str, int]) -> tuple[str, str]:
    """The reason that most rows have; and all of them with their counts, where there are several."""
    worst = max(reasons, key=lambda reason: reasons[reason])
    counts = ", ".join(f"{count} × {reason}" for reason, count in reasons.items())
    return worst, f": {counts}" if len(reasons) > 1 else ""


def _refused(reason: str, message: str, where: str) -> InvalidTelemetry:
    remedy = _REMEDIES.get(reason, "correct the values and put the file again")
    return InvalidTelemetry(reason, message, where=where, remedy=remedy)


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
