"""Canonical telemetry: bytes from outside in, a clean frame and a quality report out.

The canonical frame has one row a reading, sorted by asset and time:

========================  ==================  ==========================================
column                    unit                note
========================  ==================  ==========================================
timestamp                 UTC, aware          end of the reading's interval
asset_id                  –                   as registered in `assets.json`
temperature_c             °C                  equipment, module or ambient: the model is fitted
voltage_v                 V
power_kw                  kW AC               never negative; night consumption is clipped to zero
irradiance_w_m2           W/m²                optional
wind_speed_m_s            m/s                 optional
dc_power_kw               kW DC               optional, ours
========================  ==================  ==========================================
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ona.errors import InvalidTelemetry

REQUIRED = ("timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw")
OPTIONAL = ("irradiance_w_m2", "wind_speed_m_s", "dc_power_kw")
NUMERIC = ("temperature_c", "voltage_v", "power_kw", *OPTIONAL)
COLUMNS = (*REQUIRED, *OPTIONAL)

TEMPERATURE_C = (-50.0, 100.0)
VOLTAGE_V = (0.0, 1500.0)
NIGHT_CONSUMPTION_SHARE = 0.02
"""Negative power down to this share of capacity is the inverter's own consumption."""
CLOCK_TOLERANCE = timedelta(minutes=10)
EARLIEST = pd.Timestamp("2000-01-01", tz="UTC")
MAX_LINE_BYTES = 64 * 1024
_ZONED = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)
_BINARY_MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}


@dataclass
class Quality:
    """What was wrong with a file, counted by reason. Rejected rows are not in the frame."""

    rows_read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)

    def reject(self, reason: str, count: int) -> None:
        """Count rows that were left out."""
        if count:
            self.rejected[reason] = self.rejected.get(reason, 0) + int(count)

    def flag(self, reason: str, count: int) -> None:
        """Count rows that were kept, but are worth telling about."""
        if count:
            self.flagged[reason] = self.flagged.get(reason, 0) + int(count)

    @property
    def rows_rejected(self) -> int:
        """Rows left out, all reasons together."""
        return sum(self.rejected.values())


@dataclass
class Telemetry:
    """A canonical frame with its quality report."""

    frame: pd.DataFrame
    quality: Quality


