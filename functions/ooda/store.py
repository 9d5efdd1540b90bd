"""What several functions of the loop read from S3."""

from __future__ import annotations

from typing import Any, TypeVar

from ona.documents.base import Document, S3Pointer
from ona.documents.work_orders import Job
from ona.runtime.errors import InvalidPayload, ObjectMissing
from ona.store.layout import ASSET_HISTORY
from ona.store.s3 import read_json
from ona.store.unreadable import readable
from ooda.documents.asset_history import AssetHistory
from ooda.documents.site_days import SiteRecord
from ooda.layout import SITE_RECORD

DocumentT = TypeVar("DocumentT", bound=Document)


def _read(model: type[DocumentT], bucket: str, key: str) -> DocumentT | None:
    """A document; None where the object does not exist yet."""
    try:
        document = read_json(S3Pointer(bucket=bucket, key=key))
    except ObjectMissing:
        return None
    return model.read(document, key)


def history_of(bucket: str, site_id: str, asset_id: str) -> AssetHistory | None:
    """An asset's history for those who read many; None too where the object is no history, or no key can be
    made of the names: that is named in the log. Raises DependencyBusy."""
    name = f"s3://{bucket}/{ASSET_HISTORY.prefix()}{site_id}/{asset_id}"

    def read(one: str) -> AssetHistory | None:
        return _read(AssetHistory, bucket, ASSET_HISTORY.build(site_id=site_id, asset_id=one))

    return next(iter(readable([(name, asset_id)], read)), None)


def record_of(bucket: str, site_id: str) -> SiteRecord | None:
    """A site's record, which the site layer writes; None before its first day, and where the object is
    none: that is named in the log. Raises DependencyBusy."""

    def read(name: str) -> SiteRecord | None:
        return _read(SiteRecord, bucket, SITE_RECORD.build(site_id=name))

    return next(iter(readable([(f"s3://{bucket}/{SITE_RECORD.prefix()}{site_id}", site_id)], read)), None)


def jobs_of(document: Any, where: str) -> list[Job]:
    """The jobs of a schedule's document, each by itself: one that is no job is named in the log and left
    out. Raises InvalidPayload for what is no schedule at all.

    >>> [job.finding_id for job in jobs_of({"jobs": []}, "schedules/x.json")]
    []
    """
    entries = document.get("jobs") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidPayload(f"{where} is no schedule: it has no list of jobs")
    named = ((f"{where}, job {number}", entry) for number, entry in enumerate(entries))
    return readable(named, Job.read)
