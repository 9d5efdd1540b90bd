"""The cache before the provider: one request a place however many sites, and old weather rather than none.

Forecasts: table `ona-platform-weather-cache`, key `location_timestamp` = `<place>#<YYYY-MM-DDTHH>` of the
hour it was fetched in; the item points to the document `weather/cache/<place>_<YYYYMMDDTHH>.json` in
the input bucket and expires by `ttl`. `<place>#asking` says that somebody asks the provider just now.
History: a document a month, `weather/cache/<place>_<YYYYMM>.json`; months that are over are fetched once.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from ona.documents.base import S3Pointer
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy, ObjectMissing, WeatherUnavailable
from ona.sky.weather_document import Place, WeatherDocument, document_in, joined
from ona.sky.weather_providers import Provider
from ona.store import tables
from ona.store.layout import WEATHER_FORECAST, WEATHER_MONTH
from ona.store.s3 import read_bytes, write_bytes
from ona.store.unreadable import attempted, note

KEPT = timedelta(hours=72)
"""How long an old forecast of the weather is used and stored. Ours: after three days it says little."""
NEWEST_HOURS = 3
"""Hours that are looked up first: mostly the newest forecast is of this hour or of the one before. Ours."""
FRESH = timedelta(hours=1)
"""Providers issue new forecasts once an hour at most."""
SETTLED = timedelta(days=7)
"""A month of history is cached once it has been over for so long: reanalysis trails by five days."""

ASKING = timedelta(minutes=3)
"""So long nobody else asks a provider for the same place's forecast. Three tries of 45 s and the waits
between them take 151 s at most (`weather_providers`)."""


class BeingAsked(DependencyBusy):
    """Somebody else asks the provider for this place just now, or did in vain moments ago."""


@dataclass(frozen=True)
class Cached:
    """A forecast of the weather, and where it came from."""

    document: WeatherDocument
    age: timedelta

    @property
    def stale(self) -> bool:
        """Whether a newer one should exist."""
        return self.age > FRESH + timedelta(minutes=30)


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last day of each month that two days span."""
    first = start.replace(day=1)
    while first <= end:
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        yield first, last
        first = last + timedelta(days=1)


def _month_key(place: Place, first: date) -> str:
    return WEATHER_MONTH.build(place_id=place.place_id, month=first)