def decode(data: bytes, where: str) -> str:
    """Bytes to text. Raises InvalidTelemetry for an empty, binary, overlong-lined or non-UTF-8 file."""
    if not data.strip():
        raise InvalidTelemetry(
            "empty_file",
            f"the file has no content ({len(data)} bytes)",
            where=where,
            remedy="export it again; an upload that broke off often leaves an empty object",
        )
    for magic, name in _BINARY_MAGIC.items():
        if data.startswith(magic):
            raise InvalidTelemetry(
                "binary_file",
                f"the file is {name}, not CSV text",
                where=where,
                remedy="export or unpack it as CSV in UTF-8",
            )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidTelemetry(
            "wrong_encoding",
            "the file is UTF-16",
            where=f"{where}, byte 0",
            remedy="save it as UTF-8 (in Excel: 'CSV UTF-8')",
        )
    if b"\x00" in data[:65536]:
        raise InvalidTelemetry(
            "binary_file",
            f"the file has a zero byte at offset {data.index(0)}: it is not text",
            where=where,
            remedy="export it as CSV in UTF-8",
        )
    breaks = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 0x0A)
    longest = np.diff(np.concatenate(([-1], breaks, [len(data)])))
    if longest.max() > MAX_LINE_BYTES:
        raise InvalidTelemetry(
            "line_too_long",
            f"line {int(longest.argmax()) + 1} has {int(longest.max())} bytes, more than {MAX_LINE_BYTES}",
            where=where,
            remedy="check the line endings: one reading a line",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidTelemetry(
            "wrong_encoding",
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            where=f"{where}, line {line}",
            remedy="save it as UTF-8 (in Excel: 'CSV UTF-8')",
        ) from error


def read_table(text: str, where: str, quality: Quality, *, delimiter: str = ",") -> pd.DataFrame:
    """Parse CSV text; ragged lines are rejected and counted, never guessed at.

    Raises InvalidTelemetry when there is no row below the header, or a column name stands twice.
    """
    lines = _lines(text)
    header = text.lstrip().split("\n", 1)[0].rstrip("\r")
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidTelemetry(
            "duplicate_column",
            f"columns stand twice: {', '.join(twice)}",
            where=f"{where}, line 1",
            remedy="give each column one name",
        )
    if lines < 2:
        raise InvalidTelemetry(
            "no_rows",
            "the file has a header and no readings" if lines else "the file has no content",
            where=where,
            remedy="export it again for a day on which the machine reported",
        )
    try:
        with warnings.catch_warnings():
            # rows longer than the header would be cut off, with a warning
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                on_bad_lines="skip",
                low_memory=False,
                index_col=False,
                skipinitialspace=True,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InvalidTelemetry(
            "not_csv",
            f"the file cannot be read as CSV: {error}",
            where=where,
            remedy="export it as comma-separated text with one header line",
        ) from error
    except pd.errors.ParserWarning as error:
        raise InvalidTelemetry(
            "more_fields_than_columns",
            f"the readings have more fields than the header's {len(names)}",
            where=f"{where}, line 2",
            remedy="export numbers with a decimal point, not a comma; name every column",
        ) from error
    frame.columns = [str(name).strip() for name in frame.columns]
    quality.rows_read += lines - 1
    quality.reject("malformed_row", max(0, lines - 1 - len(frame)))
    return frame


_BLANK_LINE = re.compile(r"(?:^|\n)[^\S\n]*(?=\n|\Z)")


_ODD_STARTS = tuple("\n" + space for space in "\n\r \t\v\f\x1c\x1d\x1e\x1f")


def _lines(text: str) -> int:
    """How many lines hold something."""
    inner = text.strip()
    if inner and inner.isascii() and not any(start in inner for start in _ODD_STARTS):
        return inner.count("\n") + 1  # no line begins with a space: none is blank
    return _lines_one_by_one(text)


def _lines_one_by_one(text: str) -> int:
    return text.count("\n") + 1 - len(_BLANK_LINE.findall(text))


def parse_timestamps(raw: pd.Series, quality: Quality, naive_zone: ZoneInfo | None = None) -> pd.Series:
    """Text with an explicit offset to UTC; what does not parse becomes NaT and is counted.

    Shape (n,) in, (n,) out. A reading without an offset is taken as wall time of `naive_zone`; where
    none is given it is not guessed at, it may be hours off.
    """
    codes, known = pd.factorize(raw)
    if naive_zone is not None or 2 * len(known) > len(raw):  # order tells a clock change; nothing repeats
        return _parse_timestamps(raw, np.ones(len(raw), dtype=np.int64), quality, naive_zone)
    quality.reject("timestamp_missing", int((codes < 0).sum()))
    counts = np.bincount(codes[codes >= 0], minlength=len(known))
    parsed = _parse_timestamps(pd.Series(known, dtype=object), counts, quality, None)
    with_none = pd.concat([parsed, pd.Series([pd.NaT], dtype=parsed.dtype)], ignore_index=True)
    return pd.Series(with_none.array.take(codes), index=raw.index)  # −1, a missing text, takes the last


def _parse_timestamps(
    raw: pd.Series, counts: NDArray[np.int64], quality: Quality, naive_zone: ZoneInfo | None
) -> pd.Series:
    """Each text of which there are so many, shape (n,) each, as a time."""

    def number(mask: pd.Series) -> int:
        return int(counts[mask.to_numpy(dtype=bool)].sum())

    text = raw.astype("string").str.strip()
    zoned = text.str.contains(_ZONED, na=False)
    parsed = pd.to_datetime(text.where(zoned), utc=True, format="ISO8601", errors="coerce")
    parsed = parsed.astype("datetime64[us, UTC]")
    quality.reject("timestamp_unreadable", number(zoned & parsed.isna()))
    quality.reject("timestamp_missing", number(text.isna()))
    bare = ~zoned & text.notna()
    if naive_zone is None:
        quality.reject("timestamp_without_zone", number(bare))
    elif bare.any():
        naive = pd.to_datetime(text[bare], format="ISO8601", errors="coerce")
        quality.reject("timestamp_unreadable", int(naive.isna().sum()))
        parsed[bare] = local_to_utc(naive, naive_zone, quality)
    offsets = text[zoned].str.extract(_OFFSET, expand=False).str.upper()
    offsets = offsets.replace({"+00:00": "Z", "+0000": "Z", "-00:00": "Z"})
    by_offset = pd.Series(counts[zoned.to_numpy(dtype=bool)], index=offsets.index).groupby(offsets).sum()
    if len(by_offset) > 1:
        quality.flag("mixed_zones", int(by_offset.sum() - by_offset.max()))
    return parsed


def local_to_utc(naive: pd.Series, zone: ZoneInfo, quality: Quality) -> pd.Series:
    """Local wall time, shape (n,), to UTC.

    The hour that a clock change repeats is told apart by order where the readings allow it; else,
    like the hour that a change skips, it is rejected and counted: an hour's error is worse.
    """
    try:
        local = naive.dt.tz_localize(zone, ambiguous="infer", nonexistent="NaT")
    except ValueError:
        local = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    quality.reject("local_time_not_unique", int((local.isna() & naive.notna()).sum()))
    return local.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})\s*$", re.IGNORECASE)


