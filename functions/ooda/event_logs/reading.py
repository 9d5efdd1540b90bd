"""Reading an event log: its rows become events by asset; rows that say nothing are left out and counted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import pandas as pd

from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import counted, listed, shortened
from ona.telemetry.decoding import decode
from ona.telemetry.readings import Quality
from ona.telemetry.row_rules import CLOCK_TOLERANCE, EARLIEST
from ooda.documents.event_logs import StoredEvent
from ooda.event_logs.headers import Header, header_of
from ooda.event_logs.states import has_states, paired
from ooda.event_logs.times import instants, seconds_of, zone_in, zone_named

LONGEST_TEXT, LONGEST_CODE = 200, 60
"""Characters of a text and of a code that are kept (ours)."""
CHATTER = timedelta(minutes=1)
"""An event that comes again so soon after it went is the same one (ours)."""
NEVER = (1990, 2100)
"""An end before the first or after the second year is a filler for none: 1970, 9999 (ours)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""What would break a line, or turn text around, wherever it is shown."""


@dataclass(frozen=True)
class EventLog:
    """A log as it was read: its events by asset, in order of time, and what was wrong with its rows."""

    events: Mapping[str, list[StoredEvent]]
    quality: Quality

    @property
    def number(self) -> int:
        """How many events it has."""
        return sum(map(len, self.events.values()))


def text_of(data: bytes, where: str) -> str:
    """A log's text: UTF-8, else what Windows writes in Western Europe. Raises InvalidTelemetry."""
    try:
        return decode(data, where)
    except InvalidTelemetry as error:
        if error.reason != "wrong_encoding" or not error.message.endswith("is not UTF-8"):
            raise
        return decode(data.decode("cp1252", errors="replace").encode(), where)


def read_log(data: bytes, registry: AssetRegistry, now: datetime, where: str) -> EventLog:
    """The events of a log. Raises InvalidTelemetry for one that fails as a whole."""
    text = text_of(data, where)
    header = header_of(text)
    if header is None:
        raise InvalidTelemetry(
            "no_event_log",
            "no line names a time and a code or text",
            where=where,
            remedy="docs/data-formats.md#event-logs says what a log needs",
        )
    quality = Quality()
    frame = _table(text, header, quality, where)
    frame = _with_assets(frame, header, registry, quality, where)
    frame = _with_times(frame, header, now, quality, where)
    events = {str(name): _events(own) for name, own in frame.groupby("asset")}
    if not events:
        raise _nothing(quality, where)
    return EventLog(events, quality)


# ------------------------------------------------------------------ rows


def _table(text: str, header: Header, quality: Quality, where: str) -> pd.DataFrame:
    """The columns that have a role, as texts; a row with another number of fields is left out."""
    lines = io.StringIO(text.lstrip("\ufeff"), newline="")
    for _ in range(header.line + 1):
        lines.readline()
    width, rows = len(header.names), []
    try:
        for row in csv.reader(lines, delimiter=header.delimiter):
            if not any(field.strip() for field in row):
                continue
            quality.rows_read += 1
            if len(row) == width or (len(row) == width + 1 and not row[-1].strip()):
                rows.append([_clean(row[place]) for place in header.roles.values()])
            else:
                quality.reject("malformed_row", 1)
    except csv.Error as error:
        raise InvalidTelemetry(
            "not_csv", f"the file cannot be read as CSV: {error}", where=where, remedy="export it again"
        ) from error
    if not quality.rows_read:
        raise InvalidTelemetry(
            "no_rows",
            "the log has a header and no events",
            where=where,
            remedy="nothing happened: nothing to do",
        )
    return pd.DataFrame(rows, columns=list(header.roles), dtype="string")


