"""The sum of a customer's sites, in bounded work: a page of sites, few of which may need a new forecast.

The hourly timer stores every site's forecast, so that a sum mostly reads. What a request may do beyond is
limited by time: API Gateway gives up after 29 s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from forecasting.documents import ForecastJson
from forecasting.forecasting_api import generate, store
from forecasting.forecasting_api.answers import Total
from forecasting.forecasting_api.forecast_document import NOTES
from ona.api.envelope import ApiError
from ona.runtime import aws
from ona.runtime.errors import InvalidPayload
from ona.runtime.observability import count
from ona.store.unreadable import attempted, note

if TYPE_CHECKING:
    from forecasting.model.portfolio import Place

SITES_A_PAGE = {60: 500, 15: 10}
"""Sites of one sum, by minutes of an interval. Hourly forecasts are stored; those of 15 minutes are made
for each request (docs/forecasting.md has the times)."""
MAKE_S = 10.0
"""Seconds after which a sum begins no further forecast: 29 s less reading and the last one (ours)."""
READ_AT_ONCE = 50
"""Stored forecasts in memory at once: about 100 kB each."""
RETRY_S = 5
"""Seconds after which a caller may ask again when forecasts are still to be made (ours)."""
STALE = "stale_forecast"


def of_sites(
    customer_id: str,
    sites: Mapping[str, Place | None],
    now: datetime,
    interval_minutes: int,
    notes: Sequence[str],
) -> ForecastJson:
    """The sum of some sites' forecasts, at most a page of them. `sites`: where each lies, by id.

    While there is time, a site without any usable forecast gets a new one, then a site whose forecast is no
    longer fresh; without time that one's older forecast stands in. Raises ApiError (503) where a site has
    none and there is no time, InvalidPayload where no site can be forecast. What was made is stored, and at
    least one is made for each request, so asking again gets further, however many are old.
    """
    total, begun = Total(customer_id, sites), time.monotonic()
    old: list[str] = []
    without: list[str] = []
    for site_id, found in _stored(customer_id, list(sites), interval_minutes):
        if found is not None and store.is_fresh(found, now):
            count("ForecastCacheHit", 1)
            total.add(found)
        elif found is not None and store.is_usable(found, now):
            old.append(site_id)  # read again below: hundreds are too large to be kept
        else:
            without.append(site_id)
    reading, until = time.monotonic() - begun, begun + MAKE_S
    for number, site_id in enumerate(without):
        late = interval_minutes == 60 and time.monotonic() >= until  # a page of 15 minutes is short
        if late and number > 0:
            raise ApiError(503, "UNAVAILABLE", "Forecasts are being made; ask again", retry_after=RETRY_S)
        total.add_or_leave(site_id, _made(customer_id, site_id, now, interval_minutes))
    renewed = 0
    while renewed < len(old) and time.monotonic() < until - reading:  # the old ones are read again
        total.add_or_leave(old[renewed], _made(customer_id, old[renewed], now, interval_minutes))
        renewed += 1
    for site_id, found in _stored(customer_id, old[renewed:], interval_minutes):
        aged = _aged(found) if found is not None else _made(customer_id, site_id, now, interval_minutes)
        total.add_or_leave(site_id, aged)
    if total.is_empty:
        raise InvalidPayload(f"none of the sites of {customer_id} can be forecast")
    return total.document(notes)


def _stored(
    customer_id: str, sites: Sequence[str], interval_minutes: int
) -> Iterator[tuple[str, ForecastJson | None]]:
    """Each site's newest stored forecast, read some at a time; None where there is none."""
    if interval_minutes != 60:
        yield from ((site_id, None) for site_id in sites)
        return
    bucket = aws.environment("OUTPUT_BUCKET")

    def newest(site_id: str) -> ForecastJson | None:
        return store.load_newest(bucket, customer_id, site_id)

    with ThreadPoolExecutor(store.MOST_READS) as readers:
        for begin in range(0, len(sites), READ_AT_ONCE):
            some = sites[begin : begin + READ_AT_ONCE]
            yield from zip(some, readers.map(newest, some), strict=True)


def _made(customer_id: str, site_id: str, now: datetime, interval_minutes: int) -> ForecastJson | None:
    """A new forecast; an hourly one is stored. None for a site that nobody knows how to forecast: the log
    and a metric name it, and it stops no other one."""
    found, damage = attempted(lambda: generate.of_site(customer_id, site_id, now, interval_minutes))
    if damage:
        note(f"site {customer_id}/{site_id}", damage)
    return found.newest() if found is not None else None


def _aged(found: ForecastJson) -> ForecastJson:
    """A forecast that is not fresh, marked so."""
    meta = found["metadata"]
    degraded = sorted({*meta["degraded"], STALE})
    return {**found, "metadata": {**meta, "degraded": degraded, "notes": [*meta["notes"], NOTES[STALE]]}}