def read_canonical(
    data: bytes,
    *,
    now: datetime,
    capacity_kw: Callable[[str], float | None],
    where: str,
) -> Telemetry:
    """A canonical CSV file as a clean frame.

    `capacity_kw` gives the nameplate of an asset, or None when it is not registered.
    Raises InvalidTelemetry when the file fails as a whole; rows that fail are counted.
    """
    quality = Quality()
    frame = read_table(decode(data, where), where, quality)
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        hint = "; the file is separated by semicolons" if ";" in str(frame.columns[0]) else ""
        raise InvalidTelemetry(
            "missing_columns",
            f"columns are missing: {', '.join(missing)}; found: "
            f"{', '.join(map(str, frame.columns[:12]))}{hint}",
            where=f"{where}, line 1",
            remedy="rename the columns, or describe the export by a profile in configs/sources/",
        )
    frame["timestamp"] = parse_timestamps(frame["timestamp"], quality)
    frame = frame[frame["timestamp"].notna()].copy()
    return clean(frame, quality, now=now, capacity_kw=capacity_kw, where=where)


def clean(
    frame: pd.DataFrame,
    quality: Quality,
    *,
    now: datetime,
    capacity_kw: Callable[[str], float | None],
    where: str,
) -> Telemetry:
    """Apply the contract's row rules to a frame with canonical column names and UTC times.

    Raises InvalidTelemetry when no row survives, with the reasons and their counts.
    """
    for column in NUMERIC:
        if column in frame:
            frame[column] = _numbers(frame[column], column, quality)
    frame = frame[[name for name in COLUMNS if name in frame]]
    frame = _drop(frame, frame["asset_id"].isna(), "asset_id_missing", quality)
    codes, names = pd.factorize(frame["asset_id"])
    stripped = np.array([str(name).strip() for name in names], dtype=object)
    frame["asset_id"] = stripped[codes] if len(names) else frame["asset_id"].astype(object)

    capacities = {name: capacity_kw(name) for name in dict.fromkeys(stripped)}
    unknown = sorted(name for name, capacity in capacities.items() if capacity is None)
    if unknown and len(unknown) == len(capacities):
        raise InvalidTelemetry(
            "unknown_asset",
            f"not in assets.json: {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}",
            where=where,
            remedy="add the asset with its capacity to assets.json, then `ona dlq redrive`",
        )
    frame = _drop(frame, frame["asset_id"].isin(unknown), "unknown_asset", quality)
    latest = pd.Timestamp(now) + CLOCK_TOLERANCE
    frame = _drop(frame, frame["timestamp"] > latest, "timestamp_in_the_future", quality)
    frame = _drop(frame, frame["timestamp"] < EARLIEST, "timestamp_implausible", quality)
    infinite = frame[[c for c in NUMERIC if c in frame]].isin([np.inf, -np.inf]).any(axis=1)
    frame = _drop(frame, infinite, "not_finite", quality)
    for column, (low, high) in (("temperature_c", TEMPERATURE_C), ("voltage_v", VOLTAGE_V)):
        outside = (frame[column] < low) | (frame[column] > high)
        frame = _drop(frame, outside, f"{column}_out_of_range", quality)

    limit = -NIGHT_CONSUMPTION_SHARE * frame["asset_id"].map(capacities).astype(float)
    frame = _drop(frame, frame["power_kw"] < limit, "negative_power", quality)
    consuming = frame["power_kw"] < 0
    quality.flag("night_consumption_clipped", int(consuming.sum()))
    frame.loc[consuming, "power_kw"] = 0.0
    for column in ("temperature_c", "voltage_v", "power_kw"):
        quality.flag(f"{column}_null", int(frame[column].isna().sum()))

    if _in_order(frame):
        frame = frame.reset_index(drop=True)
    else:
        frame = _drop(frame, frame.duplicated(keep="first"), "duplicate_row", quality)
        again = frame.duplicated(["asset_id", "timestamp"], keep="last")
        frame = _drop(frame, again, "conflicting_duplicate", quality)
        steps = frame.groupby("asset_id", sort=False)["timestamp"].diff()
        quality.flag("unsorted_rows", int((steps < pd.Timedelta(0)).sum()))
        frame = frame.sort_values(["asset_id", "timestamp"], ignore_index=True)
    if frame.empty:
        worst = max(quality.rejected, key=lambda reason: quality.rejected[reason])
        reasons = ", ".join(f"{count} × {reason}" for reason, count in quality.rejected.items())
        raise InvalidTelemetry(
            worst,
            f"no reading is usable: {reasons}",
            where=where,
            remedy=_REMEDIES.get(worst, "correct the values and put the file again"),
        )
    return Telemetry(frame, quality)


