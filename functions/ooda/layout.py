"""Where the loop's own objects lie; what it shares with others stands in `ona.store.layout`."""

from __future__ import annotations

from ona.runtime.identity import digest
from ona.store.layout import KeyShape

# ------------------------------------------------------------------ input bucket

BACKFILL = KeyShape("backfill/{name:path}")
"""A fleet's history, read by `fleet_history` into asset histories and telemetry; it makes no orders."""
TRAVEL = "travel.csv"
"""Measured ways between places, where the operator gives them."""

# ------------------------------------------------------------------ output bucket

DETECTION = KeyShape("detections/{day:folders}/{detection_id}.json")
"""The detection record of one version of a telemetry file."""
DIAGNOSTIC = KeyShape("diagnostics/{day:folders}/{diagnostic_id}.json")
"""The findings of one asset in one detection record."""
SCHEDULE = KeyShape("schedules/{day:folders}/{schedule_id}.json")
"""A plan: jobs with their decisions."""
DIVISION = KeyShape("map-results/ooda/{schedule_id}/{at}/{name}.json")
"""A plan by regions on its way: the division, and each region's problem and plan. They go after a month."""
LISTING = KeyShape("map-results/ooda/{of}/{name}.json")
"""A list that is too long for a state's answer (`ooda.listing`); `of`: the record or plan that it belongs
to. It goes after a month."""
EVENTS = KeyShape("events/site={site_id}/month={month:month}/{asset_id}/{name}.json")
"""What one event log says of an asset in a month; an event of several months lies in each."""
EVENTS_OF_FILE = KeyShape("events/files/{name}.json")
"""Which of these objects an event log wrote; `name` is a digest of its key."""
SITE_RECORD = KeyShape("site-days/{site_id}/record.json")
"""A site's record: its days as they were judged last, and the events of the plant."""
SITE_DAY = KeyShape("site-days/{site_id}/{day:dashes}/{run}.json")
"""What one run of the site layer judged, under the last of its days."""


def schedule_id_of(execution_id: str) -> str:
    """The id of the plan that an execution makes; the same for every try."""
    return f"sched-{digest(execution_id)}"
