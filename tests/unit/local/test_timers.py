"""When a cron of a time zone goes off, against the clock on that zone's wall."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from ministack.services import eventbridge

from local.hooks.timers import is_due

BERLIN, JOHANNESBURG = "Europe/Berlin", "Africa/Johannesburg"


@pytest.mark.parametrize(
    ("cron", "zone", "last", "now", "due"),
    [
        ("cron(0 8 * * ? *)", JOHANNESBURG, "2026-11-28T05:59:00Z", "2026-11-28T06:00:00Z", True),
        ("cron(0 8 * * ? *)", JOHANNESBURG, "2026-11-28T06:00:00Z", "2026-11-28T07:59:00Z", False),
        ("cron(0 8 * * ? *)", JOHANNESBURG, "2026-11-28T07:59:00Z", "2026-11-28T08:00:00Z", False),
        ("cron(0 8 ? * MON *)", JOHANNESBURG, "2026-11-28T05:00:00Z", "2026-11-28T07:00:00Z", False),
        ("cron(0 8 ? * MON *)", JOHANNESBURG, "2026-11-30T05:59:00Z", "2026-11-30T06:00:00Z", True),
        ("cron(30 0 ? * MON *)", JOHANNESBURG, "2026-11-29T22:29:00Z", "2026-11-29T22:30:00Z", True),
        ("cron(0 8 * * ? *)", BERLIN, "2026-03-28T06:59:00Z", "2026-03-28T07:00:00Z", True),  # winter
        ("cron(0 8 * * ? *)", BERLIN, "2026-03-29T05:59:00Z", "2026-03-29T06:00:00Z", True),  # summer
        ("cron(0 8 * * ? *)", BERLIN, "2026-03-29T06:30:00Z", "2026-03-29T07:00:00Z", False),
        ("cron(30 2 * * ? *)", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T01:31:00Z", False),  # once
    ],
)
def test_a_cron_is_due_by_its_own_zone(cron: str, zone: str, last: str, now: str, due: bool) -> None:
    fields = eventbridge._parse_cron_fields(cron)
    before, after = (datetime.fromisoformat(text).timestamp() for text in (last, now))
    assert is_due(fields, ZoneInfo(zone), before, after, eventbridge._cron_next_fire) is due
