"""Text to instants in UTC. A time that is not certain is rejected and counted, never guessed at."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.telemetry.readings import Quality

_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)
"""The offset from UTC at the end of an ISO 8601 text."""
_HAS_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)
"""The same without a group, which pandas' `contains` wants."""
_WRITINGS_OF_UTC = {"+00:00": "Z", "+0000": "Z", "-00:00": "Z"}
"""Offsets that mean UTC; ISO 8601 allows each."""
_EPOCH = re.compile(r"1\d{9}(\d{3})?(\.\d+)?")
"""Seconds or milliseconds since 1970: numbers, which no time of day is."""


def parse_timestamps(raw: pd.Series, quality: Quality, naive_zone: ZoneInfo | None = None) -> pd.Series:
    """ISO 8601 texts, shape (n,), as instants in UTC, shape (n,); what does not parse becomes NaT.

    `naive_zone` is the zone of texts that carry no offset. Without it they are rejected: they may be hours
    off. `quality` counts what was rejected, by reason, and with which offsets times were written.

    >>> quality = Quality()
    >>> texts = pd.Series(["2025-06-10T10:00:00+02:00", "2025-06-10T10:00:00", "yesterday"])
    >>> [str(time) for time in parse_timestamps(texts, quality)]
    ['2025-06-10 08:00:00+00:00', 'NaT', 'NaT']
    >>> quality.rejected
    {'timestamp_without_zone': 2}
    >>> _ = parse_timestamps(pd.Series(["1716280200000"]), quality)  # no time of day lacks a zone here
    >>> quality.rejected
    {'timestamp_without_zone': 2, 'timestamp_unreadable': 1}
    """
    codes, distinct = pd.factorize(raw)
    # With a zone every text counts: the order of texts tells the hour that a clock change repeats.
    if naive_zone is not None or 2 * len(distinct) > len(raw):
        return _parse_counted(raw, np.ones(len(raw), dtype=np.int64), quality, naive_zone)
    quality.reject("timestamp_missing", int((codes < 0).sum()))
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    parsed = _parse_counted(pd.Series(distinct, dtype=object), counts, quality, None)
    with_none = pd.concat([parsed, pd.Series([pd.NaT], dtype=parsed.dtype)], ignore_index=True)
    return pd.Series(with_none.array.take(codes), index=raw.index)  # −1, a missing text, takes the last


def _parse_counted(
    raw: pd.Series, counts: NDArray[np.int64], quality: Quality, naive_zone: ZoneInfo | None
) -> pd.Series:
    """Texts as instants, shape (n,). `counts`, shape (n,), says how many rows have each text."""

    def rows_of(mask: pd.Series) -> int:
        return int(counts[mask.to_numpy(dtype=bool)].sum())

    text = raw.astype("string").str.strip()
    zoned = text.str.contains(_HAS_OFFSET, na=False)
    parsed = pd.to_datetime(text.where(zoned), utc=True, format="ISO8601", errors="coerce")
    parsed = parsed.astype("datetime64[us, UTC]")
    quality.reject("timestamp_unreadable", rows_of(zoned & parsed.isna()))
    quality.reject("timestamp_missing", rows_of(text.isna()))
    bare = ~zoned & text.notna()
    if naive_zone is None:
        epochs = text.str.fullmatch(_EPOCH, na=False)
        quality.reject("timestamp_unreadable", rows_of(epochs))
        quality.reject("timestamp_without_zone", rows_of(bare & ~epochs))
    elif bare.any():
        naive = pd.to_datetime(text[bare], format="ISO8601", errors="coerce")
        quality.reject("timestamp_unreadable", int(naive.isna().sum()))
        parsed[bare] = local_to_utc(naive, naive_zone, quality)
    offsets = text[zoned].str.extract(_OFFSET, expand=False).str.upper().replace(_WRITINGS_OF_UTC)
    rows = pd.Series(counts[zoned.to_numpy(dtype=bool)]).groupby(offsets.to_numpy()).sum()
    for offset, count in rows.items():
        quality.written_with(str(offset), int(count))
    return parsed


def local_to_utc(naive: pd.Series, zone: ZoneInfo, quality: Quality) -> pd.Series:
    """Local wall times, shape (n,), as instants in UTC, shape (n,).

    A clock change repeats one hour and skips another. The order of the readings tells the two repeated
    hours apart where it can. Where it cannot, and for a skipped hour, the reading is rejected as
    `local_time_not_unique`: a reading less is better than one that is an hour off.
    """
    try:
        local = naive.dt.tz_localize(zone, ambiguous="infer", nonexistent="NaT")
    except ValueError:
        local = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    quality.reject("local_time_not_unique", int((local.isna() & naive.notna()).sum()))
    return local.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