@dataclass(frozen=True)
class WeatherCache:
    """The cache of one platform."""

    table: str
    bucket: str
    provider: Provider

    def newest(self, place: Place, now: datetime) -> Cached | None:
        """The newest forecast that is cached, at most 72 h old, or None."""
        oldest = int(KEPT.total_seconds() // 3600)
        for backs in (range(NEWEST_HOURS), range(NEWEST_HOURS, oldest + 1)):
            found = self._newest_of(place, [now - timedelta(hours=back) for back in backs], now)
            if found is not None:
                return found
        return None

    def _newest_of(self, place: Place, hours: list[datetime], now: datetime) -> Cached | None:
        """The newest forecast that was fetched in some hours and can be read, or None."""
        items = tables.get_many(self.table, [{"location_timestamp": _key(place, hour)} for hour in hours])
        for item in sorted(items, key=lambda item: str(item["location_timestamp"]), reverse=True):
            found, damage = attempted(partial(self._cached, item, now))
            if found is not None:
                return found
            if damage:
                note(f"table {self.table}, {item['location_timestamp']}", damage)
        return None

    def _cached(self, item: dict[str, Any], now: datetime) -> Cached | None:
        """What an item points to; None where that has expired. Raises ValueError, KeyError, TypeError."""
        try:
            body = read_bytes(S3Pointer(bucket=self.bucket, key=item["key"]))
        except ObjectMissing:
            return None
        document = document_in(body)
        if max(document.hours) <= now - KEPT:
            raise ValueError(f"{item['key']} has weather of other days only")
        return Cached(document, document.age(now))

    def held(self, place: Place, start: date, end: date, now: datetime) -> list[WeatherDocument]:
        """What is cached of the days from `start` to `end`, history first; no provider is asked."""
        months = []
        for first, _ in _months(start, end):
            key = _month_key(place, first)
            try:
                months.append(document_in(read_bytes(S3Pointer(bucket=self.bucket, key=key))))
            except ObjectMissing:
                continue
            except ValueError as error:
                note(f"s3://{self.bucket}/{key}", error)
        newest = self.newest(place, now) if end >= (now - timedelta(days=3)).date() else None
        return [*months, newest.document] if newest else months

    def forecast(self, place: Place, now: datetime) -> Cached | None:
        """A fresh forecast, else the provider's, else a stale one, else None; never raises for weather."""
        cached = self.newest(place, now)
        if cached is not None and cached.age <= FRESH:
            return cached
        try:
            return self.refresh(place, now)
        except (DependencyBusy, WeatherUnavailable):
            return cached

    def refresh(self, place: Place, now: datetime) -> Cached:
        """Ask the provider and cache the answer. Raises BeingAsked, DependencyBusy, WeatherUnavailable."""
        if not self._may_ask(place, now):
            raise BeingAsked(f"{self.provider.name}: {place.place_id} is being asked for")
        document = self.provider.forecast(place, now)
        if not document.hours or max(document.hours) <= now:
            raise WeatherUnavailable(
                f"{self.provider.name}: the forecast of {place.place_id} has no hour to come"
            )
        key = WEATHER_FORECAST.build(place_id=place.place_id, asked=now)
        write_bytes(self.bucket, key, document.model_dump_json().encode(), "application/json")
        item = {
            "location_timestamp": _key(place, now),
            "key": key,
            "provider": self.provider.name,
            "fetched_at": iso(now),
            "ttl": int((now + KEPT).timestamp()),
        }
        tables.put(self.table, item)
        return Cached(document, timedelta(0))

    def _may_ask(self, place: Place, now: datetime) -> bool:
        """Take the right to ask for a place's forecast; False while somebody else has it."""
        item = {
            "location_timestamp": f"{place.place_id}#asking",
            "until": iso(now + ASKING),
            "ttl": int((now + KEPT).timestamp()),
        }
        arguments = {
            "TableName": self.table,
            "Item": tables.to_item(item),
            "ConditionExpression": "attribute_not_exists(#until) OR #until <= :now",
            "ExpressionAttributeNames": {"#until": "until"},
            "ExpressionAttributeValues": tables.to_item({":now": iso(now)}),
        }
        return tables.transact([tables.Write("Put", arguments)])

    def history(self, place: Place, start: date, end: date, now: datetime) -> WeatherDocument:
        """Weather of past days, `start` to `end` both included, month by month through the cache.

        Raises DependencyBusy, WeatherUnavailable.
        """
        whole = joined(
            [
                self._month(place, first, min(last, now.date()), last, now)
                for first, last in _months(start, end)
            ]
        )
        low = datetime(start.year, start.month, start.day, tzinfo=UTC)
        high = datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1)
        inside = [n for n, hour in enumerate(whole.hours) if low < hour <= high]
        if not inside:
            raise WeatherUnavailable(
                f"{self.provider.name}: no weather of {place.place_id} from {start} to {end}"
            )
        return _hours_of(whole, inside)

    def _month(self, place: Place, first: date, upto: date, last: date, now: datetime) -> WeatherDocument:
        key = _month_key(place, first)
        try:
            body = read_bytes(S3Pointer(bucket=self.bucket, key=key))
            cached = document_in(body)
            if cached.provider == self.provider.name:
                return cached
        except ObjectMissing:
            pass
        except ValueError as error:
            note(f"s3://{self.bucket}/{key}", error)
        document = self.provider.history(place, first, upto, now)
        over = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
        if now - over > SETTLED and document.hours and document.hours[-1] >= over:
            write_bytes(self.bucket, key, document.model_dump_json().encode(), "application/json")
        return document


def refresh_all(
    cache: WeatherCache,
    places: list[Place],
    now: datetime,
    *,
    fetch_after: timedelta,
    each: Callable[[Place, str, str], None],
) -> dict[str, int]:
    """Refresh every place whose forecast is older than `fetch_after`; a place that fails does not stop
    the others and keeps what it has. Calls `each(place, state, reason)` once a place; returns counts by
    state."""
    counts = {"refreshed": 0, "fresh": 0, "stale": 0, "missing": 0}
    for place in sorted(set(places), key=lambda item: item.place_id):
        cached = None
        try:
            cached = cache.newest(place, now)
            if cached is not None and cached.age < fetch_after:
                state, reason = "fresh", ""
            else:
                cache.refresh(place, now)
                state, reason = "refreshed", ""
        except BeingAsked as error:  # the other one tells of it if it fails
            state, reason = "fresh", str(error)
        except (DependencyBusy, WeatherUnavailable) as error:
            state, reason = ("stale" if cached else "missing"), str(error)
        except Exception as error:  # an odd item or answer of one place
            state, reason = ("stale" if cached else "missing"), f"{type(error).__name__}: {error}"
        counts[state] += 1
        each(place, state, reason)
    return counts


def _key(place: Place, moment: datetime) -> str:
    return f"{place.place_id}#{moment.astimezone(UTC):%Y-%m-%dT%H}"


def _hours_of(document: WeatherDocument, positions: list[int]) -> WeatherDocument:
    return document.model_copy(
        update={
            "hours": [document.hours[n] for n in positions],
            "values": {name: [series[n] for n in positions] for name, series in document.values.items()},
        }
    )
