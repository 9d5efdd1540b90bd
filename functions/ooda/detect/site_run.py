"""One run of the site layer: a site's due days, judged with all neighbours, once for the same content.

The order of its writes lets a run that was killed be made again: histories, the site's record, the run's
document. What is told of it, and the end of the claim, is the next step's (`ooda.order.site_days`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.identity import digest
from ona.runtime.observability import count, logger
from ona.store.registry import read_registry
from ooda import site_days
from ooda.config.detection import detection_config, detection_threshold
from ooda.detect import plant_events, site_store, store
from ooda.detect.batches import Batch
from ooda.detect.damaged_history import Read
from ooda.detect.judge import AssetVerdict, judge_assets
from ooda.detect.planned import rules_of
from ooda.detect.site_layer import (
    MachineDays,
    Run,
    new_faults,
    of_run,
    one_file,
    seen_of,
    stops_of,
    with_events,
)
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection, DetectionRecord, FileQuality, Incident
from ooda.documents.site_days import JudgedDay, PlantEvent, SiteDay, SupersededIncident
from ooda.layout import BACKFILL
from ooda.payloads import SiteDayRequest, SiteDayResult

MOST_MACHINE_DAYS = 10_000
"""Machine-days of one run (ours): a million readings of 15 minutes. A longer backfill takes several."""
MOST_ABSENT = 50
"""Absent machines that a document names (ours)."""


@dataclass(frozen=True)
class _Site:
    """A site with what a run works on."""

    site_id: str
    assets: list[Asset]
    registry: AssetRegistry
    days: list[str]
    read: dict[str, Read]

    @cached_property
    def histories(self) -> dict[str, AssetHistory]:
        """The machines' histories; without those that are damaged."""
        return {name: one.history for name, one in self.read.items() if not one.damaged}

    @property
    def came(self) -> list[Asset]:
        """The machines that told of one of the days."""
        return [
            one
            for one in self.assets
            if one.id in self.histories and any(day in self.histories[one.id].days for day in self.days)
        ]


