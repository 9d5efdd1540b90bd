"""Event logs in the output bucket: one object a log, asset and month.

Each log writes its own objects, and takes back what its earlier version wrote. What counts of several logs
is decided when they are read, so their order of arrival does not matter.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import ObjectMissing
from ona.runtime.identity import digest
from ona.store.s3 import list_keys, read_json, write_json
from ona.store.unreadable import readable
from ooda.detect.logged import Logged
from ooda.documents.asset_history import file_order
from ooda.documents.event_logs import OPEN_FOR, EventsOfFile, EventsOfMonth, StoredEvent
from ooda.layout import EVENTS, EVENTS_OF_FILE

MOST_MONTHS = 36
"""Months that one event is written under, and that are read for one file (ours): an event open for years
says nothing more."""


# ------------------------------------------------------------------ writing


def save(
    bucket: str, source: str, events: Mapping[str, list[StoredEvent]], registry: AssetRegistry
) -> None:
    """Write what the log `source` says; what an earlier version of it said is taken back."""
    name, sites = digest(source), {asset.id: asset.site_id for asset in registry.assets}
    objects: dict[str, EventsOfMonth] = {}
    for asset_id, own in events.items():
        by_month: dict[date, list[StoredEvent]] = {}
        for event in own:
            for month in _months(event.begins, event.lasts_to):
                by_month.setdefault(month, []).append(event)
        for month, of_month in by_month.items():
            key = EVENTS.build(site_id=sites[asset_id], month=month, asset_id=asset_id, name=name)
            objects[key] = EventsOfMonth(asset_id=asset_id, source=source, events=of_month)
    manifest = EVENTS_OF_FILE.build(name=name)
    before = _keys_of(bucket, manifest)
    keys = sorted({*before, *objects})
    write_json(
        bucket, manifest, EventsOfFile(source=source, keys=keys).document()
    )  # first: none is forgotten
    for key in keys:
        nothing = EventsOfMonth(asset_id=_asset_of(key), source=source, events=[])
        write_json(bucket, key, objects.get(key, nothing).document())


def earlier(bucket: str, source: str) -> dict[str, list[StoredEvent]]:
    """What the log said before, by asset."""
    keys = _keys_of(bucket, EVENTS_OF_FILE.build(name=digest(source)))
    events: dict[str, list[StoredEvent]] = {}
    for part in _read_all(bucket, keys):
        events.setdefault(part.asset_id, []).extend(part.events)
    return events


def _keys_of(bucket: str, manifest: str) -> list[str]:
    try:
        document = read_json(S3Pointer(bucket=bucket, key=manifest))
    except ObjectMissing:
        return []
    return EventsOfFile.read(document, manifest).keys


def _asset_of(key: str) -> str:
    return str((EVENTS.parse(key) or {}).get("asset_id", ""))


def _months(start: datetime, end: datetime) -> list[date]:
    """The months from one time to another, the last ones of too many."""
    month, months = start.date().replace(day=1), []
    while month <= end.date():
        months.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    return months[-MOST_MONTHS:]


# ------------------------------------------------------------------ reading


def versions(bucket: str, assets: Iterable[Asset], first: datetime, last: datetime) -> dict[str, str]:
    """The objects that event logs wrote of some assets between two times, each with its ETag."""
    by_site: dict[str, set[str]] = {}
    for asset in assets:
        by_site.setdefault(asset.site_id, set()).add(asset.id)
    return {
        entry["Key"]: str(entry.get("ETag", ""))
        for site, names in sorted(by_site.items())
        for month in _months(first - OPEN_FOR, last)
        for entry in list_keys(bucket, EVENTS.prefix(site_id=site, month=month))
        if _asset_of(entry["Key"]) in names
    }


def read(bucket: str, assets: Iterable[Asset], keys: Iterable[str]) -> dict[str, Logged]:
    """What event logs say of some assets, by those of their objects that are theirs."""
    by_asset: dict[str, list[str]] = {}
    for key in keys:
        by_asset.setdefault(_asset_of(key), []).append(key)
    logs = {
        asset.id: Logged.of(merged(_read_all(bucket, by_asset[asset.id])), asset)
        for asset in assets
        if asset.id in by_asset
    }
    return {name: log for name, log in logs.items() if log}


def _read_all(bucket: str, keys: Iterable[str]) -> list[EventsOfMonth]:
    """Objects of event logs; one that is none is named in the log and left out."""

    def of(key: str) -> EventsOfMonth:
        return EventsOfMonth.read(read_json(S3Pointer(bucket=bucket, key=key)), key)

    return readable(((f"s3://{bucket}/{key}", key) for key in keys), of)


def merged(parts: Iterable[EventsOfMonth]) -> list[StoredEvent]:
    """The events of several logs, each once, in order of time.

    Of two entries of one code, text and start the one with an end counts, then the one whose log's key
    sorts later. An end whose beginning stands in another log closes that event.
    """
    begun: dict[tuple[str, str, datetime], StoredEvent] = {}
    ends: list[StoredEvent] = []
    for part in sorted(parts, key=lambda part: file_order(part.source)):
        for event in part.events:
            if event.start is None:
                ends.append(event)
                continue
            name = (event.code, event.text, event.start)
            before = begun.get(name)
            if before is None or event.end is not None or before.end is None:
                begun[name] = event
    closed = _closed(sorted(begun.values(), key=lambda event: event.begins), ends)
    return sorted(closed, key=lambda event: (event.begins, event.code, event.text))


def _closed(events: list[StoredEvent], ends: list[StoredEvent]) -> list[StoredEvent]:
    """Open events with the first end of their code (without codes: their text) that comes before they begin
    again."""
    if not ends:
        return events
    starts, stops = _times(events), _times(ends)
    result = []
    for event in events:
        name = event.code or event.text
        own = stops.get(name, [])
        first = bisect_left(own, event.begins)
        following = bisect_right(starts[name], event.begins)
        again = starts[name][following] if following < len(starts[name]) else None
        if event.end is None and first < len(own) and (again is None or own[first] <= again):
            event = event.model_copy(update={"end": own[first]})
        result.append(event)
    return result


def _times(events: list[StoredEvent]) -> dict[str, list[datetime]]:
    """When events began, those without a beginning when they ended, by code (without codes: by text)."""
    times: dict[str, list[datetime]] = {}
    for event in events:
        times.setdefault(event.code or event.text, []).append(event.begins)
    return {name: sorted(own) for name, own in times.items()}
