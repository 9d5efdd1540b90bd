"""Which timers missed a time while they were off: times that a person read off a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops.emergency.missed import missed

JOHANNESBURG = "Africa/Johannesburg"
"""Two hours before UTC, without summer time."""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "since", "until", "came"),
    [
        ("cron(0 8 * * ? *)", JOHANNESBURG, "2026-11-28 05:59:30", "2026-11-28 06:00:10", True),
        ("cron(0 8 * * ? *)", "UTC", "2026-11-28 05:59:30", "2026-11-28 06:00:10", False),
        ("cron(0 8 * * ? *)", "", "2026-11-28 09:00:00", "2026-11-29 07:59:00", False),
        ("cron(0 8 * * ? *)", "", "2026-11-28 09:00:00", "2026-11-29 08:00:00", True),
        ("cron(0 8 * * ? *)", "", "2026-11-28 08:00:00", "2026-11-28 08:30:00", False),  # it came before
        ("cron(*/5 * * * ? *)", "", "2026-11-28 18:36:00", "2026-11-28 18:39:00", False),
        ("cron(*/5 * * * ? *)", "", "2026-11-28 18:36:00", "2026-11-28 18:41:00", True),
        ("cron(0 8 ? * MON *)", JOHANNESBURG, "2026-11-28 00:00:00", "2026-11-30 05:00:00", False),
        ("cron(0 8 ? * MON *)", JOHANNESBURG, "2026-11-28 00:00:00", "2026-11-30 06:00:00", True),
        ("cron(0 8 ? * 2-6 *)", "", "2026-11-28 00:00:00", "2026-11-29 23:00:00", False),  # a weekend
        ("cron(0,30 6,18 1 JAN ? 2027)", "", "2026-11-28 00:00:00", "2026-12-12 00:00:00", False),
        ("cron(0 0 */2 * ? *)", "", "2026-12-01 00:00:00", "2026-12-02 12:00:00", False),  # days 1, 3, 5 …
        ("cron(0 0 */2 * ? *)", "", "2026-12-02 00:00:00", "2026-12-03 00:00:00", True),
    ],
)
def test_a_cron_that_came_meanwhile_is_missed(
    expression: str, zone: str, since: str, until: str, came: bool
) -> None:
    assert missed(expression, zone, moment(since), moment(until)) is came


@pytest.mark.parametrize("expression", ["rate(1 hour)", "cron(0 8 L * ? *)", "cron(0 8 ? * 6#3 *)", ""])
def test_what_cannot_be_reckoned_is_run(expression: str) -> None:
    assert missed(expression, "", moment("2026-11-28 07:59:00"), moment("2026-11-28 08:01:00"))