def judge_site(request: SiteDayRequest, now: datetime) -> SiteDayResult:
    """Judge what is due of a site. Raises DependencyBusy, InvalidPayload, InvalidConfiguration."""
    site_id = request.site_day.site_id
    pending = site_days.claim(site_id, request.execution_id, now)
    if pending is None:
        logger.info("nothing of the site is due, or another run has it", site_id=site_id)
        return SiteDayResult.idle()
    due, settled = pending.due_days(now), pending.due_runs(now)
    registry = read_registry(request.source.bucket)
    assets = site_store.of_site(registry, site_id)
    most = max(1, MOST_MACHINE_DAYS // max(1, len(assets)))
    days = sorted(due)[-most:]  # the newest first; the rest stays due
    because = "; ".join(dict.fromkeys(due[day].because for day in days if due[day].because))
    site = _Site(site_id, assets, registry, days, site_store.histories_of(assets))
    result = _judged(site, because, request, now) if days and site.came else SiteDayResult.idle()
    return result.model_copy(
        update={"site_id": site_id, "done": {day: due[day].token for day in days}, "settled": settled}
    )


def _judged(site: _Site, because: str, request: SiteDayRequest, now: datetime) -> SiteDayResult:
    stored = site_store.stored_days(site.site_id, site.assets, site.days)
    names = [asset.id for asset in site.assets]
    run_id = digest(site.site_id, because, *site.days, *names, *stored.content, length=16)
    pointer = site_store.run_pointer(site.site_id, site.days[-1], run_id)
    earlier = site_store.earlier_run(pointer)
    if earlier is not None:
        logger.info("judged before with the same content", site_id=site.site_id, run=run_id)
        return SiteDayResult.of(earlier, pointer)
    run = Run(run_id, now, len(site.came), because, detection_config(), detection_threshold())
    verdicts = _verdicts(site, stored.frame.empty, request, now, stored)
    record, etag = site_store.record_of(site.site_id)
    events = with_events(record, plant_events.events_of(verdicts, site.histories), site.days)
    by_id = {event.event_id: event for own in events.values() for event in own}
    changed = _entered(site, verdicts, events, by_id, run)
    superseded = [
        SupersededIncident(incident=one, site_id=site.site_id, customer_id=asset.customer_id)
        for asset in site.came
        for one in of_run(changed[asset.id][1], run_id)
    ]
    absent = _absent(site, site.days[-1])
    judged = {
        day: JudgedDay(
            run=run_id,
            judged_at=now,
            machines=sum(day in one.days for one in site.histories.values()),
            absent=_absent(site, day),
            events=events[day],
        )
        for day in site.days
    }
    again = {
        day: record.days[day].model_copy(update={"events": own})
        for day, own in events.items()
        if day not in judged
    }
    record = record.model_copy(update={"days": {**record.days, **again, **judged}})
    site_store.save_record(record, etag)
    detections = _found(site, verdicts, changed)
    found = sum(len(detection.incidents) for detection in detections)
    told = [event for event in record.events() if {*event.days} & {*site.days}]
    site_day = SiteDay(
        run=run_id,
        site_id=site.site_id,
        days=site.days,
        judged_at=now,
        because=because,
        machines=run.machines,
        absent=absent,
        customers=dict(sorted(Counter(asset.customer_id for asset in site.assets).items())),
        events=told,
        superseded=superseded,
        found=found,
        detection=_save_detections(site, detections, run, request, now),
    )
    count("SiteDaysJudged", len(site.days))
    count("IncidentsSuperseded", len(superseded))
    return SiteDayResult.of(site_day, site_store.save_run(pointer, site_day))


def _verdicts(
    site: _Site, nothing: bool, request: SiteDayRequest, now: datetime, stored: site_store.StoredDays
) -> list[AssetVerdict]:
    if nothing:
        return []
    rules = rules_of(request.source.bucket)
    file = site_store.as_file(stored.frame, site.registry, rules, f"site-days/{site.site_id}")
    batch = Batch(site.site_id, 0, sorted(file.readings))
    context = store.load_context(file, batch, request.source.bucket, now, whole=site.read)
    return judge_assets(file, context, batch.names)


def _entered(
    site: _Site,
    verdicts: Sequence[AssetVerdict],
    events: dict[str, list[PlantEvent]],
    by_id: dict[str, PlantEvent],
    run: Run,
) -> dict[str, tuple[AssetHistory, AssetHistory]]:
    """Each machine's history before and after; those without a verdict as they are."""
    came = {asset.id: asset for asset in site.came}
    filed = not one_file([site.histories[name] for name in came], site.days)
    of_asset = {verdict.detection.asset_id: verdict for verdict in verdicts}

    def one(asset: Asset) -> tuple[AssetHistory, AssetHistory]:
        history, verdict = site.histories[asset.id], of_asset.get(asset.id)
        if verdict is None:
            return history, history
        machine = MachineDays(
            days={day: item for day, item in verdict.days.items() if day in site.days},
            plant=stops_of(events, asset.id),
            seen={day: seen_of(history, day) for day in site.days},
            filed=filed,
            planes={"plane": verdict.history.plane, "sensor_plane": verdict.history.sensor_plane},
        )
        return site_store.enter(asset, machine, run, by_id, site.read[asset.id])

    with ThreadPoolExecutor(site_store.READERS) as writers:
        return dict(zip(came, writers.map(one, came.values()), strict=True))


def _found(
    site: _Site, verdicts: Sequence[AssetVerdict], changed: dict[str, tuple[AssetHistory, AssetHistory]]
) -> list[AssetDetection]:
    """What the loop goes on with: actionable incidents that no file had shown. A history that is read in
    makes no orders (`fleet_history`)."""
    detections = []
    for verdict in verdicts:
        pair = changed.get(verdict.detection.asset_id)
        live = [
            day
            for day in site.days
            if pair and any(not BACKFILL.parse(k) for k in pair[1].days.get(day, {}))
        ]
        new: list[Incident] = new_faults(*pair, live) if pair and live else []
        if new:
            quality = verdict.detection.quality.model_copy(update={"issues": []})  # its file told of them
            update = {"incidents": new, "quality": quality}
            detections.append(verdict.detection.model_copy(update=update))
    return detections


def _save_detections(
    site: _Site, detections: list[AssetDetection], run: Run, request: SiteDayRequest, now: datetime
) -> S3Pointer | None:
    if not detections:
        return None
    record = DetectionRecord(
        detection_id=f"det-{run.run}",
        execution_id=request.execution_id,
        source=request.source,
        source_profile="site layer",
        generated_at=now,
        detection_threshold=run.threshold,
        file_quality=FileQuality(rows_read=0, rows_used=0, rejected={}, flagged={}),
        assets=detections,
        telemetry=[],
    )
    pointer = store.record_pointer(request.source, record.detection_id, now)
    return store.save_record(pointer, record)


def _absent(site: _Site, day: str) -> list[str]:
    there = {name for name, history in site.histories.items() if day in history.days}
    return [asset.id for asset in site.assets if asset.id not in there][:MOST_ABSENT]
