"""What the loop and the operator know to be out of a site, from their documents.

Machines that stand or give less: the asset histories that the loop keeps (`incidents/<site>/<asset>.json`);
until when: the visit of the incident's open work order (the tracking table). Planned work: the maintenance
calendar (`maintenance.json`). An order alone subtracts nothing: its machine may still run. Newer readings
than the loop's end what stands: `availability.until_power`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from pydantic import ConfigDict

from forecasting.documents import SiteDocument
from forecasting.model.availability import DERATED, Out
from ona.documents.base import Document, S3Pointer
from ona.documents.maintenance import MaintenanceCalendar
from ona.repairs.tracking import BY_OPEN, ORDERS, TrackedOrder
from ona.runtime import aws
from ona.runtime.errors import ObjectMissing
from ona.store import s3, tables
from ona.store.calendar import read_calendar
from ona.store.held import Held
from ona.store.layout import ASSET_HISTORY
from ona.store.unreadable import Unreadable, readable

MOST_READS = 8
"""Objects that are read at once (ours)."""
MOST_HISTORIES = 50
"""Histories that are read for one forecast; where more machines have one, those with open orders. Ours."""
SEEN = timedelta(days=3)
"""So long an open incident without an order counts after it was seen last (ours; `repairs.standing`)."""
STOPS = ("outage", "site_outage")
"""Kinds of incidents in which a machine stands; while it comes back within the day it lost a part."""
LOSSES = (*STOPS, "underperformance")
"""Kinds of incidents that count. Snow melts, a curtailment ends, and nobody knows when."""


class _Stored(Document):
    """Of another family's document what is read here."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Window(_Stored):
    start: datetime
    end: datetime


class _Episode(_Stored):
    window: _Window


class _Signals(_Stored):
    recovered: bool = False


class Incident(_Stored):
    """What a history says of an incident, as far as availability goes."""

    incident_id: str
    asset_id: str
    kind: str
    state: str
    suspected: bool = False
    window: _Window
    episodes: list[_Episode] = []
    recent_loss_share: float = 0.0
    signals: _Signals = _Signals()

    @property
    def lost(self) -> float:
        """The share of the machine's power that is out meanwhile, 0…1; 0 where it does not count."""
        if self.suspected or self.kind not in LOSSES:
            return 0.0
        stands = self.kind in STOPS and not self.signals.recovered
        share = 1.0 if stands else min(max(self.recent_loss_share, 0.0), 1.0)
        return share if share >= DERATED else 0.0


class _History(_Stored):
    incidents: list[Incident] = []


_held: Held[list[Incident]] = Held(most=2000)
"""The incidents of machines whose histories have not changed. Ours."""


def of_site(site: SiteDocument, now: datetime, bad: list[Unreadable] | None = None) -> list[Out]:
    """What is out of a site now or will be, and what was out of it before, as far as histories tell. What
    cannot be read of histories and of the maintenance calendar is put into `bad`.

    Raises DependencyBusy, InvalidConfiguration.
    """
    bucket, own = aws.environment("OUTPUT_BUCKET"), site.assets
    with ThreadPoolExecutor(1) as beside:
        calendar = beside.submit(read_calendar, aws.environment("INPUT_BUCKET"), bad)
        tags, open_orders = _histories(site, bucket), None
        if len(tags) > MOST_HISTORIES:
            open_orders = _open_orders(site)
            tags = {order.asset_id: tags[order.asset_id] for order in open_orders if order.asset_id in tags}
        found = _incidents(bucket, site.site_id, tags, bad)
        if open_orders is None and any(one.state == "open" and one.lost > 0.0 for one in found):
            open_orders = _open_orders(site)
    return [*out_by_incidents(found, open_orders or [], now), *planned(calendar.result(), own)]


def _open_orders(site: SiteDocument) -> list[TrackedOrder]:
    """The open work orders on a site's machines. Others are left out unread: there may be thousands, so
    nobody asks for them without need. Raises DependencyBusy.
    """
    items = tables.query(ORDERS.name, BY_OPEN, "open", "yes")
    name = (site.customer_id, site.site_id)  # another customer may have a site of the same id
    here = [item for item in items if (item.get("customer_id"), item.get("site_id")) == name]
    return [order for order in ORDERS.readable(here) if order.asset_id in site.assets]


