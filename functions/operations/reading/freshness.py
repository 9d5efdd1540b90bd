"""Does each site still send? Its newest telemetry against what is usual for it.

Every file that Detect judges is written to the telemetry store, under its site; the time of the write is
when the file came. What is usual is the site's own past: the median time between two writes of a machine,
and whether in these hours of the day something came on the days before. So a site that sends once a day,
and one that sends every five minutes while the sun shines, are both held to what they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_high
from typing import Any

from ona.runtime.words import counted
from ona.store.layout import ASSETS, TELEMETRY
from ona.store.registry import accepted
from ona.store.unreadable import Unreadable
from operations.reading.finding import Client, Finding, code_of

CHECK = "freshness"
DAYS = 8
"""So many of a site's newest days of data are looked at: a week, and the day that runs (ours)."""
MOST_WRITES = 5_000
"""So many writes of a site are enough to know what is usual, five calls of S3 (ours)."""
_UPLOADED = "_upload-"
"""How names begin that forecasting writes there: an upload is no telemetry of the loop."""
_TOGETHER = timedelta(minutes=1)
"""Writes of a machine within a minute are one arrival: a file of several days makes an object each."""
_LEAST_GAPS = 2
"""So many gaps say what is usual (ours)."""
_LATE, _LOST = 2, 3
"""So many usual intervals make a site late, and lost (ours)."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Arrival:
    """One write of telemetry: which object (a machine's, or a file's of several), and when, UTC."""

    name: str
    at: datetime


def freshness(
    client: Client, input_bucket: str, output_bucket: str, now: datetime, stopped: datetime | None = None
) -> Iterator[Finding]:
    """One finding a site of assets.json. `now` is UTC; `stopped`: since when the platform is stopped. What
    came since then waits, so that a site is judged as it was at that moment."""
    s3 = client("s3")
    try:
        sites, left_out = _sites(s3, input_bucket)
    except Exception as error:
        if code_of(error) in ("NoSuchKey", "404"):
            yield Finding.warning(
                CHECK, ASSETS, "there is none: no machine is known, so no file is accepted"
            )
        else:
            yield Finding.unknown(CHECK, ASSETS, error)
        return
    if left_out:
        yield Finding.warning(
            CHECK, ASSETS, f"{counted(left_out, 'entry')} cannot be used: see `ona status`"
        )
    for site in sites:
        try:
            arrivals = _arrivals(s3, output_bucket, site)
            yield judge(site, arrivals, now) if stopped is None else judge_then(site, arrivals, stopped)
        except Exception as error:
            yield Finding.unknown(CHECK, site, error)


def _sites(s3: Any, bucket: str) -> tuple[list[str], int]:
    """The sites of the registry, and how many of its entries cannot be used."""
    bad: list[Unreadable] = []
    body = s3.get_object(Bucket=bucket, Key=ASSETS)["Body"].read()
    registry = accepted(body, f"s3://{bucket}/{ASSETS}", bad)
    return sorted({asset.site_id for asset in registry.assets}), len(bad)


def _arrivals(s3: Any, bucket: str, site: str) -> list[Arrival]:
    """When telemetry of the site's newest days of data was written, the newest days first."""
    whole = TELEMETRY.prefix(site_id=site)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=whole, Delimiter="/")
    days = sorted(
        (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])), reverse=True
    )
    arrivals: list[Arrival] = []
    for prefix in days[:DAYS]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            arrivals += [
                Arrival(name, item["LastModified"])
                for item in page.get("Versions", [])
                if not (name := item["Key"].removeprefix(prefix)).startswith(_UPLOADED)
            ]
            if len(arrivals) >= MOST_WRITES:
                return arrivals
    return arrivals


def judge(site: str, arrivals: Sequence[Arrival], now: datetime) -> Finding:
    """Fresh, late or lost.

    Late: nothing came for two usual intervals; and of a site that sends more often than twice a day, on
    most days before something came in these hours. Lost: late for three of them, and a day at least.
    """
    if not arrivals:
        return Finding.warning(CHECK, site, "nothing has ever come")
    newest = max(arrival.at for arrival in arrivals)
    silence = now - newest
    said = f"last file {_ago(silence)} ago"
    usual = usual_interval(arrivals)
    if usual is None:
        if silence < _DAY:
            return Finding.ok(CHECK, site, f"{said}; too few came to say what is usual")
        return Finding.warning(CHECK, site, f"{said}; too few came to say what is usual", since=newest)
    said = f"{said}, usually every {_ago(usual)}"
    if silence <= _LATE * usual or not _something_came(arrivals, usual, silence, now):
        return Finding.ok(CHECK, site, said)
    if silence > max(_LOST * usual, _DAY):
        return Finding.critical(CHECK, site, said, since=newest)
    return Finding.warning(CHECK, site, said, since=newest)


def judge_then(site: str, arrivals: Sequence[Arrival], stopped: datetime) -> Finding:
    """As `judge`, at the moment of the stop; what ran on then may have written since."""
    then = max([stopped, *(arrival.at for arrival in arrivals)])
    found = judge(site, arrivals, then)
    return found.model_copy(update={"text": f"{found.text}, when the platform was stopped"})


def usual_interval(arrivals: Sequence[Arrival]) -> timedelta | None:
    """The median time between two arrivals of the same machine; None where too few came."""
    by_name: dict[str, list[datetime]] = {}
    for arrival in arrivals:
        by_name.setdefault(arrival.name, []).append(arrival.at)
    gaps = [
        later - earlier
        for times in by_name.values()
        for earlier, later in zip(sorted(times)[:-1], sorted(times)[1:], strict=True)
        if later - earlier > _TOGETHER
    ]
    return median_high(gaps) if len(gaps) >= _LEAST_GAPS else None


def _something_came(
    arrivals: Sequence[Arrival], usual: timedelta, silence: timedelta, now: datetime
) -> bool:
    """Whether something came in these same hours on most of the days before.

    The hours begin one usual interval (an hour at least) after the last file, so that a file which came a
    little later on another day is no reason. Without a day to compare with, the interval alone counts.
    """
    first = min(arrival.at for arrival in arrivals)
    begin = now - silence + max(usual, _HOUR)
    if usual > _DAY / 2:
        return True  # there are no hours of the day in which it is silent
    if begin >= now:
        return False
    seen = [
        any(begin - back <= arrival.at <= now - back for arrival in arrivals)
        for back in (number * _DAY for number in range(1, DAYS + 1))
        if begin - back >= first
    ]
    return not seen or 2 * sum(seen) > len(seen)


def _ago(length: timedelta) -> str:
    """A length of time for people, in its largest sensible unit.

    >>> _ago(timedelta(minutes=5)), _ago(timedelta(hours=30)), _ago(timedelta(days=4))
    ('5 min', '30 h', '4 days')
    """
    if length < 2 * _HOUR:
        return f"{length / timedelta(minutes=1):.0f} min"
    if length < 2 * _DAY:
        return f"{length / _HOUR:.0f} h"
    return counted(length / _DAY, "day", ".0f")