def _in_order(frame: pd.DataFrame) -> bool:
    """Whether readings come by asset and rising time, so that none can stand twice."""
    codes, names = pd.factorize(frame["asset_id"])
    step, rises = np.diff(codes), np.diff(pd.DatetimeIndex(frame["timestamp"]).asi8) > 0
    return bool(((step > 0) | ((step == 0) & rises)).all() and list(names) == sorted(names))


_REMEDIES = {
    "timestamp_without_zone": "write times as ISO 8601 with Z, or use a source profile that names the zone",
    "timestamp_unreadable": "write times as ISO 8601, for example 2025-01-15T08:00:00Z",
    "timestamp_in_the_future": "check the logger's clock and its time zone",
    "timestamp_implausible": "check the logger's clock and the unit of epoch times",
    "negative_power": "check the sign convention: generation counts positive",
    "not_finite": "export missing values as empty cells",
    "power_kw_not_a_number": "export numbers with a decimal point",
}


def _drop(frame: pd.DataFrame, mask: pd.Series, reason: str, quality: Quality) -> pd.DataFrame:
    bad = mask.fillna(False).to_numpy(dtype=bool)
    quality.reject(reason, int(bad.sum()))
    return frame[~bad].copy() if bad.any() else frame


def _numbers(raw: pd.Series, column: str, quality: Quality) -> pd.Series:
    if pd.api.types.is_numeric_dtype(raw) and not pd.api.types.is_bool_dtype(raw):
        return raw.astype(float)
    numbers = pd.to_numeric(raw.astype("string").str.strip(), errors="coerce")
    quality.flag(f"{column}_not_a_number", int((numbers.isna() & raw.notna()).sum()))
    return numbers.astype(float)


def interval_minutes(timestamps: pd.Series) -> float:
    """The usual step between readings of one asset, minutes; 15 when there are fewer than two."""
    return usual_step(pd.DatetimeIndex(timestamps.dropna().sort_values()).as_unit("us").asi8 / 60e6)


def usual_step(minutes: NDArray[np.float64]) -> float:
    """The commonest step between rising times, minutes, the shortest of several; 15 where there is none."""
    steps = np.diff(minutes)
    steps = steps[steps > 0]
    if not len(steps):
        return 15.0
    values, counts = np.unique(steps, return_counts=True)
    return float(values[counts.argmax()])
