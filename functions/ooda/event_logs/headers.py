"""Which file is an event log, by its header: it says when something happened, and what.

>>> header_of("start (UTC);end (UTC);turbine;code;message\\n").zones
('UTC', 'UTC')
>>> header_of("timestamp,asset_id,temperature_c,voltage_v,power_kw,code,text\\n") is None  # telemetry
True
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ona.config import sources
from ona.documents.columns import FULL, NUMERIC
from ona.telemetry.exports import recognise
from ooda.config.event_codes import event_codes

DELIMITERS = (",", ";", "\t", "|")
PREAMBLE = 40
"""So many lines may stand before the header: portals write there what was exported (ours)."""
HEAD_BYTES = 65_536
"""The part of a file in which a log's header is looked for."""
_BRACKET = re.compile(r"[\[(]([^\])]*)[\])]")
"""A unit or a zone behind a column's name."""
_ZONE_SUFFIX = re.compile(r"[ _](utc|gmt)$", re.IGNORECASE)
_NO_ZONE = re.compile(r"^(s|sec|seconds?|min|minutes?|h|hours?|ms|hh:mm:ss|d|days?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The header of an event log.

    `line`: lines before it. `preamble`: their text. `roles`: the column of each role, by number.
    `brackets`: what stands in brackets behind each column's name.
    """

    line: int
    preamble: str
    delimiter: str
    names: tuple[str, ...]
    roles: Mapping[str, int]
    brackets: Mapping[str, str]

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones that the columns of time name."""
        named = (self.brackets.get(role, "") for role in ("start", "end", "time"))
        return tuple(zone for zone in named if zone and not _NO_ZONE.match(zone))

    @property
    def spans(self) -> bool:
        """Whether a row says when its event ended, or how long it lasted."""
        return "end" in self.roles or "duration" in self.roles


def head_text(head: bytes) -> str:
    """The text of a file's beginning, without a last line that is cut."""
    whole = head[: head.rfind(b"\n") + 1] if len(head) >= HEAD_BYTES else head
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        return whole.decode("cp1252", errors="replace")


def header_of(text: str) -> Header | None:
    """The header of an event log at the beginning of a text; None for telemetry and for anything else.

    A file in our own columns, or in those of a source profile, is telemetry whatever else stands in it. So
    is one with measured values and no column that says when an event ended, or whether it came or went.
    """
    lines = text.lstrip("\ufeff").splitlines()[:PREAMBLE]
    for number, line in enumerate(lines):
        bare = line.lstrip("# ").rstrip("\r")
        if _is_telemetry(bare):
            return None
        header = _header(bare, number, "\n".join(lines[:number]))
        if header is not None:
            return header
        if number and line.count(",") + line.count(";") + line.count("\t") > 2 and line[:1] != "#":
            break  # rows: the header stood before them
    return None


def _is_telemetry(line: str) -> bool:
    names = {name.strip().strip('"') for name in line.split(",")}
    return names >= set(FULL) or recognise(line, sources.source_profiles()) is not None


def _header(line: str, number: int, preamble: str) -> Header | None:
    delimiter = max(DELIMITERS, key=line.count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    roles: dict[str, int] = {}
    brackets: dict[str, str] = {}
    known = event_codes().columns.model_dump()
    for place, name in enumerate(names):
        bare, inside = _plain(name)
        for role, aliases in known.items():
            if bare in aliases and role not in roles:
                roles[role], brackets[role] = place, inside
                break
    if "time" in roles and "start" not in roles and ("end" in roles or "duration" in roles):
        roles["start"], brackets["start"] = roles.pop("time"), brackets.pop("time")
    if not {"start", "time"} & roles.keys() or not {"code", "text"} & roles.keys():
        return None
    measured = any(name.strip().lower() in NUMERIC for name in names)
    if measured and not {"end", "duration", "severity"} & roles.keys():
        return None
    return Header(number, preamble, delimiter, tuple(names), roles, brackets)


def _plain(name: str) -> tuple[str, str]:
    """A column's name in lower case with single spaces, and what stands in its bracket.

    >>> _plain("Start_Time [Europe/Berlin]"), _plain("start_utc"), _plain("Duration (s)")
    (('start time', 'Europe/Berlin'), ('start', 'UTC'), ('duration', 's'))
    """
    bracket = _BRACKET.search(name)
    inside = bracket[1].strip() if bracket else ""
    bare = _BRACKET.sub(" ", name).strip().strip('"').lower()
    suffix = _ZONE_SUFFIX.search(bare.replace("-", "_"))
    if suffix and not inside:
        bare, inside = bare[: suffix.start()], suffix[1].upper()
    return " ".join(re.sub(r"[_.\-/]+", " ", bare).split()), inside