def _clean(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _with_assets(
    frame: pd.DataFrame, header: Header, registry: AssetRegistry, quality: Quality, where: str
) -> pd.DataFrame:
    """The rows of registered assets, each with its id. A log without such a column is of the one asset that
    its name or the lines before its header name."""
    ids = _names(registry)
    if "asset" not in frame:
        said = f"{PurePosixPath(where).stem}\n{header.preamble}"
        named = {own for name, own in ids.items() if _says(said, name)}
        if len(named) != 1:
            raise InvalidTelemetry(
                "no_asset_column",
                "no column says whose event it is, and "
                + (f"the file names {listed(sorted(named), 3)}" if named else "the file names no asset"),
                where=where,
                remedy="add a column `asset`, or put the id of the one asset into the file's name",
            )
        return frame.assign(asset=named.pop())
    found = frame["asset"].str.lower().map(ids)
    for name, count in frame.loc[found.isna(), "asset"].value_counts().items():
        quality.of_stranger(str(name)[:LONGEST_CODE], int(count))
    quality.reject("unknown_asset", int(found.isna().sum()))
    return frame.assign(asset=found)[found.notna()]


def _names(registry: AssetRegistry) -> dict[str, str]:
    """Asset ids by what a log may call them: id or name, in lower case; a name of two assets is none."""
    names: dict[str, set[str]] = {}
    for asset in registry.assets:
        if asset.name:
            names.setdefault(_clean(asset.name).lower(), set()).add(asset.id)
    unique = {name: own.pop() for name, own in names.items() if len(own) == 1}
    return unique | {asset.id.lower(): asset.id for asset in registry.assets}


def _says(text: str, name: str) -> bool:
    """Whether a text has a name as words of its own, however they are joined."""
    words = [re.escape(word) for word in re.split(r"[ _-]+", name) if word]
    pattern = rf"(?<![a-z0-9]){'[ _-]+'.join(words)}(?![a-z0-9])"
    return bool(words) and re.search(pattern, text.lower()) is not None


# ------------------------------------------------------------------ times


def _with_times(
    frame: pd.DataFrame, header: Header, now: datetime, quality: Quality, where: str
) -> pd.DataFrame:
    """The rows with `start`, `end` (NaT: open) and `seen`; rows whose times cannot be are left out."""
    said = [*header.zones, *(frame["zone"].unique() if "zone" in frame else [])]
    zones = {name for name in said if name} or ({zone_in(header.preamble)} - {""})
    if len(zones) > 1:
        raise InvalidTelemetry(
            "time_zone_ambiguous",
            f"the log names several zones: {listed(sorted(zones), 3)}",
            where=where,
            remedy="write times with their offset",
        )
    zone = zone_named(zones.pop(), where) if zones else None
    begin = frame["start" if "start" in frame else "time"]
    start = instants(begin, zone, quality, where)
    quality.reject("timestamp_missing", int((begin.fillna("") == "").sum()))
    frame = frame.assign(start=start)
    if "end" in frame:
        end = instants(frame["end"], zone, quality, where)
        year = pd.to_numeric(frame["end"].str.extract(r"(\d{4})", expand=False), errors="coerce")
        filler = (year < NEVER[0]) | (year > NEVER[1])
        frame = frame.assign(end=end.mask(filler), ended=frame["end"].ne("") & ~filler)
        frame = frame[~(frame["ended"] & frame["end"].isna())]  # its end is no time: counted there
    else:
        frame = frame.assign(end=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]"))
    if "duration" in frame:
        frame = _with_durations(frame, header, quality, where)
    frame = frame[frame["start"].notna()]
    if not header.spans:
        frame = paired(frame) if has_states(frame) else frame.assign(end=frame["start"])
    latest = pd.Timestamp(now + CLOCK_TOLERANCE)
    begins = frame["start"].fillna(frame["end"])
    for reason, wrong in (
        ("timestamp_in_the_future", (begins > latest) | (frame["end"] > latest)),
        ("timestamp_implausible", begins < EARLIEST),
        ("end_before_start", frame["end"] < frame["start"]),
        ("no_code_and_no_text", _blank(frame, "code") & _blank(frame, "text")),
    ):
        wrong = wrong.reindex(frame.index, fill_value=False)
        quality.reject(reason, int(wrong.sum()))
        frame = frame[~wrong]
    if frame.empty:
        return frame
    return frame.assign(seen=frame[["start", "end"]].max().max())


def _with_durations(frame: pd.DataFrame, header: Header, quality: Quality, where: str) -> pd.DataFrame:
    """Ends from durations, where a row has none. Raises InvalidTelemetry for numbers without a unit."""
    unit = header.brackets.get("duration", "")
    wanted = frame["end"].isna() & frame["start"].notna() & frame["duration"].ne("").fillna(False)
    texts = frame.loc[wanted, "duration"]
    seconds = texts.map(lambda text: seconds_of(text, unit)).astype(float)
    if len(texts) and not unit and texts[seconds.isna()].str.fullmatch(r"\d+([.,]\d+)?").any():
        raise InvalidTelemetry(
            "duration_without_unit",
            f"durations such as {shortened(str(texts.iloc[0]), 20)} have no unit",
            where=where,
            remedy="name it in the header: `duration (s)`, `duration (min)`",
        )
    bad = seconds.isna() | (seconds > 10 * 365 * 86400.0)
    quality.reject("duration_unreadable", int(bad.sum()))
    ends = frame["start"][wanted] + pd.to_timedelta(seconds.where(~bad), unit="s")
    end = frame["end"].copy()
    end[wanted] = ends.astype(end.dtype)
    return frame.assign(end=end).drop(index=texts.index[bad])


def _blank(frame: pd.DataFrame, role: str) -> pd.Series:
    return frame[role].fillna("").eq("") if role in frame else pd.Series(True, index=frame.index)


# ------------------------------------------------------------------ events


def _events(own: pd.DataFrame) -> list[StoredEvent]:
    """The events of one asset, each once, in order of time; chatter of one code is one event."""
    found: dict[tuple[str, str], list[StoredEvent]] = {}
    own = own.assign(_at=own["start"].fillna(own["end"])).sort_values(["_at", "end"], kind="stable")
    for row in own.to_dict("records"):
        start, end = (
            None if pd.isna(row[name]) else row[name].to_pydatetime() for name in ("start", "end")
        )
        event = StoredEvent(
            code=str(row.get("code") or "")[:LONGEST_CODE],
            text=str(row.get("text") or "")[:LONGEST_TEXT],
            category=str(row.get("category") or "")[:LONGEST_CODE],
            severity=str(row.get("severity") or "")[:LONGEST_CODE],
            start=start,
            end=end,
            seen=row["seen"].to_pydatetime(),
        )
        same = found.setdefault((event.code, event.text), [])
        before = same[-1] if same else None
        if before is not None and before.start and event.start and before.category == event.category:
            if event.start == before.start and (before.end is None or event.end is None):
                same[-1] = before.model_copy(update={"end": before.end or event.end})
                continue
            if before.end is not None and event.end is not None and event.start <= before.end + CHATTER:
                same[-1] = before.model_copy(update={"end": max(before.end, event.end)})
                continue
        same.append(event)
    return sorted((event for same in found.values() for event in same), key=lambda event: event.begins)


def _nothing(quality: Quality, where: str) -> InvalidTelemetry:
    """The error of a log of which no row can be used."""
    reasons = quality.rejected
    worst = max(reasons, key=lambda reason: reasons[reason], default="no_rows")
    if worst == "unknown_asset":
        return InvalidTelemetry(
            worst,
            f"not in assets.json: {listed(sorted(quality.strangers), 5)}",
            where=where,
            remedy="add the assets to assets.json under the id or the name that the log gives them, "
            "then `./ona dlq redrive`",
        )
    counts = ", ".join(f"{count} × {reason}" for reason, count in reasons.items())
    return InvalidTelemetry(
        worst,
        f"none of {counted(quality.rows_read, 'event')} can be used: {counts}",
        where=where,
        remedy="correct the rows and put the file again",
    )
