"""Reading the maintenance calendar, `maintenance.json` in the input bucket."""

from __future__ import annotations

from ona.documents.base import S3Pointer
from ona.documents.maintenance import MaintenanceCalendar
from ona.runtime.errors import ObjectMissing
from ona.store import s3
from ona.store.layout import MAINTENANCE
from ona.store.unreadable import readable


def read_calendar(bucket: str) -> MaintenanceCalendar:
    """The calendar; an empty one where there is none, and where nobody can read it: the log names it, and
    it holds up nothing. Raises DependencyBusy."""

    def read(key: str) -> MaintenanceCalendar:
        try:
            return MaintenanceCalendar.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
        except ObjectMissing:
            return MaintenanceCalendar()

    found = readable([(f"s3://{bucket}/{MAINTENANCE}", MAINTENANCE)], read)
    return found[0] if found else MaintenanceCalendar()
