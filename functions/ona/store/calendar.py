"""Reading the maintenance calendar, `maintenance.json` in the input bucket."""

from __future__ import annotations

from typing import Any

from ona.documents.base import S3Pointer
from ona.documents.maintenance import MaintenanceCalendar, PlannedWork
from ona.runtime.errors import InvalidPayload, ObjectMissing
from ona.store import s3
from ona.store.layout import MAINTENANCE
from ona.store.unreadable import Unreadable, readable


def read_calendar(bucket: str, bad: list[Unreadable] | None = None) -> MaintenanceCalendar:
    """The calendar; an empty one where there is none, and where nobody can read it.

    One window that cannot be read holds up no other. Whatever cannot be read is named in the log and in
    `bad`. Raises DependencyBusy.
    """
    where = f"s3://{bucket}/{MAINTENANCE}"

    def read(key: str) -> list[Any]:
        try:
            document = s3.read_json(S3Pointer(bucket=bucket, key=key))
        except ObjectMissing:
            return []
        if not isinstance(document, dict) or not isinstance(document.get("windows"), list):
            raise InvalidPayload(f"{key} is no JSON object with a list `windows`")
        windows: list[Any] = document["windows"]
        return windows

    entries = [entry for found in readable([(where, MAINTENANCE)], read, bad) for entry in found]
    named = [(f"{where}, window {number}", entry) for number, entry in enumerate(entries, 1)]
    return MaintenanceCalendar(windows=readable(named, lambda one: PlannedWork.read(one, MAINTENANCE), bad))