def before(site: SiteDocument, bucket: str) -> list[Out]:
    """What was out of a site, by its histories: for what trains. Raises DependencyBusy."""
    tags = dict(list(_histories(site, bucket).items())[:MOST_HISTORIES])
    return [out for incident in _incidents(bucket, site.site_id, tags) for out in _past(incident)]


def _histories(site: SiteDocument, bucket: str) -> dict[str, str]:
    """The machines of a site that have a history, and its ETag: most have none. Raises DependencyBusy."""
    entries = s3.list_keys(bucket, ASSET_HISTORY.prefix(site_id=site.site_id))
    named = ((ASSET_HISTORY.parse(entry["Key"]), entry["ETag"]) for entry in entries)
    return {
        fields["asset_id"]: etag for fields, etag in named if fields and fields["asset_id"] in site.assets
    }


def _incidents(
    bucket: str, site_id: str, tags: Mapping[str, str], bad: list[Unreadable] | None = None
) -> list[Incident]:
    """The incidents of some machines, from memory where a history has the ETag of before; one that cannot
    be read is named in the log and in `bad`, and left out."""

    def parsed(pointer: S3Pointer) -> list[Incident]:
        try:
            return _History.read(s3.read_json(pointer), pointer.key).incidents
        except ObjectMissing:  # it was there a moment ago
            return []

    def read(item: tuple[str, str]) -> list[Incident]:
        asset_id, etag = item
        pointer = S3Pointer(bucket=bucket, key=ASSET_HISTORY.build(site_id=site_id, asset_id=asset_id))
        where = f"s3://{bucket}/{pointer.key}"
        parts = readable([(where, pointer)], lambda one: _held.get(where, etag, partial(parsed, one)), bad)
        return [one for part in parts for one in part]

    with ThreadPoolExecutor(MOST_READS) as pool:
        return [one for part in pool.map(read, sorted(tags.items())) for one in part]


def out_by_incidents(
    found: Iterable[Incident], open_orders: Iterable[TrackedOrder], now: datetime
) -> list[Out]:
    """Machines that stand or give less by their incidents: the past by its episodes, an open one until the
    visit of its order ends. Where people said that the work is done, it is over."""
    order_of = {order.incident_id: order for order in open_orders if order.incident_id}
    outs = []
    for incident in found:
        order = order_of.get(incident.incident_id)
        if incident.state != "open" or (order is not None and order.status == "COMPLETE"):
            outs += _past(incident)
            continue
        if order is None and incident.window.end < now - SEEN:
            outs += _past(incident)
            continue
        visit = order.scheduled_end if order is not None and order.status != "ON_HOLD" else None
        end = visit if visit is not None and visit > now else None
        work = f", {order.work_order_id}" if order is not None else ", no open order"
        what = "stands" if incident.lost == 1.0 else f"gives {1.0 - incident.lost:.0%} of its power"
        if incident.lost > 0.0:
            reason = f"{what}: {incident.kind.replace('_', ' ')} {incident.incident_id}{work}"
            start, seen = incident.window.start, incident.window.end
            outs.append(Out(incident.asset_id, incident.lost, start, end, reason, seen))
    return outs


def _past(incident: Incident) -> list[Out]:
    """The times at which a machine was out by an incident, one an episode."""
    if incident.lost == 0.0:
        return []
    windows = [episode.window for episode in incident.episodes] or [incident.window]
    reason = f"{incident.kind.replace('_', ' ')} {incident.incident_id}"
    return [Out(incident.asset_id, incident.lost, window.start, window.end, reason) for window in windows]


def planned(calendar: MaintenanceCalendar, assets: Mapping[str, float]) -> list[Out]:
    """The planned work on a site's machines."""
    return [
        Out(
            work.asset_id,
            work.share,
            work.start,
            work.end,
            f"planned work{f': {work.note}' * bool(work.note)}",
        )
        for work in calendar.windows
        if work.asset_id in assets
    ]
